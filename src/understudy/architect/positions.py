"""Where in the text a path leads: found when somebody asks, by reading just what is on the way."""

from __future__ import annotations

import json
import re
from typing import Any

from understudy.architect.findings import Path
from understudy.architect.keys import Keys
from understudy.architect.walking import BLANK, Children, Text, string

#: Characters that are searched for variables, in all of a text; who has more gets the place of
#: the value that they stand in.
_MOST_SEARCHED = 300_000_000
_SLOWER = 8  # times slower is a pattern than a text
_BLANKS = 300  # characters between braces and a name


class Locator:
    """Finds lines and columns in one JSON text, which was read without an error before.

    With `doubled` a name may stand twice in an object; then the last one is found. With the
    `value` that was read from the text, it takes a part of the time.
    """

    def __init__(self, text: str, *, value: Any = None, doubled: bool = False) -> None:
        self._text = text
        self._keys = None if doubled or value is None else Keys(text, value)
        self._walked = Text(text, doubled=doubled)
        self._open: dict[Path, Children] = {}
        self._told = (0, 1, 0)  # an offset, its line, and where that begins
        self._room = _MOST_SEARCHED
        self._searched = (-1, 0, 0)  # where a text begins, what was found last, where it ends

    def offset(self, path: Path, *, on_key: bool = False) -> int:
        """Return where the value (or its name) begins; of an absent one what is around it."""
        if self._keys and (known := self._keys.offset(path, on_key=on_key)) >= 0:
            return known
        around = self._open.get(path[:-1]) if path else None
        if around is None:
            return self._down(path, on_key=on_key)
        key, value = around.find(path[-1])
        return around.start if value < 0 else key if on_key else value

    def _down(self, path: Path, *, on_key: bool) -> int:
        """Return the same, from as far down as somebody has been."""
        depth, around = max(len(path) - 1, 0), None
        while depth and around is None:
            depth -= 1
            around = self._open.get(path[:depth])
        if around is None:
            start = BLANK.match(self._text)
            around = self._open[()] = Children(self._walked, start.end() if start else 0)
        key = value = around.start
        for level, part in enumerate(path[depth:], depth + 1):
            key, value = around.find(part)
            if value < 0:
                return around.start
            if level < len(path):
                around = self._open[path[:level]] = around.inner(part, value)
        return key if on_key else value

    @property
    def lost(self) -> bool:
        """Whether it stopped looking: places told since then may be those of what is around."""
        return self._walked.steps < 1

    def span(self, path: Path) -> tuple[int, int]:
        """Return where the value begins, and where it has ended."""
        start = self.offset(path)
        return start, self.past(start)

    def past(self, start: int) -> int:
        """Return where the value that begins at an offset has ended."""
        return self._walked.past(start)

    def spot(self, offset: int, text: str) -> int:
        """Return where the text stands in the JSON string at an offset, else the offset.

        Where it stands in double braces is preferred; of several places the first counts.
        """
        if self._text[offset : offset + 1] != '"':
            return offset
        start, at, end = self._searched
        if start != offset:
            at, end = offset, string(self._text, offset + 1)[1]
            self._searched = (offset, at, end)
        for ascii_only in (False, True):
            plain = text.isascii() and text.isidentifier()
            spelt = text if plain else json.dumps(text, ensure_ascii=ascii_only)[1:-1]
            found = self._braced(spelt, offset, at, end)
            if found >= 0:
                self._searched = (offset, found, end)
                return found
            if text.isascii():
                break
        return offset

    def _braced(self, spelt: str, offset: int, at: int, end: int) -> int:
        """Return where a text stands between two offsets, best in double braces; -1 if nowhere."""
        # Variables are asked for in their order: the next one stands behind the one before.
        for begin in dict.fromkeys((at, offset)):
            self._room -= end - begin
            if self._room < 0:
                return -1
            for braces in ("{{%s}}", "{{ %s }}"):
                if (found := self._text.find(braces % spelt, begin, end)) >= 0:
                    return found + braces.index("%")
            if (found := self._text.find(spelt, begin, end)) >= 0:
                blanks = re.compile(r"\{\{\s*(" + re.escape(spelt) + r")\s*\}\}")
                self._room -= _SLOWER * (end - found)
                match = blanks.search(self._text, max(found - _BLANKS, begin), end)
                return match.start(1) if match else found
        return -1

    def line(self, offset: int) -> tuple[int, int]:
        """Return line and column, both from 1, in characters."""
        before, line, start = self._told if self._told[0] <= offset else (0, 1, 0)
        if more := self._text.count("\n", before, offset):
            line, start = line + more, self._text.rindex("\n", before, offset) + 1
        self._told = (offset, line, start)
        return line, offset - start + 1
