"""A run that changes hands while its old worker goes on: what that one still writes is refused."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import aclosing, closing, suppress
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from runs.playing import (
    COUNCIL,
    FINE,
    ORDER,
    Machine,
    checked,
    engine_of,
    heard,
    until,
    worker_of,
    working,
)
from understudy.architect.engine import Engine
from understudy.errors import MoveError
from understudy.providers.base import Delta, Request, Usage
from understudy.providers.script import Line
from understudy.runs.durable import DurableRuns
from understudy.runs.records import Standing
from understudy.runs.tables import RUNS
from understudy.store.address import for_runs, parse

EVENTS = 22  # of a run of the council, three pieces an answer


class Talker:
    """Answers in pieces, and notes what was asked; several events come between two of its turns."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()

    async def stream(self, request: Request) -> AsyncGenerator[Delta, None]:
        self.asked[request.messages[-1].text[:12]] += 1
        for piece in ("one ", "two ", "three"):
            await asyncio.sleep(0.002)
            yield Delta(piece)
        yield Delta(usage=Usage(1, 1))

    async def aclose(self) -> None:
        """Do nothing."""


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, EVENTS - 1), min_size=1, max_size=3))
def test_whenever_a_run_changes_hands_nothing_is_lost_or_told_twice(moments: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_handed_over(Path(folder), sorted(moments)))


async def _handed_over(folder: Path, moments: list[int]) -> None:
    address = for_runs(parse(str(folder / "library.db")))
    talkers = [Talker() for _ in range(len(moments) + 1)]
    async with DurableRuns(address) as asking, asyncio.timeout(60):
        run = (await asking.submit(ORDER)).id
        machine = Machine()
        hands = []
        for talker, moment in zip(talkers, [*moments, 0], strict=True):
            hand = await DurableRuns(address).__aenter__()
            worker = worker_of(hand, Engine(lambda _, talker=talker: talker))  # type: ignore[misc]
            await worker.__aenter__()
            serving = asyncio.create_task(worker.serve(asyncio.Event()))
            hands.append((hand, worker, serving))
            async with aclosing(asking.events(run, machine.number)) as events:
                async for one in events:
                    machine.hear(one)
                    if machine.number >= moment > 0:
                        break
            if machine.ended is None:
                await _taken_away(asking, run)
        for hand, worker, serving in hands:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
            await worker.stop(0)
            await hand.__aexit__(None, None, None)
        assert machine.ended is not None
        assert (await asking.find(run)).standing is Standing.COMPLETED
        assert checked(await heard(asking, run)).answered == machine.answered
        assert machine.answered == dict.fromkeys(range(4), "one two three")


async def _taken_away(runs: DurableRuns, run: str) -> None:
    """Queue a run that is played, as if its worker had been found dead."""
    if (await runs.find(run)).standing is Standing.RUNNING:
        with suppress(MoveError):  # it has just completed
            await runs.retry(run, force=True)


async def test_a_database_that_goes_away_for_longer_than_the_lease_costs_no_run(
    tmp_path: Path,
) -> None:
    address = for_runs(parse(str(tmp_path / "library.db")))
    engine = engine_of(Line(say="a b c", pause=0.05), FINE)
    async with (
        asyncio.timeout(60),
        DurableRuns(address, lease=1) as runs,
        working(worker_of(runs, engine)),
    ):
        run = (await runs.submit(ORDER)).id
        await until(runs, run, "prompt.started")
        with closing(sqlite3.connect(str(address.path), timeout=30)) as blocker:
            blocker.execute("ALTER TABLE run_events RENAME TO run_events_away")
            # Until the worker has given it up, which nobody is told of.
            while await runs.reading(_epoch, run) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            blocker.execute("ALTER TABLE run_events_away RENAME TO run_events")
        machine = checked(await heard(runs, run))
        assert await runs.reading(_played, run) > 0  # by the one that could not write it
    assert machine.ended is not None
    assert machine.ended.status == "completed"
    assert machine.answered.keys() == {*range(len(COUNCIL.prompts))}


def _played(connection: Connection, run: str) -> float:
    return connection.scalar(select(RUNS.c.played).where(RUNS.c.id == run)) or 0.0


def _epoch(connection: Connection, run: str) -> int:
    return connection.scalar(select(RUNS.c.epoch).where(RUNS.c.id == run)) or 0
