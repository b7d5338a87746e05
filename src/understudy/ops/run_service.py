"""Runs within a service: their database opened when it is needed, what is queued played here."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from contextvars import Context
from dataclasses import replace
from datetime import datetime

from understudy.errors import StoreError, UnderstudyError
from understudy.ops.architect import Architect
from understudy.ops.running import Runs
from understudy.runs import ticks
from understudy.runs.census import census
from understudy.runs.executor import executor_id
from understudy.runs.records import Census
from understudy.runs.worker import Worker
from understudy.store.address import for_runs, parse

log = logging.getLogger("understudy.runs")

_AGAIN = 5.0  # seconds until a database that failed is tried again
_GRACE = 5.0  # seconds that runs may go on when the service ends; then others take them over
_COUNTING = 2.0  # seconds in which a database has to say how many runs wait
_NOBODY = Census(queued=0, running=0, interrupted=0, oldest=0.0, workers=0, places=0)


class RunService:
    """The runs of one service. `places` of them are played here at once, 0 leaves all to workers.

    Nothing is made on the disk before somebody asks for a run.
    """

    def __init__(
        self, architect: Architect, *, places: int | None = None, grace: float = _GRACE
    ) -> None:
        self.architect = architect
        self._places = places
        self._grace = grace
        self._runs: Runs | None = None
        self._worker: Worker | None = None
        self._opening = asyncio.Lock()
        self._stop = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._counting: asyncio.Task[Census] | None = None

    async def start(self) -> None:
        """Go on with what is queued, if there may be something."""
        place = for_runs(parse(self.architect.database))
        if place.path is None or place.path.exists():
            self._tasks.append(asyncio.create_task(self._keep_opening()))

    async def runs(self) -> Runs:
        """Return them, opened; raises StoreError, UsageError."""
        async with self._opening:
            if self._runs is None:
                # What is played here belongs to no request, not even to the one that came first.
                await asyncio.create_task(self._open(), context=Context())
            assert self._runs is not None  # noqa: S101 - it was just opened
            return self._runs

    async def take(self, schedule: str, at: datetime) -> bool:
        """Take on a moment of a schedule; tell whether no other process had.

        Where there is no database of runs, or it fails, nobody else is asked.
        """
        place = for_runs(parse(self.architect.database))
        if place.path is not None and not place.path.exists():
            return True
        try:
            kept = (await self.runs()).kept
            return await kept.writing(ticks.take, schedule, at.timestamp(), executor_id())
        except UnderstudyError as error:
            log.warning("Whether another process syncs is not known: %s", error.message)
            return True

    async def census(self) -> Census | None:
        """Return how many runs wait and are played; None where the database does not answer soon.

        However many ask, it is counted once at a time: no thread may wait for each of them.
        """
        place = for_runs(parse(self.architect.database))
        if place.path is not None and not place.path.exists():
            return _NOBODY
        if self._counting is None or self._counting.done():
            self._counting = asyncio.create_task(self._count())
            self._counting.add_done_callback(_heard)  # maybe nobody waits for it any more
        counting = self._counting
        await asyncio.wait({counting}, timeout=_COUNTING)
        if not counting.done():
            log.warning("How many runs wait is not known: the database does not answer.")
            return None
        try:
            return counting.result()
        except UnderstudyError as error:
            log.warning("How many runs wait is not known: %s", error.message)
            return None

    async def _count(self) -> Census:
        kept = (await self.runs()).kept
        return await kept.reading(census, kept.lease)

    def leave(self) -> None:
        """Begin no other run, and leave those that go on to others; `stop` waits for it."""
        self._stop.set()
        if self._worker is not None:
            self._tasks.append(asyncio.create_task(self._worker.stop(self._grace)))

    async def stop(self) -> None:
        """Begin no other run, leave those that go on to others, and close everything."""
        self._stop.set()
        if self._counting is not None:
            self._counting.cancel()
            await asyncio.wait({self._counting})
        for task in self._tasks:
            await task
        if self._worker is not None:
            await self._worker.stop(self._grace)
        if self._runs is not None:
            await self._runs.__aexit__(None, None, None)
            self._runs = self._worker = None

    async def _open(self) -> None:
        runs = Runs(self.architect)
        await runs.__aenter__()
        try:
            if self._places != 0:
                limits = runs.settings.limits
                limits = replace(limits, places=self._places or limits.places)
                worker = runs.worker(limits, kind="service")
                await worker.__aenter__()
                self._worker = worker
                self._tasks.append(asyncio.create_task(worker.serve(self._stop)))
        except BaseException:
            await runs.__aexit__(None, None, None)
            raise
        self._runs = runs

    async def _keep_opening(self) -> None:
        """Open the database, however long it takes to come up."""
        while not self._stop.is_set():
            try:
                await self.runs()
            except StoreError as error:
                log.warning("%s Trying again in %g s.", error.message, _AGAIN)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), _AGAIN)
            else:
                return


def _heard(task: asyncio.Task[Census]) -> None:
    """Take note of how a task failed, so that nothing is logged of it."""
    if not task.cancelled():
        task.exception()
