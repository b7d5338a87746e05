"""The deadline of a run is one, in however many hands it has been; a retry has a new one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import Connection, select, text, update

from runs.playing import (
    COUNCIL,
    FINE,
    ORDER,
    Gate,
    asked,
    checked,
    engine_of,
    half_played,
    heard,
    until,
    worker_of,
    working,
)
from understudy.architect.engine import Engine
from understudy.architect.run_events import RunEnded, RunStarted, RunStatus
from understudy.runs import batches, record, workers
from understudy.runs.durable import DurableRuns
from understudy.runs.records import Batch, Standing
from understudy.runs.submitting import Row
from understudy.runs.tables import EVENTS, RUNS, WORKERS
from understudy.store.address import for_runs, parse

LONGEST = COUNCIL.timeout or 0.0
DEAD = "elsewhere/1/1"  # a process of another machine: only its silence tells


@pytest.fixture
async def runs(url: str) -> AsyncIterator[DurableRuns]:
    async with asyncio.timeout(60), DurableRuns(for_runs(parse(url)), lease=1) as opened:
        yield opened


def played(connection: Connection, run: str) -> float:
    return float(connection.scalar(select(RUNS.c.played).where(RUNS.c.id == run)) or 0.0)


async def left_behind(runs: DurableRuns, *, begun: float, seen: float) -> str:
    """Return a run that a worker began so many seconds ago, which was last seen so long ago."""
    await runs.writing(workers.enter, DEAD, "worker", 1)
    run = (await runs.submit(ORDER)).id
    (claimed,) = await runs.writing(workers.claim, DEAD, 1, run=run)
    mine = record.Record(runs.journal, claimed, ())
    mine.hear(1, RunStarted(((0, 1, 2), (3,))))
    await runs.journal.wrote(mine.page)

    def shift(connection: Connection) -> None:
        for column in (RUNS.c.claimed_at, RUNS.c.updated_at, EVENTS.c.at):
            connection.execute(update(column.table).values({column.name: column - begun}))
        mine = update(WORKERS).where(WORKERS.c.id == DEAD)
        connection.execute(mine.values(seen_at=WORKERS.c.seen_at - seen))

    await runs.writing(shift)
    return run


async def test_whoever_takes_a_run_over_has_the_rest_of_its_time(runs: DurableRuns) -> None:
    run = await left_behind(runs, begun=LONGEST + 100, seen=50)
    async with working(worker_of(runs, engine_of(FINE))):
        told = await heard(runs, run)
        machine = checked(told)
        assert asked(told) == []
        assert machine.ended is not None
        assert machine.ended.failure is not None
        assert machine.ended.failure.code == "run_deadline"
        assert machine.ended.seconds == pytest.approx(LONGEST + 50, abs=10)
        await runs.retry(run)
        again = await heard(runs, run, machine.number)
    assert asked(again) == [0, 1, 2, 3]
    info = await runs.find(run)
    assert (info.standing, info.attempt) == (Standing.COMPLETED, 2)


async def test_time_in_which_nobody_played_a_run_does_not_count(runs: DurableRuns) -> None:
    run = await left_behind(runs, begun=LONGEST * 100, seen=LONGEST * 100 - 60)
    async with working(worker_of(runs, engine_of(FINE))):
        machine = checked(await heard(runs, run))
    assert machine.ended is not None
    assert machine.ended.status == "completed"
    assert await runs.reading(played, run) == pytest.approx(60, abs=10)
    assert machine.ended.seconds == pytest.approx(60, abs=30)


async def test_a_run_that_is_taken_away_has_the_rest_of_its_time(runs: DurableRuns) -> None:
    run = await left_behind(runs, begun=100, seen=0)
    await runs.retry(run, force=True)
    assert await runs.reading(played, run) == pytest.approx(100, abs=10)


async def test_a_worker_that_ends_says_how_long_it_played(
    runs: DurableRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, clock = Gate(), 1000.0
    monkeypatch.setattr(record, "_clock", lambda: clock)
    async with worker_of(runs, Engine(lambda _: gate)) as worker:
        run = await half_played(runs, worker)
        clock += LONGEST
    assert await runs.reading(played, run) == LONGEST
    async with worker_of(runs, Engine(lambda _: gate)) as worker:
        (claimed,) = await runs.writing(workers.claim, worker.id, 1, run=run)
        await worker.play(claimed)
    machine = checked(await heard(runs, run))
    assert machine.ended is not None
    assert machine.ended.failure is not None
    assert machine.ended.failure.code == "run_deadline"
    assert await runs.reading(played, run) == LONGEST


async def test_a_row_that_waits_for_a_place_again_is_in_the_queue(runs: DurableRuns) -> None:
    await runs.writing(batches.begin, Batch("batch_1", 1))
    await runs.queue_rows("batch_1", ORDER, [Row(1, {"route": "north"})])
    await runs.writing(workers.enter, DEAD, "batch", 1)

    async def seen() -> set[Standing]:
        return {*(await runs.reading(batches.progress, "batch_1")).standings}

    for last in (False, True):
        (claimed,) = await runs.writing(workers.claim, DEAD, 1, batch="batch_1")
        assert await seen() == {Standing.QUEUED}
        mine = record.Record(runs.journal, claimed, ())
        mine.hear(1, RunStarted(((0, 1, 2), (3,))))
        await runs.journal.wrote(mine.page)
        assert await seen() == {Standing.RUNNING}
        if not last:
            await mine.give_back()


async def test_waiting_for_a_place_is_no_playing(runs: DurableRuns) -> None:
    await runs.writing(workers.enter, DEAD, "worker", 1)
    run = (await runs.submit(ORDER)).id
    await runs.writing(workers.claim, DEAD, 1, run=run)
    await runs.writing(lambda one: one.execute(update(RUNS).values(claimed_at=1.0)) and None)
    await runs.writing(workers.leave, DEAD)
    assert await runs.reading(played, run) == 0.0


async def test_whoever_waits_for_a_place_with_what_others_began_does_not_play_it(
    runs: DurableRuns,
) -> None:
    run = await left_behind(runs, begun=100, seen=40)
    await runs.writing(workers.take_over, 1)
    before = await runs.reading(played, run)
    assert before == pytest.approx(60, abs=10)
    await runs.writing(workers.enter, DEAD, "batch", 1)
    await runs.writing(workers.claim, DEAD, 1, run=run)

    def wait(connection: Connection) -> None:
        for column in (RUNS.c.claimed_at, RUNS.c.updated_at, EVENTS.c.at):
            connection.execute(update(column.table).values({column.name: column - LONGEST}))

    await runs.writing(wait)
    await runs.writing(workers.leave, DEAD)
    assert await runs.reading(played, run) == before


async def test_a_worker_that_could_not_write_has_played_until_it_stopped(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, clock = Gate(), 1000.0
    monkeypatch.setattr(record, "_clock", lambda: clock)

    def renamed(connection: Connection, old: str, new: str) -> None:
        connection.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))

    def later(connection: Connection) -> None:
        for column in (RUNS.c.claimed_at, RUNS.c.updated_at, EVENTS.c.at):
            connection.execute(update(column.table).values({column.name: column - LONGEST}))

    async with asyncio.timeout(60), DurableRuns(for_runs(parse(url)), lease=60) as runs:
        runs.journal._patience = 0.1
        async with working(worker_of(runs, Engine(lambda _: gate))) as worker:
            run = (await runs.submit(ORDER)).id
            await until(runs, run, "prompt.started", count=3)
            await runs.writing(renamed, "run_events", "events_away")
            clock += 40
            gate.opened.set()
            while worker.busy:  # noqa: ASYNC110 - nobody is told that a run was left
                await asyncio.sleep(0.01)
            clock += LONGEST
            await runs.writing(renamed, "events_away", "run_events")
            await runs.writing(later)
        info = await runs.find(run)
        assert (info.standing, await runs.reading(played, run)) == (Standing.QUEUED, 40)


async def test_to_write_the_end_of_a_run_is_no_playing(
    runs: DurableRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = 1000.0
    monkeypatch.setattr(record, "_clock", lambda: clock)
    await runs.writing(workers.enter, DEAD, "worker", 1)
    run = (await runs.submit(ORDER)).id
    (claimed,) = await runs.writing(workers.claim, DEAD, 1, run=run)
    mine = record.Record(runs.journal, claimed, ())
    mine.hear(1, RunStarted(((0, 1, 2), (3,))))
    clock += 40
    assert mine.played == 40
    mine.hear(2, RunEnded(RunStatus.CANCELLED))  # as an engine says of what is given back
    clock += LONGEST
    await mine.give_back()
    assert await runs.reading(played, run) == 40
