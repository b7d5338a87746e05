"""The adaptive limiter: additive increase, multiplicative decrease, one shared pause.

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
BACK_TO = 0.97  # of the measured rate, right after a refusal
STAY_AT = 0.99  # of the measured rate, while it is known to hold
GROWTH = 0.02  # of the rate, added each second
QUIET = 30.0  # seconds without a refusal before it probes above what it measured
LOWEST = 0.05  # requests a second


class Limiter:
    """Says when the next request may start.

    Nobody is delayed before the first refusal. That one is answered with the rate that the
    place accepted in the last second; since this may have been a burst, the rate then doubles
    every second until a second refusal confirms it. From then on it stays just below what was
    measured and probes upwards slowly, at most every 30 seconds.
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
        self._measured: float | None = None
        self._confirmed = False
        self._accepted: deque[float] = deque()
        self._grown_at = clock()
        self._cut_at = float("-inf")
        self._resume = float("-inf")
        self._next = float("-inf")

    @property
    def paused_for(self) -> float:
        """Seconds until requests may start again; 0 when they may now."""
        return max(0.0, self._resume - self._clock())

    async def acquire(self, *, stoppable: bool = True) -> float:
        """Wait for a turn and return the time at which it came.

        Raises InterruptedRunError once a stop was asked for, unless it is not `stoppable`.
        """
        while True:
            now = self._clock()
            turn = self._reserve(now)
            cut = self._cut_at
            if turn > now:
                await self.sleep(turn - now, stoppable=stoppable)
            if stoppable and self._stop is not None and self._stop.is_set():
                raise InterruptedRunError("Stopped before the next request.")
            if cut == self._cut_at:
                return self._clock()

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
        while self._accepted[0] < now - WINDOW:
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
        self._resume = max(self._resume, now + pause)
        self._next = max(self._next, self._resume)
        if started <= self._cut_at:
            return False
        counted = sum(1 for at in self._accepted if at >= now - WINDOW) / WINDOW
        if self.rate is None:
            measured = max(counted, 1.0)
        else:
            self._confirmed = self._measured is not None
            measured = min(self.rate, max(counted, self.rate / 2))
        self._measured = measured
        self.rate = max(measured * BACK_TO, LOWEST)
        self.streak += 1
        self._cut_at = now
        self._grown_at = self._resume
        self._next = self._resume
        return True

    def _reserve(self, now: float) -> float:
        if self.rate is None:
            return max(now, self._resume)
        # A timer that fires late may catch up two turns, no more.
        turn = max(self._next, self._resume, now - 2 / self.rate)
        self._next = turn + 1 / self.rate
        return turn

    def _grow(self, rate: float, now: float) -> float:
        seconds = now - self._grown_at
        if self._measured is None:
            grown = rate
        elif not self._confirmed:
            grown = rate * 2**seconds
        elif now - self._resume > QUIET:
            grown = rate * (1 + GROWTH * seconds)
        else:
            grown = max(rate, min(rate * (1 + GROWTH * seconds), self._measured * STAY_AT))
        return min(grown, self._ceiling) if self._ceiling else grown
