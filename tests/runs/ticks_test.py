"""Of several processes with one schedule, one takes each moment on."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from runs.playing import ORDER
from understudy.ops.replicas import identity
from understudy.ops.watching import Watch
from understudy.runs import ticks
from understudy.runs.durable import DurableRuns
from understudy.store.address import for_runs, parse


async def test_one_of_many_takes_a_moment_and_may_ask_again(url: str) -> None:
    async with DurableRuns(for_runs(parse(url))) as runs:

        async def took(worker: str, schedule: str = "one") -> bool:
            return await runs.writing(ticks.take, schedule, moment, worker)

        moment = datetime.now(UTC).timestamp()
        for _ in range(2):
            found = await asyncio.gather(*(took(f"worker {n}") for n in range(8)))
            assert found.count(True) == 1
        assert await took("somebody", "another")


async def test_three_replicas_sync_once_at_each_moment(url: str) -> None:
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    synced: list[tuple[str, datetime]] = []

    async def replica(runs: DurableRuns, name: str) -> None:
        now = start

        async def pause(seconds: float) -> bool:
            nonlocal now
            now += timedelta(seconds=seconds)
            if now > start + timedelta(hours=2):
                watch.stop()
            return False

        class Done:
            count = 1

        async def sync() -> Done:
            synced.append((name, now.replace(second=0, microsecond=0)))
            return Done()

        async def take(at: datetime) -> bool:
            return await runs.writing(ticks.take, "registry", at.timestamp(), name)

        watch = Watch(sync, clock=lambda: now, pause=pause, take=take)
        await watch.run()

    async with DurableRuns(for_runs(parse(url))) as runs:
        await asyncio.gather(*(replica(runs, name) for name in "abc"))
    moments = [at for _, at in synced]
    assert sorted(moments) == [start + timedelta(minutes=15 + 30 * n) for n in range(4)]


def test_who_has_the_very_same_file_has_the_same_identity(tmp_path: Path) -> None:
    first = identity(tmp_path / "config" / "assistants.json")
    assert first == identity(tmp_path / "config" / "assistants.json")
    assert first != identity(tmp_path / "other" / "assistants.json")
    assert len(first) == 16
    (tmp_path / "file").write_text("")
    nowhere = tmp_path / "file" / "assistants.json"
    assert identity(nowhere) != identity(nowhere)


async def test_old_moments_are_forgotten(url: str) -> None:
    async with DurableRuns(for_runs(parse(url))) as runs:
        await runs.submit(ORDER)
        assert await runs.writing(ticks.take, "one", 1.0, "a")
        assert await runs.writing(ticks.take, "one", 2.0, "b")
        assert await runs.writing(ticks.take, "one", 1.0, "b")  # of 1970: nobody remembers
