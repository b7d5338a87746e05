"""architect batch as people use it: rows in order, what is wrong with some, budgets, going on."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from architected import assistant, document
from command import PATIENCE, Stage, until

NAME = "Second Opinion"
BATCH = ("architect", "batch", NAME)
MODELS = '[[models]]\nid = "demo/scripted"\nprovider = "demo"\n'
PRICED = MODELS + "input_price = 1000000.0\noutput_price = 1000000.0\n"  # a dollar for each token


@pytest.fixture
def ready(stage: Stage) -> Stage:
    """A stage with an approved assistant whose models answer at once."""
    stage.write("understudy.toml", MODELS)
    stage.write("a.json", document())
    stage.environment["UNDERSTUDY_SCRIPT"] = str(stage.write("script.json", [{"say": "Aye."}]))
    stage.call("architect", "import", "a.json", "--by", "me").check()
    stage.call("architect", "approve", NAME, "--by", "you").check()
    return stage


def rows(stage: Stage, count: int, name: str = "rows.csv") -> str:
    lines = ["question,tone", *(f'"Sail, {i}?",kindly' for i in range(1, count + 1))]
    stage.write(name, "\n".join(lines) + "\n")
    return name


def results(stage: Stage, name: str = "r.jsonl") -> list[dict[str, Any]]:
    text = (stage.folder / name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def batch(stage: Stage, *more: str, inputs: str = "rows.csv") -> Any:
    return stage.call(*BATCH, "--inputs", inputs, "--out", "r.jsonl", *more)


def test_each_row_has_its_line_in_the_order_of_the_rows(ready: Stage) -> None:
    rows(ready, 30)
    done = batch(ready, "--concurrency", "7").check()
    assert done.out.startswith("30 of 30 rows (30 completed), $0.0000: ")
    found = results(ready)
    assert [one["row"] for one in found] == [*range(1, 31)]
    assert {one["status"] for one in found} == {"completed"}
    assert found[0]["outputs"] == {"for": "Aye.", "against": "Aye.", "verdict": "Aye."}
    shown = ready.call("runs", "show", found[4]["run"], "--json").check().of("run")[0]
    assert shown["inputs"]["question"] == "Sail, 5?"
    assert (shown["batch"], shown["row"]) == (shown["batch"], 5)


def test_the_same_command_again_asks_nobody(ready: Stage) -> None:
    rows(ready, 5)
    batch(ready).check()
    before = results(ready)
    (ready.folder / "r.jsonl").unlink()
    ready.write("script.json", [{"fail": "quota"}])
    batch(ready).check()
    assert results(ready) == before
    other = ready.call(*BATCH, "--inputs", "rows.csv", "--out", "other.jsonl")
    assert other.code == 3  # another file is another batch, and now everything fails


def test_rows_that_do_not_fit_are_told_and_hinder_no_other(ready: Stage) -> None:
    lines = [
        {"question": "Sail?", "tone": "kindly"},
        {"question": 5, "tone": "rudely"},
        "no json",
        ["no", "object"],
        {"question": "Stay?", "unknown": "x"},
        {"question": "Go?"},
    ]
    text = "\n\n".join(one if isinstance(one, str) else json.dumps(one) for one in lines)
    ready.write("rows.jsonl", text)
    done = batch(ready, inputs="rows.jsonl")
    assert done.code == 3
    found = results(ready)
    assert [one["status"] for one in found] == [
        "completed",
        "invalid",
        "invalid",
        "invalid",
        "invalid",
        "completed",
    ]
    codes = [[finding["code"] for finding in one.get("findings", ())] for one in found]
    assert codes == [[], ["wrong_type"], ["bad_row"], ["bad_row"], ["unknown_input"], []]
    assert "6 of 6 rows (2 completed, 4 invalid)" in done.out


def test_rows_that_failed_are_tried_again_when_that_is_asked_for(ready: Stage) -> None:
    rows(ready, 4)
    ready.write("script.json", [{"when": "Sail, 3?", "fail": "rejected"}, {"say": "Aye."}])
    assert batch(ready).code == 3
    assert [one["status"] for one in results(ready)] == [
        "completed",
        "completed",
        "failed",
        "completed",
    ]
    assert results(ready)[2]["error"]["code"] == "provider_rejected"
    ready.write("script.json", [{"say": "Aye."}])
    assert batch(ready).code == 3
    batch(ready, "--retry-failed").check()
    assert {one["status"] for one in results(ready)} == {"completed"}


def test_no_row_begins_that_the_budget_may_not_pay_for(ready: Stage) -> None:
    ready.write("understudy.toml", PRICED)
    rows(ready, 10)
    done = batch(ready, "--max-cost", "120", "--concurrency", "3", "--json")
    assert done.code == 5
    (ended,) = done.of("batch")
    assert ended["budget_reached"]
    assert 0 < ended["completed"] < 10
    assert ended["queued"] == 10 - ended["completed"]
    costs = [one["cost"] for one in results(ready) if one["status"] == "completed"]
    assert ended["cost"] == sum(costs)
    assert ended["cost"] <= 120
    assert ended["cost"] + max(costs) > 120  # nor was it left unused
    assert [one["status"] for one in results(ready)].count("not_run") == ended["queued"]
    batch(ready, "--max-cost", "10000").check()
    assert {one["status"] for one in results(ready)} == {"completed"}


def test_a_budget_is_not_spent_again_on_other_rows(ready: Stage) -> None:
    ready.write("understudy.toml", PRICED)
    rows(ready, 10)
    budget = ("--max-cost", "120", "--json")
    (before,) = batch(ready, *budget).check(5).of("batch")
    lines = ["question,tone", *(f'"Stay, {i}?",kindly' for i in range(1, 11))]
    ready.write("rows.csv", "\n".join(lines))
    (after,) = batch(ready, *budget).check(5).of("batch")
    assert (after["completed"], after["queued"]) == (0, 10)
    assert after["cost"] == before["cost"]
    ready.write("rows.csv", "\n".join(lines[:3]))
    (last,) = batch(ready, "--max-cost", "10000", "--json").check().of("batch")
    told = [one["cost"] for one in results(ready)]
    assert last["cost"] == before["cost"] + sum(told)
    batch(ready, *budget).check()  # nothing waits for money


def test_a_budget_needs_prices(ready: Stage) -> None:
    ready.write("understudy.toml", '[[models]]\nid = "llama"\nprovider = "own"\n')
    ready.environment["UNDERSTUDY_PROVIDER_OWN_BASE_URL"] = "http://127.0.0.1:9/v1"
    rows(ready, 1)
    done = batch(ready, "--max-cost", "1").check(64)
    assert "What own/llama costs is not known, so there can be no budget." in done.err
    assert "input_price" in done.err
    assert standings(ready) == {}


def test_files_are_read_beside_the_rows_and_nowhere_else(ready: Stage) -> None:
    field = {"name": "document", "label": "D", "field_type": "file_upload", "position": 0}
    prompt = {
        "name": "read",
        "content": "Read: {{document}}",
        "model_name": "gpt-4o",
        "position": 0,
    }
    only = assistant("Reader", prompts=[prompt], input_fields=[field], is_parallel=False)
    ready.write("b.json", document(only))
    ready.call("architect", "import", "b.json", "--by", "me").check()
    ready.call("architect", "approve", "Reader", "--by", "you").check()
    ready.write("in/notes.txt", "Ahoy.")
    ready.write("secret.txt", "secret")
    paths = ["notes.txt", "@notes.txt", "../secret.txt", "gone.txt", "/etc/hostname.txt"]
    ready.write("in/rows.csv", "\n".join(["document", *paths]))
    inputs = ("--inputs", "in/rows.csv", "--out", "r.jsonl")
    assert ready.call("architect", "batch", "Reader", *inputs).code == 3
    found = results(ready)
    assert [one["status"] for one in found] == ["completed"] * 2 + ["invalid"] * 3
    assert "outside of the folder" in found[2]["findings"][0]["message"]
    assert "secret" not in json.dumps(found[2]["findings"][0].get("hint"))
    shown = ready.call("runs", "show", found[0]["run"], "--json").check().of("run")[0]
    assert shown["inputs"] == {"document": "Ahoy."}


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("rows.csv", "", "no usable header"),
        ("rows.csv", "question,question\na,b\n", "no usable header"),
        ("rows.csv", "question,tone\n", "has no rows"),
        ("rows.csv", 'question,tone\n"a,b\n', "no CSV file"),
        ("rows.txt", "question", "neither CSV nor JSON lines"),
        ("rows.jsonl", "\n\n", "has no rows"),
    ],
)
def test_files_that_hold_no_rows_are_refused(ready: Stage, name: str, text: str, said: str) -> None:
    ready.write(name, text)
    done = batch(ready, inputs=name).check(64)
    assert said in done.err
    assert not (ready.folder / "r.jsonl").exists()


def test_rows_that_are_not_utf8_or_not_there_are_refused(ready: Stage) -> None:
    (ready.folder / "rows.csv").write_bytes(b"question\n\xff\xfe\n")
    assert "not UTF-8" in batch(ready).check(64).err
    assert "cannot be read" in batch(ready, inputs="gone.csv").check(64).err


def standings(stage: Stage) -> dict[str, int]:
    counts: dict[str, int] = {}
    for one in stage.call("runs", "list", "--limit", "1000", "--json").check().of("run"):
        counts[one["status"]] = counts.get(one["status"], 0) + 1
    return counts


def test_ctrl_c_lets_what_has_begun_end_and_the_same_command_goes_on(ready: Stage) -> None:
    rows(ready, 40)
    ready.write("script.json", [{"say": "Aye.", "after": 0.1}])
    process = ready.start(*BATCH, "--inputs", "rows.csv", "--out", "r.jsonl", "--concurrency", "4")
    until(lambda: standings(ready).get("completed", 0) >= 2, "rows to end")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    found = [one["status"] for one in results(ready)]
    assert set(found) == {"completed", "not_run"}
    assert set(standings(ready)) == {"completed", "queued"}
    ready.call("worker", "--drain").check()  # what was stopped is begun by nobody else
    assert standings(ready)["queued"] == found.count("not_run")
    batch(ready, "--concurrency", "20").check()
    assert {one["status"] for one in results(ready)} == {"completed"}


def test_a_batch_that_is_killed_goes_on_without_asking_twice(ready: Stage) -> None:
    rows(ready, 40)
    ready.write("script.json", [{"say": "Aye.", "after": 0.05}])
    process = ready.start(*BATCH, "--inputs", "rows.csv", "--out", "r.jsonl", "--concurrency", "4")
    until(lambda: standings(ready).get("completed", 0) >= 5, "rows to end")
    process.kill()
    process.communicate()
    assert not (ready.folder / "r.jsonl").exists()
    done = {one["id"] for one in _completed(ready)}
    batch(ready, "--concurrency", "20").check()
    assert {one["status"] for one in results(ready)} == {"completed"}
    runs = [one["run"] for one in results(ready)]
    assert len(set(runs)) == 40
    assert done <= set(runs)


def _completed(stage: Stage) -> list[dict[str, Any]]:
    told = stage.call("runs", "list", "--limit", "1000", "--json").check().of("run")
    return [one for one in told if one["status"] == "completed"]


def test_results_that_cannot_be_written_lose_nothing(ready: Stage, tmp_path: Path) -> None:
    rows(ready, 2)
    ready.write("taken", "a file")
    done = ready.call(*BATCH, "--inputs", "rows.csv", "--out", "taken/r.jsonl").check(1)
    assert "cannot be written" in done.err
    assert standings(ready) == {"completed": 2}


def test_a_row_that_was_mended_is_asked_and_no_other_is_asked_again(ready: Stage) -> None:
    lines = ["question,tone", "one,kindly", "two,rudely", "three,kindly", "four,kindly"]
    ready.write("rows.csv", "\n".join(lines))
    assert batch(ready).code == 3
    before = {one["row"]: one.get("run") for one in results(ready)}
    ready.write("script.json", [{"say": "New."}])
    mended = [lines[0], "zero,kindly", lines[3], "two,kindly", lines[1]]  # four is gone
    ready.write("rows.csv", "\n".join(mended))
    batch(ready).check()
    after = results(ready)
    assert [one["outputs"]["verdict"] for one in after] == ["New.", "Aye.", "New.", "Aye."]
    assert (after[1]["run"], after[3]["run"]) == (before[3], before[1])
    assert len(ready.call("runs", "list", "--json").check().of("run")) == 5


def test_results_never_replace_the_rows(ready: Stage) -> None:
    rows(ready, 2)
    before = (ready.folder / "rows.csv").read_bytes()
    done = ready.call(*BATCH, "--inputs", "rows.csv", "--out", "./rows.csv").check(64)
    assert "would replace the rows" in done.err
    assert (ready.folder / "rows.csv").read_bytes() == before


def test_why_rows_are_not_run_is_said(ready: Stage) -> None:
    ready.write("rows.csv", "question,mood\n" + "a,b\n" * 5)
    done = batch(ready)
    assert done.code == 3
    assert 'Row 1: The form has no field "mood".' in done.err
    assert "and 2 more" in done.err
