"""A database, opened: its engine, its transactions, its tables in their newest form."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from understudy.store.address import Address, parse
from understudy.store.failures import translated
from understudy.store.migrations import FORMS
from understudy.store.opening import WRITES, alone, hooked, migrate, newest, options, prepare

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Database:
    """An open database; `open` makes one. Everything raises StoreError where the driver does."""

    def __init__(self, address: Address, engine: AsyncEngine) -> None:
        self.address = address
        self._engine = engine
        self._writer = engine.execution_options(**{WRITES: True})

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
                await asyncio.to_thread(prepare, address.path, address)
            engine = create_async_engine(address.url, **options(address))
            hooked(engine.sync_engine)
        database = cls(address, engine)
        try:
            if not await database.read(AsyncConnection.run_sync, newest, address, FORMS):
                with translated(address):
                    await asyncio.to_thread(migrate, address, FORMS)
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
                await connection.run_sync(alone)
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
