"""A process that plays runs: takes them on, plays several at once, and tells that it lives."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TypeVar

from understudy.architect.engine import Engine, Play
from understudy.architect.run_events import (
    Answered,
    Partial,
    RunEnded,
    RunListener,
    RunStatus,
)
from understudy.errors import StoreError, UnderstudyError
from understudy.runs import endings, purging, reading, workers
from understudy.runs.durable import DurableRuns
from understudy.runs.executor import executor_id
from understudy.runs.journal import LostError
from understudy.runs.playing import Observer, Playing, broken_off, is_cancelled, told, unplayable
from understudy.runs.plays import Plays
from understudy.runs.purging import Retention
from understudy.runs.record import Record
from understudy.runs.workers import Claimed, DeclaredDeadError, Rate

log = logging.getLogger("understudy.runs")

_IDLE = 0.2  # seconds between two looks at the queue
_FAILING = 5.0  # the most where it cannot be read
_CANCELS = 0.3  # seconds between two looks whether runs are to be cancelled
_BEATS = 5  # heartbeats in a lease
_TIDY = 600.0  # seconds between two looks for what need not be kept any more

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much a worker takes on: runs at once, and of all workers together.

    `batch` is the only one that it works for.
    """

    places: int = 16
    total: int | None = None
    rate: Rate | None = None
    batch: str | None = None


#: Makes who observes a run that begins here.
Observe = Callable[[Claimed, Play], Observer]


class Worker:
    """Plays runs of a database; an asynchronous context manager, which gives back what it has.

    `ready` raises UnderstudyError for models that cannot be asked, `cost` returns what answers
    and those that broke off cost, None where that is not known. One worker for each process.
    """

    def __init__(
        self,
        runs: DurableRuns,
        engine: Engine,
        *,
        ready: Callable[[Mapping[str, str]], None],
        cost: Callable[[Collection[Answered | Partial]], float | None],
        limits: Limits | None = None,
        retention: Retention | None = None,
        observe: Observe | None = None,
        kind: str = "worker",
    ) -> None:
        self.id = executor_id()
        self._runs = runs
        self._engine = engine
        self._ready = ready
        self._cost = cost
        self._limits = limits or Limits()
        self._retention = retention or Retention()
        self._observe = observe
        self._kind = kind
        self._playing: dict[str, Playing] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._left: dict[tuple[str, int], float] = {}  # seconds of runs left as they were
        self._plays = Plays()
        self._places = asyncio.Semaphore(self._limits.places)
        self._nudged = asyncio.Event()
        self._idle = True  # whether the queue was empty when it was last looked at
        self._leaving = False
        self._beating: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        await self._do(workers.enter, self.id, self._kind, self._limits.places)
        await self._do(workers.take_over, self._runs.lease)
        self._beating = [asyncio.create_task(one()) for one in (self._beat, self._tidy)]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop(0)

    @property
    def busy(self) -> int:
        """How many runs are played at the moment."""
        return len(self._playing)

    def nudge(self) -> None:
        """Look at the queue now."""
        self._nudged.set()

    async def serve(self, stop: asyncio.Event, *, drain: bool = False) -> None:
        """Take on and play runs until the event; with `drain` until none is left that may run.

        What fails with the database is logged and tried again.
        """
        failures = 0
        while not stop.is_set():
            self._nudged.clear()
            left = True
            try:
                left = await self._take()
            except DeclaredDeadError as error:
                await self._declared_dead(error)
            except StoreError as error:
                failures += 1
                if failures == 1:
                    log.warning("The queue of runs cannot be read: %s", error.message)
            else:
                if failures:
                    log.warning("The queue of runs can be read again.")
                failures = 0
            if drain and not left and not self._playing:
                return
            if failures:
                await _first(min(_IDLE * 2**failures, _FAILING), stop)
            else:
                await _first(_IDLE, self._nudged, stop)

    async def play(self, claimed: Claimed) -> None:
        """Play one run that was claimed, to its end; cancelling it cancels the run."""
        playing = self._begin(claimed)
        try:
            await playing.done.wait()
        except asyncio.CancelledError:
            self._cancel(claimed.run)
            await playing.done.wait()
            raise

    async def stop(self, grace: float) -> None:
        """Let runs end for so many seconds, then leave the rest of them to others.

        What has not begun is left at once.
        """
        self._leaving = True
        if self._tasks and grace > 0:
            await asyncio.wait(self._tasks, timeout=grace)
        for one in list(self._playing.values()):
            one.cancel()
        while self._tasks:
            await asyncio.wait(self._tasks)
        if self._beating:
            for task in self._beating:
                task.cancel()
            await asyncio.gather(*self._beating, return_exceptions=True)
            self._beating = []
            try:
                await self._do(workers.leave, self.id, self._left)
            except StoreError as error:  # its lease will end
                log.warning("%s could not take leave: %s", self.id, error.message)

    async def _take(self) -> bool:
        """Take on what there is room for; tell whether there may be more."""
        busy = sum(not one.closing for one in self._playing.values())
        # A batch's own worker takes its next rows on before there are places for them.
        ahead = self._limits.places if self._limits.batch is not None else 0
        room = self._limits.places + ahead - busy
        if room <= 0:
            return True
        if self._idle and not await self._see(reading.waiting):  # which costs less than a claim
            return False
        limits = self._limits
        claimed = await self._do(
            workers.claim, self.id, room, rate=limits.rate, total=limits.total, batch=limits.batch
        )
        for one in claimed:
            self._begin(one)
        self._idle = not claimed
        return bool(claimed) or limits.rate is not None or limits.total is not None

    def _begin(self, claimed: Claimed) -> Playing:
        before = self._playing.get(claimed.run)
        if before is not None:  # it was taken away, and came back
            before.give_up()
        playing = self._playing[claimed.run] = Playing()
        playing.task = asyncio.create_task(self._played(claimed, playing))
        self._tasks.add(playing.task)
        playing.task.add_done_callback(self._tasks.discard)
        return playing

    async def _played(self, claimed: Claimed, playing: Playing) -> None:
        try:
            try:
                await self._perform(claimed, playing)
            except asyncio.CancelledError:  # before it began, or while its end was written
                await self._settle(claimed, playing)
        except LostError as error:
            log.warning("%s", error)
        except StoreError as error:
            log.warning("%s was left where it was: %s", claimed.run, error.message)
            self._stopped(claimed, playing)
        except Exception:  # a bug: nobody may wait for ever
            log.exception("%s cannot be played", claimed.run)
            self._stopped(claimed, playing)
        finally:
            if self._playing.get(claimed.run) is playing:
                del self._playing[claimed.run]
            playing.done.set()
            self.nudge()

    def _stopped(self, claimed: Claimed, playing: Playing) -> None:
        """Take note of a run that is played no more, and stands in the database as if it were."""
        if playing.record is not None:
            self._left[claimed.run, claimed.epoch] = playing.record.played
        playing.give_up()

    async def _perform(self, claimed: Claimed, playing: Playing) -> None:
        """Play a run and write its end; raises StoreError."""
        try:
            written = await self._see(reading.written, claimed.run) if claimed.last_event else []
            record = playing.record = Record(self._runs.journal, claimed, written)
            play = self._plays.of(claimed)
            self._ready(play.models)
        except StoreError:
            raise
        except Exception as error:  # what is kept is damaged, or a key is missing here
            if not isinstance(error, UnderstudyError):
                log.exception("%s cannot be played", claimed.run)
            await self._do(endings.end_claimed, claimed.run, claimed.epoch, unplayable(error))
            return
        if not await self._performed(claimed, playing, record, play):
            await record.give_back()
            return
        ended = record.ended or broken_off(record)
        playing.closing = True
        self.nudge()
        await record.close(ended, self._cost(record.paid(ended)))

    async def _performed(
        self, claimed: Claimed, playing: Playing, record: Record, play: Play
    ) -> bool:
        """Play a run; tell whether it is at its end, and not for others. Raises StoreError."""
        try:
            async with self._places:
                if self._leaving:  # it has not begun
                    return False
                hear = self._heard_by(record, claimed, playing, play)
                await self._engine.run(play, hear, record, played=claimed.played)
        except asyncio.CancelledError:
            if is_cancelled():
                if record.ended is None:  # it waited for a place
                    raise
                return playing.cancelled
            record.ended = broken_off(record)  # by nobody: a provider raised it
        except Exception as error:
            if not isinstance(error, StoreError):
                log.exception("%s broke off", claimed.run)  # its last event says so, too
            elif record.page.lost is not None:
                raise
        return True

    async def _settle(self, claimed: Claimed, playing: Playing) -> None:
        """Write the end of a run that is not played, or leave it to others; raises StoreError."""
        record = playing.record or Record(self._runs.journal, claimed, ())
        if playing.closing:
            await record.closed()
        elif playing.cancelled:
            ended = RunEnded(RunStatus.CANCELLED)
            await self._do(endings.end_claimed, claimed.run, claimed.epoch, ended)
        else:
            await record.give_back()

    def _heard_by(
        self, record: Record, claimed: Claimed, playing: Playing, play: Play
    ) -> RunListener:
        if self._observe is None:
            return record.hear
        return told(self._observe(claimed, play), record, playing)

    def _cancel(self, run: str) -> None:
        playing = self._playing.get(run)
        if playing is not None and not playing.cancelled:
            playing.cancelled = True
            playing.cancel()

    async def _beat(self) -> None:
        """Tell that this worker lives, look after the dead, and hear what is to be cancelled."""
        between = self._runs.lease / _BEATS
        clock = asyncio.get_running_loop().time
        beat_at = clock() + between
        while True:
            await asyncio.sleep(min(_CANCELS, between))
            try:
                if self._playing:
                    for run in await self._see(workers.to_cancel, self.id):
                        self._cancel(run)
                if clock() >= beat_at:
                    await self._do(workers.beat, self.id)
                    await self._look_after()
                    beat_at = clock() + between
            except DeclaredDeadError as error:
                await self._declared_dead(error)
            except StoreError as error:
                log.warning("%s could not tell that it lives: %s", self.id, error.message)
                await asyncio.sleep(between)

    async def _look_after(self) -> None:
        """Queue the runs of the dead again, and those of this worker that it does not know of.

        Such are left behind when the database goes away: what was claimed, or could not be written.
        """
        queued = await self._do(workers.take_over, self._runs.lease)
        for run, epoch in await self._see(workers.claimed_before, self.id, self._runs.lease):
            if run not in self._playing:
                played = self._left.get((run, epoch), 0.0)
                queued += await self._do(workers.release, run, epoch, played)
                self._left.pop((run, epoch), None)
        if queued:
            self.nudge()

    async def _tidy(self) -> None:
        """Delete what need not be kept any more, piece by piece, so that nobody waits for long."""
        while True:
            try:
                await self._do(purging.let_go_of_files)
                while await self._do(purging.keep, self._retention):
                    pass
            except StoreError as error:
                log.warning("What is old could not be deleted: %s", error.message)
            await asyncio.sleep(_TIDY)

    async def _declared_dead(self, error: DeclaredDeadError) -> None:
        """Stop everything, since others play it by now, and begin anew."""
        log.error("%s", error.message)
        for one in list(self._playing.values()):
            one.give_up()
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._left.clear()
        try:
            await self._do(workers.enter, self.id, self._kind, self._limits.places)
        except StoreError as failed:
            log.warning("%s could not begin anew: %s", self.id, failed.message)

    async def _do(self, work: Callable[..., _T], *args: object, **options: object) -> _T:
        return await self._runs.writing(work, *args, **options)

    async def _see(self, work: Callable[..., _T], *args: object) -> _T:
        return await self._runs.reading(work, *args)


async def _first(seconds: float, *events: asyncio.Event) -> None:
    """Wait until one of the events, or so many seconds."""
    tasks = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
