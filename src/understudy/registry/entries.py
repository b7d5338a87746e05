"""What the registry holds of an assistant, and how two states of it differ. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from understudy.model.assistant import Assistant
from understudy.model.canonical import identical

Entry: TypeAlias = dict[str, Any]
Entries: TypeAlias = Mapping[str, Entry]

#: Always there, in this order; the remaining fields of the definition follow.
SPECIFIED = ("id", "name", "instructions", "tools", "model")


def entry_of(assistant: Assistant) -> Entry:
    """Return an assistant as the registry's file holds it."""
    raw = assistant.raw
    first = {
        "id": assistant.id,
        "name": raw.get("name"),
        "instructions": raw.get("instructions"),
        "tools": raw.get("tools") or [],
        "model": raw.get("model"),
    }
    rest = {name: raw[name] for name in sorted(raw) if name not in first}
    return {**first, **rest}


def unreadable(entry: Any) -> str:
    """Return why a record cannot be looked up by anybody, or an empty text."""
    if not isinstance(entry, dict):
        return "it is no object"
    kinds = {"id": str, "name": str | None, "instructions": str | None, "model": str | None}
    for name, kind in kinds.items():
        if not isinstance(entry.get(name), kind):
            return f"its {name} is no text"
    if not entry["id"]:
        return "it has no id"
    return "" if isinstance(entry.get("tools"), list) else "its tools are no list"


@dataclass(frozen=True, slots=True)
class Difference:
    """What a sync changed: keys added and removed, and under each changed key its fields."""

    added: tuple[str, ...] = ()
    changed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    removed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


def difference(before: Entries, after: Entries) -> Difference:
    """Return how two states differ, keys in order."""
    changed = {
        key: fields
        for key in sorted(before.keys() & after.keys())
        if not identical(before[key], after[key])
        and (fields := tuple(_changed(before[key], after[key])))
    }
    return Difference(
        tuple(sorted(after.keys() - before.keys())),
        changed,
        tuple(sorted(before.keys() - after.keys())),
    )


def _changed(before: Entry, after: Entry) -> Iterator[str]:
    for name in sorted(before.keys() | after.keys()):
        if name not in before or name not in after or not identical(before[name], after[name]):
            yield name
