"""Checking one object against its table: what is missing, unknown, of the wrong type or size."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping
from typing import Any

from understudy.architect.findings import Collector, Path
from understudy.architect.format import TOLERATED, TYPES, Field, Kind, Shape
from understudy.architect.template import normal

#: Messages of the specification's error reference: code, words, and how to mend it.
_MISSING: Mapping[tuple[str, str], tuple[str, str, str]] = {
    ("document", "version"): (
        "missing_version",
        "Missing version information",
        'Add "version": "1.0".',
    ),
    ("document", "assistants"): (
        "missing_assistants",
        "Missing or invalid assistants array",
        "Ensure assistants is an array: [ ... ].",
    ),
    ("assistant", "name"): (
        "missing_name",
        "Invalid assistant: missing name",
        "Add name to each assistant.",
    ),
    ("assistant", "prompts"): (
        "missing_prompts",
        "missing prompts array",
        "Add prompts array (min 1 prompt).",
    ),
    ("assistant", "input_fields"): (
        "missing_input_fields",
        "missing input_fields array",
        "Add input_fields array (can be []).",
    ),
}
_ARRAYS = frozenset({"prompts", "input_fields", "assistants"})
_NAMES: Mapping[type, str] = {
    str: "text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "an object",
    type(None): "null",
}
_ARTICLE: Mapping[Kind, str] = {
    Kind.TEXT: "text",
    Kind.NUMBER: "a number",
    Kind.INTEGER: "a whole number",
    Kind.FLAG: "true or false",
    Kind.LIST: "a list",
    Kind.OBJECT: "an object",
}


def what_is(value: Any) -> str:
    """Return what kind of value it is, for messages."""
    known = _NAMES.get(type(value))
    if known is None:
        known = next((name for kind, name in _NAMES.items() if isinstance(value, kind)), "a value")
    return known


def whole(value: Any) -> int | None:
    """Return a whole number that JSON may spell as 1 or 1.0, None for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return int(value) if isinstance(value, float) and value.is_integer() else None


def check(value: dict[str, Any], shape: Shape, path: Path, found: Collector, of: str = "") -> None:
    """Report what is wrong with one object's own fields; messages call it `of` and its name."""
    if not value.keys() >= shape.required:
        for name in shape.fields:
            if name in shape.required and name not in value:
                _missing(shape, name, path, found, _called(of, value))
    fields, sound = shape.fields, shape.sound
    for name, one in value.items():
        fits = sound.get(name)
        if fits is None:
            _unknown(shape, name, path, found)
            continue
        if fits(one):
            continue
        allowed = TYPES[fields[name].kind]
        if type(one) in allowed:
            _bounds(fields[name], one, path, found)
        elif one is None and name not in shape.required:
            continue
        elif not isinstance(one, allowed) or isinstance(one, bool):
            mine = _called(of, value) if name in _ARRAYS else of
            _wrong(shape, fields[name], one, path, found, mine)


def _called(what: str, value: dict[str, Any]) -> str:
    name = value.get("name") if what else None
    return f'{what} "{name[:80]}"' if isinstance(name, str) and name.strip() else what


def _missing(shape: Shape, name: str, path: Path, found: Collector, of: str) -> None:
    code, message, hint = _MISSING.get(
        (shape.what, name),
        ("missing_field", f'{of or _a(shape.what)}: "{name}" is missing.', f'Add "{name}".'),
    )
    if code in ("missing_prompts", "missing_input_fields") and of:
        message = f"{of}: {message}"
    found.add(code, path, message, hint)


def _wrong(shape: Shape, field: Field, value: Any, path: Path, found: Collector, of: str) -> None:
    here = (*path, field.name)
    if field.name in _ARRAYS and (shape.what, field.name) in _MISSING:
        code, message, hint = _MISSING[shape.what, field.name]
        message = f"{of}: {message}" if of and shape.what == "assistant" else message
        found.add(code, here, f"{message}: it is {what_is(value)}", hint)
        return
    hint = f"Write {_ARTICLE[field.kind]}."
    if isinstance(value, str) and field.kind in (Kind.NUMBER, Kind.INTEGER):
        hint = "Write the number without quotes."
    elif field.kind is Kind.TEXT and isinstance(value, int | float):
        hint = "Put it in double quotes."
    elif value is None:
        hint = f'Write {_ARTICLE[field.kind]}; "{field.name}" is required.'
    found.add(
        "wrong_type",
        here,
        f'"{field.name}" must be {_ARTICLE[field.kind]}, not {what_is(value)}.',
        hint,
    )


def _unknown(shape: Shape, name: str, path: Path, found: Collector) -> None:
    if shape.what == "document" and name.startswith(TOLERATED):
        return
    near = found.near(name, shape.fields)
    hint = f'Did you mean "{near}"?' if near else "Remove it; it is left out."
    found.add(
        "unknown_field",
        (*path, name),
        f'"{name[:80]}" is no field of {_a(shape.what)}; it is left out.',
        hint,
        on_key=True,
    )


def _bounds(field: Field, value: Any, path: Path, found: Collector) -> None:
    if isinstance(value, str):
        _length(field, value, path, found)
    elif not isinstance(value, list):
        _size(field, value, path, found)


def _length(field: Field, value: str, path: Path, found: Collector) -> None:
    kept = normal(value) if field.most is not None else value
    size = len(kept.strip())
    if field.least is not None and size < field.least:
        message = (
            f'"{field.name}" has {size} characters, at least {field.least} are needed.'
            if field.least > 1
            else f'"{field.name}" is empty.'
        )
        found.add(
            "too_short",
            (*path, field.name),
            message,
            f'Write a longer "{field.name}".' if field.least > 1 else f'Write a "{field.name}".',
        )
    if field.most is None:
        return
    longest = max(len(value), len(kept))
    if longest > field.most:
        found.add(
            "too_long",
            (*path, field.name),
            f'"{field.name}" has {longest:,} characters, at most {field.most:,} fit.',
            f'Shorten "{field.name}".',
        )
    elif not value.isprintable() and any(
        unicodedata.category(c) in ("Cc", "Zl", "Zp") for c in value
    ):
        found.add(
            "control_character",
            (*path, field.name),
            f'"{field.name}" holds a line break or another control character.',
            "Write the name in one line.",
        )


def _size(field: Field, value: Any, path: Path, found: Collector) -> None:
    here = (*path, field.name)
    if isinstance(value, float) and not math.isfinite(value):
        return  # reported where it was read
    if field.kind is Kind.INTEGER and value != value // 1:
        found.add(
            "wrong_type",
            here,
            f'"{field.name}" must be a whole number, not {value}.',
            "Write a number without a fraction.",
        )
    elif field.above is not None and not value > field.above:
        found.add(
            "out_of_range",
            here,
            f'"{field.name}" is {briefly(value)}; it must be above {field.above}.',
            "Write a larger number, or leave it out.",
        )
    elif field.least is not None and value < field.least:
        found.add(
            "out_of_range",
            here,
            f'"{field.name}" is {briefly(value)}; the least is {field.least}.',
            f"Write {field.least} or more.",
        )
    elif field.most is not None and value > field.most:
        found.add(
            "out_of_range",
            here,
            f'"{field.name}" is {briefly(value)}; the most is {field.most}.',
            f"Write {field.most} or less.",
        )


def briefly(value: float) -> str:
    """Return a number for a message: one of thousands of digits is not spelt out."""
    return f"{value:.6g}" if 1e15 < abs(value) < 1e300 else str(value)[:80]


def _a(what: str) -> str:
    words = what.replace("_", " ")
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"
