"""Runs outlive their process: what finished is kept, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from architect.examples import PARALLEL
from understudy.architect.definition import from_json
from understudy.architect.engine import Engine
from understudy.architect.run_events import (
    Answered,
    PromptCompleted,
    PromptStarted,
    RunEvent,
    RunListener,
    RunStatus,
    Used,
)
from understudy.errors import MoveError, SelectionError, StoreError
from understudy.providers.base import Delta, Request
from understudy.providers.script import Line, Script
from understudy.runs.durable import DurableRuns
from understudy.runs.executor import executor_id, is_gone
from understudy.runs.records import Order, Standing, order_json, order_of
from understudy.runs.serializer import JsonSerializer, RecordedError
from understudy.store.address import parse, runs_url

COUNCIL = from_json(PARALLEL["assistants"][0])
ORDER = Order(
    assistant=COUNCIL.name,
    version=3,
    content=COUNCIL.canonical,
    models={"gpt-4o": "demo/scripted"},
    inputs={"route": "north"},
)
FINE = Line(say="Fine.")


class Ear:
    """Listens to one run."""

    def __init__(self) -> None:
        self.run = ""
        self.told: list[RunEvent] = []
        self._more = asyncio.Event()

    def __call__(self, run: str) -> RunListener:
        self.run = run
        return self._hear

    def _hear(self, _: int, event: RunEvent) -> None:
        self.told.append(event)
        self._more.set()

    async def hears(self, prompt: int) -> None:
        """Wait until a prompt is asked."""
        async with asyncio.timeout(60):
            while prompt not in self.asked():
                self._more.clear()
                await self._more.wait()

    def asked(self) -> list[int]:
        return sorted(one.prompt for one in self.told if isinstance(one, PromptStarted))

    def kept(self) -> list[int]:
        return [one.prompt for one in self.told if isinstance(one, PromptCompleted) and one.kept]


def engine_of(*lines: Line) -> Engine:
    script = Script(lines)
    return Engine(lambda _: script)


@pytest.fixture
def place(url: str) -> str:
    return runs_url(parse(url))


async def test_a_run_is_kept_with_all_that_it_was(place: str) -> None:
    ear = Ear()
    async with DurableRuns(place) as runs:
        ended = await runs.start(ORDER, engine_of(FINE), ear)
    async with DurableRuns(place) as runs:
        (info,) = await runs.list()
        assert info == await runs.find(ear.run)
    assert ended.status is RunStatus.COMPLETED
    assert (info.standing, info.attempt, info.version) == (Standing.COMPLETED, 1, 3)
    assert info.ended == ended
    assert info.order == ORDER
    assert info.executor == executor_id()
    assert timedelta(0) <= datetime.now(UTC) - info.created_at < timedelta(minutes=5)


async def test_what_failed_goes_on_and_finished_prompts_are_not_asked_again(place: str) -> None:
    ear, again, last = Ear(), Ear(), Ear()
    async with DurableRuns(place) as runs:
        await runs.start(ORDER, engine_of(Line("tide", fail="rejected"), FINE), ear)
        info = await runs.find(ear.run)
        assert info.standing is Standing.FAILED
        await runs.retry(info, engine_of(Line("sail?", fail="rejected"), FINE), again(ear.run))
        info = await runs.find(ear.run)
        ended = await runs.retry(info, engine_of(Line(say="Sail!")), last(ear.run))
        (listed,) = await runs.list()
    assert (ear.asked(), again.asked(), last.asked()) == ([0, 1, 2], [1, 3], [3])
    assert (again.kept(), last.kept()) == ([0, 2], [0, 1, 2])
    assert ended.answers[3].text == "Sail!"
    assert (listed.attempt, listed.standing) == (3, Standing.COMPLETED)


async def test_cancelling_the_caller_cancels_the_run_and_keeps_what_finished(place: str) -> None:
    ear, again = Ear(), Ear()
    async with DurableRuns(place) as runs:
        slow = engine_of(Line("sail?", after=600), FINE)
        task = asyncio.create_task(runs.start(ORDER, slow, ear))
        await ear.hears(3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        info = await runs.find(ear.run)
        assert info.standing is Standing.CANCELLED
        await runs.retry(info, engine_of(FINE), again(ear.run))
    assert again.asked() == [3]


class Gate(Script):
    """Answers when it is opened."""

    def __init__(self) -> None:
        super().__init__((FINE,))
        self.opened = asyncio.Event()

    async def stream(self, request: Request) -> AsyncGenerator[Delta, None]:
        await self.opened.wait()
        async for delta in super().stream(request):
            yield delta


async def test_a_run_that_is_cancelled_from_elsewhere_ends_within_a_moment(
    place: str,
) -> None:
    ear, again, gate = Ear(), Ear(), Gate()
    async with DurableRuns(place) as runs:
        task = asyncio.create_task(runs.start(ORDER, Engine(lambda _: gate), ear))
        await ear.hears(2)
        info = await runs.cancel(ear.run)
        assert info.standing is Standing.CANCELLED
        with pytest.raises(MoveError, match="just being cancelled"):
            await runs.retry(info, engine_of(FINE), Ear()("x"))
        ended = await task
        assert ended.status is RunStatus.CANCELLED
        assert ear.told[-1] == ended
        assert ear.asked() == [0, 1, 2]
        info = await runs.find(ear.run)
        assert info.standing is Standing.CANCELLED
        assert (await runs.retry(info, engine_of(FINE), again(ear.run))).answers.keys() == {
            *range(4)
        }


async def test_what_has_completed_or_runs_is_neither_retried_nor_cancelled(place: str) -> None:
    ear, slow = Ear(), Ear()
    async with DurableRuns(place) as runs:
        await runs.start(ORDER, engine_of(FINE), ear)
        info = await runs.find(ear.run)
        with pytest.raises(MoveError, match="completed"):
            await runs.retry(info, engine_of(FINE), Ear()("x"))
        with pytest.raises(MoveError, match="completed"):
            await runs.cancel(info.id)
        hang = engine_of(Line(after=600))
        task = asyncio.create_task(runs.start(ORDER, hang, slow))
        await slow.hears(0)
        running = await runs.find(slow.run)
        assert running.standing is Standing.RUNNING
        with pytest.raises(MoveError, match="is running"):
            await runs.retry(running, engine_of(FINE), Ear()("x"))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_run_that_nobody_knows_is_said_so(place: str) -> None:
    async with DurableRuns(place) as runs:
        assert await runs.list() == ()
        for name in ("run_0", "nothing", "run_1.1", "run_%"):
            with pytest.raises(SelectionError):
                await runs.find(name)


async def test_purging_deletes_what_ended_before(place: str) -> None:
    async with DurableRuns(place) as runs:
        ear = Ear()
        await runs.start(ORDER, engine_of(FINE), ear)
        assert await runs.purge(datetime.now(UTC) - timedelta(days=1)) == 0
        assert await runs.purge(datetime.now(UTC) + timedelta(seconds=1)) == 1
        assert await runs.list() == ()


def test_a_file_of_runs_is_for_its_owner_alone(tmp_path: Path) -> None:
    place = runs_url(parse(str(tmp_path / "library.db")))

    async def main() -> None:
        async with DurableRuns(place) as runs:
            await runs.start(ORDER, engine_of(FINE), Ear())

    asyncio.run(main())
    made = [path for path in tmp_path.iterdir() if path.name.startswith("library-runs.db")]
    assert made
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in made)


async def test_a_database_that_is_none_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "library-runs.db").write_bytes(b"no database" * 1000)
    place = runs_url(parse(str(tmp_path / "library.db")))
    with pytest.raises(StoreError, match="database of runs"):
        async with DurableRuns(place):
            raise AssertionError("opened")


def test_an_order_comes_back_from_json_as_it_was() -> None:
    answer = Answered("a", Used(1, 2), "m", 2, 0.5)
    order = Order(
        assistant="a", content="{}", models={"x": "y"}, inputs={"i": "é\n"}, kept={3: answer}
    )
    serializer = JsonSerializer()
    assert order_of(serializer.deserialize(serializer.serialize(order_json(order)))) == order
    error = serializer.deserialize(serializer.serialize(ValueError("bad")))
    assert isinstance(error, RecordedError)
    assert str(error) == "ValueError: bad"
    with pytest.raises(TypeError):
        serializer.serialize(object())


def test_a_process_is_gone_when_another_has_its_number() -> None:
    mine = executor_id()
    assert not is_gone(mine)
    host, pid, started = mine.rsplit("/", 2)
    assert is_gone(f"{host}/{pid}/{int(started) - 1}")
    assert not is_gone(f"elsewhere/{pid}/1")
    assert not is_gone("local")
    assert not is_gone("")


async def test_a_run_that_cannot_be_read_hides_no_other(tmp_path: Path) -> None:
    ear, other = Ear(), Ear()
    place = runs_url(parse(str(tmp_path / "library.db")))
    async with DurableRuns(place) as runs:
        await runs.start(ORDER, engine_of(FINE), ear)
        await runs.start(ORDER, engine_of(FINE), other)
        with sqlite3.connect(tmp_path / "library-runs.db") as connection:
            connection.execute(
                "update workflow_input set inputs = '{}' where workflow_uuid like ?",
                (f"{ear.run}.%",),
            )
        standings = {info.id: info.standing for info in await runs.list()}
        assert standings == {ear.run: Standing.DAMAGED, other.run: Standing.COMPLETED}
        with pytest.raises(StoreError, match="cannot be read"):
            await runs.find(ear.run)


async def test_what_has_finished_is_shown_while_the_rest_is_not(place: str) -> None:
    ear, again = Ear(), Ear()
    async with DurableRuns(place) as runs:
        slow = engine_of(Line("sail?", after=600), FINE)
        task = asyncio.create_task(runs.start(ORDER, slow, ear))
        await ear.hears(3)
        assert (await runs.find(ear.run)).answers.keys() == {0, 1, 2}
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        info = await runs.find(ear.run)
        assert info.answers.keys() == {0, 1, 2}
        await runs.retry(info, engine_of(FINE), again(ear.run))
        assert again.asked() == [3]
