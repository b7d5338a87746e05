"""Syncs come when they are due: none twice, none missed, whatever clocks do."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.errors import BusySyncError, RefusedSyncError, UnreachableError, UsageError
from understudy.ops.registry import Registry, Synced
from understudy.ops.watching import Watch
from understudy.registry.entries import Difference
from understudy.registry.schedule import DEFAULT, check, next_after
from understudy.registry.sync import Proposal

START = datetime(2026, 10, 24, 20, 0, tzinfo=UTC)  # the night in which Europe's clocks go back


class Clock:
    """A clock that moves when somebody waits; `jumps` are done at the given waits."""

    def __init__(self, jumps: dict[int, timedelta] | None = None) -> None:
        self.now = START
        self.waits = 0
        self.jumps = jumps or {}

    async def pause(self, seconds: float) -> bool:
        self.waits += 1
        self.now += timedelta(seconds=seconds) + self.jumps.get(self.waits, timedelta())
        return False


class Scripted(Registry):
    """A registry whose syncs are noted, and fail as they are told to."""

    def __init__(self, clock: Clock, until: Callable[[Scripted], bool]) -> None:
        super().__init__("nowhere/assistants.json")
        self.clock = clock
        self.until = until
        self.at: list[datetime] = []
        self.errors: list[Exception | None] = []
        self.watch: Watch[Any] | None = None

    async def sync(self, **_: object) -> Synced:
        self.at.append(self.clock.now)
        error = self.errors.pop(0) if self.errors else None
        if self.watch is not None and self.until(self):
            self.watch.stop()
        if error is not None:
            raise error
        return Synced("src", Proposal({}, Difference()), written=False)


async def watched(
    runs: int,
    *,
    jumps: dict[int, timedelta] | None = None,
    errors: list[Exception | None] | None = None,
    jitter: float = 0.0,
) -> list[datetime]:
    clock = Clock(jumps)
    registry = Scripted(clock, lambda one: len(one.at) == runs)
    registry.errors = errors or []
    registry.watch = Watch(
        registry.sync, clock=lambda: clock.now, pause=clock.pause, jitter=jitter, chance=lambda: 0.5
    )
    await registry.watch.run()
    return registry.at


def slots(count: int) -> list[datetime]:
    return [START + timedelta(minutes=15 + 30 * n) for n in range(count)]


async def test_a_night_in_which_clocks_go_back_doubles_and_misses_nothing() -> None:
    assert await watched(24) == slots(24)


@given(
    st.integers(0, 366 * 24 * 60),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
)
def test_the_zone_of_whoever_asks_is_no_matter(minutes: int, zone: str) -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    local = moment.astimezone(ZoneInfo(zone))
    following = next_after(DEFAULT, local)
    assert following.tzinfo is UTC
    assert following.minute in (15, 45)
    assert timedelta() < following - moment <= timedelta(minutes=30)


async def test_jitter_comes_after_the_time_and_adds_up_to_nothing() -> None:
    found = await watched(4, jitter=10.0)
    assert found == [slot + timedelta(seconds=5) for slot in slots(4)]


async def test_what_a_clock_skips_is_made_up_for_once() -> None:
    found = await watched(3, jumps={2: timedelta(hours=5)})
    assert found[0] == START + timedelta(hours=5, seconds=60)
    assert found[1:] == [
        START + timedelta(hours=5, minutes=15),
        START + timedelta(hours=5, minutes=45),
    ]


async def test_a_clock_that_is_put_back_a_little_repeats_nothing() -> None:
    found = await watched(3, jumps={31: -timedelta(minutes=10)})
    assert found == slots(3)


async def test_a_clock_that_is_put_back_a_lot_starts_anew() -> None:
    found = await watched(3, jumps={35: -timedelta(hours=8)})
    assert found[0] == slots(1)[0]
    assert found[1] < START
    assert found[2] - found[1] == timedelta(minutes=30)


@pytest.mark.parametrize("down", [UnreachableError("down"), OSError(24, "no more files")])
async def test_what_fails_is_tried_again_ever_more_slowly(down: Exception) -> None:
    found = await watched(5, errors=[down, down, down, None])
    waits = [later - one for one, later in itertools.pairwise(found)]
    assert found[0] == slots(1)[0]
    assert waits[:3] == [timedelta(seconds=s) for s in (22.5, 45, 90)]
    assert found[4] == slots(2)[1]


@pytest.mark.parametrize("error", [RefusedSyncError("most is gone"), BusySyncError("running")])
async def test_what_does_not_pass_waits_for_the_next_time(error: Exception) -> None:
    assert await watched(2, errors=[error]) == slots(2)


@pytest.mark.parametrize("expression", ["", "x", "* * * *", "61 * * * *", "0 0 31 2 *"])
def test_what_is_no_schedule_is_refused(expression: str) -> None:
    with pytest.raises(UsageError):
        check(expression)
