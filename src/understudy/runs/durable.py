"""Durable runs: asked for, looked at, listened to, retried, cancelled and purged.

All that is known of a run stands in a database, which many processes share; `worker` plays what
is asked for here, in this process or in another one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime
from types import TracebackType
from typing import Self, TypeVar

from sqlalchemy import Connection

from understudy.architect.run_events import RunEnded
from understudy.errors import StoreError
from understudy.runs import deciding, purging, reading, submitting, workers
from understudy.runs.database import Database
from understudy.runs.feed import Feed
from understudy.runs.journal import Journal
from understudy.runs.records import Asked, Kept, Numbered, Order, RunInfo, Standing, event_of
from understudy.runs.submitting import Row
from understudy.runs.workers import Claimed
from understudy.store.address import Address

_T = TypeVar("_T")


class DurableRuns:
    """Runs in a database; an asynchronous context manager.

    Everything may raise StoreError; what takes a run's id, SelectionError. A worker that is not
    heard of for the seconds of a `lease` counts as dead; all processes of a database use the same.
    """

    def __init__(self, address: Address, *, lease: float = workers.LEASE) -> None:
        self.lease = lease
        self._address = address
        self._database: Database | None = None

    async def __aenter__(self) -> Self:
        self._database = await asyncio.to_thread(Database, self._address)
        self.feed = Feed(self._database)
        self.journal = Journal(self._database, self.feed.publish, patience=self.lease)
        self.on_queued: Callable[[], None] = lambda: None
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.journal.aclose()
        await self.feed.aclose()
        if self._database is not None:
            await asyncio.to_thread(self._database.close)
            self._database = None

    async def submit(self, order: Order, asked: Asked | None = None) -> RunInfo:
        """Queue a run and return it; with a key that was sent before, the run of that time.

        Raises IdempotencyError for a key that stood for something else.
        """
        run = await self.writing(submitting.submit, order, asked or Asked())
        self.on_queued()
        return await self.find(run)

    async def earlier(self, asked: Asked) -> RunInfo | None:
        """Return the run that a key stands for, None for a new key; raises IdempotencyError."""
        run = await self.reading(submitting.earlier, asked)
        return await self.find(run) if run else None

    async def submit_for(self, order: Order, asked: Asked, worker: str) -> Claimed:
        """Write a new run down as taken on by a worker already."""

        def work(connection: Connection) -> Claimed:
            run = submitting.submit(connection, order, asked)
            (claimed,) = workers.claim(connection, worker, 1, run=run)
            return claimed

        return await self.writing(work)

    async def retry(self, run: str, *, force: bool = False, trace: str | None = None) -> RunInfo:
        """Queue what did not finish of a run, under its id; finished prompts are not asked again.

        `trace` is the context that this is asked in, None for the one before. Raises MoveError for
        a run that has completed, and without `force` for one that is played.
        """
        await self.writing(deciding.again, run, self.lease, force=force, trace=trace)
        self.on_queued()
        return await self.find(run)

    async def retry_for(
        self, run: str, worker: str, *, force: bool = False, trace: str | None = None
    ) -> Claimed:
        """Do the same, taken on by a worker already."""

        def work(connection: Connection) -> Claimed:
            deciding.again(connection, run, self.lease, force=force, trace=trace)
            (claimed,) = workers.claim(connection, worker, 1, run=run)
            return claimed

        return await self.writing(work)

    async def cancel(self, run: str) -> RunInfo:
        """Cancel a run; the process that plays it ends it within a moment. May be repeated.

        Raises MoveError for a run that has ended otherwise.
        """
        await self.writing(deciding.cancel, run, self.lease)
        return await self.find(run)

    async def find(self, run: str) -> RunInfo:
        """Return a run, with all its answers."""
        return await self.reading(reading.find, run, self.lease)

    async def list(
        self,
        *,
        limit: int = 50,
        assistant: str | None = None,
        standing: Collection[Standing] = (),
        batch: str | None = None,
        caller: str | None = None,
    ) -> tuple[RunInfo, ...]:
        """Return the latest runs without what was entered and answered, the newest first."""
        return await self.reading(
            reading.latest,
            self.lease,
            limit=limit,
            assistant=assistant,
            standing=standing,
            batch=batch,
            caller=caller,
        )

    async def events(self, run: str, after: int = 0) -> AsyncGenerator[Numbered, None]:
        """Yield a run's events that follow a number, as they come, wherever it is played.

        See `Feed.listen` for when it ends.
        """
        async with aclosing(self.feed.listen(run, after)) as events:
            async for kept in events:
                yield await self.told(run, kept)

    async def told(self, run: str, kept: Kept) -> Numbered:
        """Return an event, read; the end has all answers. Raises StoreError for a damaged one."""
        number, kind, text = kept
        try:
            event = event_of(kind, text)
        except (KeyError, ValueError, TypeError) as error:
            raise StoreError(
                f"Event {number} of {run} cannot be read: what is kept of it is damaged.",
                hint="Restore the database, or purge the run.",
            ) from error
        if isinstance(event, RunEnded):
            told = await self.reading(reading.outcome, run, number)
            event = replace(event, answers=told.answers, partials=told.partials, voided=told.voided)
        return Numbered(number, kind, event)

    async def purge(self, before: datetime) -> int:
        """Delete all of the runs that ended before a time; return how many those were."""
        count = 0
        while some := await self.writing(purging.purge, before.timestamp()):
            count += some
        return count

    async def queue_rows(
        self, batch: str, order: Order, rows: Sequence[Row], asked: Asked | None = None
    ) -> None:
        """Queue rows of a batch; those that are there already are left alone."""
        if rows:
            await self.writing(submitting.submit_rows, order, batch, rows, asked or Asked())

    async def reading(self, work: Callable[..., _T], *args: object, **options: object) -> _T:
        """Return what a function returns for a transaction that only reads, in a thread."""
        return await asyncio.to_thread(lambda: self._read(work, *args, **options))

    async def writing(self, work: Callable[..., _T], *args: object, **options: object) -> _T:
        """Return what a function returns for a transaction, in a thread.

        A task that is cancelled meanwhile ends after it: a claim that nobody knows of is lost.
        """
        task = asyncio.ensure_future(asyncio.to_thread(lambda: self._write(work, *args, **options)))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait([task])
            raise

    def _read(self, work: Callable[..., _T], *args: object, **options: object) -> _T:
        with self._opened().reading() as connection:
            return work(connection, *args, **options)

    def _write(self, work: Callable[..., _T], *args: object, **options: object) -> _T:
        with self._opened().writing() as connection:
            return work(connection, *args, **options)

    def _opened(self) -> Database:
        if self._database is None:
            raise RuntimeError("not open")
        return self._database
