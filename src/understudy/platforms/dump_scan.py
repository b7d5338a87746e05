"""Walking through JSON text that may be broken: every value with its position. Pure.

What precedes a damage is kept; what follows is searched for the next thing that stands on its
own feet. Positions are indices into the text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

#: Keys of objects under which records stand, one by one or as a map.
HOLDERS = frozenset({"data", "assistants", "agents", "assistant", "agent"})

#: How deep records may lie: a list of pages, a page, its data, a record.
_DEEPEST = 4

_BLANK = re.compile(r"[ \t\n\r\x1e]*")  # RFC 7464 parts values with 0x1e
_OPENS = re.compile(r'\{\s*"')
_PAGE = re.compile(r'\{\s*"object"\s*:\s*"list"')
_KEYED = re.compile(r'"((?:[^"\\\n]|\\.){1,256})"\s*:\s*\Z')
_LONGEST_KEY = 300  # characters before a value in which its key is looked for
_TOO_DEEP = 10_000  # characters that a vain look into nested objects counts as


class Damage(NamedTuple):
    """Where the text stops to make sense, and why."""

    at: int
    message: str


class Node(NamedTuple):
    """A value between two positions, under a key if it stands in an object.

    `parts` are the elements of a list or the members of an object that were walked one by one.
    A damaged one holds what came before the damage.
    """

    start: int
    end: int
    value: Any
    key: str = ""
    parts: tuple[Node, ...] = ()
    damage: Damage | None = None


class Scanner:
    """Walks through one text. `leaf` tells which values are taken as they are."""

    def __init__(self, text: str, leaf: Callable[[Any], bool]) -> None:
        self.text = text
        self._leaf = leaf
        self._decode = json.JSONDecoder().raw_decode
        # Looking for whole objects may take a small multiple of the text, never its square.
        self._budget = 8 * len(text) + 1_000_000

    def blank(self, at: int) -> int:
        """Return where the white space ends."""
        found = _BLANK.match(self.text, at)
        return found.end() if found else at

    def value(self, start: int, key: str = "") -> Node:
        """Return the value that begins there, in one piece."""
        try:
            value, end = self._decode(self.text, start)
        except json.JSONDecodeError as error:
            return Node(start, start, None, key, (), Damage(error.pos, error.msg))
        except RecursionError:
            return Node(start, start, None, key, (), Damage(start, "nested too deeply"))
        except ValueError as error:  # a whole number of thousands of digits
            return Node(start, start, None, key, (), Damage(start, str(error)))
        return Node(start, end, value, key)

    def node(self, start: int, key: str = "", depth: int = 0) -> Node:
        """Return the value that begins there; walked through if records may be in it."""
        first = self.text[start : start + 1]
        if depth >= _DEEPEST or first not in ("{", "["):
            return self.value(start, key)
        if first == "[":
            return self._array(start, key, depth)
        if not _PAGE.match(self.text, start):
            whole = self.value(start, key)
            if whole.damage is None and self._leaf(whole.value):
                return whole
        return self._object(start, key, depth)

    def _array(self, start: int, key: str, depth: int) -> Node:
        values: list[Any] = []
        parts: list[Node] = []

        def made(end: int, damage: Damage | None = None) -> Node:
            return Node(start, end, values, key, tuple(parts), damage)

        at = self.blank(start + 1)
        if self.text[at : at + 1] == "]":
            return made(at + 1)
        while True:
            part = self.node(at, "", depth + 1)
            parts.append(part)
            if part.damage is not None:
                return made(part.end, part.damage)
            values.append(part.value)
            at = self.blank(part.end)
            mark = self.text[at : at + 1]
            if mark == "]":
                return made(at + 1)
            if mark != ",":
                return made(at, Damage(at, "Expecting ',' delimiter"))
            at = self.blank(at + 1)

    def _object(self, start: int, key: str, depth: int) -> Node:
        values: dict[str, Any] = {}
        parts: list[Node] = []

        def made(end: int, damage: Damage | None = None) -> Node:
            return Node(start, end, values, key, tuple(parts), damage)

        at = self.blank(start + 1)
        if self.text[at : at + 1] == "}":
            return made(at + 1)
        while True:
            name = self.value(at)
            if name.damage is not None or not isinstance(name.value, str):
                why = "Expecting property name enclosed in double quotes"
                return made(at, name.damage or Damage(at, why))
            at = self.blank(name.end)
            if self.text[at : at + 1] != ":":
                return made(at, Damage(at, "Expecting ':' delimiter"))
            part = self._member(self.blank(at + 1), name.value, depth)
            parts.append(part)
            if part.value is not None or part.damage is None:
                values[name.value] = part.value
            if part.damage is not None:
                return made(part.end, part.damage)
            at = self.blank(part.end)
            mark = self.text[at : at + 1]
            if mark == "}":
                return made(at + 1)
            if mark != ",":
                return made(at, Damage(at, "Expecting ',' delimiter"))
            at = self.blank(at + 1)

    def _member(self, at: int, name: str, depth: int) -> Node:
        if name in HOLDERS:
            return self.node(at, name, depth + 1)
        part = self.value(at, name)
        if part.damage is not None and self.text[at : at + 1] == "{" and depth + 1 < _DEEPEST:
            return self._object(at, name, depth + 1)  # what of it can be told
        return part

    def resume(
        self, since: int, damage: int, good: Callable[[Any], bool], *, keyed: bool = False
    ) -> int:
        """Return where to go on after a damage: at a `good` object, else at the text's end.

        An object at the beginning of a line that follows the damage is taken unseen; one under
        a key only with `keyed`, as it is part of something else.
        """
        for opening in _OPENS.finditer(self.text, since):
            at = opening.start()
            on_line = self._first_of_line(at)
            if on_line and at >= damage:
                return at
            if self._budget <= 0 or not (keyed or on_line or not self._under_key(at)):
                continue
            found = self.value(at)
            tried = (found.damage.at if found.damage else found.end) - at
            self._budget -= tried or _TOO_DEEP
            if found.damage is None and good(found.value):
                return at
        return len(self.text)

    def key_before(self, at: int) -> str:
        """Return the key under which the value at that position stands, empty if under none."""
        found = _KEYED.search(self.text, max(0, at - _LONGEST_KEY), at)
        if found is None:
            return ""
        key = self.value(found.start()).value
        return key if isinstance(key, str) else ""

    def _under_key(self, at: int) -> bool:
        while at > 0 and self.text[at - 1].isspace():
            at -= 1
        return self.text[at - 1 : at] == ":"

    def _first_of_line(self, at: int) -> bool:
        return at == 0 or self.text[at - 1] == "\n"
