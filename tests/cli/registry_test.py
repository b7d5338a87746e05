"""registry in real processes: exit codes, text, lines, and a watch that ends when told to."""

from __future__ import annotations

import json
import signal

import pytest

from command import SOURCE, Stage
from understudy.sandbox import parse_fault


def test_a_registry_is_synced_listed_and_shown(stage: Stage) -> None:
    stage.source.add(name="Support Bot", model="gpt-4o", instructions="Be brief.\x1b[31m")
    stage.source.add(name="日本語", model="gpt-4o")
    where = stage.at_source()
    done = stage.call("registry", "sync", **where).check()
    assert "+ SUPPORT_BOT" in done.out
    assert "2 assistants synced from default" in done.out
    assert "unchanged" in stage.call("registry", "sync", **where).check().out
    listed = stage.call("registry", "list", "--json").check()
    keys = [entry["key"] for entry in listed.of("registry_entry")]
    assert keys[0] == "SUPPORT_BOT"
    assert keys[1].startswith("asst_")
    shown = stage.call("registry", "show", "support bot").check()
    assert "Be brief." in shown.out
    assert "\x1b" not in shown.out
    wrong = stage.call("registry", "show", "suport bot").check(1)
    assert "SUPPORT_BOT" in wrong.err
    assert SOURCE not in done.out + done.err + shown.out


def test_a_difference_is_shown_before_it_is_stored_and_undone_after(stage: Stage) -> None:
    where = stage.at_source()
    made = [stage.source.add(name=name, model="gpt-4o") for name in ("One", "Two", "Three")]
    stage.call("registry", "sync", **where).check()
    stage.source.edit(made[0]["id"], instructions="New.")
    stage.source.remove(made[1]["id"])
    found = stage.call("registry", "diff", "--detailed-exitcode", **where).check(2)
    assert "~ ONE: instructions" in found.out
    assert "- TWO" in found.out
    assert "TWO" in stage.call("registry", "list").check().out
    (line,) = stage.call("registry", "sync", "--json", **where).check().of("registry")
    assert (line["changed"], line["removed"]) == ({"ONE": ["instructions"]}, ["TWO"])
    stage.call("registry", "restore", "TWO").check()
    assert "TWO" in stage.call("registry", "list").check().out
    results = [r["result"] for r in stage.call("registry", "history", "--json").check().of("sync")]
    assert results == ["restored", "changed", "changed"]


def test_what_would_remove_most_is_refused_with_1_and_a_wrong_key_with_4(stage: Stage) -> None:
    where = stage.at_source()
    made = [stage.source.add(name=name, model="gpt-4o") for name in ("One", "Two", "Three")]
    stage.call("registry", "sync", **where).check()
    for one in made[:2]:
        stage.source.remove(one["id"])
    refused = stage.call("registry", "sync", **where).check(1)
    assert "--allow-removal" in refused.err
    stage.call("registry", "sync", "--allow-removal", **where).check()
    stage.sandbox.faults = (parse_fault("401:list"),)
    stage.call("registry", "sync", **where).check(4)


def test_a_dump_fills_a_registry_too(stage: Stage) -> None:
    record = {"id": "asst_1", "object": "assistant", "name": "Kept", "model": "gpt-4o"}
    stage.write("dump.json", {"object": "list", "data": [record]})
    stage.call("registry", "sync", "--from", "dump.json").check()
    (entry,) = stage.call("registry", "list", "--json").check().of("registry_entry")
    assert entry["key"] == "KEPT"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_watch_ends_when_it_is_told_to(stage: Stage, number: signal.Signals) -> None:
    stage.source.add(name="One", model="gpt-4o")
    where = stage.at_source()
    with stage.start("registry", "watch", "--now", "--json", environment=where) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["added"] == ["ONE"]
        process.send_signal(number)
        assert process.wait(timeout=20) == 0


def test_a_schedule_that_is_none_is_a_usage_error(stage: Stage) -> None:
    stage.call("registry", "watch", "--schedule", "soon").check(64)
