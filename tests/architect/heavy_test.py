"""No file takes more than two seconds or 400 MB, or ends in a traceback; none of these is stored.

Seconds are of processor time, which a busy machine does not lengthen much; memory is the most that
a process of its own ever held, with the file, the interpreter and all that it loaded.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from architect.heavy import FILES
from understudy.architect.rules import RULES

SECONDS = 2.0
MEGABYTES = 400
#: What is large, and still a document.
GOOD = {
    "a mapping of combining marks",
    "a million variables in a system context",
    "an accept of commas",
    "as many choices as are read",
    "ten megabytes of ${a}",
    "ten megabytes of text",
    "ten megabytes of {{",
    "ten megabytes of {{ and letters",
}
Look = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def look() -> Iterator[Look]:
    """Look at a file in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("heavy.py"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    assert process.stdin is not None
    assert process.stdout is not None
    into, out = process.stdin, process.stdout

    def ask(name: str, tries: int = 1) -> dict[str, Any]:
        into.write(f"{json.dumps([name, tries])}\n")
        into.flush()
        return dict(json.loads(out.readline()))

    yield ask
    process.communicate(timeout=30)


@pytest.mark.parametrize("name", FILES)
def test_a_bad_file_is_told_within_two_seconds_and_400_megabytes(look: Look, name: str) -> None:
    took = look(name)
    if took.get("seconds", 0) > SECONDS:  # who else is at work shows in processor time, too
        took = look(name, 2)
    assert "error" not in took, took
    assert took["seconds"] < SECONDS, took
    assert took["mending"] < SECONDS, took
    assert took["megabytes"] < MEGABYTES, took
    assert set(took["codes"]) <= set(RULES)
    assert took["valid"] is (name in GOOD), took
    assert took["sound"] == 0 or name in GOOD, took
