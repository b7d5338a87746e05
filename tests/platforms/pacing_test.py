"""Retry and pacing around a platform that is told what to answer."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping
from typing import Any

import pytest

from understudy.errors import (
    AuthenticationError,
    BusyError,
    ClosedError,
    EndpointGoneError,
    InterruptedRunError,
    LostAnswerError,
    MissingError,
    PlaceError,
    QuotaError,
    RejectedError,
    UnreachableError,
)
from understudy.model.assistant import Assistant
from understudy.platforms.base import Page, Wait
from understudy.platforms.limiter import Limiter
from understudy.platforms.memory import Memory
from understudy.platforms.pacing import Paced, RetryPolicy
from virtual_time import now, run

POLICY = RetryPolicy(attempts=4, base=1.0, longest=8.0, patience=100.0)


class Scripted(Memory):
    """A place that fails as it is told before it does anything; notes when it was asked."""

    def __init__(self, *failures: PlaceError, latency: float = 0.0) -> None:
        super().__init__([{"id": "asst_1", "model": "gpt-4o"}])
        self.failures = list(failures)
        self.latency = latency
        self.asked: list[float] = []

    async def _next(self) -> None:
        self.asked.append(now())
        failure = self.failures.pop(0) if self.failures else None
        await asyncio.sleep(self.latency)
        if failure is not None:
            raise failure

    async def list_page(self, *, after: str | None = None, newest_first: bool = False) -> Page:
        await self._next()
        return await super().list_page(after=after, newest_first=newest_first)

    async def retrieve(self, assistant_id: str) -> Assistant:
        await self._next()
        return await super().retrieve(assistant_id)

    async def create(self, payload: Mapping[str, Any]) -> Assistant:
        await self._next()
        return await super().create(payload)

    async def update(self, assistant_id: str, fields: Mapping[str, Any]) -> Assistant:
        await self._next()
        return await super().update(assistant_id, fields)

    async def delete(self, assistant_id: str) -> None:
        await self._next()
        await super().delete(assistant_id)

    async def models(self) -> Mapping[str, str | None] | None:
        await self._next()
        return dict.fromkeys({"gpt-4o"})


CALLS = {
    "list": lambda place: place.list_page(),
    "retrieve": lambda place: place.retrieve("asst_1"),
    "create": lambda place: place.create({"model": "gpt-4o"}),
    "update": lambda place: place.update("asst_1", {"name": "x"}),
    "delete": lambda place: place.delete("asst_1"),
    "models": lambda place: place.models(),
}
LOST = LostAnswerError("lost")


def call(kind: str, *failures: PlaceError, policy: RetryPolicy = POLICY) -> tuple[Any, list[float]]:
    """Return the result or the error of one call, and when it was sent."""
    place = Scripted(*failures)

    async def main() -> Any:
        paced = Paced(place, Limiter(clock=now), policy=policy)
        try:
            return await CALLS[kind](paced)
        except PlaceError as error:
            return error

    return run(main()), place.asked


@pytest.mark.parametrize("kind", sorted(set(CALLS) - {"create"}))
@pytest.mark.parametrize("error", [LOST, UnreachableError("nobody"), BusyError("busy")])
def test_whatever_may_be_repeated_is_repeated(kind: str, error: PlaceError) -> None:
    result, asked = call(kind, error, error, error)
    assert not isinstance(result, PlaceError)
    assert len(asked) == 4


def test_a_create_whose_answer_was_lost_is_never_repeated() -> None:
    result, asked = call("create", LOST)
    assert isinstance(result, LostAnswerError)
    assert len(asked) == 1


@pytest.mark.parametrize("error", [UnreachableError("nobody"), BusyError("busy")])
def test_a_create_that_was_certainly_not_carried_out_is_repeated(error: PlaceError) -> None:
    result, asked = call("create", error, error)
    assert isinstance(result, Assistant)
    assert len(asked) == 3


@pytest.mark.parametrize("kind", CALLS)
@pytest.mark.parametrize(
    "error",
    [
        QuotaError("no credit", retry_after=1),
        AuthenticationError("no"),
        EndpointGoneError("gone"),
        RejectedError("bad"),
        MissingError("not there"),
    ],
)
def test_what_no_waiting_cures_is_not_repeated(kind: str, error: PlaceError) -> None:
    result, asked = call(kind, error)
    assert result is error
    assert len(asked) == 1


def test_a_fault_that_stays_is_given_up_after_the_attempts() -> None:
    result, asked = call("list", *[LOST] * 9)
    assert result is LOST
    assert len(asked) == POLICY.attempts


def test_pauses_between_attempts_double_with_jitter() -> None:
    _, asked = call("list", LOST, LOST, LOST)
    pauses = [b - a for a, b in itertools.pairwise(asked)]
    for pause, most in zip(pauses, (1, 2, 4), strict=True):
        assert most / 2 <= pause <= most


def test_a_pause_is_never_longer_than_the_longest() -> None:
    assert all(4 <= POLICY.backoff(attempt) <= 8 for attempt in (3, 10, 100, 100_000))


@pytest.mark.parametrize("error", [BusyError("busy", retry_after=7), LostAnswerError("503")])
def test_what_the_place_asks_to_wait_is_waited(error: PlaceError) -> None:
    error.retry_after = 7
    _, asked = call("list", error)
    assert asked == [0, pytest.approx(7)]


def test_a_pause_is_shared_by_all_who_use_the_key() -> None:
    place = Scripted(BusyError("busy", retry_after=5))

    async def main() -> None:
        paced = Paced(place, Limiter(clock=now), policy=POLICY)

        async def later() -> None:
            await asyncio.sleep(1)
            await paced.retrieve("asst_1")

        await asyncio.gather(paced.retrieve("asst_1"), later(), later())

    run(main())
    assert place.asked[0] == 0
    assert len(place.asked) == 4
    assert min(place.asked[1:]) >= 5


def test_a_burst_of_refusals_is_reported_once() -> None:
    place = Scripted(*[BusyError("busy", retry_after=2)] * 6, latency=0.1)
    waits: list[Wait] = []

    async def main() -> None:
        paced = Paced(place, Limiter(clock=now), policy=POLICY, on_wait=waits.append)
        await asyncio.gather(*(paced.retrieve("asst_1") for _ in range(6)))

    run(main())
    assert waits == [Wait("memory", "rate limit", 2)]


def test_a_busy_place_is_waited_for_only_as_long_as_patience_lasts() -> None:
    result, asked = call("create", *[BusyError("busy", retry_after=30, code="slow_down")] * 9)
    assert isinstance(result, ClosedError)
    assert result.stops_run
    assert result.code == "slow_down"
    assert "Run the same command again" in result.hint
    assert asked[-1] <= POLICY.patience


def test_a_pause_beyond_all_patience_is_not_even_begun() -> None:
    result, asked = call("list", LostAnswerError("503", retry_after=10_000))
    assert isinstance(result, LostAnswerError)
    assert asked == [0]


def test_being_busy_uses_up_no_attempts() -> None:
    result, asked = call("list", *[BusyError("busy", retry_after=1)] * 20)
    assert isinstance(result, Page)
    assert len(asked) == 21


def stopped_during(kind: str, error: PlaceError) -> tuple[BaseException, list[float], float]:
    """Return how a call ends that is stopped one second into the pause after an error."""
    place = Scripted(error)

    async def main() -> tuple[BaseException, float]:
        stop = asyncio.Event()
        paced = Paced(place, Limiter(stop=stop, clock=now), policy=POLICY)
        asyncio.get_running_loop().call_later(1, stop.set)
        with pytest.raises((PlaceError, InterruptedRunError)) as raised:
            await CALLS[kind](paced)
        return raised.value, now()

    ended, at = run(main())
    return ended, place.asked, at


@pytest.mark.parametrize("error", [BusyError("busy"), UnreachableError("nobody")])
def test_a_stop_ends_a_pause_at_once(error: PlaceError) -> None:
    error.retry_after = 60
    result, asked, at = stopped_during("update", error)
    assert isinstance(result, InterruptedRunError)
    assert asked == [0]
    assert at == pytest.approx(1)


def test_a_stop_does_not_hide_that_a_write_may_have_been_carried_out() -> None:
    result, _, at = stopped_during("update", LostAnswerError("lost", retry_after=60))
    assert isinstance(result, LostAnswerError)
    assert at == pytest.approx(1)


def test_the_unstoppable_form_works_on_after_a_stop() -> None:
    place = Scripted(BusyError("busy", retry_after=3))

    async def main() -> Assistant:
        stop = asyncio.Event()
        stop.set()
        paced = Paced(place, Limiter(stop=stop, clock=now), policy=POLICY)
        return await paced.unstoppable().retrieve("asst_1")

    assert run(main()).id == "asst_1"
    assert place.asked == [0, pytest.approx(3)]
