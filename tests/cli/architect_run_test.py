"""architect render and run: what would be sent, what is answered, and what is refused before."""

from __future__ import annotations

import json
import signal
import subprocess
from typing import Any

import pytest

from architected import document
from command import Stage, interrupt

NAME = "Second Opinion"
INPUTS = ("--input", "question=Sail today?", "--input", "tone=kindly")
SAID = [
    {"when": "for this", "say": "Fair wind."},
    {"when": "against this", "say": "Two lines:\none leak."},
    {"when": "Decide", "say": "Stay in port."},
]


def echoing(**more: Any) -> str:
    """Return a configuration in which the models for demos answer for all names."""
    model = '[[models]]\nid = "demo/scripted"\nprovider = "demo"\n'
    return model + "".join(f"{name} = {value}\n" for name, value in more.items())


@pytest.fixture
def ready(stage: Stage) -> Stage:
    """A stage with an approved assistant, and a script."""
    stage.write("understudy.toml", echoing())
    stage.write("a.json", document())
    script = stage.write("script.json", SAID)
    stage.environment["UNDERSTUDY_SCRIPT"] = str(script)
    stage.call("architect", "import", "a.json", "--by", "me").check()
    stage.call("architect", "approve", NAME, "--by", "you").check()
    return stage


def test_each_prompt_is_shown_as_it_would_be_sent(ready: Stage) -> None:
    out = ready.call("architect", "render", NAME, *INPUTS).check().out
    assert "== for -> demo/scripted, about 15 tokens\n[system] You look for benefits.\n" in out
    assert "What speaks for this?\n\nSail today?\n" in out
    assert "[output of for]\n\n[output of against]\n\nDecide, kindly.\n" in out
    told = ready.call("architect", "render", NAME, *INPUTS, "--json").check()
    assert [one["prompt"] for one in told.of("architect_rendered")] == ["for", "against", "verdict"]


def test_answers_come_line_by_line_with_their_prompts_name(ready: Stage) -> None:
    out = ready.call("architect", "run", NAME, *INPUTS).check().out
    lines = out.splitlines()
    assert "for     | Fair wind." in lines
    assert "against | Two lines:" in lines
    assert "against | one leak." in lines
    assert lines[-2] == "verdict | Stay in port."
    assert lines[-1].startswith("completed: 3 of 3 prompts, 0.0 s, ")
    assert lines[-1].endswith("tokens, $0.0000")


def test_json_lines_are_the_numbered_events_of_the_run(ready: Stage) -> None:
    done = ready.call("architect", "run", NAME, *INPUTS, "--json").check()
    assert [one["number"] for one in done.lines] == list(range(1, len(done.lines) + 1))
    assert done.lines[0]["type"] == "run.started"
    assert done.lines[0]["stages"] == [["for", "against"], ["verdict"]]
    last = done.lines[-1]
    assert last["type"] == "run.completed"
    assert last["outputs"]["verdict"] == "Stay in port."
    assert last["cost"] == 0
    pieces = [one["text"] for one in done.of("prompt.delta") if one["prompt"] == "verdict"]
    assert "".join(pieces) == "Stay in port."


def test_a_price_of_ones_own_counts(ready: Stage) -> None:
    ready.write("understudy.toml", echoing(input_price=1_000_000, output_price=2_000_000.0))
    done = ready.call("architect", "run", NAME, *INPUTS, "--json").check()
    last = done.lines[-1]
    assert last["cost"] == last["input_tokens"] + 2 * last["output_tokens"]


@pytest.mark.parametrize("extra", ["input_price = 1", "input_price = -1\noutput_price = 1"])
def test_half_a_price_is_refused(ready: Stage, extra: str) -> None:
    ready.write("understudy.toml", f"{echoing()}{extra}\n")
    assert "price" in ready.call("architect", "run", NAME, *INPUTS).check(64).err


def test_a_form_that_is_not_filled_in_asks_nobody(ready: Stage) -> None:
    done = ready.call("architect", "run", NAME, "--input", "qestion=x", "--input", "tone=rude")
    done.check(64)
    assert 'qestion: The form has no field "qestion". Did you mean "question"?' in done.err
    assert 'tone: "rude" is no choice of "tone".' in done.err
    told = ready.call("architect", "run", NAME, "--input", "tone=rude", "--json").check(64)
    assert [one["code"] for one in told.of("architect_input_finding")] == ["unknown_choice"]


def test_what_failed_is_told_and_what_finished_is_shown(ready: Stage) -> None:
    lines = [{"when": "against", "fail": "rejected"}, {"say": "Fair wind."}]
    ready.write("script.json", lines)
    done = ready.call("architect", "run", NAME, *INPUTS).check(1)
    assert "for     | Fair wind." in done.out
    assert "against | failed: The script lets demo/scripted fail: rejected." in done.out
    assert "failed: 1 of 3 prompts, " in done.out
    last = ready.call("architect", "run", NAME, *INPUTS, "--json").check(1).lines[-1]
    assert (last["type"], last["error"]["code"]) == ("run.failed", "provider_rejected")


def test_only_what_is_approved_runs_unless_it_is_a_draft(ready: Stage) -> None:
    changed = document()
    changed["assistants"][0]["description"] = "Changed."
    ready.write("b.json", changed)
    ready.call("architect", "import", "b.json", "--by", "me").check()
    ready.call("architect", "disable", NAME, "--by", "me").check()
    assert "disabled" in ready.call("architect", "run", NAME, *INPUTS).check(1).err
    ready.call("architect", "run", NAME, *INPUTS, "--draft").check()
    assert "nobody approved" in ready.call("architect", "run", "b.json", *INPUTS).check(1).err
    ready.call("architect", "run", "b.json", *INPUTS, "--draft").check()
    ready.call("architect", "run", NAME, *INPUTS, "--version", "1").check(64)


def test_a_key_that_is_missing_is_told_before_anything_is_asked(stage: Stage) -> None:
    stage.write("a.json", document())
    done = stage.call("architect", "run", "a.json", *INPUTS, "--draft").check(64)
    assert "need a key" in done.err
    assert done.out == ""


def test_a_script_that_is_missing_is_told_before_anything_is_asked(ready: Stage) -> None:
    del ready.environment["UNDERSTUDY_SCRIPT"]
    done = ready.call("architect", "run", NAME, *INPUTS).check(64)
    assert "needs a script" in done.err
    assert done.out == ""
    assert ready.call("runs", "list").check().out == "No runs.\n"


def test_files_are_read_as_text(stage: Stage) -> None:
    field = {"name": "doc", "label": "Doc", "field_type": "file_upload", "position": 0}
    one = {"name": "p", "content": "<{{doc}}>", "model_name": "demo/echo", "position": 0}
    whole = {"name": "Reader", "prompts": [one], "input_fields": [field]}
    stage.write("a.json", document(whole))
    stage.write("notes.md", "\ufeffhello")
    stage.folder.joinpath("bad.txt").write_bytes(b"\xff\xfe\x00")
    ask = ("architect", "render", "a.json", "--draft", "--input-file")
    assert "<hello>" in stage.call(*ask, "doc=@notes.md").check().out
    assert "not UTF-8" in stage.call(*ask, "doc=@bad.txt").check(64).err
    assert "cannot be read" in stage.call(*ask, "doc=@none.txt").check(64).err
    all_of_it = stage.call(*ask, "doc=@none.txt", "--input", "other=x").check(64).err
    assert "cannot be read" in all_of_it
    assert 'no field "other"' in all_of_it
    assert "of no kind that is read" in stage.call(*ask, "doc=@a.exe").check(64).err
    assert "no pair" in stage.call(*ask, "notes.md").check(64).err


def test_ctrl_c_cancels_and_says_so(ready: Stage) -> None:
    ready.write("script.json", [{"say": "one two", "pause": 300}])
    process = ready.start("architect", "run", NAME, *INPUTS, "--json", stdout=subprocess.PIPE)
    assert process.stdout is not None
    seen = [json.loads(process.stdout.readline())["type"] for _ in range(4)]
    assert "prompt.delta" in seen or "prompt.started" in seen
    done = interrupt(process, signal.SIGINT)
    assert done.code == 130
    assert "run.cancelled" in [json.loads(told)["type"] for told in done.out.splitlines()]
    assert "Traceback" not in done.err
