"""A folder, an environment and a sandbox for each test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from command import SOURCE
from understudy.sandbox import Project, ThreadedSandbox


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, and an environment with nothing of this machine."""
    monkeypatch.chdir(tmp_path)
    for name in set(os.environ) - {"PATH", "HOME", "LANG", "TMPDIR"}:
        monkeypatch.delenv(name)
    return tmp_path


@pytest.fixture
def sandbox(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadedSandbox]:
    """The look-alike, which the profile `default` leads to."""
    with ThreadedSandbox() as sandbox:
        monkeypatch.setenv("OPENAI_BASE_URL", sandbox.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", SOURCE)
        yield sandbox


@pytest.fixture
def source(sandbox: ThreadedSandbox) -> Project:
    """The project that is synced from."""
    return sandbox.project(SOURCE)
