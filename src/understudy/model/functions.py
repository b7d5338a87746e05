"""The functions that assistants call: their schemas travel, the code behind them does not. Pure."""

from __future__ import annotations

import json
import marshal
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from understudy.model.assistant import Assistant, Json
from understudy.model.canonical import identical

#: Schemas that are nested deeper are nobody's, and no reader takes them.
DEEPEST = 200


@dataclass(frozen=True, slots=True)
class User:
    """An assistant that a function belongs to."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class PortedFunction:
    """A function under one name and with one schema, and who uses it.

    `parameters` is its JSON Schema, None where it has none. One that `searches` stands in for the
    file search of its users.
    """

    name: str
    description: str
    parameters: Any
    strict: bool
    users: tuple[User, ...]
    searches: bool = False


def functions_to_port(
    assistants: Iterable[Assistant], searches: Mapping[str, str] | None = None
) -> tuple[PortedFunction, ...]:
    """Return every function of these assistants, once a name and schema, sorted by name.

    `searches` tells by an assistant's id which of its functions stands in for its file search.
    """
    groups = _Groups()
    for assistant in assistants:
        stand_in = (searches or {}).get(assistant.id)
        for function in assistant.functions():
            if isinstance(name := function.get("name"), str) and name:
                groups.add(name, function, assistant, searches=name == stand_in)
    return tuple(sorted(groups.ported(), key=lambda one: (one.name.casefold(), one.name)))


def properties_of(schema: Any) -> Mapping[str, Any] | None:
    """Return the properties of an object's schema, None for any other schema."""
    if not isinstance(schema, dict):
        return None
    found = schema.get("properties")
    if isinstance(found, dict):
        return found
    return {} if found is None and schema.get("type") == "object" else None


@dataclass(slots=True)
class _Group:
    """A function while its users are being collected."""

    name: str
    first: Json
    searches: bool
    strict: bool = False
    users: dict[str, User] = field(default_factory=dict)


class _Groups:
    """Finds the group of a function: by its bytes nearly always, by comparing where they differ."""

    def __init__(self) -> None:
        self._by_bytes: dict[tuple[str, bool, bytes], _Group | None] = {}
        self._alike: dict[tuple[str, bool, str], list[_Group]] = {}

    def add(self, name: str, function: Json, assistant: Assistant, *, searches: bool) -> None:
        schema = function.get("parameters")
        try:
            # Version 2 writes no references: equal values have equal bytes, most of the time.
            key = (name, searches, marshal.dumps(schema, 2))
        except ValueError:  # nested too deeply
            return
        if key not in self._by_bytes:
            self._by_bytes[key] = self._compared(name, function, searches=searches)
        group = self._by_bytes[key]
        if group is not None:
            group.users[assistant.id] = User(assistant.id, assistant.name)
            group.strict = group.strict or function.get("strict") is True
            if not group.first.get("description"):
                group.first = function

    def ported(self) -> Iterable[PortedFunction]:
        for group in (one for alike in self._alike.values() for one in alike):
            description = group.first.get("description")
            yield PortedFunction(
                group.name,
                description if isinstance(description, str) else "",
                group.first.get("parameters"),
                group.strict,
                tuple(group.users.values()),
                group.searches,
            )

    def _compared(self, name: str, function: Json, *, searches: bool) -> _Group | None:
        """Return the group that has this schema in another spelling, or a new one."""
        schema = function.get("parameters")
        if _too_deep(schema):
            return None
        # 1.0 and 1 are one number: what is alike here is compared below.
        rough = re.sub(r"\.0\b", "", json.dumps(schema, sort_keys=True))
        alike = self._alike.setdefault((name, searches, rough), [])
        for group in alike:
            if identical(group.first.get("parameters"), schema):
                return group
        alike.append(_Group(name, function, searches))
        return alike[-1]


def _too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        inner = [one for one in level if isinstance(one, dict | list) and one]
        if not inner:
            return False
        level = [x for one in inner for x in (one.values() if isinstance(one, dict) else one)]
    return True
