"""500 listeners at one service, all at one run and each at its own, while a model talks.

Service and listeners are processes; what they say goes over sockets. A listener's delay is from
when the service heard of a piece (the event's `at` in the database) to when the listener had it.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Connection, select

from durable_runs import completed, opened, order, queue
from serving_runs import service
from support import show
from understudy.runs.tables import EVENTS

HERE = Path(__file__).resolve().parent
LISTENERS = 500
SECONDS = 6
RATE = 20  # pieces a second of each run
MEMORY = 300.0  # MB
BEHIND = 1.0  # seconds

#: Who heard which events when.
Heard = Sequence[tuple[str, Sequence[tuple[float, int]]]]


async def listened(url: str, folder: str, count: int) -> tuple[Heard, dict[str, dict[int, float]]]:
    """Return what was heard of so many runs by all listeners, and when each event was."""
    async with opened(url) as runs:
        asked = await queue(runs, order("demo/scripted", "technical"), count)
        with service(folder, url, "--runs", str(count)) as (port, pid):
            listening = [asked[number % count] for number in range(LISTENERS)]
            command = [sys.executable, str(HERE / "listeners.py"), str(port), *listening]
            with subprocess.Popen(  # noqa: ASYNC220 - nothing else goes on here
                command, stdout=subprocess.PIPE, text=True
            ) as child:
                assert child.stdout is not None
                assert await asyncio.to_thread(child.stdout.readline) == "{}\n"
                heard: Heard = json.loads(await asyncio.to_thread(child.stdout.readline))
            memory = peak(pid)
        await completed(runs, count)
        show("  peak memory", memory, f"< {MEMORY:g} MB", ok=memory < MEMORY, unit=" MB")
        return heard, await runs.reading(moments)


def moments(connection: Connection) -> dict[str, dict[int, float]]:
    found: dict[str, dict[int, float]] = {}
    for one in connection.execute(select(EVENTS.c.run, EVENTS.c.number, EVENTS.c.at)):
        found.setdefault(one.run, {})[one.number] = one.at
    return found


def peak(pid: int) -> float:
    """Return the largest resident memory that a process had, in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def tell(name: str, count: int) -> None:
    print(f"{LISTENERS} listeners, {name}:")
    with tempfile.TemporaryDirectory() as folder:
        script = [{"say": "word " * (SECONDS * RATE), "after": 3, "pause": 1 / RATE}]
        (Path(folder) / "script.json").write_text(json.dumps(script))
        url = f"sqlite:///{folder}/bench.db"
        heard, kept = asyncio.run(listened(url, folder, count))
    delays = []
    for run, events in heard:
        assert [number for _, number in events] == sorted(kept[run])  # each once, in order
        delays += [at - kept[run][number] for at, number in events if number > 2]  # 1, 2: begun
    delays.sort()
    pieces = sum(map(len, kept.values())) / count
    times = [at for events in kept.values() for number, at in events.items() if number > 2]
    print(
        f"  {len(delays)} events heard in {max(times) - min(times):.1f} s; a run has {pieces:.0f}, "
        f"its model said {SECONDS * RATE} pieces"
    )
    for which, share in (("median", 0.5), ("99 %", 0.99)):
        show(
            f"  delay, {which}",
            delays[int(len(delays) * share)] * 1000,
            "(no bound)",
            ok=True,
            unit=" ms",
        )
    show("  delay, worst", delays[-1] * 1000, "<= 1000 ms", ok=delays[-1] <= BEHIND, unit=" ms")


def main() -> None:
    tell("all at one run", 1)
    tell("each at a run of its own", LISTENERS)


if __name__ == "__main__":
    main()
