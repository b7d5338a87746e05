"""Saved JSON from the command line: files, folders and standard input, whole and broken."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from command import MODEL, PATIENCE, Done, Stage, until


def bot(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "id": f"asst_{number}",
        "object": "assistant",
        "name": f"Bot {number}",
        "model": MODEL,
        **fields,
    }


WHOLE = {"object": "list", "data": [bot(1), bot(2)], "has_more": False}
CUT = json.dumps({"object": "list", "data": [bot(1), bot(2), bot(3)]})[:-60]


def piped(stage: Stage, content: str | bytes, *arguments: str) -> Done:
    """Run the command with something on its standard input."""
    with stage.start(*arguments, stdin=subprocess.PIPE) as process:
        text = content if isinstance(content, str) else content.decode("utf-8", "surrogateescape")
        out, err = process.communicate(text, timeout=PATIENCE)
    return Done(process.returncode, out, err)


def test_a_listing_is_copied_and_a_second_time_there_is_nothing_to_do(stage: Stage) -> None:
    stage.write("dump.json", WHOLE)
    assert "2 created" in stage.call("import", "dump.json").check().out
    assert stage.origins() == ["asst_1", "asst_2"]
    assert "2 unchanged" in stage.call("clone", "--from", "dump.json").check().out
    stage.call("check", "dump.json", "dst").check()


def test_of_a_listing_that_breaks_off_the_rest_is_copied(stage: Stage) -> None:
    stage.write("cut.json", CUT)
    plan = stage.call("plan", "--from", "cut.json").check()
    assert "2 to create" in plan.out
    assert "Not read from cut.json:" in plan.out
    assert "cut.json, line 1, column " in plan.out
    done = stage.call("clone", "--from", "cut.json").check(3)
    assert "2 created" in done.out
    assert "## Not read from cut.json (1)" in (stage.folder / "out/report.md").read_text()
    assert stage.origins() == ["asst_1", "asst_2"]


def test_machines_are_told_what_was_not_read(stage: Stage) -> None:
    stage.write("cut.json", CUT)
    for arguments, kind, code in (
        (["list", "cut.json"], "listing", 3),
        (["plan", "--from", "cut.json"], "plan", 0),
        (["export", "--from", "cut.json", "--out", "e.json"], "export", 3),
    ):
        done = stage.call(*arguments, "--json").check(code)
        (finding,) = done.of("finding")
        assert (finding["place"], finding["code"]) == ("cut.json", "cut-short")
        assert done.of(kind)
    assert (
        stage.call("plan", "--from", "cut.json", "--json").of("plan")[0]["summary"]["unread"] == 1
    )


def test_errors_are_shown_even_quietly_and_not_without_end(stage: Stage) -> None:
    stage.write("bad.ndjson", json.dumps(bot(1)) + "\n" + '{"id": oops}\n' * 50)
    done = stage.call("list", "bad.ndjson", "-q").check(3)
    assert "and 30 more; --json shows all" in done.out
    assert done.out.endswith("1 assistant\n")


def test_what_is_no_assistant_is_shown_and_no_failure(stage: Stage) -> None:
    stage.write("mixed.json", [bot(1), {"object": "file", "id": "file-1"}])
    assert "kind 'file' (file-1)" in stage.call("list", "mixed.json").check().out
    stage.call("import", "mixed.json").check()


def test_a_dump_is_piped_in(stage: Stage) -> None:
    done = piped(stage, json.dumps(WHOLE), "import", "-", "--to", "dst").check()
    assert "2 created" in done.out
    assert stage.origins() == ["asst_1", "asst_2"]
    done = piped(stage, json.dumps(WHOLE), "plan", "--from", "-").check()
    assert "From standard input" in done.out
    assert "2 unchanged" in done.out
    listed = piped(stage, json.dumps([bot(1)]).encode("utf-8-sig"), "list", "-").check()
    assert listed.out.endswith("1 assistant\n")


def test_a_saved_plan_is_carried_out_with_the_same_input(stage: Stage) -> None:
    piped(stage, json.dumps(WHOLE), "plan", "--from", "-", "--out", "plan.json").check()
    assert "has changed" in piped(stage, json.dumps([bot(1)]), "apply", "plan.json").check(1).err
    piped(stage, json.dumps(WHOLE), "apply", "plan.json").check()
    assert stage.origins() == ["asst_1", "asst_2"]


@pytest.mark.parametrize("content", ["", "rubbish", CUT[:40], "[]"])
def test_a_pipe_with_nothing_in_it_is_refused(stage: Stage, content: str) -> None:
    done = piped(stage, content, "import", "-").check(1)
    assert "standard input" in done.err
    assert stage.writes() == 0


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads cannot be seen")
def test_a_pipe_that_stays_silent_can_be_interrupted(stage: Stage) -> None:
    with stage.start("list", "-", stdin=subprocess.PIPE) as process:
        assert process.stderr is not None
        threads = Path(f"/proc/{process.pid}/task")
        until(lambda: len(list(threads.iterdir())) > 1, "the pipe to be read")
        process.send_signal(signal.SIGINT)
        assert "Once more stops at once" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 130


def test_nothing_is_written_into_a_dump(stage: Stage) -> None:
    stage.fill(1)
    stage.write("dump.json", WHOLE)
    done = stage.call("clone", "--to", "./dump.json").check(64)
    assert "dump.json is a dump, which can only be copied from" in done.err
    assert "is a dump" in stage.call("clone", "--to", "-").check(64).err
    assert stage.read("dump.json") == WHOLE


def test_what_could_not_be_read_is_not_gone(stage: Stage) -> None:
    stage.write("dump.json", {"object": "list", "data": [bot(1), bot(2), bot(3)]})
    stage.call("import", "dump.json").check()
    stage.call("export", "--from", "dump.json", "--out", "kept").check()
    stage.write("dump.json", CUT)
    done = stage.call("import", "dump.json", "--prune", "--force").check(3)
    assert "Nothing is pruned: parts of ./dump.json could not be read." in done.out
    assert stage.origins() == ["asst_1", "asst_2", "asst_3"]
    stage.call("export", "--from", "dump.json", "--out", "kept").check(3)
    assert "3 assistants" in stage.call("list", "./kept").check().out


def test_a_comparison_says_what_it_could_not_read(stage: Stage) -> None:
    stage.write("dump.json", WHOLE)
    stage.call("import", "dump.json").check()
    stage.write("cut.json", CUT)
    done = stage.call("check", "cut.json", "dst").check(3)
    assert "Not read from A or B:" in done.out
    assert "Check: 2 same" in done.out
    assert stage.call("check", "cut.json", "dst", "--json").check(3).of("finding")
    assert "2 same" in stage.call("check", "./dump.json", "cut.json", "--one-way").check(3).out


def test_an_export_that_breaks_off_is_read_as_far_as_it_goes(stage: Stage) -> None:
    stage.fill(3)
    stage.call("export", "--out", "s.json").check()
    text = (stage.folder / "s.json").read_text()
    stage.write("s.json", text[: text.index('"Bot 002"')])
    done = stage.call("list", "./s.json").check(3)
    assert "Bot 001" in done.out
    assert "2 assistants" in done.out


def test_a_registry_is_a_dump_of_its_keys(stage: Stage) -> None:
    stage.write("config/assistants.json", {"HELPER": {"name": "Helper", "model": MODEL}})
    stage.call("import", "config/assistants.json").check()
    assert stage.origins() == ["HELPER"]


def test_profiles_of_azure_show_their_version_and_how_the_key_goes(stage: Stage) -> None:
    stage.write(
        "understudy.toml",
        '[profiles.azure]\napi_version = "2025-05-01"\nkey_command = "echo token-0123456789"\n'
        '[profiles.plain]\napi_version = "2025-05-01"\n'
        '[profiles.odd]\napi_version = "v1"\nauth = "basic"\n',
    )
    key = {"UNDERSTUDY_PROFILE_PLAIN_API_KEY": "azure-key-0123456789"}
    shown = {line["name"]: line["values"] for line in stage.call("profiles", "--json", **key).lines}
    assert shown["azure"]["api_version"]["value"] == "2025-05-01"
    assert shown["azure"]["auth"] == {"value": "bearer", "origin": "default"}
    assert shown["plain"]["auth"] == {"value": "api-key", "origin": "default"}
    assert "auth" not in shown["src"]
    done = stage.call("list", "odd").check(64)
    assert "auth in understudy.toml [profiles.odd] must be bearer or api-key" in done.err
