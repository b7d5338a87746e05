"""A sync of 10,000 unchanged assistants of 8 KB each, against reading the same pages plainly.

Ours and the plain reader run in fresh processes, alternating, against one server in a process
of its own. Times are taken after the imports; the file is there from a sync before.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path

from support import measured, median, process, read_plainly, show

COUNT = 10_000
ROUNDS = 5
BOUND = 1.5


async def plain(base_url: str, _: str) -> float:
    import aiohttp

    started = time.perf_counter()
    async with aiohttp.ClientSession() as session:
        seen = await read_plainly(session, base_url, "sk-bench-src")
    assert seen == COUNT
    return time.perf_counter() - started


async def ours(base_url: str, folder: str) -> float:
    # Imported before the clock starts, as aiohttp is for the plain reader.
    import aiohttp  # noqa: F401

    import understudy
    import understudy.platforms.assistants_v2

    environment = {"OPENAI_BASE_URL": base_url, "OPENAI_API_KEY": "sk-bench-src"}
    settings = understudy.load_settings(environment, Path(folder))
    registry = understudy.Registry(Path(folder) / "assistants.json", settings=settings)
    started = time.perf_counter()
    done = await registry.sync()
    seconds = time.perf_counter() - started
    assert len(done.proposal.entries) == COUNT
    return seconds


def child(which: str, base_url: str, folder: str) -> None:
    seconds = asyncio.run({"plain": plain, "ours": ours}[which](base_url, folder))
    print(json.dumps({"seconds": seconds}))


def main() -> None:
    script = str(Path(__file__).resolve())
    with (
        tempfile.TemporaryDirectory() as folder,
        process(str(Path(script).parent / "pages_server.py"), str(COUNT)) as server,
    ):
        measured(script, "ours", server["base_url"], folder)
        rounds = []
        for _ in range(ROUNDS):
            one = measured(script, "ours", server["base_url"], folder)
            other = measured(script, "plain", server["base_url"], folder)
            rounds.append(one["seconds"] / other["seconds"])
    ratio = median(rounds)
    show("sync of 10,000 unchanged / plain reading", ratio, f"<= {BOUND}", ok=ratio <= BOUND)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        child(*sys.argv[1:])
    else:
        main()
