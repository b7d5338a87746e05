"""Where names stand in a JSON text, by counting them: for texts whose value is known.

A name in its quotes with a colon behind it, and no backslash before it, stands nowhere within a
JSON string. So the names in the text are those in the value, in the same order, and one is found by
how many of the same name come before it. Nothing is read twice.
"""

from __future__ import annotations

import re
from itertools import accumulate
from typing import Any

from understudy.architect.findings import Path

_COLON = re.compile(r"[ \t\n\r]*+:[ \t\n\r]*+")
#: An ASCII character that is spelt as an escape: a name with one is not found by its letters.
_SPELT_OUT = re.compile(r"\\u00[0-7]")
_INNER = frozenset({dict, list})
_MOST_NAMES = 16  # different ones that are looked for: each takes a search of the whole text
_MOST_COUNTED = 1_000_000  # values that are looked at for that, all in all
_WIDE = 64  # entries: counting those before one in each of so many would take their square

#: Where a name begins, and its value.
Place = tuple[int, int]


class Keys:
    """The names in one text, which stand once in each object; `value` was read from the text."""

    def __init__(self, text: str, value: Any) -> None:
        self._text = text
        self._value = value
        self._literal: bool | None = None
        self._room = _MOST_COUNTED
        self._places: dict[str, list[Place]] = {}
        self._sums: dict[tuple[int, str], list[int]] = {}
        self._counts: dict[tuple[int, str], int] = {}
        self._begun: dict[tuple[Path, str], tuple[int, Any]] = {}

    def offset(self, path: Path, *, on_key: bool = False) -> int:
        """Return where the value that a path leads to begins, or its name; -1 where unsure."""
        if not path or self._room < 0:
            return -1
        last = path[-1]
        if type(last) is str:
            place = self._place(path, last)
            return place[0] if on_key else place[1]
        inside = self._follow(path)
        first = next(iter(inside), None) if type(inside) is dict else None
        if type(first) is not str:
            return -1
        # Between a bracket and the first name there are blanks alone.
        name, _ = self._place((*path, first), first)
        return self._text.rfind("{", 0, name) if name >= 0 else -1

    def _follow(self, path: Path) -> Any:
        """Return the value that a path leads to, None where it leads nowhere."""
        value = self._value
        for part in path:
            kind = type(value)
            if kind is list and type(part) is int and part < len(value):
                value = value[part]
            elif kind is dict:
                value = value.get(part)
            else:
                return None
        return value

    def _place(self, path: Path, name: str) -> Place:
        places = self._places.get(name)
        if places is None and len(self._places) < _MOST_NAMES:
            places = self._places[name] = self._all(name)
        before = self._before(path, name) if places else -1
        # Where counting was given up, nothing that was counted is right.
        return places[before] if places and before >= 0 and self._room >= 0 else (-1, -1)

    def _before(self, path: Path, name: str) -> int:
        """Return how many names like the last one of a path come before it, -1 where unsure."""
        head = path[:-2]
        begun = self._begun.get((head, name))
        if begun is None:
            begun = self._begun[head, name] = self._on(0, self._value, head, name)
        return self._on(*begun, path[-2:], name)[0] - 1

    def _on(self, total: int, value: Any, parts: Path, name: str) -> tuple[int, Any]:
        """Go on along a path: return how many such names there are up to there, and its value.

        -1 or less where that is unsure.
        """
        for part in parts:
            if total < 0 or self._room < 0:
                return -1, None
            if type(value) is list and type(part) is int and part < len(value):
                total += self._sum(value, part, name)
            elif type(value) is dict and part in value and len(value) <= _WIDE:
                for one, inner in value.items():
                    self._room -= 1
                    if one == name:
                        total += 1
                    if one == part:
                        break
                    if type(inner) in _INNER:
                        total += self._count(inner, name)
            else:
                return -1, None
            value = value[part]
        return total, value

    def _count(self, value: Any, name: str) -> int:
        """Return how many such names stand in a list or an object; it is counted once."""
        if type(value) is list:
            return self._sum(value, len(value), name)
        key = id(value), name
        if key not in self._counts:
            self._counts[key] = self._counted(value, name)
        return self._counts[key]

    def _sum(self, values: list[Any], end: int, name: str) -> int:
        """Return how many such names stand in the entries of a list before one of them."""
        key = id(values), name
        sums = self._sums.get(key)
        if sums is None:
            self._room -= len(values)
            counts = (self._counted(value, name) for value in values) if self._room >= 0 else ()
            sums = self._sums[key] = [0, *accumulate(counts)]
        return sums[end] if end < len(sums) else 0

    def _counted(self, value: Any, name: str) -> int:
        """Return how many objects in a value have an entry of that name, while there is room."""
        total, inside = 0, [value]
        for one in inside:  # which grows meanwhile
            if type(one) is dict:
                if name in one:
                    total += 1
                values = one.values()
                if not _INNER.isdisjoint(map(type, values)):
                    inside += [inner for inner in values if type(inner) in _INNER]
            elif type(one) is list and len(inside) + len(one) <= self._room:
                inside += one
            elif type(one) is list:
                self._room = -1
                break
        self._room -= len(inside)
        return total

    def _all(self, name: str) -> list[Place]:
        """Return the places of all such names, none where they are not as many as in the value."""
        if self._literal is None:
            self._literal = not _SPELT_OUT.search(self._text)
        found: list[Place] = []
        if self._literal and name.isascii() and name.isidentifier():
            text, quoted = self._text, f'"{name}"'
            at = text.find(quoted)
            while at >= 0:
                end = at + len(quoted)
                colon = _COLON.match(text, end)
                if colon and text[at - 1] != "\\":
                    found.append((at, colon.end()))
                at = text.find(quoted, end)
        return found if len(found) == self._total(name) else []

    def _total(self, name: str) -> int:
        if type(self._value) is not dict:
            return self._counted(self._value, name)
        inside = self._value.values()
        return (name in self._value) + sum(self._count(one, name) for one in inside)
