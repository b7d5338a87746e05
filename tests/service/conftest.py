"""A folder, an environment and a sandbox for each test."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from command import SOURCE
from databases import postgresql
from service.asking import FINE, approve
from serving import Client, served, stored
from understudy.sandbox import Project, ThreadedSandbox

__all__ = ["postgresql"]


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


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Say what the model says from now on; a service reads it when it first asks."""
    path = tmp_path / "script.json"
    monkeypatch.setenv("UNDERSTUDY_SCRIPT", str(path))
    toml = '[[models]]\nid = "demo/scripted"\nprovider = "demo"\ncontext_window = 2000\n'
    (tmp_path / "understudy.toml").write_text(toml)

    def write(*lines: dict[str, Any]) -> None:
        path.write_text(json.dumps(lines))

    write(*FINE)
    return write


@pytest.fixture
def home(tmp_path: Path, script: Callable[..., None]) -> Path:
    stored({}, tmp_path)
    return tmp_path


@pytest.fixture
def service(home: Path) -> Iterator[Client]:
    """A service with an approved assistant; no keys."""
    with served(folder=home, rate=0.0) as client:
        approve(client)
        yield client
