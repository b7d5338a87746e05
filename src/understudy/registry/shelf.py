"""The registry's file as bytes to be served: where each entry lies, and whose it is. Pure.

Nothing is spelt out again for an answer: what the file says is what applications get.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from functools import cached_property

from pydantic_core import from_json

from understudy.model.canonical import pretty
from understudy.registry.entries import Entries
from understudy.registry.names import Index

_ENTRY = b'\n  "'  # how a line begins that holds a key: nothing else stands two spaces in
_COLON = b": {\n"


@dataclass(frozen=True, slots=True)
class Slot:
    """Where an entry's object lies in the content, from `start` up to `end`."""

    start: int
    end: int
    id: str
    name: str | None


@dataclass(frozen=True, repr=False)
class Shelf:
    """A file's content up to `end`, and a slot for each key, in order of the keys."""

    raw: bytes
    end: int
    slots: Mapping[str, Slot]

    @property
    def content(self) -> memoryview:
        """The JSON object, without the newline after it; not copied, since it can be large."""
        return memoryview(self.raw)[: self.end]

    def entry(self, key: str) -> bytes:
        """Return an entry's object in JSON; raises KeyError."""
        slot = self.slots[key]
        return self.raw[slot.start : slot.end]

    @cached_property
    def index(self) -> Index:
        """What finds a key by name, id, or another spelling."""
        return Index({key: (slot.id, slot.name or "") for key, slot in self.slots.items()})


def shelve(content: bytes) -> Shelf:
    """Return the shelf of a file that a sync wrote, without reading its JSON as a whole.

    `content` must be what `file.serialized` returns of entries whose first fields are id and name,
    as those of a sync are. Raises ValueError for anything else that it notices.
    """
    whole = len(content) - content.endswith(b"\n")
    slots: dict[str, Slot] = {}
    at = content.find(_ENTRY)
    while at >= 0:
        after = content.find(_ENTRY, at + 1)
        end = after - 1 if after >= 0 else whole - 2  # before a comma, or a last "\n}"
        line = content.index(b"\n", at + 1)
        if not content.startswith(_COLON, line - len(_COLON) + 1):
            raise ValueError("an entry is no object")
        key = json.loads(content[at + 3 : line - len(_COLON) + 1])
        first, second = _values(content, line + 1)
        slots[key] = Slot(line - 1, end, first, second)
        at = after
    return Shelf(content, whole, slots)


def spelt_index(shelf: Shelf, digest: str) -> str:
    """Return where everything lies in the content of that digest, as text."""
    slots = [[key, *astuple(slot)] for key, slot in shelf.slots.items()]
    return json.dumps({"digest": digest, "end": shelf.end, "slots": slots})


def shelve_by_index(content: bytes, digest: str, index: str) -> Shelf | None:
    """Return the shelf of content whose index somebody wrote, None where that is another's."""
    try:
        known = from_json(index)
        if known["digest"] != digest:
            return None
        return Shelf(content, known["end"], {key: Slot(*slot) for key, *slot in known["slots"]})
    except (ValueError, KeyError, TypeError):
        return None


def shelve_entries(entries: Entries) -> Shelf:
    """Return the shelf of entries that came in any order and form."""
    parts: list[bytes] = []
    slots: dict[str, Slot] = {}
    at = 2  # after "{\n"
    for key in sorted(entries):
        entry = entries[key]
        spelt = pretty({key: entry}, sort_keys=False)[2:-3].encode()  # without { and }
        line = spelt.index(b"\n")  # it has an id at least, so it has lines
        slots[key] = Slot(at + line - 1, at + len(spelt), str(entry["id"]), entry.get("name"))
        parts.append(spelt)
        at += len(spelt) + 2
    content = b"{\n" + b",\n".join(parts) + b"\n}" if parts else b"{}"
    return Shelf(content, len(content), slots)


def _values(content: bytes, at: int) -> tuple[str, str | None]:
    """Return the values of the two lines from `at`: an entry's id and name."""
    end = content.index(b"\n", at)
    after = content.index(b"\n", end + 1)
    first = json.loads(b"{" + content[at:end].rstrip(b",") + b"}")
    second = json.loads(b"{" + content[end + 1 : after].rstrip(b",") + b"}")
    if "id" not in first or "name" not in second:  # of a file that was edited by hand
        raise ValueError("an entry does not begin with id and name")
    return str(first["id"]), second["name"]
