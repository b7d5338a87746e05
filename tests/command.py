"""The command as people run it: a real process, or in this one; the world from scratch."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from understudy.cli.main import _run
from understudy.sandbox import Project, ThreadedSandbox

SOURCE = "sk-source-0123456789abcdef"
DESTINATION = "sk-destination-0123456789abcdef"
MODEL = "gpt-4o"
PATIENCE = 60.0  # seconds; only what fails takes so long, however busy the machine is

#: Runs the command with RLIMIT_FSIZE: writing beyond it fails as on a full disk (EFBIG).
#: Python itself must write nothing: it would leave compiled modules cut off for all other tests.
_SMALL_DISK = """
import resource, sys
sys.dont_write_bytecode = True
size = int(sys.argv.pop(1))
resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
from understudy.cli.main import run
run()
"""


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Stdout as JSON lines; fails on a line that is none."""
        return [json.loads(line) for line in self.out.splitlines()]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["type"] == kind]

    def check(self, code: int = 0) -> Done:
        """Fail unless it ended like this, and never with a traceback or an internal error."""
        assert self.code == code, f"exit {self.code}, not {code}\n{self.out}\n{self.err}"
        assert "Traceback" not in self.err
        assert "internal error" not in self.err
        return self


@dataclass
class Stage:
    """A sandbox with two projects, a folder, an environment, and the command."""

    sandbox: ThreadedSandbox
    folder: Path
    capture: pytest.CaptureFixture[str]
    patch: pytest.MonkeyPatch
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def source(self) -> Project:
        return self.sandbox.project(SOURCE)

    @property
    def destination(self) -> Project:
        return self.sandbox.project(DESTINATION)

    def at_source(self, **more: str) -> dict[str, str]:
        """Return an environment that lets the profile `default` be the source project, and more."""
        return {"OPENAI_BASE_URL": self.sandbox.base_url, "OPENAI_API_KEY": SOURCE, **more}

    def fill(self, count: int, **fields: Any) -> list[str]:
        """Add that many assistants to the source and return their ids."""
        added = [
            self.source.add(**{"name": f"Bot {i:03}", "model": MODEL, **fields})
            for i in range(count)
        ]
        return [str(record["id"]) for record in added]

    def names(self) -> list[str]:
        """The destination's names, sorted."""
        return sorted(str(record["name"]) for record in self.destination.assistants.values())

    def origins(self) -> list[str]:
        """Of which source each assistant of the destination is a clone, sorted."""
        found = self.destination.assistants.values()
        return sorted(str(record["metadata"].get("cloned_from")) for record in found)

    def writes(self) -> int:
        """How many requests of the sandbox's life could have changed something."""
        return sum(request.method != "GET" for request in self.sandbox.requests)

    def call(self, *arguments: object, **environment: str) -> Done:
        """Run the command in this process, which is fast."""
        with self.patch.context() as patch:
            patch.chdir(self.folder)
            for name in list(os.environ):
                patch.delenv(name)
            for name, value in {**self.environment, **environment}.items():
                patch.setenv(name, value)
            self.capture.readouterr()
            code = _run([str(argument) for argument in arguments])
            captured = self.capture.readouterr()
            logging.basicConfig(force=True, handlers=[logging.NullHandler()], level="WARNING")
        return Done(code, captured.out, captured.err)

    def run(self, *arguments: object, **options: Any) -> Done:
        """Run the command in a process of its own."""
        with self.start(*arguments, **options) as process:
            out, err = process.communicate(timeout=PATIENCE)
        return Done(process.returncode, out, err)

    def start(
        self,
        *arguments: object,
        environment: Mapping[str, str] | None = None,
        disk: int | None = None,
        stdin: int = subprocess.DEVNULL,
        stdout: int = subprocess.PIPE,
    ) -> subprocess.Popen[str]:
        """Start the command; no file that it writes may grow beyond `disk` bytes."""
        start = ["-m", "understudy"] if disk is None else ["-c", _SMALL_DISK, str(disk)]
        return subprocess.Popen(
            [sys.executable, *start, *map(str, arguments)],
            cwd=self.folder,
            env={**self.environment, **(environment or {})},
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
        )

    def write(self, name: str, content: Any) -> Path:
        """Write a file: text as it is, anything else as JSON."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = content if isinstance(content, str) else json.dumps(content)
        path.write_text(text, encoding="utf-8")
        return path

    def read(self, name: str) -> Any:
        return json.loads((self.folder / name).read_text(encoding="utf-8"))

    def files(self) -> list[str]:
        """Everything below the folder, sorted."""
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*"))


def until(condition: Callable[[], object], what: str = "it to happen") -> None:
    """Wait for a condition, but not for ever."""
    give_up = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < give_up, f"waited in vain for {what}"
        time.sleep(0.005)  # the condition lies in another thread or process: nothing wakes us


def interrupt(process: subprocess.Popen[str], number: int = signal.SIGINT) -> Done:
    """Send a signal and return how the process ended."""
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE)
    return Done(process.returncode, out, err)


def surroundings(base_url: str, folder: Path) -> dict[str, str]:
    """Return the whole environment of a command: two projects, nothing of this machine."""
    return {
        "PATH": os.defpath,
        "HOME": str(folder),
        "OPENAI_SRC_BASE_URL": base_url,
        "OPENAI_SRC_API_KEY": SOURCE,
        "OPENAI_DST_BASE_URL": base_url,
        "OPENAI_DST_API_KEY": DESTINATION,
    }


@pytest.fixture
def stage(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stage]:
    """A stage whose sandbox runs from the start."""
    folder = tmp_path / "here"
    folder.mkdir()
    with ThreadedSandbox() as sandbox:
        environment = surroundings(sandbox.base_url, tmp_path)
        yield Stage(sandbox, folder, capfd, monkeypatch, environment)


def snapshot(*records: Mapping[str, Any]) -> dict[str, Sequence[Any]]:
    """Return a one-file snapshot."""
    return {"assistants": list(records)}
