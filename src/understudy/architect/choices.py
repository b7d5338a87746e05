"""The choices of select fields, in the four shapes that real files have. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

#: A text that holds choices is not longer than this, in characters.
_LONGEST = 100_000


#: JSON within a text may name halves of characters, which no file can keep.
_HALF = "\\ud"


@dataclass(frozen=True, slots=True)
class Choices:
    """The entries as they stand in the file, and the shape that they have.

    `shape` is empty for the format's own; `where` are names that lead to the entries from
    `choices`, None where they stand in a text and have no path of their own.
    """

    entries: tuple[Any, ...]
    shape: str = ""
    where: tuple[str, ...] | None = ()


def read_choices(value: Any) -> Choices | None:
    """Return the entries of `options.choices`, None where there is no telling them."""
    if isinstance(value, list):
        texts = any(isinstance(entry, str) for entry in value)
        return Choices(tuple(value), "a list of texts" if texts else "")
    if isinstance(value, dict):
        inner = value.get("values")
        return (
            Choices(tuple(inner), 'an object with "values"', ("values",))
            if isinstance(inner, list)
            else None
        )
    if isinstance(value, str) and value.strip() and len(value) <= _LONGEST:
        return _from_text(value.strip())
    return None


def _from_text(text: str) -> Choices | None:
    if text[0] in "[{":
        if _HALF in text.lower():
            return None
        try:
            inner = read_choices(json.loads(text)) if text[0] == "[" else _object(json.loads(text))
        except (ValueError, RecursionError):
            return None
        return inner and Choices(inner.entries, "JSON in a text", None)
    parts = tuple(part.strip() for part in text.split(","))
    return Choices(tuple(part for part in parts if part), "a text divided by commas", None)


def _object(value: Any) -> Choices | None:
    return read_choices(value) if isinstance(value, dict) else None


def value_and_label(entry: Any) -> tuple[str, str] | None:
    """Return an entry's value and label, None where it has no usable value."""
    if isinstance(entry, str):
        return (entry, entry) if entry.strip() else None
    if not isinstance(entry, dict):
        return None
    value, label = entry.get("value"), entry.get("label")
    if not isinstance(value, str) or not value.strip():
        return None
    return value, label if isinstance(label, str) and label else value
