"""runs as people use it: listing, showing, retrying, cancelling, purging."""

from __future__ import annotations

from typing import Any

import pytest

from architected import document
from command import Stage

NAME = "Second Opinion"
RUN = ("architect", "run", NAME, "--input", "question=Sail?", "--input", "tone=kindly")
FAILING: list[dict[str, Any]] = [{"when": "Decide", "fail": "quota"}, {"say": "Fair wind."}]


@pytest.fixture
def failed(stage: Stage) -> tuple[Stage, str]:
    """A stage on which a run has failed at its last prompt, and the id of that."""
    stage.write("understudy.toml", '[[models]]\nid = "demo/scripted"\nprovider = "demo"\n')
    stage.write("a.json", document())
    stage.environment["UNDERSTUDY_SCRIPT"] = str(stage.write("script.json", FAILING))
    stage.call("architect", "import", "a.json", "--by", "me").check()
    stage.call("architect", "approve", NAME, "--by", "you").check()
    done = stage.call(*RUN).check(1)
    run = done.err.split()[0]
    assert run.startswith("run_")
    return stage, run


def test_a_run_is_listed_and_shown_with_its_answers(failed: tuple[Stage, str]) -> None:
    stage, run = failed
    (told,) = stage.call("runs", "list").check().out.splitlines()
    assert told.startswith(f"{run}  failed ")
    assert told.endswith("  v1    Second Opinion")
    assert run in stage.call("runs", "list", "--status", "failed", "--assistant", NAME).check().out
    assert stage.call("runs", "list", "--status", "completed").check().out == "No runs.\n"
    assert stage.call("runs", "list", "--assistant", "Nobody").check().out == "No runs.\n"
    stage.call("runs", "list", "--status", "odd").check(64)
    tailed = stage.call("runs", "tail", run).check(1).out
    assert "for     | Fair wind." in tailed
    assert "beyond" in stage.call("runs", "tail", run, "--after", "999").check(64).err
    out = stage.call("runs", "show", run).check().out
    assert "== for (demo/scripted, 0.0 s)\nFair wind.\n" in out
    assert "The script lets demo/scripted fail: quota." in out
    (shown,) = stage.call("runs", "show", run, "--json").check().of("run")
    assert shown["answers"] == {"for": "Fair wind.", "against": "Fair wind."}
    assert shown["inputs"] == {"question": "Sail?", "tone": "kindly"}
    assert shown["error"]["code"] == "provider_quota"


def test_a_retry_asks_only_for_what_did_not_finish(failed: tuple[Stage, str]) -> None:
    stage, run = failed
    stage.write("script.json", [{"say": "Stay."}])
    out = stage.call("runs", "retry", run).check().out
    assert out.count("-> demo/scripted") == 1
    assert "verdict | Stay." in out
    assert "completed" in stage.call("runs", "list").check().out
    assert "nothing to retry" in stage.call("runs", "retry", run).check(1).err


def test_what_has_ended_is_not_cancelled_and_what_is_unknown_is_said_so(
    failed: tuple[Stage, str],
) -> None:
    stage, run = failed
    assert "cannot be cancelled" in stage.call("runs", "cancel", run).check(1).err
    assert "There is no run" in stage.call("runs", "show", "run_0").check(1).err
    assert "no run" in stage.call("runs", "retry", "x").check(1).err


def test_purging_needs_an_age_and_deletes_what_is_older(failed: tuple[Stage, str]) -> None:
    stage, _ = failed
    stage.call("runs", "purge").check(64)
    assert stage.call("runs", "purge", "--older-than", "1").check().out == "0 runs deleted.\n"
    assert stage.call("runs", "purge", "--older-than", "0").check().out == "1 run deleted.\n"
    assert stage.call("runs", "list").check().out == "No runs.\n"
