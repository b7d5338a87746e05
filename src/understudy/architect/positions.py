"""Where in the text a path leads: found when somebody asks, by reading just what is on the way."""

from __future__ import annotations

import json
import json.decoder
import re
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


class Locator:
    """Finds lines and columns in one JSON text, which was read without an error before.

    With `doubled` a name may stand twice in an object; then the last one is found.
    """

    def __init__(self, text: str, *, doubled: bool = False) -> None:
        self._text = text
        self.doubled = doubled
        self._steps = _MOST_STEPS
        self._places: dict[Path, int] = {}
        self._names: dict[Path, int] = {}
        self._open: dict[Path, _Children] = {}
        self._told = (0, 1, 0)  # an offset, its line, and where that begins
        self._searched = (-1, 0, 0)  # where a text begins, what was found last, where it ends

    def offset(self, path: Path, *, on_key: bool = False) -> int:
        """Return where the value (or its name) begins; of an absent one what is around it."""
        known = self._names if on_key else self._places
        if path in known:
            return known[path]
        depth = len(path) - 1
        while depth > 0 and path[:depth] not in self._open:
            depth -= 1
        depth = max(depth, 0)
        around = self._open.get(path[:depth])
        if around is None:
            start = _BLANK.match(self._text)
            around = self._open[()] = _Children(self._text, start.end() if start else 0, self)
        name = at = around.start
        while depth < len(path):
            name, value = around.find(path[depth])
            if value < 0:
                name = at
                break
            at, depth = value, depth + 1
            if depth < len(path):
                inner = self._open[path[:depth]] = _Children(self._text, at, self)
                around.opened[path[depth - 1]] = inner
                around = inner
        self._names[path], self._places[path] = name, at
        return known[path]

    def span(self, path: Path) -> tuple[int, int]:
        """Return where the value begins, and where it has ended."""
        start = self.offset(path)
        return start, self.past(start)

    def past(self, start: int) -> int:
        """Return where the value that begins at an offset has ended."""
        try:
            return int(_scan(self._text, start)[1])
        except (RecursionError, ValueError):  # a fuller stack than before; thousands of digits
            return self._past_deep(start)

    def _past_deep(self, start: int) -> int:
        if match := _NUMBER.match(self._text, start):
            return match.end()
        depth, at = 0, start
        while match := _BRACKET.match(self._text, at):
            at = match.end()
            depth += 1 if match[1] in "[{" else -1
            if depth == 0:
                break
        return at

    def within_reach(self, steps: int) -> bool:
        """Tell whether so many more entries may be passed."""
        return steps <= self._steps

    def step(self) -> bool:
        """Count an entry on the way; tell whether there may be another."""
        self._steps -= 1
        return self._steps >= 0

    def spot(self, offset: int, text: str) -> int:
        """Return where the text stands in the JSON string at an offset, else the offset.

        Where it stands in double braces is preferred; of several places the first counts.
        """
        if self._text[offset : offset + 1] != '"':
            return offset
        start, at, end = self._searched
        if start != offset:
            at, end = offset, _string(self._text, offset + 1)[1]
        for ascii_only in (False, True):
            plain = text.isascii() and text.isidentifier()
            spelt = text if plain else json.dumps(text, ensure_ascii=ascii_only)[1:-1]
            # Variables are asked for in their order: the next one stands behind the one before.
            for begin, braces in ((at, "{{%s}}"), (offset, "{{%s}}"), (offset, "{{ %s }}")):
                found = self._text.find(braces % spelt, begin, end)
                if found >= 0:
                    self._searched = (offset, found, end)
                    return found + braces.index("%")
            if (found := self._text.find(spelt, offset, end)) >= 0:
                return found
            if text.isascii():
                break
        return offset

    def line(self, offset: int) -> tuple[int, int]:
        """Return line and column, both from 1, in characters."""
        before, line, start = self._told if self._told[0] <= offset else (0, 1, 0)
        if more := self._text.count("\n", before, offset):
            line, start = line + more, self._text.rindex("\n", before, offset) + 1
        self._told = (offset, line, start)
        return line, offset - start + 1


class _Children:
    """What stands in one object or list, read as far as was asked for."""

    __slots__ = (
        "_at",
        "_count",
        "_found",
        "_kind",
        "_last",
        "_locator",
        "_pending",
        "_text",
        "_whole",
        "opened",
        "start",
    )

    def __init__(self, text: str, start: int, locator: Locator) -> None:
        self.start = start
        self._text = text
        self._locator = locator
        self._found: dict[str | int, tuple[int, int]] = {}
        self._count = 0
        self._kind = text[start : start + 1]
        self._whole = locator.doubled and self._kind == "{"
        self._at = start + 1
        self._pending = -1  # where a value begins that was found and not yet passed
        self._last: str | int = -1  # whose value that is
        self.opened: dict[str | int, _Children] = {}

    def find(self, name: str | int) -> tuple[int, int]:
        """Return the offsets of name and value, -1 twice where there is no such child."""
        if self._whole or name not in self._found:
            if isinstance(name, int) and not self._locator.within_reach(name - self._count):
                return -1, -1
            self._walk(name)
        return self._found.get(name, (-1, -1))

    def end(self) -> int:
        """Return where this has ended: what of it was read is not read again."""
        self._whole = True
        self._walk(None)
        if self._kind not in ("{", "[") or not self._locator.within_reach(1):
            return self._locator.past(self.start)
        rest = _ITEM.match(self._text, self._at)
        return (rest.end() if rest else self._at) + 1

    def _walk(self, wanted: str | int | None) -> None:
        """Read on until the child that is wanted, or to the end, or as far as anybody goes."""
        if self._kind == "{":
            self._through_object(wanted)
        elif self._kind == "[":
            self._through_list(wanted)

    def _through_object(self, wanted: str | int | None) -> None:
        text, found, past = self._text, self._found, self._locator.past
        at = self._begin()
        while (match := _ENTRY.match(text, at)) and self._locator.step():
            key, value = match.start(1) - 1, match.end()
            name = match[1]
            if "\\" in name:
                name = _string(text, key + 1)[0]
            found[name] = (key, value)
            if name == wanted and not self._whole:
                self._last, self._pending = name, value
                return
            at = past(value)
        self._at, self._pending = at, -1

    def _through_list(self, wanted: str | int | None) -> None:
        text, found, past = self._text, self._found, self._locator.past
        at = self._begin()
        while (match := _ITEM.match(text, at)) and self._locator.step():
            value = match.end()
            if text[value : value + 1] in "]}":
                break
            index = self._count
            found[index] = (value, value)
            self._count += 1
            if index == wanted:
                self._last, self._pending = index, value
                return
            at = past(value)
        self._at, self._pending = at, -1

    def _begin(self) -> int:
        """Return where to read on: behind the value that was found last."""
        if self._pending < 0:
            return self._at
        inner = self.opened.get(self._last)
        # Walking to an end is worth it where the larger part has been walked.
        walked = inner is not None and inner.opened
        return inner.end() if inner and walked else self._locator.past(self._pending)
