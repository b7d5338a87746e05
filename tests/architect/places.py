"""A slow reader of places in JSON, which shares nothing with the one that is tested."""

from __future__ import annotations

import json
from collections.abc import Iterable


class Places:
    """Where each value begins, and each name, by path; of a name that stands twice, the last."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.places: dict[tuple[str | int, ...], int] = {}
        self.names: dict[tuple[str | int, ...], int] = {}
        self.ends: dict[tuple[str | int, ...], int] = {}
        self._read((), 0)

    def value(self, path: Iterable[str | int]) -> int:
        return self.places[tuple(path)]

    def _blank(self, at: int) -> int:
        while at < len(self.text) and self.text[at] in " \t\r\n":
            at += 1
        return at

    def _string(self, at: int) -> int:
        at += 1
        while self.text[at] != '"':
            at += 2 if self.text[at] == "\\" else 1
        return at + 1

    def _read(self, path: tuple[str | int, ...], at: int) -> int:
        self.places[path] = at = self._blank(at)
        self.ends[path] = end = self._end(path, at)
        return end

    def _end(self, path: tuple[str | int, ...], at: int) -> int:
        here = self.text[at]
        if here == '"':
            return self._string(at)
        if here in "{[":
            return self._inner(path, at, here)
        while at < len(self.text) and self.text[at] not in ",]} \t\r\n":
            at += 1
        return at

    def _inner(self, path: tuple[str | int, ...], at: int, kind: str) -> int:
        number, at = 0, self._blank(at + 1)
        while self.text[at] not in "]}":
            name: str | int = number
            begin = at
            if kind == "{":
                end = self._string(at)
                name, at = json.loads(self.text[at:end]), self._blank(end) + 1
            self.names[*path, name] = begin
            at = self._blank(self._read((*path, name), at))
            at = self._blank(at + 1) if self.text[at] == "," else at
            number += 1
        return at + 1


def place(text: str, offset: int) -> tuple[int, int]:
    """Return the line and the column of an offset, from 1."""
    lines = text[:offset].split("\n")
    return len(lines), len(lines[-1]) + 1
