"""Plays runs of one prompt that is answered at once, and prints one JSON line of figures.

All keep everything in a new SQLite file with a write-ahead log. `ours`: asked for one by one, then
played by a worker; both counts. `dbos`: a run is a workflow that is called and awaited, as many at
once, so that no queue is polled, and its prompt is a step. `dbos-plain`: functions without asyncio
that call no model, one run after the other in one thread: the least that DBOS can cost.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from durable_runs import AT_ONCE, completed, opened, order, play
from parallel_example import asked
from understudy.providers.script import Line, Script

PROMPT = "technical"
CONTENT = "What the run is about. " * 8
SAID = "Fine."
WARM = 50


@contextmanager
def measured(count: int, figures: dict[str, float]) -> Iterator[None]:
    """Note runs a second, and the milliseconds of one core that a run takes."""
    began, used = time.perf_counter(), time.process_time()
    yield
    figures["rate"] = count / (time.perf_counter() - began)
    figures["cpu"] = (time.process_time() - used) * 1000 / count


async def ours(folder: str, count: int, figures: dict[str, float]) -> None:
    what = order("demo/scripted", PROMPT)
    async with opened(f"sqlite:///{folder}/bench.db") as runs:

        async def some(count: int) -> None:
            for _ in range(count):
                await runs.submit(what)
            await play(runs, Script((Line(say=SAID),)))

        await some(WARM)
        with measured(count, figures):
            await some(count)
        await completed(runs, WARM + count)


async def dbos(folder: str, count: int, figures: dict[str, float]) -> None:
    from dbos import DBOS

    provider = Script((Line(say=SAID),))

    async def ask(content: str) -> str:
        return await asked(provider, PROMPT, content=content)

    async def work(content: str) -> str:
        return str(await prompt(content))

    prompt, run = DBOS.step()(ask), DBOS.workflow()(work)

    async def some(count: int) -> None:
        left = iter(range(count))

        async def player() -> None:
            for _ in left:
                assert await run(CONTENT) == SAID

        await asyncio.gather(*[player() for _ in range(AT_ONCE)])

    with _launched(folder):
        await some(WARM)
        with measured(count, figures):
            await some(count)


async def dbos_plain(folder: str, count: int, figures: dict[str, float]) -> None:
    from dbos import DBOS

    def say(_: str) -> str:
        return SAID

    def work(content: str) -> str:
        return str(prompt(content))

    prompt, run = DBOS.step()(say), DBOS.workflow()(work)

    def some(count: int) -> None:
        for _ in range(count):
            assert run(CONTENT) == SAID

    with _launched(folder):
        await asyncio.to_thread(some, WARM)
        with measured(count, figures):
            await asyncio.to_thread(some, count)


@contextmanager
def _launched(folder: str) -> Iterator[None]:
    from dbos import DBOS

    DBOS(config={"name": "bench", "system_database_engine": _engine(folder), "log_level": "ERROR"})
    DBOS.launch()
    try:
        yield
    finally:
        DBOS.destroy()


def _engine(folder: str) -> Any:
    """Return an engine as DBOS makes it, with a write-ahead log on top."""
    from sqlalchemy import create_engine, event

    engine = create_engine(f"sqlite:///{folder}/dbos.db")

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _: object) -> None:
        connection.isolation_level = "IMMEDIATE"
        connection.execute("PRAGMA busy_timeout = 30000")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")

    return engine


WAYS = {"ours": ours, "dbos": dbos, "dbos-plain": dbos_plain}


def main() -> None:
    way, count = sys.argv[1:]
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(WAYS[way](folder, int(count), figures))
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
