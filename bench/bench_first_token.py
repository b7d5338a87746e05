"""From a model's first piece to a listener's having read it, over a socket, while it is kept.

The service and the listener are processes of their own. The model says by the clock that both
share when it said its first piece. A second service of the same database, which plays no runs,
is listened to at the same time.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from contextlib import aclosing
from pathlib import Path

from durable_runs import opened, order, queue
from postgres import postgresql
from serving_runs import service, told
from support import median, show

CLOCKED = str(Path(__file__).with_name("clocked.py"))
RUNS = 50
BOUND = 30.0  # ms


async def first(port: int, run: str) -> float:
    """Return the milliseconds from a run's first piece to here."""
    found = 0.0
    async with asyncio.timeout(10), aclosing(told(port, run)) as events:
        async for one in events:
            if not found and "text" in one:
                found = (time.monotonic() - float(one["text"].split()[0])) * 1000
    return found


async def delays(url: str, here: int, elsewhere: int) -> list[tuple[float, ...]]:
    """Return, for each run, the delay at the service that plays it, and at the other one."""
    found = []
    what = order("demo/echo", "technical")
    async with opened(url) as runs:
        for _ in range(RUNS + 1):
            (run,) = await queue(runs, what, 1)
            found.append(tuple(await asyncio.gather(first(here, run), first(elsewhere, run))))
    return found[1:]


async def made(url: str) -> None:
    async with opened(url):
        pass


def tell(name: str, url: str) -> None:
    asyncio.run(made(url))
    with (
        tempfile.TemporaryDirectory() as folder,
        service(folder, url, program=(CLOCKED,)) as (here, _),
        service(folder, url, "--runs", "0") as (elsewhere, _),
    ):
        own, other = zip(*asyncio.run(delays(url, here, elsewhere)), strict=True)
    for which, value in (("median", median(list(own))), ("worst", max(own))):
        show(
            f"{name}: first token to listener, {which} of {RUNS}",
            value,
            f"<= {BOUND:g} ms",
            ok=value <= BOUND,
            unit=" ms",
        )
    for which, value in (("median", median(list(other))), ("worst", max(other))):
        show(f"{name}: at another process, {which}", value, "(no bound)", ok=True, unit=" ms")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        tell("SQLite", f"sqlite:///{folder}/bench.db")
    with postgresql() as new:
        tell("PostgreSQL", new())


if __name__ == "__main__":
    main()
