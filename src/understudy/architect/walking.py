"""Walking through a JSON text, entry by entry, without keeping what is passed.

Nothing here refers back to what refers to it: a text of megabytes is gone with its last user.
"""

from __future__ import annotations

import json
import json.decoder
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

BLANK = re.compile(r"[ \t\n\r]*")
#: The reader's own ways past a string and past any value, in C; typeshed does not know them.
string: Any = json.decoder.scanstring  # type: ignore[attr-defined]
_scan: Any = json.JSONDecoder(object_pairs_hook=len).scan_once  # type: ignore[attr-defined]
#: What stands before a value: in an object its name, in a list nothing but blanks and commas.
_ENTRY = re.compile(r'[ \t\n\r,]*+"([^"\\]*+(?:\\.[^"\\]*+)*+)"[ \t\n\r]*+:[ \t\n\r]*+')
_ITEM = re.compile(r"[ \t\n\r,]*+")
_NUMBER = re.compile(r"[-+.0-9eE]+")
#: As far as the next bracket that stands in no text.
_BRACKET = re.compile(r'[^"\[\]{}]*+(?:"(?:[^"\\]++|\\.)*+"[^"\[\]{}]*+)*+([\[\]{}])')
#: Entries that are passed on the way to others, in all of a text. No real document has as many;
#: of what lies behind them, the place of what is around it is told.
_MOST_STEPS = 250_000
_CLOSING = frozenset("]}")
_NOWHERE = (-1, -1)

#: An entry of an object or a list: its name or number, and where name and value begin.
_Child = tuple[str | int, int, int]


class Text:
    """A JSON text, and how many entries of it may still be passed."""

    __slots__ = ("doubled", "steps", "text")

    def __init__(self, text: str, *, doubled: bool) -> None:
        self.text = text
        self.doubled = doubled
        self.steps = _MOST_STEPS

    def past(self, start: int) -> int:
        """Return where the value that begins at an offset has ended."""
        try:
            return int(_scan(self.text, start)[1])
        except (RecursionError, ValueError):  # a fuller stack than before; thousands of digits
            return self._past_deep(start)

    def _past_deep(self, start: int) -> int:
        if match := _NUMBER.match(self.text, start):
            return match.end()
        depth, at = 0, start
        while match := _BRACKET.match(self.text, at):
            at = match.end()
            depth += 1 if match[1] in "[{" else -1
            if depth == 0:
                break
        return at


class Children:
    """What stands in one object or list, read as far as was asked for."""

    __slots__ = ("_end", "_found", "_opened", "_text", "_unread", "start")

    def __init__(self, text: Text, start: int) -> None:
        self.start = start
        self._text = text
        self._found: dict[str | int, tuple[int, int]] = {}
        self._opened: dict[str | int, Children] = {}
        self._end = [start + 1]  # behind the last entry that was passed
        walk = _WALKS.get(text.text[start : start + 1], _nothing)
        self._unread = walk(text, self._end, self._opened)

    def find(self, name: str | int) -> tuple[int, int]:
        """Return the offsets of name and value, -1 twice where there is no such child."""
        found, last = self._found, self._text.doubled
        if name in found and not last:
            return found[name]
        if type(name) is int and name - len(found) > self._text.steps:
            return _NOWHERE
        for child, key, value in self._unread:
            found[child] = key, value
            # Where a name may stand twice, the last one counts; a list has each number once.
            if child == name and not (last and type(name) is str):
                return key, value
        return found.get(name, _NOWHERE)

    def inner(self, name: str | int, value: int) -> Children:
        """Return what stands in one of the children, whose value begins at that offset."""
        made = self._opened[name] = Children(self._text, value)
        return made

    @property
    def walked(self) -> bool:
        """Whether walking on to its end is worth it: something has been passed already."""
        return bool(self._opened) or self._end[0] > self.start + 1

    def end(self) -> int:
        """Return where this has ended: what of it was read is not read again."""
        for child, key, value in self._unread:
            self._found[child] = key, value
        if self._text.steps < 1:
            return self._text.past(self.start)
        rest = _ITEM.match(self._text.text, self._end[0])
        return (rest.end() if rest else self._end[0]) + 1


def _members(text: Text, end: list[int], opened: Mapping[str | int, Children]) -> Iterator[_Child]:
    """Yield the entries of an object."""
    whole, past, at = text.text, text.past, end[0]
    while (match := _ENTRY.match(whole, at)) and text.steps > 0:
        text.steps -= 1
        key, value = match.start(1) - 1, match.end()
        name = match[1]
        if "\\" in name:
            name = string(whole, key + 1)[0]
        yield name, key, value
        inner = opened.get(name)
        end[0] = at = inner.end() if inner and inner.walked else past(value)


def _items(text: Text, end: list[int], opened: Mapping[str | int, Children]) -> Iterator[_Child]:
    """Yield the entries of a list."""
    whole, past, at, index = text.text, text.past, end[0], 0
    while (match := _ITEM.match(whole, at)) and text.steps > 0:
        value = match.end()
        if whole[value : value + 1] in _CLOSING:
            break
        text.steps -= 1
        yield index, value, value
        inner = opened.get(index)
        end[0] = at = inner.end() if inner and inner.walked else past(value)
        index += 1


def _nothing(_: Text, __: list[int], ___: Mapping[str | int, Children]) -> Iterator[_Child]:
    """Yield nothing: texts and numbers have no children."""
    return iter(())


_WALKS: Mapping[
    str, Callable[[Text, list[int], Mapping[str | int, Children]], Iterator[_Child]]
] = {"{": _members, "[": _items}
