"""Events for those who listen: each once, in order, wherever the run is played.

What this process keeps is passed on at once; what others keep is looked for when an ear hears that
there may be something. Listeners of one run share what was read, so that many cost little more than
one.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import suppress

from understudy.errors import StoreError
from understudy.runs import reading
from understudy.runs.database import Database
from understudy.runs.hearing import Ear, ear
from understudy.runs.notices import ANY
from understudy.runs.records import ENDINGS, Kept

log = logging.getLogger("understudy.runs")

_LOOK = 0.05  # seconds between two looks at runs that others play, where nothing is heard of them
_LOOK_LESS = 0.5  # when the last look failed
_LOOK_AT_ALL = 1.0  # seconds between two looks at every run, whatever was heard
_REST = 4  # how many times as long as a look the pause after it is, up to _LOOK
_HELD = 1000  # events of a run that are held for its listeners
_HELD_TEXT = 4_000_000  # characters of them


class _Channel:
    """One run that somebody listens to: its latest events, and who waits for the next."""

    def __init__(self) -> None:
        self.listeners = 0
        self.last: int | None = None  # the number of the latest event in `events`
        self.events: deque[Kept] = deque()
        self.size = 0  # characters that are held
        self.known = 0  # what is known to be kept
        self.gone = False
        self.more = asyncio.Event()

    def push(self, events: Sequence[Kept]) -> None:
        """Take new events; what is before a gap, only the database gives."""
        for one in events:
            if self.last is not None and one[0] <= self.last:
                continue
            if self.last is not None and one[0] > self.last + 1:
                self.events.clear()
                self.size = 0
            self.events.append(one)
            self.size += len(one[2])
            self.last = one[0]
        while len(self.events) > _HELD or (self.size > _HELD_TEXT and len(self.events) > 1):
            self.size -= len(self.events.popleft()[2])
        if events:
            self.known = max(self.known, events[-1][0])
            self.wake()

    def after(self, number: int) -> list[Kept] | None:
        """Return the held events after a number, None where some of them are not held."""
        if self.last is None or not self.events or number < self.events[0][0] - 1:
            return None
        skip = number - (self.events[0][0] - 1)
        return [self.events[i] for i in range(skip, len(self.events))]

    def wake(self) -> None:
        """Wake who waits."""
        self.more.set()
        self.more = asyncio.Event()


class Feed:
    """The events of runs, as they come. One for each loop; `aclose` ends all who listen."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._channels: dict[str, _Channel] = {}
        self._ours: set[str] = set()  # runs that this process plays
        self._heard: set[str] = set()  # which there may be news of
        self._woken = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None
        self._closed = asyncio.Event()

    async def aclose(self) -> None:
        """End all listeners."""
        self._closed.set()
        for channel in self._channels.values():
            channel.wake()
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    def publish(self, run: str, events: Sequence[Kept], *, ours: bool) -> None:
        """Pass on what this process has just kept; while a run is `ours`, nobody else writes."""
        if ours:
            self._ours.add(run)
        elif run in self._ours:
            self._ours.discard(run)
            if not events or events[-1][1] not in ENDINGS:  # others may be ahead already
                self._hear(run)
        if (channel := self._channels.get(run)) is not None:
            channel.push(events)

    async def listen(self, run: str, after: int = 0) -> AsyncGenerator[Kept, None]:
        """Yield the events of a run that follow a number; ends after the last one of an attempt.

        An attempt that ended before is followed by the next where there is one. Raises StoreError.
        """
        channel = self._channels.setdefault(run, _Channel())
        channel.listeners += 1
        checked = False  # whether the run had ended before; later ends are among the events
        try:
            while not self._closed.is_set():
                more = channel.more  # before looking: what comes between wakes
                events = channel.after(after)
                if events is None:
                    read = await asyncio.to_thread(self._read, run, after)
                    self._fill(channel, *read)
                    events = read[1]
                for one in events:
                    after = one[0]
                    yield one
                if not events and channel.known > after:  # it was purged meanwhile
                    channel.gone = channel.gone or await asyncio.to_thread(self._is_gone, run)
                    channel.known = after
                all_told = channel.known <= after
                if all_told and (channel.gone or (events and events[-1][1] in ENDINGS)):
                    return
                if events or not all_told:
                    continue
                if not checked and await asyncio.to_thread(self._over, run, after):
                    return
                checked = True
                self._look(run)
                await more.wait()
        finally:
            channel.listeners -= 1
            if channel.listeners == 0 and self._channels.get(run) is channel:
                del self._channels[run]

    @staticmethod
    def _fill(channel: _Channel, last: int, events: Sequence[Kept]) -> None:
        """Hold what was read, where nothing newer is held or is there to be read next."""
        if not events:
            return
        if channel.last is None and events[-1][0] >= last:
            channel.push(events)
        else:
            channel.known = max(channel.known, events[-1][0], last)

    def _read(self, run: str, after: int) -> tuple[int, list[Kept]]:
        """Return the number of a run's last event, or 0, and those after another that fit."""
        with self._database.reading() as connection:
            found = reading.grown(connection, [run])
            last = found[run][0] if run in found else 0
            return last, reading.events_after(connection, run, after)

    def _is_gone(self, run: str) -> bool:
        with self._database.reading() as connection:
            return not reading.grown(connection, [run])

    def _over(self, run: str, after: int) -> bool:
        """Tell whether nothing will follow an event by itself."""
        with self._database.reading() as connection:
            found = reading.grown(connection, [run])
        if run not in found:
            return True
        last, standing = found[run]
        return standing.ended and last <= after

    def _look(self, run: str) -> None:
        """Have somebody look for what others write of a run."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._watch())
        elif run not in self._ours:
            self._woken.set()

    async def _watch(self) -> None:
        """Look for what other processes have kept, for as long as somebody listens."""
        while self._channels and not self._closed.is_set():
            hearing = ear(self._database, self._hear)
            try:
                await self._look_and_hear(hearing)
            finally:
                await hearing.aclose()

    def _hear(self, run: str) -> None:
        if run == ANY or (run in self._channels and run not in self._ours):
            self._heard.add(run)
            self._woken.set()

    async def _look_and_hear(self, hearing: Ear) -> None:
        clock = asyncio.get_running_loop().time
        all_at = clock() + _LOOK_AT_ALL
        while self._channels and not self._closed.is_set():
            others = self._channels.keys() - self._ours
            hearing.need(bool(others))
            left = all_at - clock()
            await self._sign(min(_LOOK, left) if others and not hearing.sure else left)
            heard, self._heard = self._heard, set()
            started = clock()
            if started >= all_at:
                all_at = started + _LOOK_AT_ALL
                runs = {*self._channels}
            else:
                others = self._channels.keys() - self._ours
                runs = others if ANY in heard or not hearing.sure else others & heard
            if not runs:
                continue
            if await self._looked_at(runs):
                await asyncio.sleep(min(_LOOK, _REST * (clock() - started)))
            else:
                all_at = clock()  # what was heard is not forgotten
                await asyncio.sleep(_LOOK_LESS)

    async def _sign(self, seconds: float) -> None:
        """Wait until something was heard, at most so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        self._woken.clear()

    async def _looked_at(self, runs: Collection[str]) -> bool:
        """Pass on what there is of runs; tell whether it could be read."""
        try:
            await asyncio.to_thread(self._passed_on, asyncio.get_running_loop(), [*runs])
        except StoreError as error:
            log.warning("Events of runs cannot be read: %s", error.message)
            return False
        except Exception:  # listeners would wait for ever
            log.exception("Events of runs cannot be read")
            return False
        return True

    def _passed_on(self, loop: asyncio.AbstractEventLoop, runs: Sequence[str]) -> None:
        """Read what has grown, in a thread, and hand it to the loop."""
        with self._database.reading() as connection:
            found = reading.grown(connection, runs)
            for run in runs:
                channel = self._channels.get(run)
                if channel is None:
                    continue
                if run not in found:
                    loop.call_soon_threadsafe(self._ended, channel)
                    continue
                last = found[run][0]
                if channel.last is None:
                    if last > channel.known:
                        loop.call_soon_threadsafe(self._known, channel, last)
                elif last > channel.last:
                    events = reading.events_after(connection, run, channel.last)
                    loop.call_soon_threadsafe(channel.push, events)
                    if events and events[-1][0] < last:  # more than are read at once
                        loop.call_soon_threadsafe(self._hear, run)

    @staticmethod
    def _known(channel: _Channel, last: int) -> None:
        channel.known = max(channel.known, last)
        channel.wake()

    @staticmethod
    def _ended(channel: _Channel) -> None:
        channel.gone = True
        channel.wake()
