"""From a model's first piece to a listener's having read it, over a socket, while it is kept.

The service and the listener are processes of their own. The model says by the clock that all
share when it said its first piece. The run is played by the service that is listened to, then by
a worker that is another process.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from contextlib import aclosing
from pathlib import Path

from durable_runs import opened, order, queue
from postgres import postgresql
from serving_runs import service, told, worker
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


async def delays(url: str, port: int) -> list[float]:
    """Return the delay of each run but the first."""
    what = order("demo/echo", "technical")
    async with opened(url) as runs:
        return [await first(port, (await queue(runs, what, 1))[0]) for _ in range(RUNS + 1)][1:]


async def made(url: str) -> None:
    async with opened(url):
        pass


def tell(name: str, url: str, port: int) -> None:
    found = asyncio.run(delays(url, port))
    for which, value in (("median", median(found)), ("worst", max(found))):
        show(
            f"{name}, {which} of {RUNS}",
            value,
            f"<= {BOUND:g} ms",
            ok=value <= BOUND,
            unit=" ms",
        )


def both(name: str, url: str) -> None:
    asyncio.run(made(url))
    with tempfile.TemporaryDirectory() as folder:
        with service(folder, url, program=(CLOCKED,)) as (port, _):
            tell(f"{name}: first token, played there", url, port)
        with (
            worker(folder, url, program=(CLOCKED,)),
            service(folder, url, "--runs", "0") as (
                port,
                _,
            ),
        ):
            tell(f"{name}: played elsewhere", url, port)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        both("SQLite", f"sqlite:///{folder}/bench.db")
    with postgresql() as new:
        both("PostgreSQL", new())


if __name__ == "__main__":
    main()
