"""The library's tests run on both databases, and with processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from databases import engine, library, new_url, postgresql, url

__all__ = ["engine", "library", "new_url", "postgresql", "url"]

Work = Callable[..., list[Any]]


@pytest.fixture(scope="session")
def work() -> Iterator[Work]:
    """Do jobs of worker.py, each in a process of its own, all at once; return what they say."""
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("worker.py"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    assert process.stdin is not None
    assert process.stdout is not None
    into, out = process.stdin, process.stdout

    def send(*jobs: dict[str, Any]) -> list[Any]:
        into.write(json.dumps(jobs) + "\n")
        into.flush()
        return list(json.loads(out.readline()))

    yield send
    process.communicate(timeout=30)
