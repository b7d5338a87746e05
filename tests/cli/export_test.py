"""Exports into directories that hold something already."""

from __future__ import annotations

from command import Stage


def test_an_export_says_how_many_it_removed(stage: Stage) -> None:
    first, *_ = stage.fill(3)
    stage.call("export", "--from", "src", "--out", "snap").check()
    stage.source.remove(first)
    done = stage.call("export", "--from", "src", "--out", "snap").check()
    assert "removed 1 that are gone" in done.out


def test_an_export_of_another_place_is_not_wiped_out(stage: Stage) -> None:
    stage.fill(2)
    stage.environment["OPENAI_DST_PROJECT_ID"] = "proj-other"
    stage.call("export", "--from", "src", "--out", "snap").check()
    done = stage.call("export", "--from", "dst", "--out", "snap").check(1)
    assert "another place" in done.err
    assert len(stage.call("--json", "list", "./snap").check().of("assistant")) == 2


def test_copying_back_after_a_mapping_run_makes_no_twins(stage: Stage) -> None:
    stage.fill(2)
    stage.call("clone", "--identity", "mapping").check()
    done = stage.call("--json", "clone", "--from", "dst", "--to", "src").check()
    assert done.of("run")[0]["summary"]["created"] == 0
    assert len(stage.source.assistants) == 2
    again = stage.call("--json", "clone", "--identity", "mapping").check()
    assert again.of("run")[0]["summary"]["created"] == 0
    assert len(stage.destination.assistants) == 2
