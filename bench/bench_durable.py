"""Durable runs: how fast one worker is, what a second one adds, and the same work in DBOS.

The model answers at once on SQLite, and takes 50 ms on PostgreSQL, where workers are processes
that share a queue: they are there before the runs are, and the time from the first that was taken
on to the last that ended is read from the runs' rows. DBOS comes with
`uv pip install --group bench`; without it only our figures are printed.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path

from sqlalchemy import Connection, func, select

from durable_runs import completed, opened, order, play, queue
from postgres import postgresql
from serving_runs import worker
from support import measured, median, show
from understudy.providers.script import Line, Script
from understudy.runs.tables import RUNS

HERE = Path(__file__).resolve().parent
ROUNDS = 3
PROMPTS = 4  # of a run
RUNS_OF_ONE = 300
RUNS_OF_TWO = 300
PLACES = 4  # runs that a worker plays at once
LATENCY = 0.05
SINGLE = "600"  # runs of one prompt
LEAST = 100.0
MORE = 1.6


async def one_worker(folder: str) -> float:
    """Return the prompts a second of one worker whose model answers at once."""
    what = order("demo/scripted")
    async with opened(f"sqlite:///{folder}/bench.db") as runs:
        await queue(runs, what, RUNS_OF_ONE)
        started = time.perf_counter()
        await play(runs, Script((Line(say="Fine."),)))
        seconds = time.perf_counter() - started
        await completed(runs, RUNS_OF_ONE)
    return RUNS_OF_ONE * PROMPTS / seconds


async def workers(folder: str, url: str, count: int) -> float:
    """Return the prompts a second of as many processes."""
    async with opened(url) as runs:
        with ExitStack() as stack:
            for _ in range(count):
                stack.enter_context(worker(folder, url, "--concurrency", str(PLACES)))
            await queue(runs, order("demo/scripted"), RUNS_OF_TWO)
            while await runs.reading(_left):  # noqa: ASYNC110 - other processes end them
                await asyncio.sleep(0.2)
        found = await completed(runs, RUNS_OF_TWO)
        assert len({one.executor for one in found}) == count
        return RUNS_OF_TWO * PROMPTS / await runs.reading(_seconds)


def _left(connection: Connection) -> int:
    unended = select(func.count()).select_from(RUNS).where(RUNS.c.ended_at.is_(None))
    return connection.scalar(unended) or 0


def _seconds(connection: Connection) -> float:
    row = connection.execute(select(func.min(RUNS.c.claimed_at), func.max(RUNS.c.ended_at))).one()
    return float(row[1] - row[0])


def alone() -> None:
    rates = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            rates.append(asyncio.run(one_worker(folder)))
    rate = median(rates)
    show("SQLite, one worker: prompts a second", rate, f">= {LEAST:g}", ok=rate >= LEAST)


def together() -> None:
    ratios = []
    with tempfile.TemporaryDirectory() as folder, postgresql() as new:
        script = [{"say": "Fine.", "after": LATENCY}]
        (Path(folder) / "script.json").write_text(json.dumps(script))
        for _ in range(ROUNDS):
            one, two = (asyncio.run(workers(folder, new(), count)) for count in (1, 2))
            print(f"  {one:.0f} prompts a second by one process, {two:.0f} by two")
            ratios.append(two / one)
    ratio = median(ratios)
    show("PostgreSQL, two workers / one", ratio, f">= {MORE}", ok=ratio >= MORE)


def compared() -> None:
    """Say what a run of one prompt costs, ours and theirs by turns."""
    ways = {"ours": "ours", "dbos": "DBOS", "dbos-plain": "DBOS, no asyncio"}
    if find_spec("dbos") is None:
        print("DBOS is not installed, and left out. uv pip install --group bench")
        ways = {"ours": "ours"}
    found: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
    for _ in range(ROUNDS):
        for way, figures in found.items():
            figures.append(measured(str(HERE / "one_prompt.py"), way, SINGLE))
    for way, name in ways.items():
        rate, cpu = (median([one[key] for one in found[way]]) for key in ("rate", "cpu"))
        show(f"one prompt, {name}: runs a second", rate, "(no bound)", ok=True)
        show(f"one prompt, {name}: CPU a run", cpu, "(no bound)", ok=True, unit=" ms")


def main() -> None:
    alone()
    together()
    compared()


if __name__ == "__main__":
    main()
