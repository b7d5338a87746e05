"""A process that has imported everything, and forks another for each job that it reads."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

sys.path.insert(0, str(Path(__file__).parent.parent))

from databases import incoming
from understudy.architect.approval import State
from understudy.errors import UnderstudyError
from understudy.store.library import Library


async def opened(url: str) -> str:
    await (await Library.open(url)).aclose()
    return "opened"


async def imported(url: str, names: list[str], content: str, actor: str = "ann") -> list[str]:
    async with await Library.open(url) as library:
        batch = await library.add(
            [incoming(name, content) for name in names], actor=actor, source="file"
        )
    return [one.change.value for one in batch.items]


async def moved(url: str, key: str, to: str, number: int, actor: str = "bob") -> str:
    async with await Library.open(url) as library:
        done = await library.move(key, State(to), number=number, actor=actor)
    return done.action.value


async def killed(url: str, names: list[str], content: str, at: int) -> str:
    """Import, and die before the statement of that number, or before what ends them all."""
    async with await Library.open(url) as library:
        numbers = count(1)

        def counted(*_: object) -> None:
            if next(numbers) == at:
                os.kill(os.getpid(), signal.SIGKILL)

        event.listen(Engine, "before_cursor_execute", counted)
        event.listen(Engine, "commit", counted)
        await library.add([incoming(name, content) for name in names], actor="a", source="f")
    return "imported"


JOBS = {job.__name__: job for job in (opened, imported, moved, killed)}


def started(job: dict[str, Any], gate: tuple[int, int]) -> tuple[int, int]:
    """Fork a process that does a job as soon as the gate opens."""
    out, into = os.pipe()
    child = os.fork()
    if child:
        os.close(into)
        return child, out
    os.close(gate[1])
    os.read(gate[0], 1)
    try:
        said: Any = asyncio.run(JOBS[job.pop("job")](**job))
    except UnderstudyError as error:
        said = [type(error).__name__, str(error)]
    os.write(into, json.dumps(said).encode())
    os._exit(0)


def finished(child: int, out: int) -> Any:
    with os.fdopen(out, "rb") as file:
        said = file.read()
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    return json.loads(said) if said else code


if __name__ == "__main__":
    for line in sys.stdin:
        gate = os.pipe()
        children = [started(job, gate) for job in json.loads(line)]
        for end in gate:
            os.close(end)
        sys.stdout.write(json.dumps([finished(*child) for child in children]) + "\n")
        sys.stdout.flush()
