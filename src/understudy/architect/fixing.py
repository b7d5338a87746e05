"""Mending what has one safe answer, in the text itself: its layout stays. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from understudy.architect import limits
from understudy.architect.choices import read_choices, value_and_label
from understudy.architect.document import Document
from understudy.architect.findings import Collector, Path
from understudy.architect.format import OPTION_SHAPES, SHAPES, FieldType, Kind, Shape
from understudy.architect.positions import Locator
from understudy.architect.reading import read
from understudy.architect.shapes import whole

#: One round may make room for another: a position out of its quotes can then be numbered.
_ROUNDS = 3
#: What is wrong with documents in which nothing is mended: what a name means, or nearly all.
_HOPELESS = frozenset({"duplicate_key", "half_a_character", "too_many_prompts", "more_findings"})
_BY_POSITION = re.compile(r"prompt_[0-9]+[_.]output")
_DIGITS = re.compile(r"-?(?:0|[1-9][0-9]{0,14})")
_FLAGS: Mapping[str, bool] = {"true": True, "false": False}
#: Looks whether a text is JSON, and makes next to nothing of it.
_READER = json.JSONDecoder(object_pairs_hook=len)
_CHOOSING = frozenset({FieldType.SELECT, FieldType.MULTI_SELECT})


@dataclass(frozen=True, slots=True)
class Edit:
    """Put a text in the place of what stands between two offsets."""

    start: int
    end: int
    text: str


def fixed(document: Document) -> str:
    """Return the document's text with what has one safe answer mended; else as it is.

    The version is added, or put in quotes; numbers and flags are taken out of theirs; positions
    are numbered 0, 1, 2 where that changes neither order nor references; choices get the
    format's shape. Mending twice changes nothing more.
    """
    text, value = document.text, document.value
    if any(finding.code in _HOPELESS for finding in document.errors):
        return text
    for _ in range(_ROUNDS):
        if not isinstance(value, dict):
            break
        edits: dict[int, Edit] = {}
        locator = Locator(text, value=value)
        for edit in _edits(text, value, locator):
            edits.setdefault(edit.start, edit)  # of several for one place the first counts
        mended = _mended(text, edits)
        # A place that was not found for sure is none to write to; nothing readable is made worse.
        if locator.lost or (edits and not _is_json(mended)):
            return text
        text = mended
        if len(edits) <= 1:  # one makes no room for another
            break
        value = read(text.encode(), Collector()).value
    return text


def _is_json(text: str) -> bool:
    try:
        _READER.decode(text)
    except (ValueError, RecursionError):
        return False
    return True


def _mended(text: str, edits: Mapping[int, Edit]) -> str:
    """Return the text with all edits made."""
    pieces, at = [], 0
    for _, edit in sorted(edits.items()):
        if edit.start < at:
            continue  # within another one
        pieces += [text[at : edit.start], edit.text]
        at = edit.end
    return "".join([*pieces, text[at:]])


def _edits(text: str, value: dict[str, Any], locator: Locator) -> Iterator[Edit]:
    if "version" not in value and len(value) < limits.WIDEST:
        yield _first_entry(text, locator.offset(()), '"version": "1.0"', empty=not value)
    elif value.get("version") in (1, 1.0) and value.get("version") is not True:
        yield _put(locator, ("version",), limits.VERSION)
    assistants = value.get("assistants")
    for i, one in enumerate(assistants if isinstance(assistants, list) else ()):
        if isinstance(one, dict):
            yield from _assistant(text, one, ("assistants", i), locator)


def _assistant(text: str, one: dict[str, Any], path: Path, locator: Locator) -> Iterator[Edit]:
    yield from _unquoted(one, SHAPES["assistant"], path, locator)
    prompts, fields = one.get("prompts"), one.get("input_fields")
    if isinstance(prompts, list) and all(isinstance(each, dict) for each in prompts):
        yield from _numbered(text, prompts, (*path, "prompts"), locator, movable=_movable(prompts))
        for i, prompt in enumerate(prompts):
            yield from _unquoted(prompt, SHAPES["prompt"], (*path, "prompts", i), locator)
    if isinstance(fields, list) and all(isinstance(each, dict) for each in fields):
        yield from _numbered(text, fields, (*path, "input_fields"), locator, movable=True)
        for i, each in enumerate(fields):
            yield from _field(each, (*path, "input_fields", i), locator)


def _movable(prompts: list[dict[str, Any]]) -> bool:
    """Tell whether prompts can be numbered anew: none is named by position, none shares one."""
    positions = [_number(p["position"]) for p in prompts if p.get("position") is not None]
    return len(set(positions)) == len(positions) and not any(
        _BY_POSITION.search(text) for prompt in prompts for text in _texts(prompt)
    )


def _texts(prompt: Mapping[str, Any]) -> Iterator[str]:
    """Yield the texts of a prompt in which another may be named."""
    mapping = prompt.get("input_mapping")
    for one in (prompt.get("content"), *(mapping.values() if isinstance(mapping, dict) else ())):
        if isinstance(one, str):
            yield one


def _numbered(
    text: str, entries: list[dict[str, Any]], path: Path, locator: Locator, *, movable: bool
) -> Iterator[Edit]:
    """Yield positions 0, 1, 2: for entries without any in their order, else in that of theirs."""
    if entries and all("position" not in one for one in entries):
        for i in range(len(entries)):
            start = locator.offset((*path, i))
            yield _first_entry(text, start, f'"position": {i}', empty=not entries[i])
        return
    positions = [_number(one.get("position")) for one in entries]
    if not movable or any(p is None or p < 0 for p in positions):
        return
    order = sorted(range(len(entries)), key=lambda i: (positions[i] or 0, i))
    for wanted, i in enumerate(order):
        if positions[i] != wanted:
            yield _put(locator, (*path, i, "position"), wanted)


def _number(value: Any) -> int | None:
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        return int(value)
    return whole(value)


def _unquoted(one: dict[str, Any], shape: Shape, path: Path, locator: Locator) -> Iterator[Edit]:
    """Yield numbers and flags without the quotes around them."""
    for name, value in one.items():
        field = shape.fields.get(name)
        if field is None or not isinstance(value, str):
            continue
        if field.kind in (Kind.INTEGER, Kind.NUMBER) and _DIGITS.fullmatch(value):
            yield _put(locator, (*path, name), int(value))
        elif field.kind is Kind.FLAG and value in _FLAGS:
            yield _put(locator, (*path, name), _FLAGS[value])


def _field(one: dict[str, Any], path: Path, locator: Locator) -> Iterator[Edit]:
    yield from _unquoted(one, SHAPES["input_field"], path, locator)
    options, kind = one.get("options"), one.get("field_type")
    if not isinstance(options, dict) or not isinstance(kind, str) or kind not in OPTION_SHAPES:
        return
    yield from _unquoted(options, OPTION_SHAPES[kind], (*path, "options"), locator)
    known = options.get("choices")
    read = read_choices(known) if kind in _CHOOSING else None
    if read is None or not read.shape or (isinstance(known, dict) and len(known) > 1):
        return
    pairs = [value_and_label(entry) for entry in read.entries if _is_clear(entry)]
    clear = [pair for pair in pairs if pair]
    if clear and len(clear) == len(read.entries):
        made = [{"value": value, "label": label} for value, label in clear]
        yield _put(locator, (*path, "options", "choices"), made)


def _is_clear(entry: Any) -> bool:
    """Tell whether nothing of a choice is lost in the format's shape."""
    if not isinstance(entry, dict):
        return isinstance(entry, str)
    return entry.keys() <= {"value", "label"} and isinstance(entry.get("label"), str | None)


def _put(locator: Locator, path: Path, value: Any) -> Edit:
    start, end = locator.span(path)
    return Edit(start, end, json.dumps(value, ensure_ascii=False))


def _first_entry(text: str, start: int, entry: str, *, empty: bool) -> Edit:
    """Return an edit that puts an entry first into the object at an offset, laid out as it is."""
    inner = re.compile(r"\s*").match(text, start + 1)
    blank = inner[0] if inner else ""
    blank = blank[blank.rfind("\n") :] if "\n" in blank else blank
    if empty:
        return Edit(start + 1, start + 1, entry)
    return Edit(start + 1, start + 1, f"{blank}{entry}," + ("" if blank else " "))
