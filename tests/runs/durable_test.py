"""Runs outlive their process: what finished is kept, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runs.playing import (
    COUNCIL,
    FINE,
    ORDER,
    VERDICT,
    Gate,
    asked,
    checked,
    engine_of,
    heard,
    until,
    worker_of,
    working,
)
from understudy.architect.engine import Engine
from understudy.architect.run_events import PromptCompleted, RunStatus
from understudy.errors import IdempotencyError, MoveError, SelectionError, StoreError
from understudy.providers.script import Line
from understudy.runs.durable import DurableRuns
from understudy.runs.executor import executor_id, is_gone
from understudy.runs.records import Asked, Numbered, Original, RunInfo, Standing
from understudy.store.address import for_runs, parse


@pytest.fixture
async def runs(url: str) -> AsyncIterator[DurableRuns]:
    async with DurableRuns(for_runs(parse(url))) as opened:
        yield opened


async def ended(runs: DurableRuns, run: str) -> RunInfo:
    await heard(runs, run)
    return await runs.find(run)


def kept(events: list[Numbered]) -> list[int]:
    return [
        one.event.prompt
        for one in events
        if isinstance(one.event, PromptCompleted) and one.event.kept
    ]


async def test_a_run_is_kept_with_all_that_it_was(url: str, runs: DurableRuns) -> None:
    async with working(worker_of(runs, engine_of(FINE))):
        run = (await runs.submit(ORDER, Asked("me"))).id
        machine = checked(await heard(runs, run))
    async with DurableRuns(for_runs(parse(url))) as others:
        info = await others.find(run)
        (listed,) = await others.list()
    assert (info.standing, info.attempt, info.version) == (Standing.COMPLETED, 1, 3)
    assert info.ended is not None
    assert info.ended.status is RunStatus.COMPLETED
    assert {i: one.text for i, one in info.answers.items()} == machine.answered
    assert info.ended.answers == info.answers
    assert info.order == ORDER
    assert (info.executor, info.caller, info.cost) == (executor_id(), "me", 0.25)
    assert timedelta(0) <= datetime.now(UTC) - info.created_at < timedelta(minutes=5)
    assert (listed.id, listed.standing, listed.cost) == (run, Standing.COMPLETED, 0.25)


async def test_what_failed_goes_on_and_finished_prompts_are_not_asked_again(
    runs: DurableRuns,
) -> None:
    async with working(worker_of(runs, engine_of(Line("tide", fail="rejected"), FINE))):
        run = (await runs.submit(ORDER)).id
        first = await heard(runs, run)
    assert asked(first) == [0, 1, 2]
    info = await runs.find(run)
    assert info.standing is Standing.FAILED
    assert info.answers.keys() == {0, 2}
    async with working(worker_of(runs, engine_of(Line("sail?", fail="rejected"), FINE))):
        await runs.retry(run)
        second = await heard(runs, run, first[-1].number)
    assert (asked(second), kept(second)) == ([1, 3], [0, 2])
    async with working(worker_of(runs, engine_of(Line(say="Sail!")))):
        await runs.retry(run)
        third = await heard(runs, run, second[-1].number)
    assert (asked(third), kept(third)) == ([3], [0, 1, 2])
    info = await runs.find(run)
    assert (info.standing, info.attempt) == (Standing.COMPLETED, 3)
    assert info.answers[VERDICT].text == "Sail!"
    assert checked(await heard(runs, run)).attempt == 3


async def test_cancelling_keeps_what_finished_and_a_retry_goes_on(runs: DurableRuns) -> None:
    async with working(worker_of(runs, engine_of(Line("sail?", after=600), FINE))):
        run = (await runs.submit(ORDER)).id
        await until(runs, run, "prompt.completed", count=3)
        await runs.cancel(run)
        info = await ended(runs, run)
    assert info.standing is Standing.CANCELLED
    assert info.answers.keys() == {0, 1, 2}
    async with working(worker_of(runs, engine_of(FINE))):
        await runs.retry(run)
        again = await heard(runs, run, info.last_event)
    assert asked(again) == [3]


async def test_a_run_that_waits_is_cancelled_at_once(runs: DurableRuns) -> None:
    run = (await runs.submit(ORDER)).id
    assert (await runs.find(run)).standing is Standing.QUEUED
    info = await runs.cancel(run)
    assert (info.standing, info.cost) == (Standing.CANCELLED, 0.0)
    assert [one.kind for one in await heard(runs, run)] == ["run.cancelled"]
    assert (await runs.cancel(run)).standing is Standing.CANCELLED
    async with worker_of(runs, engine_of(FINE)) as worker:
        await worker.serve(asyncio.Event(), drain=True)
    assert (await runs.find(run)).standing is Standing.CANCELLED


async def test_what_has_completed_or_runs_is_neither_retried_nor_cancelled(
    runs: DurableRuns,
) -> None:
    gate = Gate()
    async with working(worker_of(runs, Engine(lambda _: gate))):
        run = (await runs.submit(ORDER)).id
        await until(runs, run, "prompt.started", count=3)
        with pytest.raises(MoveError, match="is running in"):
            await runs.retry(run)
        gate.opened.set()
        await ended(runs, run)
        with pytest.raises(MoveError, match="completed"):
            await runs.retry(run)
        with pytest.raises(MoveError, match="completed"):
            await runs.cancel(run)


async def test_the_same_key_gives_the_same_run(runs: DurableRuns) -> None:
    mine = Asked("me", "key", "digest")
    first = await runs.submit(ORDER, mine)
    others = await asyncio.gather(*(runs.submit(ORDER, mine) for _ in range(5)))
    assert {one.id for one in others} == {first.id}
    assert (await runs.submit(ORDER, Asked("you", "key", "digest"))).id != first.id
    assert (await runs.submit(ORDER, Asked("me", None, "digest"))).id != first.id
    with pytest.raises(IdempotencyError, match="another request"):
        await runs.submit(ORDER, Asked("me", "key", "other"))


async def test_ten_at_once_with_one_key_make_one_run(runs: DurableRuns) -> None:
    mine = Asked("me", "key", "digest")
    made = await asyncio.gather(*(runs.submit(ORDER, mine) for _ in range(10)))
    assert len({one.id for one in made}) == len(await runs.list()) == 1


async def test_a_run_that_nobody_knows_is_said_so(runs: DurableRuns) -> None:
    assert await runs.list() == ()
    for name in ("run_0", "nothing", "run_1.1", "run_%"):
        with pytest.raises(SelectionError):
            await runs.find(name)
        with pytest.raises(SelectionError):
            await runs.cancel(name)
        assert await heard(runs, name) == []


async def test_runs_are_listed_by_what_is_asked_for(runs: DurableRuns) -> None:
    async with working(worker_of(runs, engine_of(FINE))):
        done = (await runs.submit(ORDER)).id
        await heard(runs, done)
    waits = (await runs.submit(ORDER)).id
    assert [one.id for one in await runs.list()] == [waits, done]
    assert [one.id for one in await runs.list(limit=1)] == [waits]
    assert [one.id for one in await runs.list(standing={Standing.COMPLETED})] == [done]
    assert [one.id for one in await runs.list(standing={Standing.RUNNING})] == []
    assert await runs.list(assistant="Nobody") == ()


async def test_purging_deletes_what_ended_before(runs: DurableRuns) -> None:
    async with working(worker_of(runs, engine_of(FINE))):
        run = (await runs.submit(ORDER)).id
        await heard(runs, run)
    waits = (await runs.submit(ORDER)).id
    assert await runs.purge(datetime.now(UTC) - timedelta(days=1)) == 0
    assert await runs.purge(datetime.now(UTC) + timedelta(minutes=1)) == 1
    assert [one.id for one in await runs.list()] == [waits]
    assert await heard(runs, run) == []
    async with working(worker_of(runs, engine_of(FINE))):
        assert (await ended(runs, waits)).standing is Standing.COMPLETED


async def test_the_bytes_of_uploads_are_there_once_and_go_when_nobody_needs_them(
    runs: DurableRuns,
) -> None:
    from dataclasses import replace

    from sqlalchemy import func, select

    from understudy.runs import purging
    from understudy.runs.tables import FILES, UPLOADS

    def count(connection: object) -> tuple[int, int]:
        both = (select(func.count()).select_from(table) for table in (FILES, UPLOADS))
        files, uploads = (connection.scalar(one) for one in both)  # type: ignore[attr-defined]
        return files, uploads

    files = tuple(Original(field="route", name=f"{i}.txt", content=b"north") for i in range(2))
    order = replace(ORDER, originals=files)
    fails = (await runs.submit(order)).id
    passes = (await runs.submit(order)).id
    assert await runs.reading(count) == (1, 4)
    await runs.cancel(fails)
    async with working(worker_of(runs, engine_of(FINE))):
        await heard(runs, passes)
    await runs.writing(purging.let_go_of_files)
    assert await runs.reading(count) == (1, 2)  # who was cancelled may be retried
    await runs.purge(datetime.now(UTC) + timedelta(minutes=1))
    assert await runs.reading(count) == (0, 0)


def test_a_file_of_runs_is_for_its_owner_alone(tmp_path: Path) -> None:
    async def main() -> None:
        async with (
            DurableRuns(for_runs(parse(str(tmp_path / "library.db")))) as runs,
            working(worker_of(runs, engine_of(FINE))),
        ):
            await heard(runs, (await runs.submit(ORDER)).id)

    asyncio.run(main())
    made = [path for path in tmp_path.iterdir() if path.name.startswith("library-runs.db")]
    assert made
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in made)


async def test_a_database_that_is_none_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "library-runs.db").write_bytes(b"no database" * 1000)
    with pytest.raises(StoreError, match=r"database of runs .* is no SQLite database"):
        async with DurableRuns(for_runs(parse(str(tmp_path / "library.db")))):
            raise AssertionError("opened")


def test_a_process_is_gone_when_another_has_its_number() -> None:
    mine = executor_id()
    assert not is_gone(mine)
    host, pid, started = mine.rsplit("/", 2)
    assert is_gone(f"{host}/{pid}/{int(started) - 1}")
    assert not is_gone(f"elsewhere/{pid}/1")
    assert not is_gone("local")
    assert not is_gone("")


async def test_a_run_that_cannot_be_read_hides_no_other(tmp_path: Path) -> None:
    async with DurableRuns(for_runs(parse(str(tmp_path / "library.db")))) as runs:
        async with working(worker_of(runs, engine_of(FINE))):
            damaged, fine = [(await runs.submit(ORDER)).id for _ in range(2)]
            await heard(runs, damaged)
            await heard(runs, fine)
        with sqlite3.connect(tmp_path / "library-runs.db") as connection:
            connection.execute("update runs set ended = '{' where id = ?", (damaged,))
        standings = {info.id: info.standing for info in await runs.list()}
        assert standings == {damaged: Standing.DAMAGED, fine: Standing.COMPLETED}
        with pytest.raises(StoreError, match="cannot be read"):
            await runs.find(damaged)


async def test_a_run_whose_assistant_cannot_be_read_any_more_fails_with_words(
    tmp_path: Path,
) -> None:
    async with DurableRuns(for_runs(parse(str(tmp_path / "library.db")))) as runs:
        run = (await runs.submit(ORDER)).id
        with sqlite3.connect(tmp_path / "library-runs.db") as connection:
            connection.execute("""update run_plays set play = '{"content":"{}","models":{}}'""")
        async with working(worker_of(runs, engine_of(FINE))):
            (last,) = await heard(runs, run)
    assert last.kind == "run.failed"


def test_the_council_is_the_one_that_these_tests_speak_of() -> None:
    assert [one.name for one in COUNCIL.prompts][VERDICT] == COUNCIL.prompts[-1].name
    assert len(COUNCIL.prompts) == 4
