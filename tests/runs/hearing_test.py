"""Runs that others play are heard of, on both databases; nobody looks by himself."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Collection
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from command import Stage
from runs.elsewhere import PATIENCE, Pair, eventually, listening, nobody_looks, opened, pair
from runs.kill_test import Crew, asked_for, at, crew
from runs.playing import FINE, ORDER, Gate, checked, engine_of, heard, until, worker_of, working
from understudy.architect.engine import Engine
from understudy.runs import feed, reading
from understudy.runs.hearing import FileEar

__all__ = ["at", "crew", "nobody_looks", "pair"]


async def test_what_another_process_keeps_is_heard_of(
    pair: Pair,
) -> None:
    here, elsewhere = pair
    gate = Gate()
    run = (await here.submit(ORDER)).id
    async with (
        listening(elsewhere, run) as task,
        working(worker_of(here, Engine(lambda _: gate))),
    ):
        await until(elsewhere, run, "prompt.started", count=3)
        gate.opened.set()
        assert (await task)[-1] == "run.completed"
    assert checked(await heard(elsewhere, run)).answered == dict.fromkeys(range(4), "Fine.")


async def test_a_worker_that_is_a_process_of_its_own_is_heard_of(
    stage: Stage, at: tuple[str, str], crew: Crew
) -> None:
    stage.environment["UNDERSTUDY_SCRIPT"] = str(stage.write("script.json", [{"say": "a b c"}]))
    async with opened(at[1]) as runs:
        ids = await asked_for(stage, at, runs, 5)
        async with AsyncExitStack() as stack:
            tasks = [await stack.enter_async_context(listening(runs, run)) for run in ids]
            crew.enlist()
            for told in await asyncio.gather(*tasks):
                assert told[-1] == "run.completed"


async def test_more_runs_than_are_named_are_heard_of(
    pair: Pair,
) -> None:
    here, elsewhere = pair
    ids = [(await here.submit(ORDER)).id for _ in range(20)]
    async with AsyncExitStack() as stack:
        tasks = [await stack.enter_async_context(listening(elsewhere, run)) for run in ids]
        await stack.enter_async_context(working(worker_of(here, engine_of(FINE), places=20)))
        for told in await asyncio.gather(*tasks):
            assert told[-1] == "run.completed"


async def test_what_is_too_much_for_one_look_is_read_to_its_end(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_PIECE_TEXT", 0)  # each look gives one event
    here, elsewhere = pair
    run = (await here.submit(ORDER)).id
    async with (
        listening(elsewhere, run) as task,
        working(worker_of(here, engine_of(FINE))),
    ):
        assert (await task)[-1] == "run.completed"


async def test_a_run_that_is_cancelled_while_it_waits_is_heard_of(
    pair: Pair,
) -> None:
    here, elsewhere = pair
    run = (await here.submit(ORDER)).id
    async with listening(elsewhere, run) as task:
        await eventually(lambda: run in elsewhere.feed._channels)
        await here.cancel(run)
        assert await task == ["run.cancelled"]


async def test_a_run_that_was_taken_away_is_heard_of_from_there(
    pair: Pair,
) -> None:
    here, elsewhere = pair
    gate = Gate()
    async with working(worker_of(here, Engine(lambda _: gate))):
        run = (await here.submit(ORDER)).id
        async with listening(here, run) as task:
            await until(here, run, "prompt.started", count=3)
            async with working(worker_of(elsewhere, engine_of(FINE))):
                await elsewhere.retry(run, force=True)
                await heard(elsewhere, run)
            assert run in here.feed._ours
            gate.opened.set()  # what is written now is refused
            assert (await task)[-1] == "run.completed"
        assert run not in here.feed._ours


async def test_runs_that_are_played_here_are_not_looked_at(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[set[str]] = []
    look = feed.Feed._looked_at

    async def looked_at(self: feed.Feed, runs: Collection[str]) -> bool:
        looks.append({*runs} & self._ours)
        return await look(self, runs)

    monkeypatch.setattr(feed.Feed, "_looked_at", looked_at)
    gate = Gate()
    async with opened(url) as runs, working(worker_of(runs, Engine(lambda _: gate), places=2)):
        ours, waits = [(await runs.submit(ORDER)).id for _ in range(2)]
        async with listening(runs, ours) as task, listening(runs, waits):
            await until(runs, ours, "prompt.started", count=3)
            gate.opened.set()
            await task
    assert not any(looks)


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_a_file_is_looked_at_only_while_somebody_listens_to_others(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "_LOOK_AT_ALL", 0.01)

    def looking() -> int:
        return sum(one.name == "understudy-ear" for one in threading.enumerate())

    here, elsewhere = pair
    ids = [(await here.submit(ORDER)).id for _ in range(2)]
    assert looking() == 0
    async with listening(elsewhere, ids[0]), listening(elsewhere, ids[1]):
        await eventually(lambda: looking() == 1)
    await eventually(lambda: looking() == 0)
    async with listening(elsewhere, ids[0]):
        await eventually(lambda: looking() == 1)
        await elsewhere.__aexit__(None, None, None)
        assert looking() == 0


async def test_a_file_that_cannot_be_looked_at_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "none.db"
    path.write_bytes(b"no database" * 1000)
    said = asyncio.Event()
    ear = FileEar(path, lambda _: said.set())
    ear.need(True)
    await asyncio.wait_for(said.wait(), PATIENCE)
    assert not ear.sure
    await ear.aclose()
