"""A registry that is killed at any write, and one that two processes sync at once."""

from __future__ import annotations

import json
import os

import pytest

from command import Stage
from killing import Executioner, kill_writing


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_sync_killed_at_any_write_leaves_one_whole_version(
    stage: Stage, executioner: Executioner, at: int, moment: str
) -> None:
    made = [stage.source.add(name=name, model="gpt-4o") for name in ("One", "Two", "Three")]
    stage.environment.update(stage.at_source())
    stage.call("registry", "sync").check()
    old = stage.read("config/assistants.json")
    stage.source.remove(made[2]["id"])
    stage.source.add(name="Four", model="gpt-4o")
    kill_writing(executioner, stage, at, moment, "registry", "sync")
    found = stage.read("config/assistants.json")
    new = {"FOUR", "ONE", "TWO"}
    assert found == old or found.keys() == new
    for path in (stage.folder / "config").rglob(".understudy-*"):
        os.utime(path, (0, 0))  # an hour later
    stage.call("registry", "sync").check()
    assert stage.read("config/assistants.json").keys() == new
    assert not [path for path in stage.files() if ".understudy-" in path]
    # What went is on record, whenever the crash came.
    stage.call("registry", "restore", "THREE").check()
    assert stage.read("config/assistants.json")["THREE"] == old["THREE"]


def test_two_processes_at_once_leave_one_whole_version(stage: Stage) -> None:
    for number in range(20):
        stage.source.add(name=f"Bot {number}", model="gpt-4o")
    begun = [stage.start("registry", "sync", environment=stage.at_source()) for _ in range(4)]
    codes = []
    for process in begun:
        _, said = process.communicate(timeout=60)
        codes.append(process.returncode)
        assert process.returncode == 0 or "Another sync" in said
    assert 0 in codes
    assert len(json.loads((stage.folder / "config" / "assistants.json").read_text())) == 20
