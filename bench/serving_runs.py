"""`understudy serve` and `worker` as processes, and listeners of runs over raw sockets."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_DATA = b"data: "
_END = b"event: run."
_BEGUN = b"event: run.started\n"


@contextmanager
def service(
    folder: str, url: str, *arguments: str, program: tuple[str, ...] = ("-m", "understudy")
) -> Iterator[tuple[int, int]]:
    """Start a service on the library at a URL; yields its port and its process id.

    Its model demo/scripted follows `script.json` in the folder, if there is one.
    """
    variables = {
        "PATH": os.environ["PATH"],
        "UNDERSTUDY_DATABASE_URL": url,
        "UNDERSTUDY_SERVICE_RATE": "0",
        "UNDERSTUDY_RUNS_PROMPTS": "1000",
        "UNDERSTUDY_RUNS_PROMPTS_PER_PROVIDER": "1000",
    }
    command = [*program, "serve", "--json", "--port", "0", *arguments]
    with _started(command, folder, variables) as (line, process):
        yield int(line["url"].rpartition(":")[2]), process


@contextmanager
def worker(
    folder: str, url: str, *arguments: str, program: tuple[str, ...] = ("-m", "understudy")
) -> Iterator[None]:
    """Start `understudy worker`; it plays runs until the block ends."""
    command = [*program, "worker", "--json", "--database", url, *arguments]
    with _started(command, folder, {"PATH": os.environ["PATH"]}) as (line, _):
        assert line["type"] == "worker"
        yield


@contextmanager
def _started(
    command: list[str], folder: str, variables: dict[str, str]
) -> Iterator[tuple[dict[str, Any], int]]:
    """Start a command; yields the line that says that it is ready, and its process id."""
    if (script := Path(folder) / "script.json").exists():
        variables = {**variables, "UNDERSTUDY_SCRIPT": str(script)}
    child = subprocess.Popen(
        [sys.executable, *command],
        cwd=folder,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert child.stdout is not None
        yield json.loads(child.stdout.readline()), child.pid
    finally:
        child.terminate()
        child.wait(timeout=60)


def asking(run: str) -> bytes:
    """Return the request for a run's events."""
    return f"GET /api/runs/{run}/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


async def told(port: int, run: str) -> AsyncGenerator[dict[str, Any], None]:
    """Yield the data of a run's events as they come, from the first to the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(asking(run))
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        async for line in reader:
            if line.startswith(_DATA):
                data: dict[str, Any] = json.loads(line.removeprefix(_DATA))
                yield data
            elif line.startswith(_END) and line != _BEGUN:
                assert line == b"event: run.completed\n", line
                return  # the connection would stay
    finally:
        writer.close()
