"""The whole check of a document's value: every rule, in the order of the document."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from understudy.architect import limits
from understudy.architect.acceptance import accepts, accepts_fields
from understudy.architect.field_checks import check_fields
from understudy.architect.findings import Collector, Path
from understudy.architect.flow import Flow, check_flow
from understudy.architect.format import SHAPES
from understudy.architect.models import DEFAULT, Catalogue, How, Mapped
from understudy.architect.reading import even, oddities
from understudy.architect.shapes import check, what_is, whole
from understudy.architect.template import normal

#: A character is at most two UTF-16 units, so shorter texts need no counting.
_SHORT = limits.MOST_CONTENT // 2
_MOST_LOOKED_AT = 1000  # prompts of one assistant, which is fifty times too many
#: Names of models that are not there, in one document: each is compared with all that are.
_MOST_MODELS = 200


@dataclass(frozen=True, slots=True)
class Options:
    """What a check depends on besides the document.

    `closely` leaves out the quick ways, which collect millions of errors in what is odd. `unseen`
    values may hold infinite numbers and objects of any size, which the quick test of shapes does
    not accept; what it does not accept is searched for them. What is `stored` was bounded when it
    came, and may have grown since: choices got their labels, and all optional fields are spelt out.
    """

    catalogue: Catalogue = DEFAULT
    allow_unknown_variables: bool = False
    closely: bool = False
    unseen: bool = False
    stored: bool = False


@dataclass(slots=True)
class Checked:
    """What a check learned about the assistants, by their index in the list."""

    flows: list[Flow] = field(default_factory=list)
    mapped: dict[str, Mapped] = field(default_factory=dict)
    exact: set[str] = field(default_factory=set)
    beyond: bool = False


def check_document(value: Any, found: Collector, options: Options, checked: Checked) -> None:
    """Check a document's value against every rule.

    Raises TooManyFindingsError, and for what is `unseen` TooWideError; nothing else.
    """
    if options.unseen:
        _around(value, found)
    if not isinstance(value, dict):
        found.add(
            "not_an_object",
            (),
            f"Invalid file format: the document is {what_is(value)}, not an object.",
            'Write {"version": "1.0", "assistants": [...]}.',
        )
        return
    if "assistants" not in value and "prompts" in value:
        found.add(
            "missing_assistants",
            (),
            "Missing or invalid assistants array",
            'This is an assistant; put it into {"version": "1.0", "assistants": [ ... ]}.',
        )
        return
    _root(value, found)
    assistants = value.get("assistants")
    if not isinstance(assistants, list):
        return
    if not assistants:
        found.add(
            "no_assistants",
            ("assistants",),
            "Missing or invalid assistants array: it is empty",
            "Add an assistant.",
        )
    names: dict[str, int] = {}
    for i, one in enumerate(assistants):
        checked.flows.append(_assistant(one, i, names, checked, found, options))


def _around(value: Any, found: Collector) -> None:
    """Search what is no assistant; those are searched when they are checked."""
    if not isinstance(value, dict) or len(value) > limits.WIDEST:
        oddities(value, found)
        return
    for name, one in value.items():
        if name != "assistants" or not isinstance(one, list):
            oddities(one, found, (name,))


def _root(root: dict[str, Any], found: Collector) -> None:
    shape = SHAPES["document"]
    version = root.get("version")
    if "version" in root and version != limits.VERSION:
        root = {**root, "version": limits.VERSION}
        if version is None:
            found.add(
                "missing_version",
                ("version",),
                "Missing version information",
                'Add "version": "1.0".',
            )
        elif isinstance(version, str | int | float) and not isinstance(version, bool):
            note = "" if isinstance(version, str) else " (a number, not text)"
            found.add(
                "unsupported_version",
                ("version",),
                f"Unsupported version: {str(version)[:80]}{note}",
                'Use "version": "1.0".',
            )
        else:
            found.add(
                "unsupported_version",
                ("version",),
                f"Unsupported version: {what_is(version)}",
                'Use "version": "1.0".',
            )
    check(root, shape, (), found)
    exported = root.get("exported_at")
    if isinstance(exported, str) and not is_time(exported):
        found.add(
            "bad_time",
            ("exported_at",),
            f'"{exported[:80]}" is no ISO 8601 time.',
            "Write it like 2026-01-23T10:30:00Z, or leave it out.",
        )


def is_time(text: str) -> bool:
    """Tell whether a text is an ISO 8601 time."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _assistant(
    one: Any, i: int, names: dict[str, int], checked: Checked, found: Collector, options: Options
) -> Flow:
    path: Path = ("assistants", i)
    shaped = not options.closely and isinstance(one, dict) and accepts(one)
    tidy = shaped or (options.unseen and even(one))
    if options.unseen and not tidy:
        oddities(one, found, path)
    if not isinstance(one, dict):
        found.add(
            "not_an_object",
            path,
            f"Invalid assistant: it is {what_is(one)}, not an object.",
            "Write { ... }, or remove it.",
        )
        return Flow()
    name = one.get("name")
    if not shaped:
        check(one, SHAPES["assistant"], path, found, "Invalid assistant")
    if isinstance(name, str):
        _name(name, i, names, path, found)
    if one.get("status") is not None:
        found.add(
            "status_ignored",
            (*path, "status"),
            "The status is ignored: an import waits for approval.",
            "Approve it after the import.",
        )
    fields, prompts = one.get("input_fields"), one.get("prompts")
    if isinstance(prompts, list):
        _prompts(one, prompts, path, found, shaped=shaped)
    if isinstance(fields, list):
        sound = shaped or (tidy and accepts_fields(fields))
        check_fields(fields, (*path, "input_fields"), found, shaped=sound)
    if isinstance(prompts, list) and len(prompts) > _MOST_LOOKED_AT:
        one = {**one, "prompts": prompts[:_MOST_LOOKED_AT]}
    flow = check_flow(
        one, path, found, allow_unknown=options.allow_unknown_variables, shaped=shaped
    )
    _models(one, path, checked, found, options.catalogue, shaped=shaped)
    return flow


def _name(name: str, i: int, names: dict[str, int], path: Path, found: Collector) -> None:
    plain = normal(name).strip()
    if plain != name:
        found.add(
            "name_normalised",
            (*path, "name"),
            "The name is kept without blanks around it and in Unicode normal form C.",
        )
    first = names.setdefault(plain, i)
    if first != i:
        found.add(
            "duplicate_assistant",
            (*path, "name"),
            f'The name "{name[:80]}" is also that of assistants[{first}].',
            "Rename one of them; names that only look the same count as the same.",
        )


def _prompts(
    one: dict[str, Any], prompts: list[Any], path: Path, found: Collector, *, shaped: bool
) -> None:
    here = (*path, "prompts")
    if not prompts:
        found.add(
            "too_few_prompts", here, "An assistant needs at least one prompt.", "Add a prompt."
        )
    elif len(prompts) > limits.MOST_PROMPTS:
        found.add(
            "too_many_prompts",
            here,
            f"There are {len(prompts):,} prompts; at most {limits.MOST_PROMPTS} are allowed.",
            "Split the assistant.",
        )
    shape = SHAPES["prompt"]
    longest = _seconds(one.get("timeout_seconds")) or limits.LONGEST_RUN
    if shaped and _modest(prompts, longest):
        return
    for i, prompt in enumerate(prompts[:_MOST_LOOKED_AT]):
        at = (*here, i)
        if not isinstance(prompt, dict):
            found.add(
                "not_an_object",
                at,
                f"A prompt is an object, not {what_is(prompt)}.",
                "Write { ... }.",
            )
            continue
        if not shaped:
            check(prompt, shape, at, found, "Prompt")
        _content(prompt.get("content"), at, found)
        seconds = _seconds(prompt.get("timeout_seconds"))
        if seconds > longest:
            found.add(
                "long_prompt_timeout",
                (*at, "timeout_seconds"),
                f"The prompt may take {seconds:g} s, but the whole run at most {longest:g} s.",
                "Shorten it, or lengthen the run.",
            )


def _modest(prompts: list[dict[str, Any]], longest: float) -> bool:
    """Tell whether no shaped prompt is surely too long, in characters or in seconds."""
    for prompt in prompts:
        if len(prompt["content"]) > _SHORT or (prompt.get("timeout_seconds") or 0) > longest:
            return False
    return True


def _seconds(value: Any) -> float:
    return min(value, limits.LARGEST) if type(value) in (int, float) else 0


def _content(content: Any, at: Path, found: Collector) -> None:
    if not isinstance(content, str) or len(content) <= _SHORT:
        return
    units = len(content.encode("utf-16-le", "surrogatepass")) // 2
    if units > limits.MOST_CONTENT:
        found.add(
            "content_too_long",
            (*at, "content"),
            f"The content has {units:,} UTF-16 units; at most {limits.MOST_CONTENT:,} fit.",
            "Shorten it, or let people upload it as a file.",
        )


def _models(
    one: dict[str, Any],
    path: Path,
    checked: Checked,
    found: Collector,
    catalogue: Catalogue,
    *,
    shaped: bool,
) -> None:
    prompts = one.get("prompts")
    plain = shaped and not one.get("enabledTools") and not one.get("repositoryIds")
    if plain and {prompt["model_name"] for prompt in one["prompts"]} <= checked.exact:
        return
    tools = one.get("enabledTools")
    listed = tools if isinstance(tools, list) else ()
    wanted = dict.fromkeys(tool for tool in listed if isinstance(tool, str))
    told: set[str] = set()
    for i, prompt in enumerate(prompts if isinstance(prompts, list) else ()):
        name = prompt.get("model_name") if isinstance(prompt, dict) else None
        if not isinstance(name, str) or not name.strip():
            continue
        mapped = checked.mapped.get(name)
        if mapped is None:
            if len(checked.mapped) - len(checked.exact) >= _MOST_MODELS:
                _too_many_models(found, checked)
                break
            mapped = checked.mapped[name] = catalogue.map(name)
            if mapped.how is How.EXACT:
                checked.exact.add(name)
        if mapped.how is not How.EXACT:
            _mapped(mapped, (*path, "prompts", i, "model_name"), found, catalogue)
        if wanted and mapped.model is not None and mapped.model.id not in told:
            told.add(mapped.model.id)
            _tools(wanted, mapped, (*path, "enabledTools"), found)
    _advanced(one, path, found)


def _too_many_models(found: Collector, checked: Checked) -> None:
    """Report that models are not looked at any more; once, and of the document as a whole."""
    if checked.beyond:
        return
    checked.beyond = True
    found.add(
        "too_many_models",
        ("assistants",),
        f"The document names more than {_MOST_MODELS} models that are not there.",
        "Use portable model names, or split the document.",
    )


def _mapped(mapped: Mapped, at: Path, found: Collector, catalogue: Catalogue) -> None:
    shown = mapped.name[:80]
    if mapped.model is None:
        why = "no model is active" if mapped.how is How.NONE else "the model that shall replace it "
        why = why if mapped.how is How.NONE else f"{why}is not active"
        found.add(
            "no_model",
            at,
            f'No model mapping found for "{shown}": {why}',
            "Add a model to understudy.toml ([[models]]), or set active = true.",
        )
        return
    near = found.near(mapped.name, (model.id for model in catalogue.active()))
    also = f' Did you mean "{near}"?' if near else ""
    if mapped.how is How.FALLBACK:
        found.add(
            "model_fallback",
            at,
            f'"{shown}" names no model and no provider that is there; '
            f'"{mapped.model.id}" answers ({mapped.why}).',
            f"Use a portable model name, list it in [[models]], or say --map-model.{also}",
        )
    else:
        found.add(
            "model_mapped",
            at,
            f'"{shown}" is answered by "{mapped.model.id}" ({mapped.why}).',
            also.strip(),
        )


def _tools(wanted: Iterable[str], mapped: Mapped, at: Path, found: Collector) -> None:
    assert mapped.model is not None  # noqa: S101 - asked before
    for tool in wanted:
        if tool not in mapped.model.tools:
            found.add(
                "tool_unavailable",
                at,
                f'"{mapped.model.id}" has no tool "{tool[:80]}".',
                "Choose a model that has it, or list it with the model in understudy.toml; a run "
                "is refused without (models for demos ignore tools).",
            )


def _advanced(one: dict[str, Any], path: Path, found: Collector) -> None:
    for name, kinds, what in (
        ("repositoryIds", (int,), "a whole number"),
        ("enabledTools", (str,), "a name"),
    ):
        entries = one.get(name)
        for i, entry in enumerate(entries if isinstance(entries, list) else ()):
            if kinds == (int,) and abs(whole(entry) or 0) > limits.LARGEST:
                found.add(
                    "out_of_range",
                    (*path, name, i),
                    f"An entry of {name} is larger than {limits.LARGEST}.",
                    "Write the number of a repository.",
                )
            if (kinds == (int,) and whole(entry) is None) or (
                kinds == (str,) and not isinstance(entry, str)
            ):
                found.add(
                    "wrong_type",
                    (*path, name, i),
                    f"An entry of {name} is {what}, not {what_is(entry)}.",
                    f"Write {what}.",
                )
