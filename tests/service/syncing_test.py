"""A sync in a process of its own: its errors come back as what they are, and it ends in time."""

from __future__ import annotations

from pathlib import Path

import pytest

from serving import entry, stored
from understudy.errors import AuthenticationError, LostAnswerError
from understudy.ops.syncing import Job, sync_apart
from understudy.sandbox import Fault, Project, ThreadedSandbox


async def test_a_source_that_never_answers_is_given_up(
    source: Project, sandbox: ThreadedSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = stored({"BOT": entry()})
    before = path.read_bytes()
    monkeypatch.setenv("UNDERSTUDY_REGISTRY_GATE_TIMEOUT", "1")
    sandbox.faults = (Fault("hang", "list"),)
    with pytest.raises(LostAnswerError, match="given up after"):
        await sync_apart(Job(str(path), "default", longest=0.5))
    assert path.read_bytes() == before


async def test_what_a_source_says_comes_back_as_it_is(
    source: Project, sandbox: ThreadedSandbox
) -> None:
    sandbox.faults = (Fault("401", "list"),)
    with pytest.raises(AuthenticationError):
        await sync_apart(Job("config/assistants.json", "default"))
    assert not Path("config/assistants.json").exists()  # noqa: ASYNC240 - a look at one name
