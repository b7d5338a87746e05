"""Commands that kill themselves at a line of their journal: a real process for each.

One process imports the command once and forks another for each job, which is what makes
hundreds of kills affordable.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

#: Preloads the command, then forks a process for each job on stdin and says how it ended.
_SERVER = """
import json, os, signal, sys
import aiohttp, filelock, openai
from understudy.cli import main, replicate
from understudy.ops import journal
from understudy.platforms import assistants_v2, openai_knowledge, openai_transfer, openai_wire

def arm(line, after):
    append, count = journal.Journal._append, 0

    def counted(self, record):
        nonlocal count
        count += 1
        if count == line and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        append(self, record)
        if count == line:
            os.kill(os.getpid(), signal.SIGKILL)

    journal.Journal._append = counted

for text in sys.stdin:
    job = json.loads(text)
    child = os.fork()
    if not child:
        os.chdir(job["folder"])
        os.environ.clear()
        os.environ.update(job["environment"])
        out = os.open(job["said"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(out, 1)
        os.dup2(out, 2)
        arm(job["line"], job["after"])
        main.run(job["arguments"])
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
"""

KILLED = -signal.SIGKILL


class Executioner:
    """Runs commands that die at a line of their journal; a context manager."""

    def __enter__(self) -> Self:
        self._server = subprocess.Popen(
            [sys.executable, "-c", _SERVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._server.communicate(timeout=30)

    def run(
        self,
        arguments: Sequence[object],
        folder: Path,
        environment: Mapping[str, str],
        *,
        line: int,
        after: bool,
        said: Path,
    ) -> int:
        """Return how the command ended that was killed before or after it wrote that line.

        What it printed goes into the file `said`.
        """
        job: dict[str, Any] = {
            "arguments": [str(one) for one in arguments],
            "folder": str(folder),
            "environment": dict(environment),
            "line": line,
            "after": after,
            "said": os.fspath(said),
        }
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(job) + "\n")
        self._server.stdin.flush()
        return int(self._server.stdout.readline())
