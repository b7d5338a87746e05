"""Where in the text a path leads: found when somebody asks, by reading just what is on the way."""

from __future__ import annotations

import json
import json.decoder
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from understudy.architect.findings import Path

_BLANK = re.compile(r"[ \t\n\r]*")
#: The reader's own ways past a string and past any value, in C; typeshed does not know them.
_string: Any = json.decoder.scanstring  # type: ignore[attr-defined]
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


class Locator:
    """Finds lines and columns in one JSON text, which was read without an error before.

    With `doubled` a name may stand twice in an object; then the last one is found.
    """

    def __init__(self, text: str, *, doubled: bool = False) -> None:
        self.text = text
        self.doubled = doubled
        self.steps = _MOST_STEPS  # that are left
        self._open: dict[Path, _Children] = {}
        self._told = (0, 1, 0)  # an offset, its line, and where that begins
        self._searched = (-1, 0, 0)  # where a text begins, what was found last, where it ends

    def offset(self, path: Path, *, on_key: bool = False) -> int:
        """Return where the value (or its name) begins; of an absent one what is around it."""
        around = self._open.get(path[:-1]) if path else None
        if around is None:
            return self._down(path, on_key=on_key)
        key, value = around.find(path[-1])
        return around.start if value < 0 else key if on_key else value

    def _down(self, path: Path, *, on_key: bool) -> int:
        """Return the same, from as far down as somebody has been."""
        depth = max(len(path) - 1, 0)
        while depth and path[:depth] not in self._open:
            depth -= 1
        around = self._open.get(path[:depth])
        if around is None:
            start = _BLANK.match(self.text)
            around = self._open[()] = _Children(start.end() if start else 0, self)
        key = value = around.start
        for level, part in enumerate(path[depth:], depth + 1):
            key, value = around.find(part)
            if value < 0:
                return around.start
            if level < len(path):
                inner = self._open[path[:level]] = around.opened[part] = _Children(value, self)
                around = inner
        return key if on_key else value

    def span(self, path: Path) -> tuple[int, int]:
        """Return where the value begins, and where it has ended."""
        start = self.offset(path)
        return start, self.past(start)

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

    def spot(self, offset: int, text: str) -> int:
        """Return where the text stands in the JSON string at an offset, else the offset.

        Where it stands in double braces is preferred; of several places the first counts.
        """
        if self.text[offset : offset + 1] != '"':
            return offset
        start, at, end = self._searched
        if start != offset:
            at, end = offset, _string(self.text, offset + 1)[1]
        for ascii_only in (False, True):
            plain = text.isascii() and text.isidentifier()
            spelt = text if plain else json.dumps(text, ensure_ascii=ascii_only)[1:-1]
            # Variables are asked for in their order: the next one stands behind the one before.
            for begin, braces in ((at, "{{%s}}"), (offset, "{{%s}}"), (offset, "{{ %s }}")):
                found = self.text.find(braces % spelt, begin, end)
                if found >= 0:
                    self._searched = (offset, found, end)
                    return found + braces.index("%")
            if (found := self.text.find(spelt, offset, end)) >= 0:
                return found
            if text.isascii():
                break
        return offset

    def line(self, offset: int) -> tuple[int, int]:
        """Return line and column, both from 1, in characters."""
        before, line, start = self._told if self._told[0] <= offset else (0, 1, 0)
        if more := self.text.count("\n", before, offset):
            line, start = line + more, self.text.rindex("\n", before, offset) + 1
        self._told = (offset, line, start)
        return line, offset - start + 1


class _Children:
    """What stands in one object or list, read as far as was asked for."""

    __slots__ = ("_at", "_found", "_locator", "_unread", "opened", "start")

    def __init__(self, start: int, locator: Locator) -> None:
        self.start = start
        self._locator = locator
        self._at = start + 1
        self._found: dict[str | int, tuple[int, int]] = {}
        self._unread = _WALKS.get(locator.text[start : start + 1], _nothing)(self)
        self.opened: dict[str | int, _Children] = {}

    def find(self, name: str | int) -> tuple[int, int]:
        """Return the offsets of name and value, -1 twice where there is no such child."""
        found, last = self._found, self._locator.doubled
        if name in found and not last:
            return found[name]
        if type(name) is int and name - len(found) > self._locator.steps:
            return _NOWHERE
        for child, key, value in self._unread:
            found[child] = key, value
            # Where a name may stand twice, the last one counts; a list has each number once.
            if child == name and not (last and type(name) is str):
                return key, value
        return found.get(name, _NOWHERE)

    def end(self) -> int:
        """Return where this has ended: what of it was read is not read again."""
        for child, key, value in self._unread:
            self._found[child] = key, value
        if self._locator.steps < 1:
            return self._locator.past(self.start)
        rest = _ITEM.match(self._locator.text, self._at)
        return (rest.end() if rest else self._at) + 1

    def members(self) -> Iterator[_Child]:
        """Yield the entries of an object."""
        locator, opened = self._locator, self.opened
        text, past, at = locator.text, locator.past, self._at
        while (match := _ENTRY.match(text, at)) and locator.steps > 0:
            locator.steps -= 1
            key, value = match.start(1) - 1, match.end()
            name = match[1]
            if "\\" in name:
                name = _string(text, key + 1)[0]
            yield name, key, value
            inner = opened.get(name)
            self._at = at = inner.end() if inner and inner.opened else past(value)

    def items(self) -> Iterator[_Child]:
        """Yield the entries of a list."""
        locator, opened = self._locator, self.opened
        text, past, at, index = locator.text, locator.past, self._at, 0
        while (match := _ITEM.match(text, at)) and locator.steps > 0:
            value = match.end()
            if text[value : value + 1] in _CLOSING:
                break
            locator.steps -= 1
            yield index, value, value
            # Walking to an end is worth it where the larger part has been walked.
            inner = opened.get(index)
            self._at = at = inner.end() if inner and inner.opened else past(value)
            index += 1


def _nothing(_: _Children) -> Iterator[_Child]:
    """Yield nothing: texts and numbers have no children."""
    return iter(())


_WALKS: Mapping[str, Callable[[_Children], Iterator[_Child]]] = {
    "{": _Children.members,
    "[": _Children.items,
}
