"""The budget of a batch: what its rows have cost, whatever became of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from runs.breaking import Broken, playing
from runs.playing import ORDER
from understudy.architect.run_events import RunEnded, RunStarted, RunStatus
from understudy.providers.base import Usage
from understudy.providers.errors import ProviderRejectedError
from understudy.runs import batches, workers
from understudy.runs.durable import DurableRuns
from understudy.runs.record import Record
from understudy.runs.records import Batch, Standing
from understudy.runs.submitting import Row
from understudy.store.address import for_runs, parse


@pytest.fixture
async def runs(url: str) -> AsyncIterator[DurableRuns]:
    async with asyncio.timeout(60), DurableRuns(for_runs(parse(url)), lease=1) as opened:
        yield opened


async def test_a_budget_counts_what_broke_off_as_much_as_the_others(runs: DurableRuns) -> None:
    batch = Batch("batch_1", 3, max_cost=1.9, guess=0.1)
    await runs.writing(batches.begin, batch)
    rows = [Row(number, {"route": str(number)}) for number in (1, 2, 3)]
    await runs.queue_rows(batch.id, ORDER, rows)
    first, second, _ = [one.id for one in reversed(await runs.list(batch=batch.id))]

    async def play(run: str, broken: Broken) -> None:
        async with playing(runs, broken) as worker:
            (claimed,) = await runs.writing(workers.claim, worker.id, 1, run=run)
            await worker.play(claimed)

    await play(first, Broken("Sail", usage=Usage(1, 1), error=ProviderRejectedError("No.")))
    await play(second, Broken("Sail", error=ProviderRejectedError("No.")))
    progress = await runs.reading(batches.progress, batch.id)
    told = await runs.reading(batches.results, batch.id, 0, 3)
    ends = [one.ended for _, one in sorted(told.items()) if one.ended]
    assert ends == [(await runs.find(run)).ended for run in (first, second)]
    assert [one.used for one in ends] == [ends[0].least, None]
    assert ends[0].least.output_tokens == 3 * ends[0].answers[0].used.output_tokens + 1
    assert (progress.spent, progress.least) == (None, 1.0)
    assert progress.blocked  # 1.0, and about as much again
    await runs.writing(batches.retry, batch.id, 1)
    again = await runs.reading(batches.progress, batch.id)
    assert again.standings == {Standing.QUEUED: 3}
    assert (again.spent, again.least) == (None, 1.0)
    assert again.blocked  # it was spent all the same


async def test_what_was_spent_on_rows_that_are_taken_out_stays_in_the_budget(
    runs: DurableRuns,
) -> None:
    batch = Batch("batch_1", 4, max_cost=3.2, guess=0.1)
    await runs.writing(batches.begin, batch)
    rows = [Row(number, {"route": str(number)}) for number in (1, 2, 3, 4)]
    await runs.queue_rows(batch.id, ORDER, rows)
    ids = [one.id for one in reversed(await runs.list(batch=batch.id))]
    usages = Usage(1, 1), None
    for run, usage in zip(ids, usages, strict=False):
        broken = Broken("Sail", usage=usage, error=ProviderRejectedError("No."))
        async with playing(runs, broken) as worker:
            (claimed,) = await runs.writing(workers.claim, worker.id, 1, run=run)
            await worker.play(claimed)
    await runs.writing(workers.enter, "elsewhere/1/1", "worker", 1)
    (elsewhere,) = await runs.writing(workers.claim, "elsewhere/1/1", 1, run=ids[2])
    before = await runs.reading(batches.progress, batch.id)
    assert (before.spent, before.least, before.blocked) == (None, 1.0, False)

    await runs.writing(batches.renumber, [], [(run,) for run in ids])
    await runs.queue_rows(batch.id, ORDER, [Row(1, {"route": "east"}), Row(2, {"route": "west"})])
    after = await runs.reading(batches.progress, batch.id)
    assert after.standings == {Standing.QUEUED: 2}
    assert (after.spent, after.least) == (None, 1.0)
    assert await runs.writing(workers.claim, "elsewhere/1/1", 9, batch=batch.id) == ()

    mine = Record(runs.journal, elsewhere, ())  # it is played on, and paid for
    mine.hear(1, RunStarted(((0, 1, 2), (3,))))
    await mine.close(RunEnded(RunStatus.COMPLETED), 0.5)
    after = await runs.reading(batches.progress, batch.id)
    assert (after.least, after.blocked) == (1.5, False)
    assert len(await runs.writing(workers.claim, "elsewhere/1/1", 9, batch=batch.id)) == 1
    assert await runs.writing(batches.retry, batch.id, 1) == 0
    known: list[tuple[str, int, str]] = []
    await runs.reading(batches.known, batch.id, known.extend)
    assert {run for run, _, _ in known}.isdisjoint(ids)
    await runs.retry(ids[0])  # somebody wants it after all: whoever is there plays it
    (again,) = await runs.writing(workers.claim, "elsewhere/1/1", 1)
    assert again.run == ids[0]
