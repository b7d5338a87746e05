"""What goes wrong around a run: providers that break the rules, claims nobody knows of, purges."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from runs.playing import (
    FINE,
    ORDER,
    VERDICT,
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
from understudy.errors import MoveError
from understudy.providers.base import Delta, Request, Usage
from understudy.providers.script import Line
from understudy.runs import batches, deciding, purging, reading, workers
from understudy.runs.durable import DurableRuns
from understudy.runs.records import Batch, Numbered, Standing
from understudy.runs.submitting import Row
from understudy.store.address import for_runs, parse

SOON = timedelta(minutes=1)


@pytest.fixture
async def runs(url: str) -> AsyncIterator[DurableRuns]:
    async with asyncio.timeout(60), DurableRuns(for_runs(parse(url)), lease=1) as opened:
        yield opened


class Raising:
    """A provider that raises what no provider may."""

    def __init__(self, error: BaseException) -> None:
        self.error = error
        self.asked = 0

    async def stream(self, _: Request) -> AsyncGenerator[Delta, None]:
        self.asked += 1
        yield Delta("half")
        raise self.error

    async def aclose(self) -> None:
        """Do nothing."""


@pytest.mark.parametrize(
    "error", [TimeoutError(), asyncio.CancelledError(), ValueError("sk-canary-key"), KeyError("x")]
)
async def test_a_provider_that_raises_what_it_may_not_fails_the_run(
    runs: DurableRuns, error: BaseException
) -> None:
    raising = Raising(error)
    async with working(worker_of(runs, Engine(lambda _: raising))) as worker:
        run = (await runs.submit(ORDER)).id
        machine = checked(await heard(runs, run))
        info = await runs.find(run)
        assert worker.busy == 0 or info.standing is Standing.FAILED
    assert machine.ended is not None
    assert machine.ended.failure is not None
    assert machine.ended.failure.code == "run_broke_off"
    assert "canary" not in str(await heard(runs, run))
    assert raising.asked <= 3


class Words:
    """A provider that says what it is told to."""

    def __init__(self, *pieces: str) -> None:
        self.pieces = pieces

    async def stream(self, _: Request) -> AsyncGenerator[Delta, None]:
        for piece in self.pieces:
            yield Delta(piece)
        yield Delta(usage=Usage(1, 1))

    async def aclose(self) -> None:
        """Do nothing."""


@pytest.mark.parametrize(
    "pieces",
    [("a\x00b",), ("a", "\ud83d", "b"), (), ("{{route}} ${x} %s\\ud800",), ("é" * 100_000,)],
    ids=["nul", "halves", "nothing", "braces", "long"],
)
async def test_whatever_a_model_says_comes_back_as_it_was(
    runs: DurableRuns, pieces: tuple[str, ...]
) -> None:
    words = Words(*pieces)
    async with working(worker_of(runs, Engine(lambda _: words))):
        run = (await runs.submit(ORDER)).id
        machine = checked(await heard(runs, run))
    assert machine.ended is not None
    assert machine.ended.status == "completed"
    assert machine.answered[VERDICT] == "".join(pieces)
    assert (await runs.find(run)).answers[VERDICT].text == "".join(pieces)


async def test_a_cancel_that_comes_while_a_run_is_read_ends_it(
    runs: DurableRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with working(worker_of(runs, engine_of(Line("sail?", fail="rejected"), FINE))):
        run = (await runs.submit(ORDER)).id
        await heard(runs, run)
    read, begun, go_on = runs.reading, asyncio.Event(), asyncio.Event()

    async def slowly(work: object, *args: object, **options: object) -> object:
        if work is reading.written:
            begun.set()
            await go_on.wait()
        return await read(work, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(runs, "reading", slowly)
    async with working(worker_of(runs, engine_of(FINE))):
        await runs.retry(run)
        await begun.wait()
        await runs.cancel(run)
        told = await heard(runs, run, (await runs.find(run)).last_event)
        go_on.set()
    assert told[-1].kind == "run.cancelled"
    assert (await runs.find(run)).standing is Standing.CANCELLED


async def test_a_run_that_is_cancelled_while_it_waits_for_a_place_is_cancelled(
    runs: DurableRuns,
) -> None:
    gate = Gate()
    async with worker_of(runs, Engine(lambda _: gate), places=1) as worker:
        ids = [(await runs.submit(ORDER)).id for _ in range(2)]
        first, second = await runs.writing(workers.claim, worker.id, 2)
        playing = [asyncio.create_task(worker.play(one)) for one in (first, second)]
        await until(runs, first.run, "prompt.started")
        await runs.cancel(second.run)
        await playing[1]
        info = await runs.find(second.run)
        assert (info.standing, info.cost) == (Standing.CANCELLED, 0.0)
        assert [one.kind for one in await heard(runs, second.run)] == ["run.cancelled"]
        gate.opened.set()
        await playing[0]
    assert {first.run, second.run} == set(ids)


async def test_a_claim_whose_worker_never_heard_of_it_is_played_after_all(
    runs: DurableRuns,
) -> None:
    async with worker_of(runs, engine_of(FINE)) as worker:
        run = (await runs.submit(ORDER)).id
        await runs.writing(workers.claim, worker.id, 1, run=run)
        stop = asyncio.Event()
        serving = asyncio.create_task(worker.serve(stop))
        assert checked(await heard(runs, run)).ended is not None
        stop.set()
        await serving


async def test_a_run_that_comes_back_to_the_worker_that_lost_it_is_played_once(
    runs: DurableRuns,
) -> None:
    gate = Gate()
    async with working(worker_of(runs, Engine(lambda _: gate))) as worker:
        run = (await runs.submit(ORDER)).id
        await until(runs, run, "prompt.started", count=3)
        await runs.retry(run, force=True)  # as if another process had taken it, and died
        await until(runs, run, "prompt.started", count=6)
        assert worker.busy == 1
        gate.opened.set()
        machine = checked(await heard(runs, run))
        assert machine.answered.keys() == {*range(4)}
        assert (await runs.find(run)).standing is Standing.COMPLETED


async def test_a_cancel_that_was_accepted_holds_when_the_worker_ends(runs: DurableRuns) -> None:
    gate = Gate()
    async with worker_of(runs, Engine(lambda _: gate)) as worker:
        run = await half_played(runs, worker)
        await runs.cancel(run)
    assert (await runs.find(run)).standing is Standing.CANCELLED
    assert checked(await heard(runs, run)).ended is not None


async def test_what_a_run_has_cost_is_known_whatever_becomes_of_it(runs: DurableRuns) -> None:
    async with working(worker_of(runs, engine_of(Line("sail?", fail="rejected"), FINE))):
        run = (await runs.submit(ORDER)).id
        await heard(runs, run)
    assert (await runs.find(run)).cost == 0.25
    await runs.retry(run)
    assert (await runs.cancel(run)).cost == 0.25


async def test_what_was_forgotten_is_neither_retried_nor_told(runs: DurableRuns) -> None:
    async with working(worker_of(runs, engine_of(Line("sail?", fail="rejected"), FINE))):
        run = (await runs.submit(ORDER)).id
        await heard(runs, run)
    soon = (datetime.now(UTC) + SOON).timestamp()
    while await runs.writing(purging.forget_outputs, soon):
        pass
    info = await runs.find(run)
    assert (info.standing, info.order.inputs) == (Standing.FAILED, {})
    assert {one.text for one in info.answers.values()} == {""}
    assert "Fine." not in str(await heard(runs, run))
    with pytest.raises(MoveError, match="purged"):
        await runs.retry(run)


async def test_inputs_alone_are_forgotten(runs: DurableRuns) -> None:
    async with working(worker_of(runs, engine_of(FINE))):
        run = (await runs.submit(ORDER)).id
        await heard(runs, run)
    soon = (datetime.now(UTC) + SOON).timestamp()
    assert await runs.writing(purging.forget_inputs, soon) == 1
    assert await runs.writing(purging.forget_inputs, soon) == 0
    info = await runs.find(run)
    assert (info.order.inputs, info.answers[VERDICT].text) == ({}, "Fine.")


async def test_a_listener_whose_run_is_purged_hears_the_end(runs: DurableRuns) -> None:
    async with working(worker_of(runs, engine_of(FINE))):
        run = (await runs.submit(ORDER)).id
        await heard(runs, run)
        told: list[Numbered] = []
        async with aclosing(runs.events(run)) as events:
            async for one in events:
                told.append(one)
                if len(told) == 1:
                    await runs.purge(datetime.now(UTC) + SOON)
    assert told
    assert await heard(runs, run) == []


async def test_orders_of_the_same_assistant_share_what_they_can(runs: DurableRuns) -> None:
    from sqlalchemy import Connection, func, select

    from understudy.runs.tables import PLAYS

    def count(connection: Connection) -> int:
        return connection.scalar(select(func.count()).select_from(PLAYS)) or 0

    for route in ("north", "south"):
        await runs.submit(replace(ORDER, inputs={"route": route}))
    assert await runs.reading(count) == 1
    assert asked([]) == []


async def test_a_batch_is_counted_and_its_rows_change_places(runs: DurableRuns) -> None:
    batch = Batch("batch_1", 3, max_cost=1.0, guess=0.1)
    await runs.writing(batches.begin, batch)
    rows = [Row(number, {"route": str(number)}) for number in (1, 2, 3)]
    await runs.queue_rows(batch.id, ORDER, rows)
    await runs.queue_rows(batch.id, ORDER, rows)
    progress = await runs.reading(batches.progress, batch.id)
    assert (progress.standings, progress.spent, progress.blocked) == (
        {Standing.QUEUED: 3},
        0.0,
        False,
    )
    known: list[tuple[str, int, str]] = []
    await runs.reading(batches.known, batch.id, known.extend)
    first, second, third = (run for run, _, _ in sorted(known, key=lambda one: one[1]))
    await runs.writing(batches.renumber, [(first, 2), (second, 1)], [(third,)])
    again: list[tuple[str, int, str]] = []
    await runs.reading(batches.known, batch.id, again.extend)
    assert {row: run for run, row, _ in again} == {2: first, 1: second}
    assert (await runs.find(third)).standing is Standing.CANCELLED
    async with worker_of(runs, engine_of(FINE), batch=batch.id, places=1) as worker:
        await worker.serve(asyncio.Event(), drain=True)
    progress = await runs.reading(batches.progress, batch.id)
    assert (progress.standings, progress.spent) == ({Standing.COMPLETED: 2}, 0.5)
    found = await runs.reading(batches.results, batch.id, 0, 2)
    assert [found[row].run for row in (1, 2)] == [second, first]
    assert {one.text for one in found[1].answers.values()} == {"Fine."}


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)  # SQLite has one writer
async def test_a_purge_leaves_a_run_alone_that_is_just_retried(runs: DurableRuns) -> None:
    async with working(worker_of(runs, engine_of(Line("sail?", fail="rejected"), FINE))):
        run = (await runs.submit(ORDER)).id
        await heard(runs, run)
    later = (datetime.now(UTC) + SOON).timestamp()
    with runs._opened().writing() as connection:
        deciding.again(connection, run, 1.0)
        for forget in (purging.purge, purging.forget_inputs):
            assert await runs.writing(forget, later) == 0
    info = await runs.find(run)
    assert info.standing is Standing.QUEUED
    async with working(worker_of(runs, engine_of(FINE))):
        assert asked(await heard(runs, run, info.last_event)) == [VERDICT]


async def test_totals_and_rates_hold_for_all_workers_together(runs: DurableRuns) -> None:
    for _ in range(6):
        await runs.submit(ORDER)
    for worker in "ab":
        await runs.writing(workers.enter, worker, "worker", 9)

    async def claimed(worker: str, **limits: Any) -> int:
        return len(await runs.writing(workers.claim, worker, 9, **limits))

    counts = await asyncio.gather(*(claimed(worker, total=3) for worker in "ab"))
    assert sum(counts) == 3
    assert await claimed("a", total=3) == 0
    counts = await asyncio.gather(*(claimed(one, rate=workers.Rate(5, 600.0)) for one in "ab"))
    assert sum(counts) == 2
    assert await claimed("b", rate=workers.Rate(5, 600.0)) == 0
    assert await claimed("b") == 1
