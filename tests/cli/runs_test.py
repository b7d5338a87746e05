"""runs as people use it: listing, showing, retrying, cancelling, purging."""

from __future__ import annotations

import json
import signal
import sqlite3
from typing import Any

import pytest

from architected import document
from command import PATIENCE, Stage, interrupt, until

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
    done = stage.call(*RUN).check(5)
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
    tailed = stage.call("runs", "tail", run).check(5).out
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


def test_what_had_come_of_an_answer_is_shown_as_broken_off(failed: tuple[Stage, str]) -> None:
    stage, run = failed
    stage.write("script.json", [{"when": "Decide", "say": "Sail at", "fail": "rejected"}])
    out = stage.call("runs", "retry", run).check(1).out
    assert "verdict | Sail at (broken off)\nverdict | failed: The script" in out
    assert "failed: 2 of 3 prompts, " in out
    assert "s, at least " in out
    out = stage.call("runs", "show", run).check().out
    assert "== verdict (demo/scripted, broken off, tokens unknown)\nSail at\n" in out
    (shown,) = stage.call("runs", "show", run, "--json").check().of("run")
    assert shown["broken_off"] == {
        "verdict": {
            "text": "Sail at",
            "model": "demo/scripted",
            "input_tokens": None,
            "output_tokens": None,
            "cost": 0.0,  # of a model that ships
        }
    }
    tailed = stage.call("runs", "tail", run, "--json").check(1)
    *_, told = tailed.of("prompt.failed")
    assert told["partial"] == shown["broken_off"]["verdict"]
    *_, ended = tailed.of("run.failed")
    assert (ended["input_tokens"], ended["output_tokens"]) == (None, None)


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


def test_an_end_that_was_followed_by_another_attempt_tells_what_was_so_then(
    failed: tuple[Stage, str],
) -> None:
    stage, run = failed
    stage.write("script.json", [{"say": "Stay."}])
    stage.call("runs", "retry", run).check()
    told = stage.call("runs", "tail", run, "--json").check()
    (before,), (after,) = told.of("run.failed"), told.of("run.completed")
    assert set(before["outputs"]) == {"for", "against"}
    assert set(after["outputs"]) == {"for", "against", "verdict"}
    assert before["output_tokens"] < after["output_tokens"]


def test_what_was_taken_out_of_use_is_not_retried(failed: tuple[Stage, str]) -> None:
    stage, run = failed
    stage.call("architect", "disable", NAME, "--by", "you").check()
    assert "is disabled" in stage.call("runs", "retry", run).check(1).err


def test_an_event_that_is_damaged_is_said_so(failed: tuple[Stage, str]) -> None:
    stage, run = failed
    with sqlite3.connect(stage.folder / "understudy-runs.db") as connection:
        connection.execute("update run_events set event = '{bad' where number = 3")
    said = stage.call("runs", "tail", run).check(1).err
    assert f"Event 3 of {run} cannot be read" in said
    assert "bug" not in said


def test_cancelling_says_how_it_ended(failed: tuple[Stage, str]) -> None:
    stage, _ = failed
    stage.write("script.json", [{"say": "Slow.", "after": 600}])
    process = stage.start(*RUN, "--json")
    assert process.stdout is not None
    run = json.loads(process.stdout.readline())["run"]
    assert f"{run}  cancelled" in stage.call("runs", "cancel", run).check().out
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 1


def test_a_worker_deletes_what_need_not_be_kept(failed: tuple[Stage, str]) -> None:
    stage, run = failed
    toml = (stage.folder / "understudy.toml").read_text()
    stage.write("understudy.toml", f"{toml}\n[runs]\nkeep_inputs_days = 0\n")
    worker = stage.start("worker")

    def inputs() -> object:
        return stage.call("runs", "show", run, "--json").check().of("run")[0]["inputs"]

    until(lambda: inputs() == {}, "what was entered to be forgotten")
    assert "purged" in stage.call("runs", "retry", run).check(1).err
    assert interrupt(worker, signal.SIGTERM).code == 0
    stage.write("understudy.toml", f"{toml}\n[runs]\nkeep_days = 0\n")
    worker = stage.start("worker")
    until(lambda: stage.call("runs", "list").check().out == "No runs.\n", "the run to be deleted")
    assert interrupt(worker, signal.SIGTERM).code == 0
