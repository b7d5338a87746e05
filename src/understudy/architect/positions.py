"""Where in the text a path leads: found when somebody asks, by reading just what is on the way."""

from __future__ import annotations

import json
import json.decoder
import re
from bisect import bisect_right
from typing import Any

from understudy.architect.findings import Path

_BLANK = re.compile(r"[ \t\n\r]*")
#: The reader's own ways past a string and past any value, in C; typeshed does not know them.
_string: Any = json.decoder.scanstring  # type: ignore[attr-defined]
_BREAKS = re.compile(r"\n")


class Locator:
    """Finds lines and columns in one JSON text, which was read without an error before.

    With `doubled` a name may stand twice in an object; then the last one is found.
    """

    def __init__(self, text: str, *, doubled: bool = False) -> None:
        self._text = text
        self._doubled = doubled
        # What is passed over is read and thrown away: the reader in C is the fastest way past it.
        # Its whole numbers stay text: they may be longer than the interpreter converts.
        decoder: Any = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)
        self._pass = decoder.scan_once
        self._places: dict[Path, int] = {}
        self._names: dict[Path, int] = {}
        self._open: dict[Path, _Children] = {}
        self._starts: list[int] | None = None

    def offset(self, path: Path, *, on_key: bool = False) -> int:
        """Return where the value (or its name) begins; of an absent one what is around it."""
        known = self._names if on_key else self._places
        if path in known:
            return known[path]
        if not path:
            start = _BLANK.match(self._text)
            return start.end() if start else 0
        around = self._open.get(path[:-1])
        if around is None:
            self.offset(path[:-1])
            around = self._open[path[:-1]] = self._children(path[:-1])
        name, value = around.find(path[-1])
        if value < 0:
            value = name = self.offset(path[:-1])
        self._names[path], self._places[path] = name, value
        return known[path]

    def span(self, path: Path) -> tuple[int, int]:
        """Return where the value begins, and where it has ended."""
        start = self.offset(path)
        return start, self._pass(self._text, start)[1]

    def spot(self, offset: int, text: str) -> int:
        """Return where the text first stands in the JSON string at an offset, else the offset."""
        if self._text[offset : offset + 1] != '"':
            return offset
        end = _string(self._text, offset + 1)[1]
        at = self._text.find(json.dumps(text, ensure_ascii=False)[1:-1], offset, end)
        return at if at >= 0 else offset

    def line(self, offset: int) -> tuple[int, int]:
        """Return line and column, both from 1, in characters."""
        if self._starts is None:
            self._starts = [0, *(match.end() for match in _BREAKS.finditer(self._text))]
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def _children(self, path: Path) -> _Children:
        return _Children(
            self._text, self._places.get(path, self.offset(path)), self._pass, self._doubled
        )


class _Children:
    """What stands in one object or list, read as far as was asked for."""

    def __init__(self, text: str, start: int, skip: Any, doubled: bool) -> None:
        self._text = text
        self._whole = doubled
        self._skip = skip
        self._found: dict[str | int, tuple[int, int]] = {}
        self._count = 0
        self._kind = text[start : start + 1]
        self._at = self._after_blank(start + 1)
        self._pending = -1  # where a value begins that was found and not yet passed

    def find(self, name: str | int) -> tuple[int, int]:
        """Return the offsets of name and value, -1 twice where there is no such child."""
        while (self._whole or name not in self._found) and self._more():
            pass
        return self._found.get(name, (-1, -1))

    def _more(self) -> bool:
        if self._pending >= 0:
            _, end = self._skip(self._text, self._pending)
            self._pending = -1
            self._at = self._after_blank(end)
            if self._text[self._at] == ",":
                self._at = self._after_blank(self._at + 1)
        if self._kind not in ("{", "[") or self._text[self._at] in "}]":
            return False
        name: str | int = self._count
        key = value = self._at
        if self._kind == "{":
            name, end = _string(self._text, key + 1)
            value = self._after_blank(self._after_blank(end) + 1)
        self._found[name] = (key, value)
        self._count += 1
        self._pending = value
        return True

    def _after_blank(self, at: int) -> int:
        match = _BLANK.match(self._text, at)
        return match.end() if match else at
