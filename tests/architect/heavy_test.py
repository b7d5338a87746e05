"""No file takes more than 400 MB, or ends in a traceback; none of these is stored.

Memory is the most that a process of its own ever held, with the file, the interpreter and all that
it loaded. What each takes in time is measured by `bench/bench_architect_odd_files.py`.
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
Look = Callable[[str], dict[str, Any]]


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

    def ask(name: str) -> dict[str, Any]:
        into.write(f"{json.dumps(name)}\n")
        into.flush()
        return dict(json.loads(out.readline()))

    yield ask
    process.communicate(timeout=30)


@pytest.mark.parametrize("name", FILES)
def test_a_huge_or_odd_file_is_told_within_400_megabytes(look: Look, name: str) -> None:
    took = look(name)
    assert "error" not in took, took
    assert took["megabytes"] < MEGABYTES, took
    assert set(took["codes"]) <= set(RULES)
    assert took["valid"] is (name in GOOD), took
    assert took["sound"] == 0 or name in GOOD, took
