"""What differs between two JSON values, field by field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from understudy.model.canonical import identical


class How(StrEnum):
    """What happened to a field."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    MOVED = "moved"  # same parts, another order


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One difference; `path` reads like `tools[get_weather].function.strict`."""

    path: str
    how: How
    before: Any = None
    after: Any = None


def diff(before: Any, after: Any, path: str) -> Iterator[FieldChange]:
    """Yield the differences, outermost first, in a stable order."""
    if identical(before, after):
        return
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _diff_maps(before, after, path + ".")
    elif (old := _keyed(before)) is not None and (new := _keyed(after)) is not None:
        yield from _diff_maps(old, new, path)
        common = [key for key in old if key in new]
        if common != [key for key in new if key in old]:
            yield FieldChange(path, How.MOVED, list(old), list(new))
    else:
        yield FieldChange(path, How.CHANGED, before, after)


def _diff_maps(
    before: Mapping[str, Any], after: Mapping[str, Any], prefix: str
) -> Iterator[FieldChange]:
    for key in (*before, *(k for k in after if k not in before)):
        if key not in after:
            yield FieldChange(prefix + key, How.REMOVED, before=before[key])
        elif key not in before:
            yield FieldChange(prefix + key, How.ADDED, after=after[key])
        else:
            yield from diff(before[key], after[key], prefix + key)


def _keyed(value: Any) -> dict[str, Any] | None:
    """Return a list of tools under their names, None for a list that is something else."""
    if not isinstance(value, list):
        return None
    keyed: dict[str, Any] = {}
    for item in value:
        key = _key(item)
        if key is None or key in keyed:
            return None
        keyed[key] = item
    return keyed


def _key(tool: Any) -> str | None:
    if not isinstance(tool, dict) or not isinstance(tool.get("type"), str):
        return None
    function = tool.get("function")
    if isinstance(function, dict):
        return f"[{function.get('name')}]"
    return f"[{tool.get('name') or tool.get('server_label') or tool['type']}]"
