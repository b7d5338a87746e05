"""Commands that kill themselves at a line of their journal or a file: a real process for each.

One process imports the command once and forks another for each job, which is what makes
hundreds of kills affordable.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pytest

from command import Stage, surroundings
from understudy.ops import replicate
from understudy.sandbox import ThreadedSandbox

#: Preloads the command, then forks a process for each job on stdin and says how it ended.
_SERVER = """
import json, os, signal, sys
import aiohttp, concurrent.futures.thread, filelock, openai, rich.cells
from understudy.cli import main, registry, replicate
from understudy.ops import journal, notifying, posting
from understudy.platforms import assistants_v2, openai_knowledge, openai_transfer, openai_wire

def arm(owner, name, at, after):
    really, count = getattr(owner, name), 0

    def counted(*given, **more):
        nonlocal count
        count += 1
        if count == at and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        really(*given, **more)
        if count == at:
            os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, name, counted)

DEEDS = {"line": (journal.Journal, "_append"), "file": (os, "replace")}

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
        arm(*DEEDS[job["deed"]], job["at"], job["after"])
        main.run(job["arguments"])
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
"""

KILLED = -signal.SIGKILL


class Executioner:
    """Runs commands that die at their n-th deed; a context manager."""

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
        at: int,
        after: bool,
        said: Path,
        deed: str = "line",
    ) -> int:
        """Return how the command ended that was killed before or after its `at`-th deed.

        A deed is a `line` that it writes into its journal, or a `file` that it puts into its place.
        What it printed goes into the file `said`.
        """
        job: dict[str, Any] = {
            "arguments": [str(one) for one in arguments],
            "folder": str(folder),
            "environment": dict(environment),
            "deed": deed,
            "at": at,
            "after": after,
            "said": os.fspath(said),
        }
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(job) + "\n")
        self._server.stdin.flush()
        return int(self._server.stdout.readline())


@pytest.fixture(scope="module")
def executioner() -> Iterator[Executioner]:
    with Executioner() as server:
        yield server


def kill_writing(
    executioner: Executioner, stage: Stage, at: int, moment: str, *arguments: str
) -> None:
    """Run a command that dies before or after its `at`-th file is put into its place.

    One that puts fewer ends as always.
    """
    said = stage.folder.parent / "said"
    code = executioner.run(
        arguments,
        stage.folder,
        stage.environment,
        deed="file",
        at=at,
        after=moment == "after",
        said=said,
    )
    assert code in (KILLED, 0), said.read_text()


@dataclass
class Condemned:
    """A stage, and a command to be killed on it."""

    stage: Stage
    executioner: Executioner
    arguments: tuple[object, ...]

    def kill(self, line: int, *, after: bool) -> bool:
        """Tell whether the command was killed; one that never came so far ends as always."""
        said = self.stage.folder.parent / "said"
        code = self.executioner.run(
            self.arguments,
            self.stage.folder,
            self.stage.environment,
            at=line,
            after=after,
            said=said,
        )
        assert code in (KILLED, 0), said.read_text()
        return code == KILLED

    def journals(self) -> list[Path]:
        return sorted((self.stage.folder / "out" / "journal").glob("*"))

    def lines(self) -> list[str]:
        """What all journals hold."""
        return [line for path in self.journals() for line in path.read_text().splitlines()]

    def resumable(self) -> bool:
        """Tell whether it was killed after its first line and before its last one."""
        lines = self.lines()
        return bool(lines) and '"type": "end"' not in lines[-1]


Empty = Callable[..., Stage]


@pytest.fixture
def empty(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[Empty]:
    """Empty the stage: a new sandbox of these options, and no journal; lists are asked quickly."""
    running: list[ThreadedSandbox] = []

    def fresh(**options: Any) -> Stage:
        for old in running:
            old.close()
        shutil.rmtree(stage.folder / "out", ignore_errors=True)
        sandbox = ThreadedSandbox(**options)
        sandbox.__enter__()
        running[:] = [sandbox]
        stage.sandbox = sandbox
        stage.environment = surroundings(sandbox.base_url, stage.folder.parent)
        return stage

    monkeypatch.setattr(replicate, "_POLL", 0.02)
    yield fresh
    for sandbox in running:
        sandbox.close()
