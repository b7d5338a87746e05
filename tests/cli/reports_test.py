import json
from typing import Any

import pytest

from command import DESTINATION, SOURCE, Stage, surroundings
from understudy.sandbox import ThreadedSandbox, parse_fault

HOSTILE = "ev|il `x` **b** <script>\n# Title\r\x1b[31mred\x07\u202eback\u2066 &lt; \\"


def mapping(stage: Stage) -> dict[str, Any]:
    found: dict[str, Any] = stage.read("out/mapping.json")
    return found


def test_mapping_json_has_exactly_the_documented_shape(stage: Stage) -> None:
    stage.fill(1, tool_resources={"code_interpreter": {"file_ids": ["file-1"]}})
    stage.source.add(name="Wrong", model="none-such")
    stage.call("clone", OPENAI_SRC_ORG_ID="org-a").check(3)
    report = mapping(stage)
    assert list(report) == [
        "format_version",
        "run_id",
        "source",
        "destination",
        "mappings",
        "known",
        "summary",
    ]
    url = stage.sandbox.base_url
    assert report["format_version"] == 1
    assert report["source"] == {
        "name": "src",
        "platform": "openai-assistants",
        "address": url,
        "organization": "org-a",
    }
    for entry in report["mappings"]:
        assert list(entry) == [
            "srcId",
            "dstId",
            "name",
            "status",
            "operations",
            "fidelity",
            "error",
        ]
    (created, conflict) = report["mappings"]
    assert created["dstId"] in stage.destination.assistants
    assert (created["status"], created["operations"]) == ("created", ["create"])
    assert {"field": "name", "fidelity": "exact"} in created["fidelity"]
    (dropped,) = [e for e in created["fidelity"] if e["field"] == "tool_resources"]
    assert dropped["fidelity"] == "dropped"
    assert dropped["reason"]
    assert (conflict["status"], conflict["dstId"], conflict["fidelity"]) == ("conflict", None, [])
    assert "none-such" in conflict["error"]
    assert report["known"] == []


def test_the_counts_add_up_and_agree_with_what_is_there(stage: Stage) -> None:
    ids = stage.fill(6)
    stage.call("clone", "--name", "bot 00[0-2]").check()
    stage.source.edit(ids[0], instructions="New.")
    stage.source.edit(ids[5], name="x" * 257)
    stage.sandbox.faults = (parse_fault("500:create#2"), parse_fault("quota:create#3-"))
    stage.call("clone", "--concurrency", "1")
    report = mapping(stage)
    summary = report["summary"]
    assert summary["total"] == 6 == sum(n for key, n in summary.items() if key != "total")
    for entry in report["mappings"]:
        claims = entry["status"] in ("created", "updated", "unchanged")
        assert (entry["dstId"] in stage.destination.assistants) == claims
        assert bool(entry["error"]) == (entry["status"] in ("failed", "conflict"))
    assert len([e for e in report["mappings"] if e["status"] == "updated"]) == 1


def test_what_the_reports_say_is_what_json_says(stage: Stage) -> None:
    stage.fill(3)
    done = stage.call("clone", "--json").check()
    report = mapping(stage)
    strip = {"type", "format_version"}
    assert [
        {k: v for k, v in line.items() if k not in strip} for line in done.of("result")
    ] == report["mappings"]
    (run,) = done.of("run")
    assert (run["run_id"], run["summary"]) == (report["run_id"], report["summary"])


def test_a_failed_assistant_is_never_said_to_have_arrived(stage: Stage) -> None:
    stage.source.add(name="Odd", model="gpt-4o", response_format={"type": "nonsense"})
    stage.call("clone").check(3)
    (entry,) = mapping(stage)["mappings"]
    assert entry["fidelity"] == []
    assert "Nothing arrived." in (stage.folder / "out/report.md").read_text()


def test_a_hostile_name_breaks_no_report(stage: Stage) -> None:
    stage.source.add(name=HOSTILE, model="gpt-4o")
    stage.source.add(name=HOSTILE, model="none-such")
    done = stage.run("clone", "-vv").check(3)
    for text in (done.out, done.err):
        assert not set("\x1b\x07\r\u202e\u2066") & set(text)
        assert not [line for line in text.splitlines() if line.startswith("# Title")]
    report = (stage.folder / "out/report.md").read_text(encoding="utf-8")
    assert not set("\x1b\x07\r\u202e\u2066") & set(report)
    rows = [line for line in report.splitlines() if "ev\\|il" in line]
    assert len(rows) >= 2
    for row in rows:
        assert row.replace("\\|", "").count("|") == 5
        assert "\\<script\\>" in row
    assert mapping(stage)["mappings"][0]["name"] == HOSTILE


def test_hostile_ids_and_field_names_break_no_output(stage: Stage) -> None:
    record = {"id": "a\x1b[31m`|\r\n# x", "name": "", "model": "gpt-4o", "ne\x1b]w\x07": 1}
    stage.write("s.json", {"assistants": [record]})
    for arguments in (
        ["list", "./s.json"],
        ["plan", "--from", "./s.json"],
        ["import", "s.json", "-vv"],
        ["check", "./s.json", "dst"],
        ["export", "--from", "./s.json", "--out", "./e"],
    ):
        done = stage.call(*arguments)
        assert "internal error" not in done.err
        assert not set("\x1b\x07\r") & set(done.out + done.err)
        assert not [x for x in (done.out + done.err).splitlines() if x.startswith("# x")]
    report = (stage.folder / "out/report.md").read_text(encoding="utf-8")
    assert not set("\x1b\x07\r") & set(report)
    assert not [line for line in report.splitlines() if line.startswith("# x")]


def test_the_log_is_json_lines_with_the_run_from_start_to_end(stage: Stage) -> None:
    stage.source.add(name=HOSTILE, model="gpt-4o")
    stage.sandbox.faults = (parse_fault("429-ms=0.01:create#1"),)
    stage.call("clone").check()
    text = (stage.folder / "out/log.jsonl").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    assert all({"time", "level", "logger", "message", "type"} <= line.keys() for line in lines)
    assert lines[0]["message"] == "run started"
    assert lines[-1]["message"] == "run ended"
    assert lines[-1]["exit_code"] == 0
    assert [line for line in lines if line["message"] == "waiting: rate limit"]
    (done,) = [line for line in lines if "srcId" in line]
    assert done["dstId"] in stage.destination.assistants


def test_known_carries_identity_over_runs_with_different_selections(stage: Stage) -> None:
    ids = stage.fill(3)
    for one in ids:
        stage.call("clone", "--id", one, "--identity", "mapping").check()
    report = mapping(stage)
    assert {pair["srcId"] for pair in report["known"]} == set(ids[:2])
    assert "3 unchanged" in stage.call("clone", "--identity", "mapping").check().out
    assert mapping(stage)["known"] == []


def test_a_conflict_does_not_forget_the_pair(stage: Stage) -> None:
    (one,) = stage.fill(1)
    stage.call("clone").check()
    (copy,) = stage.destination.assistants
    twin = stage.destination.add(name="Twin", model="gpt-4o", metadata={"cloned_from": one})
    stage.call("clone").check(3)
    stage.destination.remove(twin["id"])
    stage.destination.edit(copy, metadata={})  # now only the mapping remembers
    stage.call("clone").check()
    assert list(stage.destination.assistants) == [copy]


def test_full_metadata_is_found_in_the_plan_and_identity_in_the_mapping_works_twice(
    stage: Stage,
) -> None:
    metadata = {f"key{i}": "value" for i in range(16)}
    stage.source.add(name="Full", model="gpt-4o", metadata=metadata)
    done = stage.call("clone").check(3)
    assert "metadata would hold 17 pairs" in done.out
    assert "--identity mapping" in done.out
    assert stage.writes() == 0
    stage.call("clone", "--identity", "mapping").check()
    assert "1 unchanged" in stage.call("clone", "--identity", "mapping").check().out
    (copy,) = stage.destination.assistants.values()
    assert copy["metadata"] == metadata


def test_identity_in_the_mapping_refuses_the_mapping_of_another_pair(stage: Stage) -> None:
    stage.fill(1)
    stage.call("clone", "--identity", "mapping").check()
    before = (stage.folder / "out/mapping.json").read_bytes()
    with ThreadedSandbox() as other:
        done = stage.call(
            "clone", "--identity", "mapping", OPENAI_DST_BASE_URL=other.base_url
        ).check(64)
        assert "belongs to other places" in done.err
        assert other.count("create") == 0
    assert (stage.folder / "out/mapping.json").read_bytes() == before


@pytest.mark.parametrize("identity", ["metadata", "mapping"])
def test_a_list_that_lags_behind_makes_no_twins(stage: Stage, identity: str) -> None:
    with ThreadedSandbox(list_lag=600.0) as lagging:
        stage.sandbox = lagging
        stage.environment = surroundings(lagging.base_url, stage.folder)
        stage.fill(3)
        stage.call("clone", "--identity", identity).check()
        assert "0 assistants" in stage.call("list", "dst").check().out
        again = stage.call("clone", "--identity", identity).check()
        assert "3 unchanged" in again.out
        assert len(lagging.project(DESTINATION).assistants) == 3
        assert len(lagging.project(SOURCE).assistants) == 3


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"format_version": 1,', "line 1, column 22"),
        ("[]", "cannot be used"),
        ('{"format_version": 2}', "its format_version is 2, this version reads 1"),
        ('{"mappings": [], "destination": {}}', "KeyError 'source'"),
        ('{"mappings": [{"srcId": 1, "dstId": 2}], "source": {}, "destination": {}}', "1 and 2"),
        ('{"mappings": [{"srcId": []}], "source": {}, "destination": {}}', "cannot be used"),
        ('{"mappings": [], "source": 1, "destination": {}}', "cannot be used"),
        ("1" * 5000, "cannot be used"),
    ],
)
def test_a_damaged_mapping_is_refused_and_left_alone(
    stage: Stage, content: str, words: str
) -> None:
    stage.fill(1)
    path = stage.write("out/mapping.json", content)
    done = stage.call("clone").check(1)
    assert "out/mapping.json" in done.err
    assert words in done.err
    assert path.read_text() == content
    assert stage.writes() == 0


def test_what_a_killed_run_left_half_written_goes_with_the_next(stage: Stage) -> None:
    stage.fill(1)
    stage.call("clone").check()
    left = stage.folder / "out" / ".understudy-abc"
    left.write_text("half a report")
    stage.call("clone").check()
    assert not left.exists()
