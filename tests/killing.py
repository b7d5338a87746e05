"""Commands that kill themselves at a line of their journal: a real process for each.

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

#: Ends the process, as `kill -9` does, before or after its n-th file is put into its place.
_KILLED_WRITING = """
import os, sys
at, after = int(sys.argv.pop(1)), sys.argv.pop(1) == "after"
real, count = os.replace, 0

def replace(*names, **more):
    global count
    count += 1
    if count == at and not after:
        os._exit(9)
    real(*names, **more)
    if count == at:
        os._exit(9)

os.replace = replace
from understudy.cli.main import run
run()
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


@pytest.fixture(scope="module")
def executioner() -> Iterator[Executioner]:
    with Executioner() as server:
        yield server


def killed_writing(stage: Stage, at: int, moment: str, *arguments: str, **environment: str) -> None:
    """Run a command that dies before or after its `at`-th file is put into its place.

    One that puts fewer ends as always.
    """
    done = subprocess.run(
        [sys.executable, "-c", _KILLED_WRITING, str(at), moment, *arguments],
        cwd=stage.folder,
        env={**stage.environment, **environment},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode in (0, 9), done.stderr


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
            line=line,
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
