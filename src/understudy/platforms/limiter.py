"""The adaptive limiter: quick search, then a rate just below what was measured; one shared pause.

One limiter serves every worker on a key, because the place counts them together (and counts
refused requests too). It knows nothing of HTTP.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

from understudy.errors import InterruptedRunError

WINDOW = 1.0  # seconds over which the accepted rate is measured
FEWEST = 5  # requests that a measurement needs; slow rates are measured over a longer time
BACK_TO = 0.97  # of the measured rate, right after a refusal
STAY_AT = 0.99  # of the measured rate, while it is known to hold
SEARCH = 4.0  # times the rate each second, while nothing above it was refused yet
APPROACH = 1.5  # seconds in which it nears a rate that was refused
AGREE = 0.05  # two measurements that differ by less confirm each other
TAILS = 2  # refusals right after a cut that are put down to the burst before it
GROWTH = 0.02  # of the rate, added each second while it probes above what was measured
QUIET = 30.0  # seconds without a refusal before it probes; doubles each time it was right
LONGEST_QUIET = 240.0
LOWEST = 0.05  # requests a second


class Limiter:
    """Says when the next request may start.

    Nobody is delayed before the first refusal. What the place accepted in the last second is
    then a lower bound: a sliding window accepted exactly its limit, a token bucket no more than
    its burst. So the rate climbs quickly, and slowly towards a rate that was refused, until two
    measurements agree. From then on it stays just below and probes upwards every now and then.
    """

    def __init__(
        self,
        *,
        ceiling: float | None = None,
        stop: asyncio.Event | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.rate = ceiling  # requests a second; None is unlimited
        self.streak = 0  # refusals since the last accepted request
        self._ceiling = ceiling
        self._stop = stop
        self._clock = clock
        self._turns = asyncio.Lock()
        self._measured: float | None = None
        self._refused_at: float | None = None  # the rate, not the time
        self._cut_to = float("inf")
        self._confirmed = False
        self._tails = 0
        self._quiet = QUIET
        self._accepted: deque[float] = deque()
        self._grown_at = clock()
        self._cut_at = float("-inf")
        self._resume = float("-inf")
        self._next = float("-inf")

    @property
    def paused_for(self) -> float:
        """Seconds until requests may start again; 0 when they may now."""
        return max(0.0, self._resume - self._clock())

    def now(self) -> float:
        """Return the time in seconds on the clock that everything here is measured with."""
        return self._clock()

    async def acquire(self, *, stoppable: bool = True) -> float:
        """Wait for a turn, first come first served, and return the time at which it came.

        Raises InterruptedRunError once a stop was asked for, unless it is not `stoppable`.
        """
        # Only the first in the queue looks at the rate: the others profit from its growth.
        async with self._turns:
            self._check(stoppable)
            while (wait := self._turn() - self._clock()) > 0:
                await self.sleep(wait, stoppable=stoppable)
                self._check(stoppable)
            now = self._clock()
            if self.rate is not None:
                # A timer that fires late may catch up two turns, no more.
                self._next = max(self._next, now - 2 / self.rate) + 1 / self.rate
            return now

    async def sleep(self, seconds: float, *, stoppable: bool = True) -> None:
        """Sleep, but wake up when a stop is asked for, unless it is not `stoppable`."""
        if self._stop is None or not stoppable:
            await asyncio.sleep(seconds)
            return
        try:
            await asyncio.wait_for(self._stop.wait(), timeout=seconds)
        except TimeoutError:
            return

    def accepted(self) -> None:
        """Note a request that was not refused for its rate; lets the rate grow."""
        now = self._clock()
        self.streak = 0
        self._accepted.append(now)
        while self._accepted[0] < now - WINDOW and len(self._accepted) > 2 * FEWEST:
            self._accepted.popleft()
        if self.rate is not None and now > self._grown_at:
            self.rate = self._grow(self.rate, now)
            self._grown_at = now

    def refused(self, started: float, pause: float) -> bool:
        """Note a refusal of a request that started then, and pause everybody (seconds).

        Returns whether it was news: refusals of requests that started before the last cut
        belong to the burst that was already answered.
        """
        now = self._clock()
        resumed = self._resume
        self._resume = max(self._resume, now + pause)
        self._next = max(self._next, self._resume)
        if started <= self._cut_at:
            return False
        self._measured = self._measure(now, resumed)
        self.rate = self._cut_to = max(self._measured * BACK_TO, LOWEST)
        self.streak += 1
        self._cut_at = now
        self._grown_at = self._resume
        self._next = self._resume
        return True

    def _check(self, stoppable: bool) -> None:
        if stoppable and self._stop is not None and self._stop.is_set():
            raise InterruptedRunError("Stopped before the next request.")

    def _turn(self) -> float:
        return self._resume if self.rate is None else max(self._next, self._resume)

    def _measure(self, now: float, resumed: float) -> float:
        """Return the rate that the place takes, as far as this refusal tells."""
        span = WINDOW if self.rate is None else max(WINDOW, FEWEST / self.rate)
        counted = sum(1 for at in self._accepted if at >= now - span) / span
        if self.rate is None:
            return max(counted, 1.0)
        settled = now - resumed >= span
        if not settled and self._tails < TAILS and self.rate <= 1.1 * self._cut_to:
            self._tails += 1
            return self.rate
        before, self._tails = self._measured, 0
        # Right after a pause there is little to count: it never falls by more than a third.
        measured = min(self.rate, max(counted, 0.7 * (before or self.rate)))
        agrees = before is not None and abs(measured - before) <= AGREE * measured
        if self._confirmed and agrees:
            self._quiet = min(2 * self._quiet, LONGEST_QUIET)
        self._confirmed = agrees or (settled and counted >= 0.9 * self.rate)
        self._refused_at = self.rate
        return measured

    def _grow(self, rate: float, now: float) -> float:
        seconds = now - self._grown_at
        goal = self._refused_at
        if self._measured is None:
            grown = rate
        elif self._confirmed and now - self._resume > self._quiet:
            grown = rate * (1 + GROWTH * seconds)
        elif self._confirmed:
            grown = max(rate, min(rate * (1 + GROWTH * seconds), self._measured * STAY_AT))
        elif goal is None or rate >= goal:
            grown = rate * SEARCH**seconds
        else:
            # It aims a little higher, else it would never arrive.
            share = min(1.0, seconds / APPROACH)
            grown = min(1.01 * goal, rate + (1.05 * goal - rate) * share)
        return min(grown, self._ceiling) if self._ceiling else grown
