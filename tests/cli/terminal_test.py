"""Streams and terminals as they come: closed, full, narrow, pseudo."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping

import pytest
from click import unstyle
from rich.cells import cell_len

from command import PATIENCE, Stage

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell and terminal")


def shell(stage: Stage, line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a line of bash in which `understudy` is the command."""
    function = f'understudy() {{ "{sys.executable}" -m understudy "$@"; }}\n'
    return subprocess.run(
        ["/bin/bash", "-c", function + line],
        cwd=stage.folder,
        env={**stage.environment, **environment},
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        timeout=PATIENCE,
        check=False,
    )


@pytest.mark.parametrize(
    "command", ["list src", "plan", "plan --json", "profiles", "--help", "clone --help"]
)
def test_a_reader_who_leaves_early_is_no_error(stage: Stage, command: str) -> None:
    stage.fill(300, instructions="x" * 200)
    done = shell(stage, f"understudy {command} | head -c 1; exit ${{PIPESTATUS[0]}}")
    assert len(done.stdout) == 1
    assert done.stderr == ""
    assert done.returncode in (0, 1)


def test_a_clone_whose_reader_leaves_early_is_carried_out_and_tells_the_truth(
    stage: Stage,
) -> None:
    stage.fill(300)
    done = shell(stage, "understudy clone -v 2>&1 | head -1; exit ${PIPESTATUS[0]}")
    assert done.returncode == 0
    assert len(stage.names()) == 300
    assert stage.read("out/mapping.json")["summary"]["created"] == 300


@pytest.mark.parametrize("command", ["list src", "list src --json", "clone", "--help"])
def test_a_full_stdout_is_a_failure_and_stops_a_clone_before_it_writes(
    stage: Stage, command: str
) -> None:
    stage.fill(1)
    done = shell(stage, f"understudy {command} > /dev/full")
    assert done.returncode == 1
    assert done.stderr == "Error: stdout cannot be written: No space left on device.\n"
    assert stage.writes() == 0


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_do_no_harm(stage: Stage, closed: str) -> None:
    stage.fill(2)
    done = shell(stage, f"understudy clone {closed}")
    assert done.returncode == 0
    assert "Error" not in done.stderr
    assert stage.names() == ["Bot 000", "Bot 001"]


@pytest.mark.parametrize(
    "locale",
    [
        {"LC_ALL": "C", "PYTHONUTF8": "0"},
        {"LC_ALL": "C", "PYTHONUTF8": "1"},
        {"PYTHONIOENCODING": "latin-1"},
    ],
    ids=["ascii", "utf-8", "latin-1"],
)
def test_a_locale_that_is_not_utf8_changes_what_is_shown_and_nothing_else(
    stage: Stage, locale: Mapping[str, str]
) -> None:
    stage.source.add(name="Grüße → 😀", model="gpt-4o", instructions="ä\n😀")
    done = shell(stage, "understudy clone && understudy clone && understudy list dst", **locale)
    assert done.returncode == 0
    assert done.stderr.count("Error") == 0
    assert stage.names() == ["Grüße → 😀"]
    if "PYTHONIOENCODING" in locale:
        assert "\\u2192 \\U0001f600" in done.stdout
    assert stage.read("out/mapping.json")["mappings"][0]["name"] == "Grüße → 😀"
    export = shell(
        stage, "understudy export --out s.json && understudy check ./s.json dst", **locale
    )
    assert export.returncode == 0


def test_a_folder_that_the_locale_cannot_spell_is_said_plainly(stage: Stage) -> None:
    stage.source.add(name="größe", model="gpt-4o")
    locale = {"LC_ALL": "C", "PYTHONUTF8": "0"}
    done = shell(stage, "understudy export --out folder", **locale)
    assert done.returncode in (0, 1)  # some systems spell every name
    assert "internal error" not in done.stderr
    assert ("PYTHONUTF8=1" in done.stderr) == (done.returncode == 1)


def test_names_that_are_no_utf8_are_taken_from_the_command_line(stage: Stage) -> None:
    stage.fill(1)
    done = shell(stage, "understudy export --out $'\\xff.json' && understudy list $'./\\xff.json'")
    assert done.returncode == 0
    assert "1 assistant" in done.stdout
    done = shell(stage, "understudy list $'\\xff' --json")
    assert done.returncode == 64
    assert "internal error" not in done.stderr


def test_a_working_directory_that_is_gone_is_said_plainly(stage: Stage) -> None:
    done = shell(stage, "mkdir d; cd d; rmdir ../d; understudy profiles")
    assert done.returncode == 64
    assert "The working directory is gone" in done.stderr


def on_terminal(
    stage: Stage, answer: bytes | None, *arguments: str, columns: int = 100
) -> tuple[int, str]:
    """Run the command on a pseudo-terminal; return its exit code and what was on the screen.

    Its question gets the answer, or Ctrl-C for None.
    """
    import pty

    ours, its = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "understudy", *arguments],
        cwd=stage.folder,
        env={**stage.environment, "TERM": "xterm", "COLUMNS": str(columns)},
        stdin=its,
        stdout=its,
        stderr=its,
    )
    os.close(its)
    screen, pressed = b"", float("-inf")
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up:
        if b"[y/N]" in screen and time.monotonic() - pressed > 2:
            # Again if need be: Python notices no Ctrl-C in the moment in which it begins to read.
            pressed = time.monotonic()
            if answer is None:
                process.send_signal(signal.SIGINT)
            else:
                os.write(ours, answer)
        if select.select([ours], [], [], 0.1)[0]:
            chunk = _read(ours)
            if not chunk:
                break
            screen += chunk
    os.close(ours)
    return process.wait(PATIENCE), screen.decode("utf-8", "replace")


def _read(terminal: int) -> bytes:
    """Return what the terminal shows next, nothing once everybody has left it."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


@pytest.mark.parametrize(
    ("answer", "code", "created"),
    [(b"y\n", 0, 1), (b"n\n", 130, 0), (b"\n", 130, 0), (b"\x04", 130, 0), (None, 130, 0)],
    ids=["yes", "no", "enter", "end of input", "ctrl-c"],
)
def test_on_a_terminal_a_clone_asks_first(
    stage: Stage, answer: bytes | None, code: int, created: int
) -> None:
    stage.source.add(name="x\x1b]0;owned\x07", model="gpt-4o")
    got, screen = on_terminal(stage, answer, "clone")
    assert "Apply these changes? [y/N]" in screen
    assert (got, len(stage.names())) == (code, created)
    assert "\x1b]0;" not in screen
    assert "Traceback" not in screen


def test_yes_answers_and_nothing_to_do_asks_nothing(stage: Stage) -> None:
    stage.fill(1)
    code, screen = on_terminal(stage, b"n\n", "clone", "--yes")
    assert (code, "[y/N]" in screen) == (0, False)
    code, screen = on_terminal(stage, b"n\n", "clone")
    assert (code, "[y/N]" in screen) == (0, False)


@pytest.mark.parametrize("command", [("models", "dump.json"), ("fidelity", "dump.json", "dst")])
@pytest.mark.parametrize("columns", [80, 100])
def test_lines_fit_the_terminal_and_are_whole_in_a_pipe(
    stage: Stage, command: tuple[str, ...], columns: int
) -> None:
    tools = [{"type": "file_search"}, {"type": "code_interpreter"}]
    stage.write(
        "dump.json",
        [
            {"id": f"asst_{n}", "name": f"Of a long name, {n} 支援 " * 3, "model": model, **more}
            for n, model in enumerate(["gpt-4-32k", "gpt-4-32k", "gpt-4o-2024-08-06", "gpt-4"] * 3)
            for more in [{"temperature": 0.5, "tools": tools, "description": "Helps."}]
        ],
    )
    stage.environment["OPENAI_DST_PLATFORM"] = "openai-agents"
    code, screen = on_terminal(stage, None, *command, columns=columns)
    assert code == 0
    shown = [unstyle(line) for line in screen.splitlines()]
    assert max(map(cell_len, shown)) <= columns
    piped = stage.run(*command).check().out
    assert max(map(cell_len, piped.splitlines())) > columns
    if command[0] == "fidelity":  # not a word is lost
        assert " ".join(unstyle(screen).split()) == " ".join(piped.split())


def test_without_a_terminal_nothing_is_asked(stage: Stage) -> None:
    stage.fill(1)
    done = shell(stage, "understudy clone < /dev/null")
    assert done.returncode == 0
    assert stage.names() == ["Bot 000"]
