"""The database of runs, opened: its transactions, and its clock."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, func, select
from sqlalchemy.dialects import postgresql, sqlite

from understudy.runs.forms import FORMS
from understudy.runs.notices import NEWS, tell
from understudy.store.address import Address
from understudy.store.failures import translated
from understudy.store.opening import WRITES, hooked, migrate, newest, options, prepare

_LAST = 10.0  # seconds for transactions under way when a database is closed
_CLOCK = select(func.extract("epoch", func.clock_timestamp()))


class Database:
    """An open database; threads may share it. Everything raises StoreError where the driver does.

    Writers do not wait for each other more than their rows (PostgreSQL) or the file (SQLite) ask.
    """

    def __init__(self, address: Address) -> None:
        self.address = address
        with translated(address):
            if address.path is not None:
                prepare(address.path, address)
            self._engine: Engine = hooked(create_engine(address.url, **options(address)))
        self._writer = self._engine.execution_options(**{WRITES: True})
        self._users = 0
        self._idle = Condition()
        try:
            with self.reading() as connection:
                ready = newest(connection, address, FORMS)
            if not ready:
                with translated(address):
                    migrate(address, FORMS)
        except BaseException:
            self.close()
            raise

    def __repr__(self) -> str:
        return f"Database({self.address.shown!r})"

    @property
    def local(self) -> bool:
        """Whether it is a file, so that everybody who uses it has the same clock."""
        return self.address.path is not None

    def close(self) -> None:
        """Close all connections, once what still runs in threads has ended; may be repeated."""
        with self._idle:
            self._idle.wait_for(lambda: self._users == 0, timeout=_LAST)
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Hold a transaction that only reads."""
        with translated(self.address), self._used(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Hold a transaction that is kept whole, or not at all where something is raised within.

        Others are told of its `news` afterwards.
        """
        told: set[str] = set()
        with translated(self.address), self._used(), self._writer.connect() as connection:
            connection.execution_options(**{NEWS: told})
            with connection.begin():
                yield connection
            tell(connection, told)

    @contextmanager
    def _used(self) -> Iterator[None]:
        """Count who holds a connection: one that comes back after the end would never be closed."""
        with self._idle:
            self._users += 1
        try:
            yield
        finally:
            with self._idle:
                self._users -= 1
                self._idle.notify_all()


def now(connection: Connection) -> float:
    """Return the seconds since 1970 by a clock that all processes of a database share."""
    if connection.dialect.name == "sqlite":
        return time.time()
    return float(connection.scalar(_CLOCK) or 0.0)


def insert_new(connection: Connection, table: Table) -> Any:
    """Return an INSERT that leaves rows alone whose keys are there already."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return dialect.insert(table).on_conflict_do_nothing()
