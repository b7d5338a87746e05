"""A database, opened: its engine, its transactions, its tables in their newest form."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from threading import Lock
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, func, inspect, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from understudy.errors import NewerStoreError, StoreError
from understudy.store import migrations
from understudy.store.address import Address, parse
from understudy.store.failures import failure, translated

_PATIENCE = 30  # seconds that a write waits for the writes of others
_CONNECT = 10  # seconds

#: What PostgreSQL's advisory lock is called; any number that nobody else takes.
_LOCK = 0x756E6465_72737475

_MAGIC = b"SQLite format 3\0"
_WAL = slice(18, 20)  # where a file's head says that it has a write-ahead log
_WRITES = "understudy_writes"

_ALEMBIC = Lock()

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Database:
    """An open database; `open` makes one. Everything raises StoreError where the driver does."""

    def __init__(self, address: Address, engine: AsyncEngine) -> None:
        self.address = address
        self._engine = engine
        self._writer = engine.execution_options(**{_WRITES: True})

    def __repr__(self) -> str:
        return f"Database({self.address.shown!r})"

    @classmethod
    async def open(cls, url: str) -> Database:
        """Open a database and bring its tables into the newest form; may be repeated.

        A file and its folder are made where there are none. Raises UsageError, StoreError.
        """
        address = parse(url)
        with translated(address):
            if address.path is not None:
                await asyncio.to_thread(_prepare, address.path, address)
            engine = create_async_engine(address.url, **_options(address))
            _hooked(engine.sync_engine)
        database = cls(address, engine)
        try:
            if not await database.read(AsyncConnection.run_sync, _is_newest, address):
                with translated(address):
                    await asyncio.to_thread(_migrate, address)
        except BaseException:
            await database.aclose()
            raise
        return database

    async def aclose(self) -> None:
        """Close all connections; may be repeated."""
        await self._engine.dispose()

    async def read(
        self,
        do: Callable[Concatenate[AsyncConnection, _P], Awaitable[_T]],
        *args: _P.args,
        **options: _P.kwargs,
    ) -> _T:
        """Return what a function returns for a transaction that only reads."""

        async def run() -> _T:
            async with self.reading() as connection:
                return await do(connection, *args, **options)

        return await _unbroken(run())

    async def write(
        self,
        do: Callable[Concatenate[AsyncConnection, _P], Awaitable[_T]],
        *args: _P.args,
        **options: _P.kwargs,
    ) -> _T:
        """Return what a function returns for a transaction as `writing` gives it.

        A task that is cancelled meanwhile ends after it.
        """

        async def run() -> _T:
            async with self.writing() as connection:
                return await do(connection, *args, **options)

        return await _unbroken(run())

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Hold a transaction that only reads."""
        with translated(self.address):
            async with self._engine.begin() as connection:
                yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """Hold a transaction that is kept whole, or not at all where something is raised within.

        There is one at a time, in all processes: what it reads stays true until it ends.
        """
        with translated(self.address):
            async with self._writer.begin() as connection:
                await connection.run_sync(_alone)
                yield connection


async def _unbroken(work: Coroutine[Any, Any, _T]) -> _T:
    """Return what the work returns; a cancellation waits until it has ended.

    A driver that is stopped between a statement and its answer leaves its connection, and with
    SQLite the lock on everything, to the garbage collector.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # whoever cancelled does not want to hear of it
        raise


def _alone(connection: Connection) -> None:
    """Wait for those who write; nobody else does until the transaction ends."""
    if connection.dialect.name == "postgresql":  # SQLite has one writer by itself
        connection.execute(select(func.set_config("lock_timeout", f"{_PATIENCE}s", True)))
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))


def _is_newest(connection: Connection, address: Address) -> bool:
    """Tell whether the tables have the newest form. Raises NewerStoreError for one to come."""
    revision = _revision(connection)
    if revision is not None and revision not in migrations.REVISIONS:
        raise NewerStoreError(
            f"The library {address.shown} was written by a newer version of understudy "
            f"(its form is {revision}, and this version knows those up to "
            f"{migrations.REVISIONS[-1]}).",
            hint="pip install --upgrade understudy",
        )
    return revision == migrations.REVISIONS[-1]


def _revision(connection: Connection) -> str | None:
    """Return which form the tables have, None for a database without them."""
    if not inspect(connection).has_table(migrations.VERSION_TABLE):
        return None
    statement = text(f"SELECT version_num FROM {migrations.VERSION_TABLE}")  # noqa: S608 - ours
    found: str | None = connection.scalar(statement)
    return found


def _migrate(address: Address) -> None:
    """Bring the tables into their newest form, in a thread and on a connection of its own."""
    url = address.url
    if address.path is not None:
        url = url.set(drivername="sqlite")
    engine = _hooked(create_engine(url, **_options(address)))
    try:
        # Alembic keeps what it is about in variables of its module.
        with _ALEMBIC, engine.execution_options(**{_WRITES: True}).begin() as connection:
            _alone(connection)
            # Somebody else may have done it while this one waited.
            if not _is_newest(connection, address):
                migrations.upgrade(connection)
    finally:
        engine.dispose()


def _options(address: Address) -> dict[str, Any]:
    # Parameters are the contents of assistants, which belong into no error and no log.
    if address.path is not None:
        return {"hide_parameters": True, "connect_args": {"timeout": _PATIENCE}}
    waits = {} if "connect_timeout" in address.url.query else {"connect_timeout": _CONNECT}
    return {
        "hide_parameters": True,
        "isolation_level": "READ COMMITTED",
        "pool_pre_ping": True,
        "connect_args": waits,
    }


def _hooked(engine: Engine) -> Engine:
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _connected)
        event.listen(engine, "begin", _begun)
    return engine


def _connected(connection: Any, _: object) -> None:
    # Python's driver would begin transactions by itself, too late and of the wrong kind.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.close()


def _begun(connection: Connection) -> None:
    # A transaction that reads first and then writes fails at once when another one wrote between.
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _prepare(path: Path, address: Address) -> None:
    """Make sure of a file that only its owner reads, with a write-ahead log."""
    from filelock import FileLock

    path.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    if not path.is_file():
        raise StoreError(f"The library {address.shown} is no file.", hint="Name another path.")
    with path.open("rb") as file:
        head = file.read(_WAL.stop)
    if head and not head.startswith(_MAGIC):
        raise StoreError(
            f"The library {address.shown} is no SQLite database.", hint="Name another file."
        )
    if head[_WAL] == b"\2\2":
        return
    # SQLite does not wait for others while it changes this, so that only one may try.
    with (
        FileLock(path.with_name(f".{path.name}.lock")),
        closing(sqlite3.connect(path, timeout=_PATIENCE)) as connection,
    ):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.Error as error:
            raise failure(str(error), address) from error
