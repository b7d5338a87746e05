"""The library of Architect documents: importing 1,000 assistants of 4 prompts, listing 10,000.

Imports go from the document's bytes to the committed transaction: reading, checking, digests,
rows; into SQLite, and into a PostgreSQL that is started for it. The listing is by HTTP, page by
page, from a service in a process of its own, whose memory is looked at before and after.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from documents import assistant, document
from postgres import postgresql
from support import median, show
from understudy.config import Settings
from understudy.ops.architect import Architect

COUNT = 1_000
PROMPTS = 4
MANY = 10_000
ROUNDS = 3
PAGE = 100
MEMORY = 1.1  # of what the service has after its first pages


async def imported(url: str, data: bytes) -> float:
    """Return the seconds that an import into an open library takes."""
    async with Architect(Settings({}, {}, Path()), database=url) as architect:
        await architect.library()
        started = time.perf_counter()
        done = await architect.add(architect.check_text(data), actor="bench")
        seconds = time.perf_counter() - started
    assert done.batch is not None
    assert done.batch.created == COUNT
    return seconds


def rate(urls: list[str], data: bytes) -> float:
    """Return prompts a second, the median over empty libraries."""
    return median([COUNT * PROMPTS / asyncio.run(imported(url, data)) for url in urls])


async def filled(url: str) -> None:
    """Fill a library with many assistants."""
    async with Architect(Settings({}, {}, Path()), database=url) as architect:
        for start in range(0, MANY, COUNT):
            part = [assistant(number) for number in range(start, start + COUNT)]
            await architect.add(architect.check_text(document(part)), actor="bench")


@contextmanager
def service(folder: str) -> Iterator[tuple[str, int]]:
    """Start `understudy serve` in a folder; yield its address and process id."""
    child = subprocess.Popen(
        [sys.executable, "-m", "understudy", "serve", "--json", "--port", "0"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "UNDERSTUDY_SERVICE_RATE": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert child.stdout is not None
        yield json.loads(child.stdout.readline())["url"], child.pid
    finally:
        child.terminate()
        child.wait(timeout=60)


def resident(pid: int) -> float:
    """Return a process's resident memory in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def page(url: str, after: str) -> tuple[dict[str, Any], float]:
    """Return one page and the seconds that it took."""
    query = urllib.parse.urlencode({"limit": PAGE, "after": after})
    started = time.perf_counter()
    address = f"{url}/api/architect/assistants?{query}"
    with urllib.request.urlopen(address) as answer:  # noqa: S310 - our own service
        found: dict[str, Any] = json.load(answer)
    return found, time.perf_counter() - started


def listed(url: str, pid: int) -> tuple[float, float]:
    """List everything; return growth of memory, and the last pages' time over the first ones'."""
    after, seen, times, before = "", 0, [], 0.0
    while True:
        found, seconds = page(url, after)
        times.append(seconds)
        seen += found["count"]
        after = found["next"]
        if len(times) == PAGE // 10:
            before = resident(pid)
        if not after:
            break
    assert seen == MANY
    tenth = len(times) // 10
    return resident(pid) / before, median(times[-tenth:]) / median(times[tenth : 2 * tenth])


def main() -> None:
    data = document([assistant(number) for number in range(COUNT)])
    with tempfile.TemporaryDirectory() as folder:
        found = rate([f"sqlite:///{folder}/{n}.db" for n in range(ROUNDS)], data)
        show("prompts a second into SQLite", found, ">= 1000", ok=found >= 1000)
    with postgresql() as new:
        found = rate([new() for _ in range(ROUNDS)], data)
        show("prompts a second into PostgreSQL", found, ">= 1000", ok=found >= 1000)
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(filled(f"sqlite:///{folder}/understudy.db"))
        with service(folder) as (url, pid):
            growth, slower = listed(url, pid)
        show(
            "memory after 10,000 listed / after 1,000", growth, f"<= {MEMORY}", ok=growth <= MEMORY
        )
        show("a page at the end / near the beginning", slower, "<= 1.5", ok=slower <= 1.5)


if __name__ == "__main__":
    main()
