"""What a batch has to remember while its rows are looked at, on the disk: rows may be many.

SQLite keeps it in a file that has no name, which goes when it is closed.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from understudy.architect.inputs import InputFinding
from understudy.errors import StoreError
from understudy.runs.submitting import Row

_CACHE = 16_000  # kilobytes in memory
_PIECE = 500

_TABLES = """
PRAGMA cache_size = -%d; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
CREATE TABLE runs (digest BLOB NOT NULL, row INTEGER NOT NULL, run TEXT NOT NULL, now INTEGER);
CREATE INDEX spare ON runs (digest, row) WHERE now IS NULL;
CREATE TABLE fresh (row INTEGER PRIMARY KEY, inputs TEXT NOT NULL);
CREATE TABLE refused (row INTEGER PRIMARY KEY, findings TEXT NOT NULL);
"""


class Spool:
    """Runs that a batch has, the rows that have none yet, and those that were refused.

    Everything raises StoreError where there is no room for it. For one thread at a time.
    """

    def __init__(self) -> None:
        self._base = _Base()
        self.refused: Mapping[int, tuple[InputFinding, ...]] = _Refused(self._base)
        self.known = 0  # runs

    def close(self) -> None:
        """Forget everything; may be repeated."""
        self._base.close()

    def know(self, runs: Iterable[tuple[str, int, str]]) -> None:
        """Remember runs: the id of each, the row that it had, and a digest of what was entered."""
        self.known += self._base.many(
            "INSERT INTO runs (run, row, digest) VALUES (?, ?, ?)",
            ((run, row, bytes.fromhex(digest)) for run, row, digest in runs),
        )

    def give(self, digest: str, row: int) -> bool:
        """Give the first run that entered the same to a row; tell whether there was one left."""
        found = self._base.all(
            "UPDATE runs SET now = ? WHERE rowid = (SELECT rowid FROM runs "
            "WHERE digest = ? AND now IS NULL ORDER BY row LIMIT 1) RETURNING run",
            row,
            bytes.fromhex(digest),
        )
        return bool(found)

    def add(self, row: Row) -> None:
        """Remember a row that has no run."""
        self._base.all("INSERT INTO fresh VALUES (?, ?)", row.number, json.dumps(row.inputs))

    def refuse(self, row: int, findings: tuple[InputFinding, ...]) -> None:
        """Remember a row that is not sound, and why."""
        text = json.dumps([asdict(one) for one in findings])
        self._base.all("INSERT INTO refused VALUES (?, ?)", row, text)

    @property
    def moved(self) -> Iterable[tuple[str, int]]:
        """The runs that have another row now; may be gone through several times."""
        return _Again(self._base, "SELECT run, now FROM runs WHERE now <> row ORDER BY now")

    @property
    def left(self) -> Iterable[tuple[str]]:
        """The runs whose rows are gone; may be gone through several times."""
        return _Again(self._base, "SELECT run FROM runs WHERE now IS NULL ORDER BY row")

    @property
    def fresh(self) -> Iterator[Row]:
        """Yield the rows that have no run, in their order."""
        for number, inputs in self._base.each("SELECT row, inputs FROM fresh ORDER BY row"):
            yield Row(number, json.loads(inputs))


class _Base:
    """The file."""

    def __init__(self) -> None:
        with _translated():
            # An empty name: in memory as long as it is small, else where TMPDIR says.
            self._open = sqlite3.connect("", isolation_level=None, check_same_thread=False)
            self._open.executescript(_TABLES % _CACHE)

    def close(self) -> None:
        self._open.close()

    def all(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Return all that a statement finds."""
        with _translated():
            return self._open.execute(statement, values).fetchall()

    def each(self, statement: str) -> Iterator[tuple[Any, ...]]:
        """Yield what a statement finds, little of it at once."""
        with _translated():
            found = self._open.execute(statement)
            while some := found.fetchmany(_PIECE):
                yield from some

    def many(self, statement: str, values: Iterable[tuple[object, ...]]) -> int:
        """Carry out a statement for each of the values; return how many those were."""
        with _translated():
            self._open.execute("BEGIN")
            count = self._open.executemany(statement, values).rowcount
            self._open.execute("COMMIT")
            return max(count, 0)


class _Again:
    """What a statement finds, each time anew."""

    def __init__(self, base: _Base, statement: str) -> None:
        self._base = base
        self._statement = statement

    def __iter__(self) -> Iterator[Any]:
        return self._base.each(self._statement)


class _Refused(Mapping[int, tuple[InputFinding, ...]]):
    """The rows that were refused, and why."""

    def __init__(self, base: _Base) -> None:
        self._base = base

    def __getitem__(self, row: int) -> tuple[InputFinding, ...]:
        found = self._base.all("SELECT findings FROM refused WHERE row = ?", row)
        if not found:
            raise KeyError(row)
        return tuple(InputFinding(**one) for one in json.loads(found[0][0]))

    def __iter__(self) -> Iterator[int]:
        for (row,) in self._base.each("SELECT row FROM refused ORDER BY row"):
            yield row

    def __len__(self) -> int:
        ((count,),) = self._base.all("SELECT count(*) FROM refused")
        return int(count)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(
            f"The rows of a batch cannot be kept while they are looked at: {error}.",
            hint="Make room in the folder for temporary files (TMPDIR).",
        ) from error
