"""The limiter in virtual time: against two kinds of servers, and step by step."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import pytest

from understudy.errors import InterruptedRunError
from understudy.platforms.limiter import LOWEST, Limiter
from virtual_time import now, run

LIMIT = 100  # requests a second


class Server(Protocol):
    """Counts every request, refused ones too."""

    def hit(self, at: float) -> float | None:
        """Return None when the request is accepted, else in how many seconds one would be."""
        ...


class SlidingWindow:
    """At most `LIMIT` requests in any second."""

    def __init__(self) -> None:
        self._seen: deque[float] = deque()

    def hit(self, at: float) -> float | None:
        while self._seen and self._seen[0] <= at - 1:
            self._seen.popleft()
        self._seen.append(at)
        return None if len(self._seen) <= LIMIT else self._seen[-LIMIT] + 1 - at


class TokenBucket:
    """`LIMIT` tokens a second, of which only a few are kept; a refused request costs one too."""

    def __init__(self, burst: int) -> None:
        self._burst = burst
        self._tokens = float(burst)
        self._at = 0.0

    def hit(self, at: float) -> float | None:
        self._tokens = min(self._burst, self._tokens + (at - self._at) * LIMIT) - 1
        self._at = at
        if self._tokens >= 0:
            return None
        self._tokens = max(self._tokens, -self._burst)
        return (1 - self._tokens) / LIMIT


@dataclass
class Tally:
    accepted: int = 0
    refused: int = 0


async def use(server: Server, limiter: Limiter, *, workers: int, latency: float) -> Tally:
    """Send as fast as the limiter lets us for 60 virtual seconds."""
    tally, dice = Tally(), random.Random(7)  # noqa: S311 - jitter

    async def work() -> None:
        while (started := await limiter.acquire()) < 60:
            half = latency * dice.uniform(0.25, 0.75)
            await asyncio.sleep(half)
            wait = server.hit(now())
            await asyncio.sleep(half)
            if wait is None:
                tally.accepted += 1
                limiter.accepted()
            else:
                tally.refused += 1
                limiter.refused(started, wait)

    await asyncio.gather(*(work() for _ in range(workers)))
    return tally


@pytest.mark.parametrize(("workers", "share"), [(8, 0.95), (16, 0.95), (64, 0.94)])
@pytest.mark.parametrize("latency", [0.02, 0.05])
@pytest.mark.parametrize(
    "make", [SlidingWindow, lambda: TokenBucket(5), lambda: TokenBucket(20)], ids=["w", "b5", "b20"]
)
def test_the_limit_of_a_place_is_used_to_95_percent_with_few_refusals(
    make: Callable[[], Server], workers: int, share: float, latency: float
) -> None:
    async def main() -> Tally:
        return await use(make(), Limiter(clock=now), workers=workers, latency=latency)

    tally = run(main())
    assert tally.accepted >= share * LIMIT * 60
    assert tally.refused < 0.05 * (tally.accepted + tally.refused)


def test_nobody_waits_before_the_first_refusal() -> None:
    async def main() -> float:
        limiter = Limiter(clock=now)
        for _ in range(1000):
            await limiter.acquire()
            limiter.accepted()
        return now()

    assert run(main()) == 0


@pytest.mark.parametrize("ceiling", [0.5, 10, 50])
def test_a_ceiling_is_never_exceeded(ceiling: float) -> None:
    async def main() -> list[float]:
        limiter = Limiter(ceiling=ceiling, clock=now)
        starts: list[float] = []

        async def work() -> None:
            while len(starts) < 60:
                starts.append(await limiter.acquire())
                await asyncio.sleep(0.03)
                limiter.accepted()

        await asyncio.gather(*(work() for _ in range(10)))
        return starts

    starts = run(main())
    for index, first in enumerate(starts):
        within = [at for at in starts[index:] if at < first + 5]
        assert len(within) <= 5 * ceiling + 3  # timers that fire late may catch up two


def test_a_ceiling_holds_after_refusals_too() -> None:
    async def main() -> float:
        limiter = Limiter(ceiling=20, clock=now)
        for _ in range(500):
            started = await limiter.acquire()
            if now() < 5:
                limiter.refused(started, 0.1)
            else:
                limiter.accepted()
            assert limiter.rate is not None
            assert limiter.rate <= 20
        return limiter.rate or 0

    assert run(main()) > 15


def test_a_burst_of_refusals_is_one_cut() -> None:
    async def main() -> tuple[list[bool], float | None]:
        limiter = Limiter(clock=now)
        starts = [await limiter.acquire() for _ in range(50)]
        await asyncio.sleep(0.1)
        for _ in range(20):
            limiter.accepted()
        news = [limiter.refused(started, 0.5) for started in starts[20:]]
        return news, limiter.rate

    news, rate = run(main())
    assert news == [True] + [False] * 29
    assert rate == pytest.approx(20 * 0.97)


def test_a_pause_holds_everybody_even_those_who_waited_before_it() -> None:
    async def main() -> list[float]:
        limiter = Limiter(ceiling=10, clock=now)
        first, *_ = [await limiter.acquire() for _ in range(3)]
        waiting = [asyncio.ensure_future(limiter.acquire()) for _ in range(5)]
        await asyncio.sleep(0.05)
        limiter.refused(first, 7)
        assert limiter.paused_for == pytest.approx(7)
        return list(await asyncio.gather(*waiting))

    assert min(run(main())) >= 7


def test_the_longest_pause_counts_when_refusals_ask_for_different_ones() -> None:
    async def main() -> float:
        limiter = Limiter(clock=now)
        started = await limiter.acquire()
        limiter.refused(started, 3)
        limiter.refused(started, 9)
        limiter.refused(started, 1)
        assert limiter.paused_for == pytest.approx(9)
        return await limiter.acquire()

    assert run(main()) == pytest.approx(9)


def test_turns_come_in_the_order_in_which_they_were_asked_for() -> None:
    async def main() -> list[int]:
        limiter = Limiter(ceiling=10, clock=now)
        order: list[int] = []

        async def work(number: int) -> None:
            await limiter.acquire()
            order.append(number)

        await asyncio.gather(*(work(number) for number in range(20)))
        return order

    assert run(main()) == list(range(20))


def test_a_rate_that_was_cut_far_too_low_recovers_while_many_wait() -> None:
    """Those who wait must profit from the growth: their turns were not fixed when they came."""

    async def main() -> float:
        limiter = Limiter(clock=now)
        limiter.refused(await limiter.acquire(), 0)

        async def work() -> None:
            await limiter.acquire()
            await asyncio.sleep(0.01)
            limiter.accepted()

        await asyncio.gather(*(work() for _ in range(500)))
        return now()

    assert run(main()) < 15


def test_endless_refusals_slow_down_and_never_to_nothing() -> None:
    async def main() -> float | None:
        limiter = Limiter(clock=now)
        for _ in range(200):
            limiter.refused(await limiter.acquire(), 0.001)
        return limiter.rate

    assert run(main()) == LOWEST


def test_a_stop_wakes_all_who_wait_and_lets_none_begin() -> None:
    async def main() -> tuple[float, int]:
        stop = asyncio.Event()
        limiter = Limiter(stop=stop, clock=now)
        limiter.refused(await limiter.acquire(), 600)
        waiting = [asyncio.ensure_future(limiter.acquire()) for _ in range(5)]
        asyncio.get_running_loop().call_later(2, stop.set)
        results = await asyncio.gather(*waiting, return_exceptions=True)
        return now(), sum(isinstance(r, InterruptedRunError) for r in results)

    at, stopped = run(main())
    assert at == pytest.approx(2)
    assert stopped == 5


def test_what_must_be_asked_even_after_a_stop_still_waits_its_turn() -> None:
    async def main() -> float:
        stop = asyncio.Event()
        stop.set()
        limiter = Limiter(stop=stop, clock=now)
        started = await limiter.acquire(stoppable=False)
        limiter.refused(started, 4)
        return await limiter.acquire(stoppable=False)

    assert run(main()) == pytest.approx(4)
