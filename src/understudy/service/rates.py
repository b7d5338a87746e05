"""How often somebody may ask: a bucket for each caller. Pure but for the clock it is given."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

_MOST = 10_000  # callers that are remembered; of more, the longest silent ones are forgotten


class Buckets:
    """Lets `rate` requests a second through for each name, `burst` at once; 0 lets all through."""

    def __init__(self, rate: float, burst: float, clock: Callable[[], float]) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str) -> float:
        """Take one; return 0, or the seconds after which there is one again."""
        if not self._rate:
            return 0.0
        left = self._filled(name)
        if left < 1:
            return (1 - left) / self._rate
        self._put(name, left - 1)
        return 0.0

    def _filled(self, name: str) -> float:
        left, since = self._left.get(name, (self._burst, 0.0))
        return min(self._burst, left + max(0.0, self._clock() - since) * self._rate)

    def _put(self, name: str, left: float) -> None:
        self._left[name] = (left, self._clock())
        self._left.move_to_end(name)
        if len(self._left) > _MOST:
            self._left.popitem(last=False)
