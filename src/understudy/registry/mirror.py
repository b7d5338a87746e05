"""A copy of what a registry elsewhere holds: its answer or its file, checked entry by entry. Pure.

Entries stay as text until somebody asks for one. Each is parsed by itself, since Python parses one
text in one go: thousands at once would hold up every other thread for a second.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from understudy.registry.entries import Entry, unreadable
from understudy.registry.lookup import Lookup
from understudy.registry.names import Index

_SPACE = re.compile(r"[ \t\r\n]*")
_decode = json.JSONDecoder().raw_decode

#: All that a key with the scope `read` alone gets to see of an entry.
_BRIEF = frozenset({"id", "name"})


@dataclass(frozen=True, slots=True, repr=False)
class Mirror:
    """The JSON text of each entry under its key, and what looks them up."""

    texts: Mapping[str, str]
    lookup: Lookup = field(compare=False)

    def spelt(self) -> str:
        """Return a registry's file with these entries, keys in order."""
        lines = (f"  {json.dumps(key)}: {self.texts[key]}" for key in sorted(self.texts))
        return "{\n" + ",\n".join(lines) + "\n}\n" if self.texts else "{}\n"


def of_answer(content: bytes) -> Mirror:
    """Return what the body of GET /api/assistants holds; raises ValueError, saying what is wrong.

    One entry that is none makes the whole answer wrong.
    """
    entries = _Entries()
    fields: dict[str, Any] = {}

    def take(text: str, key: str, at: int) -> int:
        if key == "assistants":
            fields[key] = True
            return _object(text, at, entries.take)
        fields[key], at = _decode(text, at)
        return at

    _whole(content, take)
    fine = fields.get("success") is True and "assistants" in fields
    if not fine or fields.get("count") != len(entries.texts):
        raise ValueError("it is no answer with all assistants")
    return entries.mirror()


def of_file(content: bytes) -> Mirror:
    """Return what a registry's file holds; raises ValueError, saying what is wrong."""
    entries = _Entries()
    _whole(content, entries.take)
    return entries.mirror()


class _Entries:
    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.names: dict[str, tuple[str, str]] = {}

    def take(self, text: str, key: str, at: int) -> int:
        entry, end = _decode(text, at)
        if why := _wrong(entry):
            raise ValueError(f"{key} is no assistant: {why}")
        self.texts[key] = text[at:end]
        self.names[key] = (entry["id"], entry.get("name") or "")
        return end

    def mirror(self) -> Mirror:
        texts, index = self.texts, Index(self.names)
        return Mirror(
            texts, Lookup(texts.keys(), lambda: index, lambda key: json.loads(texts[key]))
        )


def _entry(text: str) -> Entry:
    entry: Entry = json.loads(text)
    return entry


def _wrong(entry: Any) -> str:
    if isinstance(entry, dict) and entry.keys() <= _BRIEF:
        entry = {**entry, "tools": []}
    return unreadable(entry)


def _whole(content: bytes, take: Callable[[str, str, int], int]) -> None:
    """Take the members of a text that is one object; raises ValueError."""
    try:
        text = content.decode("utf-8-sig")
        end = _object(text, _past(text, 0, ""), take)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except (json.JSONDecodeError, UnicodeDecodeError):  # they would carry all of it along
        raise ValueError("it is not JSON") from None
    if _past(text, end, "") != len(text):
        raise ValueError("it is not JSON")


def _object(text: str, at: int, take: Callable[[str, str, int], int]) -> int:
    """Hand each member's key, and where its value begins, to `take`; return where the object ends.

    `take` returns where the value ends.
    """
    at = _past(text, at, "{")
    if text.startswith("}", at):
        return at + 1
    while True:
        if not text.startswith('"', at):
            raise ValueError("it is not JSON")
        key, end = _decode(text, at)
        at = _past(text, take(text, key, _past(text, _past(text, end, ""), ":")), "")
        if text.startswith("}", at):
            return at + 1
        at = _past(text, at, ",")


def _past(text: str, at: int, sign: str) -> int:
    """Return where the text goes on after a sign and white space; raises ValueError."""
    if not text.startswith(sign, at):
        raise ValueError("it is not JSON" if sign in ":," else "it is no object")
    found = _SPACE.match(text, at + len(sign))
    assert found is not None  # noqa: S101 - the pattern fits anywhere
    return found.end()
