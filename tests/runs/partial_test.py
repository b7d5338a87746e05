"""Answers that break off: what had come is kept, said to be none, and asked again by a retry."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

import pytest

from runs.breaking import Broken, known, playing
from runs.playing import (
    COUNCIL,
    FINE,
    ORDER,
    VERDICT,
    asked,
    checked,
    engine_of,
    heard,
    until,
    worker_of,
    working,
)
from understudy.architect.run_events import (
    Answered,
    Partial,
    PromptCompleted,
    PromptDelta,
    PromptFailed,
    PromptStarted,
    RunEnded,
    RunStarted,
    RunStatus,
    Used,
)
from understudy.providers.base import Usage
from understudy.providers.errors import ProviderBusyError, ProviderRejectedError
from understudy.providers.script import Line
from understudy.report.architect_run import event_fields
from understudy.runs import endings, journal, purging, workers
from understudy.runs.durable import DurableRuns
from understudy.runs.record import Record
from understudy.runs.records import Numbered, RunInfo, Standing
from understudy.runs.workers import Claimed
from understudy.store.address import for_runs, parse

MODEL = "demo/scripted"


@pytest.fixture
async def runs(url: str) -> AsyncIterator[DurableRuns]:
    async with asyncio.timeout(60), DurableRuns(for_runs(parse(url)), lease=1) as opened:
        yield opened


async def begun(runs: DurableRuns) -> Claimed:
    """Return a run that a worker has taken on."""
    await runs.writing(workers.enter, "elsewhere/1/1", "worker", 1)
    run = (await runs.submit(ORDER)).id
    (claimed,) = await runs.writing(workers.claim, "elsewhere/1/1", 1, run=run)
    return claimed


async def cancelled(runs: DurableRuns, broken: Broken) -> tuple[RunInfo, list[Numbered]]:
    """Cancel a run in the middle of its verdict."""
    async with working(playing(runs, broken)):
        run = (await runs.submit(ORDER)).id
        await broken.said.wait()
        await runs.cancel(run)
        told = await heard(runs, run)
    return await runs.find(run), told


async def last_cost(runs: DurableRuns, run: str) -> object:
    """Return what the last event of a run says that it cost."""
    event = (await heard(runs, run, (await runs.find(run)).last_event - 1))[-1].event
    _, fields = event_fields(event, COUNCIL, lambda one: known([one]))
    return fields["cost"]


async def test_a_cancelled_run_keeps_what_had_come_of_an_answer(runs: DurableRuns) -> None:
    info, told = await cancelled(runs, Broken("Sail ", "at"))
    checked(told)
    failed = told[-2].event
    assert isinstance(failed, PromptFailed)
    assert (failed.prompt, failed.failure.code) == (VERDICT, "cancelled")
    assert failed.partial == Partial("Sail at", MODEL, None)
    assert info.standing is Standing.CANCELLED
    assert info.answers.keys() == {0, 1, 2}
    assert info.partials == {VERDICT: Partial("Sail at", MODEL, None)}
    assert info.ended is not None
    assert info.ended.partials == info.partials
    assert info.cost is None  # what the verdict cost, nobody said
    async with working(worker_of(runs, engine_of(FINE))):
        await runs.retry(info.id)
        again = await heard(runs, info.id, info.last_event)
    assert asked(again) == [VERDICT]
    checked([*told, *again])
    info = await runs.find(info.id)
    assert (info.standing, info.partials) == (Standing.COMPLETED, {})
    assert info.answers[VERDICT].text == "Fine."
    assert info.cost == 0.25


async def test_what_a_provider_said_of_its_cost_is_known(runs: DurableRuns) -> None:
    info, _ = await cancelled(runs, Broken("Sail", usage=Usage(7, 2)))
    assert info.partials == {VERDICT: Partial("Sail", MODEL, Used(7, 2))}
    assert info.cost == 1.0


async def test_what_is_asked_again_was_paid_for_all_the_same(runs: DurableRuns) -> None:
    refusing = Broken("Sail", usage=Usage(7, 2), error=ProviderRejectedError("Too long."))
    async with working(playing(runs, refusing)):
        run = (await runs.submit(ORDER)).id
        told = await heard(runs, run)
        for cost in (1.0, 1.25, 1.5):
            info = await runs.find(run)
            assert info.cost == cost
            assert known(info.ended.paid if info.ended else ()) == cost
            await runs.retry(run)
            told += await heard(runs, run, info.last_event)
    assert (await runs.find(run)).cost == 1.75
    async with working(playing(runs, Broken(error=ProviderRejectedError("No.")))):
        await runs.retry(run)
        last = (await heard(runs, run, len(told)))[-1].event
    assert isinstance(last, RunEnded)
    assert known(last.paid) == (await runs.find(run)).cost == 1.75


async def test_an_answer_counts_whose_run_is_cancelled_before_it_is_kept(
    runs: DurableRuns,
) -> None:
    claimed = await begun(runs)
    mine = Record(runs.journal, claimed, ())

    said = asyncio.Event()

    async def work() -> Answered:
        said.set()
        return Answered("Sail.", Used(1, 1), MODEL)

    step = asyncio.ensure_future(mine.step("prompt-0", work))
    await said.wait()  # and then it is being written
    step.cancel()
    await asyncio.wait([step])
    ended = RunEnded(RunStatus.CANCELLED)
    await mine.close(ended, known(mine.paid(ended)))
    info = await runs.find(claimed.run)
    assert (list(info.answers), info.cost) == ([0], 0.25)


async def test_an_answer_of_which_nothing_had_come_may_cost_something(runs: DurableRuns) -> None:
    info, _ = await cancelled(runs, Broken())
    assert info.partials == {VERDICT: Partial("", MODEL, None)}
    assert info.cost is None


@pytest.mark.parametrize(
    ("broken", "partial", "cost"),
    [
        (
            Broken("Sail", error=ProviderRejectedError("Too long.")),
            {VERDICT: Partial("Sail", MODEL, None)},
            None,
        ),
        (
            Broken("Sail", usage=Usage(7, 2), error=ProviderRejectedError("Too long.")),
            {VERDICT: Partial("Sail", MODEL, Used(7, 2))},
            1.0,
        ),
        (Broken(error=ProviderRejectedError("No.")), {}, 0.75),
        (Broken("Sa", error=ProviderBusyError("B.")), {VERDICT: Partial("Sa", MODEL)}, None),
    ],
    ids=["half", "counted", "refused", "tried"],
)
async def test_what_fails_in_the_middle_is_kept_in_the_same_way(
    runs: DurableRuns, broken: Broken, partial: dict[int, Partial], cost: float | None
) -> None:
    async with working(playing(runs, broken)):
        run = (await runs.submit(ORDER)).id
        told = await heard(runs, run)
    checked(told)
    info = await runs.find(run)
    assert (info.standing, info.partials, info.cost) == (Standing.FAILED, partial, cost)


async def test_a_run_that_is_handed_on_has_nothing_that_broke_off(runs: DurableRuns) -> None:
    broken = Broken("Sail ")
    async with playing(runs, broken) as worker:
        run = (await runs.submit(ORDER)).id
        stop = asyncio.Event()
        serving = asyncio.create_task(worker.serve(stop))
        await broken.said.wait()
        stop.set()
        await serving
    assert (await runs.find(run)).partials == {}
    async with working(worker_of(runs, engine_of(FINE))):
        told = await heard(runs, run)
    checked(told)
    assert not [one for one in told if isinstance(one.event, PromptFailed)]


async def test_what_a_worker_left_in_the_middle_is_kept_by_who_cancels_it(
    runs: DurableRuns,
) -> None:
    broken = Broken("Sail ", "at ", "dawn")
    async with playing(runs, broken) as worker:
        run = (await runs.submit(ORDER)).id
        stop = asyncio.Event()
        serving = asyncio.create_task(worker.serve(stop))
        await until(runs, run, "prompt.delta", count=4)
        await broken.said.wait()
        stop.set()
        await serving
    info = await runs.cancel(run)
    checked(await heard(runs, run))
    assert info.partials == {VERDICT: Partial("Sail at dawn", MODEL, None)}
    assert (info.standing, info.cost) == (Standing.CANCELLED, None)
    assert await last_cost(runs, run) is None
    again = await runs.retry(run)
    info = await runs.cancel(run)
    assert info.last_event == again.last_event + 1  # nothing broke off in that attempt
    assert info.partials.keys() == {VERDICT}


async def test_an_answer_that_is_given_back_with_a_cancelled_run_has_not_broken_off(
    runs: DurableRuns,
) -> None:
    claimed = await begun(runs)
    await runs.cancel(claimed.run)
    mine = Record(runs.journal, claimed, ())
    mine.hear(1, RunStarted(((0, 1, 2), (3,))))
    for prompt in (0, 1):
        mine.hear(2, PromptStarted(prompt, MODEL, 1))
        mine.hear(3, PromptDelta(prompt, "Sail."))
    mine.hear(4, PromptCompleted(0, Answered("Sail.", Used(1, 1), MODEL)))
    await mine.give_back()
    checked(await heard(runs, claimed.run))
    info = await runs.find(claimed.run)
    assert (info.standing, list(info.answers)) == (Standing.CANCELLED, [0])
    assert info.partials == {1: Partial("Sail.", MODEL)}


async def test_what_an_attempt_cost_that_nobody_ended_is_not_known(runs: DurableRuns) -> None:
    async with playing(runs, Broken(error=ProviderRejectedError("No."))) as worker:
        run = (await runs.submit(ORDER)).id
        (claimed,) = await runs.writing(workers.claim, worker.id, 1, run=run)
        await worker.play(claimed)
        assert (await runs.find(run)).cost == 0.75
        await runs.retry(run)
        (claimed,) = await runs.writing(workers.claim, worker.id, 1, run=run)
        mine = Record(runs.journal, claimed, ())
        mine.hear(1, RunStarted(((0, 1, 2), (3,))))
        mine.hear(2, PromptStarted(VERDICT, MODEL, 1))
        mine.hear(3, PromptCompleted(VERDICT, Answered("Sail.", Used(1, 1), MODEL)))
        await mine.give_back()
        info = await runs.cancel(run)
        assert info.answers.keys() == {0, 1, 2, 3}
        assert (info.cost, await last_cost(runs, run)) == (None, None)
        await runs.retry(run)  # and of the next attempt nothing more is known
        assert ((await runs.cancel(run)).cost, await last_cost(runs, run)) == (None, None)
        await runs.retry(run)
        (claimed,) = await runs.writing(workers.claim, worker.id, 1, run=run)
        await worker.play(claimed)
        assert (await runs.find(run)).cost == await last_cost(runs, run) == 1.0


async def test_whoever_ends_a_run_tells_the_same_of_its_cost_twice(runs: DurableRuns) -> None:
    claimed = await begun(runs)
    mine = Record(runs.journal, claimed, ())
    mine.hear(1, RunStarted(((0, 1, 2), (3,))))
    mine.hear(2, PromptStarted(0, MODEL, 1))
    mine.hear(3, PromptCompleted(0, Answered("Sail.", Used(1, 1), MODEL)))
    await runs.journal.wrote(mine.page)
    ended = RunEnded(RunStatus.FAILED)
    await runs.writing(endings.end_claimed, claimed.run, claimed.epoch, ended)
    info = await runs.find(claimed.run)
    assert info.ended is not None
    assert (info.cost, await last_cost(runs, claimed.run)) == (None, None)
    assert (info.ended.used, info.ended.least) == (None, Used(1, 1))


async def test_an_attempt_that_asked_nothing_costs_nothing(runs: DurableRuns) -> None:
    async with playing(runs, Broken(error=ProviderRejectedError("No."))) as worker:
        run = (await runs.submit(ORDER)).id
        (claimed,) = await runs.writing(workers.claim, worker.id, 1, run=run)
        await worker.play(claimed)
        await runs.retry(run)
        assert (await runs.cancel(run)).cost == await last_cost(runs, run) == 0.75
        first = (await runs.submit(ORDER)).id
        (claimed,) = await runs.writing(workers.claim, worker.id, 1, run=first)
        mine = Record(runs.journal, claimed, ())
        mine.hear(1, RunStarted(((0, 1, 2), (3,))))
        await mine.give_back()
        assert (await runs.cancel(first)).cost == await last_cost(runs, first) == 0.0


async def test_what_broke_off_is_forgotten_with_the_answers(runs: DurableRuns) -> None:
    info, _ = await cancelled(runs, Broken("Secret"))
    soon = (datetime.now(UTC) + timedelta(minutes=1)).timestamp()
    while await runs.writing(purging.forget_outputs, soon):
        pass
    assert "Secret" not in str(await heard(runs, info.id))
    assert (await runs.find(info.id)).partials == {VERDICT: Partial("", MODEL, None)}


async def test_the_line_of_a_script_that_fails_in_the_middle_breaks_off(runs: DurableRuns) -> None:
    line = Line("sail?", say="Sail at", fail="rejected")
    async with working(worker_of(runs, engine_of(line, FINE))):
        run = (await runs.submit(ORDER)).id
        await heard(runs, run)
    assert (await runs.find(run)).partials == {VERDICT: Partial("Sail at", MODEL, None)}


async def test_what_is_being_written_is_not_given_back_by_the_way(
    runs: DurableRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    claimed = await begun(runs)
    await runs.cancel(claimed.run)
    writes, begun_, go_on = journal._kept, asyncio.Event(), Event()
    loop = asyncio.get_running_loop()

    def slowly(*args: Any) -> bool:
        loop.call_soon_threadsafe(begun_.set)
        go_on.wait()
        return writes(*args)

    monkeypatch.setattr(journal, "_kept", slowly)
    mine = Record(runs.journal, claimed, ())
    mine.hear(1, RunStarted(((0, 1, 2), (3,))))
    mine.hear(2, PromptStarted(0, MODEL, 1))
    mine.hear(3, PromptDelta(0, "Sail."))
    mine.hear(4, PromptCompleted(0, Answered("Sail.", Used(1, 1), MODEL)))
    await begun_.wait()
    back = asyncio.create_task(mine.give_back())
    loop.call_soon(loop.call_soon, go_on.set)
    await back
    checked(await heard(runs, claimed.run))
    assert (await runs.find(claimed.run)).partials == {}
