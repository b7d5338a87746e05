"""Notifications of PostgreSQL: who listens, and what happens where they do not come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing

import psycopg
import pytest
from sqlalchemy import func, select

from databases import PostgreSQL
from poolers import pooler
from runs.elsewhere import PATIENCE, Pair, eventually, listening, nobody_looks, opened, pair
from runs.playing import FINE, ORDER, Gate, checked, engine_of, heard, until, worker_of, working
from understudy.architect.engine import Engine
from understudy.runs import feed, hearing, notices
from understudy.runs.database import Database
from understudy.runs.hearing import ServerEar
from understudy.runs.notices import ANY, payloads
from understudy.runs.records import Standing
from understudy.runs.tables import EVENTS
from understudy.store.address import parse

__all__ = ["nobody_looks", "pair"]

_LISTENING = "SELECT pid FROM pg_stat_activity WHERE query = 'LISTEN understudy_runs'"


@pytest.fixture
def engine() -> str:
    return "postgresql"


class Ears:
    """Who listens to a server."""

    def __init__(self, server: PostgreSQL) -> None:
        self._connection = psycopg.connect(server.url(), autocommit=True)

    def close(self) -> None:
        self._connection.close()

    def __call__(self) -> set[int]:
        return {pid for (pid,) in self._connection.execute(_LISTENING)}

    def cut(self) -> None:
        for pid in self():
            self._connection.execute("SELECT pg_terminate_backend(%s)", (pid,))


@pytest.fixture
def ears(postgresql: PostgreSQL) -> Iterator[Ears]:
    with closing(Ears(postgresql)) as found:
        yield found


async def test_one_connection_listens_and_only_while_somebody_does(
    pair: Pair, ears: Ears, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "_LOOK_AT_ALL", 0.01)
    here, elsewhere = pair
    ids = [(await here.submit(ORDER)).id for _ in range(2)]
    assert not ears()
    async with listening(elsewhere, ids[0]), listening(elsewhere, ids[1]):
        await eventually(lambda: len(ears()) == 1)
    await eventually(lambda: not ears())
    async with listening(elsewhere, ids[0]):
        await eventually(lambda: len(ears()) == 1)
        await elsewhere.__aexit__(None, None, None)
        await eventually(lambda: not ears())


async def test_a_connection_that_breaks_is_mended_and_nothing_is_lost(
    pair: Pair, ears: Ears
) -> None:
    here, elsewhere = pair
    gate = Gate()
    run = (await here.submit(ORDER)).id
    async with (
        listening(elsewhere, run) as task,
        working(worker_of(here, Engine(lambda _: gate))),
    ):
        await until(elsewhere, run, "prompt.started", count=3)
        before = ears()
        ears.cut()
        gate.opened.set()  # what is kept before it listens again is not notified
        assert (await task)[-1] == "run.completed"
        assert not before & ears()


async def test_a_connection_that_breaks_is_closed(pair: Pair, ears: Ears) -> None:
    here, elsewhere = pair
    run = (await here.submit(ORDER)).id
    async with listening(elsewhere, run):
        await eventually(ears)
        ears.cut()
        await elsewhere.__aexit__(None, None, None)
    await eventually(lambda: not ears())


async def test_a_server_that_does_not_answer_keeps_nobody() -> None:
    asked = asyncio.Event()
    left = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await reader.read()  # until it hangs up
        writer.close()
        left.set()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        database = Database.__new__(Database)
        database.address = parse(f"postgresql://me@127.0.0.1:{port}/none")
        ear = ServerEar(database, lambda _: None)
        ear.need(True)
        await asyncio.wait_for(asked.wait(), PATIENCE)
        await asyncio.wait_for(ear.aclose(), PATIENCE)
        await asyncio.wait_for(left.wait(), PATIENCE)


@pytest.mark.parametrize("passes", [0, 1], ids=["never", "no more"])
async def test_where_notifications_do_not_come_runs_are_looked_at(
    url: str, passes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "_LOOK", 0.01)
    monkeypatch.setattr(hearing, "_TRUST", 0.01)
    monkeypatch.setattr(hearing, "_ANSWER", 0.01)
    async with (
        pooler(url, passes=passes) as (address, swallowed),
        opened(url) as here,
        opened(address) as elsewhere,
    ):
        run = (await here.submit(ORDER)).id
        async with listening(elsewhere, run) as task:
            await eventually(lambda: swallowed)  # the connection was put to the test
            async with working(worker_of(here, engine_of(FINE))):
                assert (await task)[-1] == "run.completed"


async def test_connections_of_a_pooler_are_not_left_listening(
    url: str, ears: Ears, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "_LOOK", 0.01)
    async with (
        pooler(url, honest=False) as (address, swallowed),
        opened(url) as here,
        opened(address) as elsewhere,
    ):
        run = (await here.submit(ORDER)).id
        async with listening(elsewhere, run) as task, working(worker_of(here, engine_of(FINE))):
            assert (await task)[-1] == "run.completed"
            assert not ears()
    assert not swallowed


async def test_a_notice_that_fails_harms_nobody(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices, "_TELL", "SELECT no_such_function(%s, %s)")
    here, _ = pair
    run = (await here.submit(ORDER)).id
    async with working(worker_of(here, engine_of(FINE))):
        assert checked(await heard(here, run)).ended is not None
    assert (await here.find(run)).standing is Standing.COMPLETED


async def test_services_in_two_schemas_do_not_mix(new_url: Callable[[], str]) -> None:
    async with opened(new_url()) as one, opened(new_url()) as other:
        mine, theirs = [(await runs.submit(ORDER)).id for runs in (one, other)]
        async with listening(one, mine) as task, listening(one, theirs) as nothing:
            assert await nothing == []
            async with working(worker_of(other, engine_of(FINE))):
                await heard(other, theirs)
            assert not task.done()
            async with working(worker_of(one, engine_of(FINE))):
                assert (await task)[-1] == "run.completed"
        kept = select(func.count()).select_from(EVENTS)
        counts = [await runs.reading(lambda c: c.scalar(kept)) for runs in (one, other)]
        assert counts[0] == counts[1]


def test_many_runs_are_told_of_by_one_notice() -> None:
    assert payloads({"run_b", "run_a"}) == ["run_a", "run_b"]
    assert payloads({f"run_{i}" for i in range(500)}) == [ANY]
    assert payloads(set()) == []
