"""What the last sync saw, in few bytes: the next one knows at once when nothing changed. Pure.

A sync of the same records over the same file stores the same, so neither is compared again. The
marks hold only for the file, the version and the interpreter that they were made with.
"""

from __future__ import annotations

import json
import marshal
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from understudy._version import __version__
from understudy.model.assistant import Assistant
from understudy.registry.entries import Entry, entry_of

_MADE_BY = f"{__version__}, marshal 2 of {sys.version_info[0]}.{sys.version_info[1]}"


@dataclass(frozen=True, slots=True, repr=False)
class Marks:
    """The digest of the `file`, each id's key and mark, and the keys that several `shared`."""

    file: str
    keys: Mapping[str, tuple[str, str]]
    shared: Mapping[str, tuple[str, ...]]

    def fit(self, marks: Mapping[str, str]) -> bool:
        """Tell whether these are the very records that were seen; their order is no matter."""
        return len(marks) == len(self.keys) and all(
            mark and (known := self.keys.get(one)) is not None and known[1] == mark
            for one, mark in marks.items()
        )


class Same(Mapping[str, Entry]):
    """The entries of records that have not changed, each spelt out when somebody asks for it."""

    def __init__(self, marks: Marks, records: Mapping[str, Assistant]) -> None:
        self._ids = dict(sorted((key, one) for one, (key, _) in marks.keys.items()))
        self._records = records

    def __getitem__(self, key: str) -> Entry:
        return entry_of(self._records[self._ids[key]])

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids)

    def __len__(self) -> int:
        return len(self._ids)


def mark(assistant: Assistant) -> str:
    """Return 32 hexadecimal digits for a record as it came; empty for one that cannot be marked.

    Fields in another order, or 1 for 1.0, give another mark: the records are then compared.
    """
    try:
        # Version 2 writes no references: they would depend on who else holds a string.
        return sha256(marshal.dumps(dict(assistant.raw), 2)).hexdigest()[:32]
    except ValueError:  # nested too deeply
        return ""


def spelt(marks: Marks) -> str:
    """Return the marks as text."""
    fields: dict[str, Any] = {
        "made_by": _MADE_BY,
        "file": marks.file,
        "shared": {key: list(ids) for key, ids in marks.shared.items()},
        "keys": {one: list(pair) for one, pair in marks.keys.items()},
    }
    return json.dumps(fields)


def read(text: str) -> Marks | None:
    """Return the marks in a text, None where they are none, or were made by another version."""
    try:
        value = json.loads(text)
        if value["made_by"] != _MADE_BY:
            return None
        keys = {str(one): (str(key), str(mark)) for one, (key, mark) in value["keys"].items()}
        shared = {str(key): tuple(map(str, ids)) for key, ids in value["shared"].items()}
        return Marks(str(value["file"]), keys, shared)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
