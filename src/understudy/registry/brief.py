"""A gate's question for a reader with little room: what stays, and what is left out, marked. Pure.

Of two long texts the part is kept in which they differ; of one, its head and its tail.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

#: Characters of a text that are kept, tried in turn.
_KEPT = (20_000, 5_000, 1_000)
#: Characters kept of what two texts have in common, before and after the difference.
_AROUND = 200


def brief(asked: Mapping[str, Any], most: int) -> tuple[str, bool] | None:
    """Return the question as one line of JSON, and whether texts were shortened.

    None where it does not fit into `most` characters even so.
    """
    text = _dumped(asked)
    if len(text) <= most:
        return text, False
    differing = {**asked, "changed": _changed(asked.get("changed", {}))}
    for kept in _KEPT:
        text = _dumped(over_texts(differing, partial(_ends, kept=kept)))
        if len(text) <= most:
            return text, True
    return None


def over_texts(value: Any, change: Callable[[str], str]) -> Any:
    """Return the value with every text in it changed; names in objects stay, lest two collide."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {name: over_texts(inner, change) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [over_texts(inner, change) for inner in value]
    return value


def left_out(count: int) -> str:
    """Return what stands in the place of left-out characters."""
    return f" [... {count} characters left out ...] "


def _dumped(value: Any) -> str:
    """Return JSON in which everything can be seen: what does not print is escaped."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)


def _ends(text: str, *, kept: int) -> str:
    gone = len(text) - kept
    if gone <= 0:
        return text
    half = kept // 2
    return text[:half] + left_out(gone) + text[len(text) - half :]


def _changed(changed: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: {name: _apart(values) for name, values in fields.items()}
        for key, fields in changed.items()
    }


def _apart(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return both values without most of what long texts have in common at both ends."""
    before, after = values.get("before"), values.get("after")
    if not (isinstance(before, str) and isinstance(after, str)):
        return dict(values)
    head = _common(before, after)
    tail = _common(before[head:][::-1], after[head:][::-1])
    start, end = max(0, head - _AROUND), max(0, tail - _AROUND)
    first = left_out(start) if start else ""
    last = left_out(end) if end else ""
    return {
        name: first + text[start : len(text) - end] + last
        for name, text in (("before", before), ("after", after))
    }


def _common(one: str, other: str) -> int:
    """Return how many characters both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))
