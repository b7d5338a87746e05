"""What people enter into an assistant's form, checked by the options of its fields. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from understudy.architect import limits
from understudy.architect.definition import Definition, InputField
from understudy.architect.format import FieldType
from understudy.architect.near import nearest
from understudy.architect.shapes import whole
from understudy.architect.template import normal

_JOINED = ", "
_SHOWN = 80  # characters of what was entered


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was given: its name, its media type, its size in bytes, and the text in it.

    `path` is where it lies, for as long as its giver keeps it.
    """

    name: str
    size: int
    text: str
    media_type: str = ""
    path: Path | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file that gives no text: its name, a code that stays, why, and what to do."""

    name: str
    code: str
    message: str
    hint: str = ""


#: What can be entered: a text, several choices, files.
Entered = str | Sequence[str] | Sequence[Upload | Unreadable]


@dataclass(frozen=True, slots=True)
class InputFinding:
    """What is wrong with one field of a form, with a code that stays; `hint` says what to do."""

    field: str
    code: str
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Inputs:
    """The values that prompts get, by the fields' names; there for a form without findings."""

    values: Mapping[str, str]
    findings: tuple[InputFinding, ...] = ()


_Found = Iterator[tuple[str, str, str]]


def check_inputs(definition: Definition, given: Mapping[str, Entered]) -> Inputs:
    """Check what was entered against every field; everything wrong is found at once.

    A field that is not required and was left empty is an empty text, a select its default.
    """
    entered = {normal(name).strip(): value for name, value in given.items()}
    fields = {one.name: one for one in definition.input_fields}
    findings = [_unknown(name, fields) for name in entered if name not in fields]
    values: dict[str, str] = {}
    for name, one in fields.items():
        value, wrong = _value(one, entered.get(name))
        findings += [InputFinding(name, *finding) for finding in wrong]
        values[name] = value
    return Inputs({} if findings else values, tuple(findings))


def _unknown(name: str, fields: Mapping[str, InputField]) -> InputFinding:
    near = nearest(name, fields)
    known = f"There is {', '.join(list(fields)[:8])}." if fields else "The form has no fields."
    return InputFinding(
        name[:_SHOWN],
        "unknown_input",
        f'The form has no field "{name[:_SHOWN]}".',
        f'Did you mean "{near}"?' if near else known,
    )


def _value(one: InputField, entered: Entered | None) -> tuple[str, list[tuple[str, str, str]]]:
    """Return the text for the prompts, and what is wrong."""
    uploads, texts, wrong = _parts(one, entered)
    if wrong:
        return "", wrong
    if not any(text.strip() for text in texts) and not uploads:
        default = one.options.get("default") if one.field_type is FieldType.SELECT else None
        if isinstance(default, str):
            return default, []
        return "", list(_absent(one))
    found = list(_CHECKS[one.field_type](one, texts, uploads))
    if one.field_type is FieldType.FILE_UPLOAD:
        return "\n\n".join(upload.text for upload in uploads), found
    return _JOINED.join(texts), found


def _parts(
    one: InputField, entered: Entered | None
) -> tuple[list[Upload], list[str], list[tuple[str, str, str]]]:
    """Return files and texts, and what is wrong with them as such."""
    listed: list[Any] = [entered] if isinstance(entered, str) else list(entered or ())
    uploads = [part for part in listed if isinstance(part, Upload)]
    texts = [part for part in listed if isinstance(part, str)]
    unread = [part for part in listed if isinstance(part, Unreadable)]
    if len(uploads) + len(texts) + len(unread) < len(listed):
        return [], [], [("wrong_type", f'"{one.name}" takes text.', "Put numbers in quotes.")]
    files = one.field_type is FieldType.FILE_UPLOAD
    if files and any(text.strip() for text in texts):
        return [], [], [("wrong_type", f'"{one.name}" takes a file.', "Give it as a file.")]
    if (uploads or unread) and not files:
        return [], [], [("wrong_type", f'"{one.name}" takes text, not a file.', "Give its text.")]
    if unread:
        return [], [], [(part.code, part.message, part.hint) for part in unread]
    if len(texts) > 1 and one.field_type is not FieldType.MULTI_SELECT:
        return [], [], [("too_many", f'"{one.name}" takes one value, not {len(texts)}.', "")]
    for text in (*texts, *(upload.text for upload in uploads)):
        if "\x00" in text or any("\ud800" <= c <= "\udfff" for c in text if c > "\ud7ff"):
            message = f'"{one.name}" holds a NUL character or half of a character.'
            return [], [], [("no_text", message, "Give text.")]
        if len(text) > limits.MOST_CONTENT:
            message = f'"{one.name}" has {len(text):,} characters; no prompt takes as many.'
            return [], [], [("too_long", message, "Shorten it.")]
    return uploads, texts, []


def _absent(one: InputField) -> _Found:
    least = whole(one.options.get("minSelections")) or 0
    if one.options.get("required") is True or least > 0:
        yield "required", f'"{one.label[:_SHOWN]}" ({one.name}) has to be filled in.', ""


def _text(one: InputField, texts: Sequence[str], _: Sequence[Upload]) -> _Found:
    most = whole(one.options.get("maxLength"))
    size = len(texts[0])
    if most is not None and size > most:
        message = f'"{one.name}" has {size:,} characters, at most {most:,} fit.'
        yield "too_long", message, "Shorten it."


def _select(one: InputField, texts: Sequence[str], _: Sequence[Upload]) -> _Found:
    values = {choice.value for choice in one.choices}
    for text in texts:
        if text in values:
            continue
        labels = {choice.label: choice.value for choice in one.choices}
        near = labels.get(text) or nearest(text, values)
        known = ", ".join([choice.value for choice in one.choices][:8])
        hint = f'Did you mean "{near}"?' if near else f"Choose one of {known}."
        yield "unknown_choice", f'"{text[:_SHOWN]}" is no choice of "{one.name}".', hint


def _multi_select(one: InputField, texts: Sequence[str], uploads: Sequence[Upload]) -> _Found:
    yield from _select(one, texts, uploads)
    if len(set(texts)) < len(texts):
        yield "chosen_twice", f'A choice of "{one.name}" is given twice.', "Give each once."
    least = whole(one.options.get("minSelections")) or 0
    most = whole(one.options.get("maxSelections"))
    if len(texts) < least:
        message = f'"{one.name}" needs at least {least} choices, not {len(texts)}.'
        yield "too_few", message, "Choose more."
    if most is not None and len(texts) > most:
        message = f'"{one.name}" takes at most {most} choices, not {len(texts)}.'
        yield "too_many", message, "Choose fewer."


def _files(one: InputField, _: Sequence[str], uploads: Sequence[Upload]) -> _Found:
    if len(uploads) > 1 and one.options.get("multiple") is not True:
        yield "too_many", f'"{one.name}" takes one file, not {len(uploads)}.', "Give one."
    most = whole(one.options.get("maxSize"))
    accept = one.options.get("accept")
    for upload in uploads:
        name = upload.name[:_SHOWN]
        if most is not None and upload.size > most:
            message = f'"{name}" has {upload.size:,} bytes; "{one.name}" takes {most:,}.'
            yield "too_large", message, "Give a smaller file."
        if isinstance(accept, str) and accept.strip() and not _accepted(upload, accept):
            message = f'"{name}" is none of the files that "{one.name}" takes.'
            yield "not_accepted", message, f"It takes {accept[:_SHOWN]}."


def _accepted(upload: Upload, accept: str) -> bool:
    """Tell whether a file fits a list of endings and media types, as HTML's `accept` has them."""
    ending = PurePosixPath(upload.name).suffix.casefold()
    media_type = upload.media_type.partition(";")[0].strip().casefold()
    for part in filter(None, (part.strip().casefold() for part in accept.split(","))):
        if part in ("*", "*/*") or (part.startswith(".") and part == ending):
            return True
        if media_type and (part == media_type or (part.endswith("/*") and _kind(part, media_type))):
            return True
    return False


def _kind(pattern: str, media_type: str) -> bool:
    return media_type.startswith(pattern[:-1])


_CHECKS: Mapping[FieldType, Callable[[InputField, Sequence[str], Sequence[Upload]], _Found]] = {
    FieldType.SHORT_TEXT: _text,
    FieldType.LONG_TEXT: _text,
    FieldType.SELECT: _select,
    FieldType.MULTI_SELECT: _multi_select,
    FieldType.FILE_UPLOAD: _files,
}
