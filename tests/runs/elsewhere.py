"""Two processes of one database of runs, one of which only listens; nobody looks by himself.

So what is not heard of is not found in time. Tests import the fixtures that they want.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from runs.playing import checked, heard
from understudy.runs import feed, hearing
from understudy.runs.durable import DurableRuns
from understudy.store.address import for_runs, parse

NEVER = 3600.0
PATIENCE = 60.0


@pytest.fixture(autouse=True)
def nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "_LOOK", NEVER)
    monkeypatch.setattr(feed, "_LOOK_AT_ALL", NEVER)
    monkeypatch.setattr(hearing, "_TRUST", NEVER)  # who proves that he hears looks then, too


def opened(url: str) -> DurableRuns:
    return DurableRuns(for_runs(parse(url)))


Pair = tuple[DurableRuns, DurableRuns]


@pytest.fixture
async def pair(url: str) -> AsyncIterator[Pair]:
    """Return who plays, and who only listens."""
    async with opened(url) as here, opened(url) as elsewhere:
        yield here, elsewhere


async def eventually(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - a server is no part of this loop
            await asyncio.sleep(0.01)


@asynccontextmanager
async def listening(runs: DurableRuns, run: str) -> AsyncIterator[asyncio.Task[list[str]]]:
    """Listen to a run meanwhile; the task returns the kinds of its events, which are in order."""

    async def listen() -> list[str]:
        events = await heard(runs, run)
        checked(events)
        return [one.kind for one in events]

    task = asyncio.create_task(listen())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
