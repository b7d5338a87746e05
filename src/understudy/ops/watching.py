"""Syncing the registry on a schedule, for as long as the process lives."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from typing import Generic, Protocol, TypeAlias, TypeVar

from understudy.errors import (
    BusySyncError,
    PlaceError,
    RefusedSyncError,
    UnderstudyError,
)
from understudy.ops.registry import PREFIX
from understudy.registry.schedule import DEFAULT, JUMP, check, due

log = logging.getLogger("understudy.registry")

#: Seconds: the longest that is slept without a look at the clock, which may jump.
_LOOK = 30.0

#: Seconds to the first retry of a source that is down; each further one waits twice as long.
_BACKOFF = 30.0


T = TypeVar("T", bound="Counted")


class Counted(Protocol):
    """What came of a sync, as far as a schedule looks at it."""

    @property
    def count(self) -> int:
        """How many assistants there are now."""


#: Syncs once; raises UnderstudyError.
Sync: TypeAlias = Callable[[], Awaitable[T]]

#: Takes a moment of the schedule on, and tells whether no other process had; raises nothing.
Take: TypeAlias = Callable[[datetime], Awaitable[bool]]


async def _mine(_: datetime) -> bool:
    return True


class _Woken(Enum):
    """Why a wait ended; ASTRAY: the clock was put back far."""

    DUE = auto()
    STOPPED = auto()
    ASTRAY = auto()


@dataclass(frozen=True, slots=True)
class Worker:
    """How the schedule stands: times in UTC, `result` in a few words."""

    next: datetime | None = None
    last: datetime | None = None
    running: bool = False
    result: str = ""


class Watch(Generic[T]):
    """Runs `sync` when it is due, one at a time; a failed one is tried again.

    `jitter` spreads the starts of many machines, in seconds at most. `on_done` hears of each sync
    that ended well, `pause` sleeps and tells whether to stop. `take` is asked before each sync, so
    that of several processes with one schedule one does it.
    """

    def __init__(
        self,
        sync: Sync[T],
        *,
        schedule: str = DEFAULT,
        jitter: float = 10.0,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        pause: Callable[[float], Awaitable[bool]] | None = None,
        on_done: Callable[[T], None] = lambda _: None,
        chance: Callable[[], float] = random.random,
        take: Take = _mine,
    ) -> None:
        check(schedule)
        self._sync = sync
        self._schedule = schedule
        self._jitter = jitter
        self._clock = clock
        self._stop = asyncio.Event()
        self._pause = pause or self._sleep
        self._on_done = on_done
        self._chance = chance
        self._take = take
        self.worker = Worker()

    def stop(self) -> None:
        """Let a sync that is running end, and begin no other."""
        self._stop.set()

    async def run(self) -> None:
        """Sync whenever it is due, until `stop`; raises nothing: what goes wrong is logged."""
        last: datetime | None = None
        failures = 0
        while not self._stop.is_set():
            now = self._clock()
            at = due(self._schedule, now, last)
            if failures:
                at = min(at, datetime.fromtimestamp(now.timestamp() + self._delay(failures), UTC))
            self.worker = Worker(at, self.worker.last, False, self.worker.result)
            match await self._until(at):
                case _Woken.STOPPED:
                    return
                case _Woken.ASTRAY:
                    continue
            last = at
            failures = 0 if await self._once(at) else failures + 1

    async def _until(self, at: datetime) -> _Woken:
        """Wait for a time; what is missed while the clock jumps ahead is made up for once."""
        at = datetime.fromtimestamp(at.timestamp() + self._jitter * self._chance(), UTC)
        seen = self._clock()
        while (left := (at - seen).total_seconds()) > 0:
            if await self._pause(min(left, _LOOK)):
                return _Woken.STOPPED
            before, seen = seen, self._clock()
            if seen < before - JUMP:
                return _Woken.ASTRAY
        return _Woken.STOPPED if self._stop.is_set() else _Woken.DUE

    async def _once(self, at: datetime) -> bool:
        """Sync once; tell whether it need not be tried again before the next time."""
        if not await self._take(at):
            log.info("%s left to another process", PREFIX)
            self.worker = Worker(None, self.worker.last, False, "left to another process")
            return True
        self.worker = Worker(None, self.worker.last, True, self.worker.result)
        try:
            done = await self._sync()
        except BusySyncError:
            result, fine = "skipped: another sync was running", True
            log.info("%s %s", PREFIX, result)
        except RefusedSyncError as error:
            result, fine = f"refused: {error.message}", True
            log.warning("%s %s", PREFIX, result)
        except UnderstudyError as error:
            # A key that is refused is not accepted a minute later.
            result, fine = f"failed: {error.message}", not _passes(error)
        except Exception as error:  # whatever it was: the schedule goes on
            result, fine = f"failed: {type(error).__name__}", False
            log.exception("%s internal error", PREFIX)
        else:
            result, fine = f"{done.count} assistants", True
            self._on_done(done)
        self.worker = Worker(None, at, False, result)
        return fine

    def _delay(self, failures: int) -> float:
        return float(_BACKOFF * 2 ** min(failures - 1, 6) * (0.5 + self._chance() / 2))

    async def _sleep(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._stop.wait(), seconds)
        except TimeoutError:
            return False
        return True


def _passes(error: UnderstudyError) -> bool:
    return isinstance(error, PlaceError) and not error.stops_run
