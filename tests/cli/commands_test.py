import json
import re

import pytest

from command import DESTINATION, SOURCE, Done, Stage
from understudy.cli.main import COMMANDS

ONE = {"name": "Support Bot", "model": "gpt-4o", "instructions": "Be kind."}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example(stage: Stage, command: str) -> None:
    done = stage.call(command, "--help").check()
    assert done.out.startswith(f"Usage: understudy {command}")
    assert re.search(rf"^ +understudy {command}", done.out, re.MULTILINE)
    assert done.err == ""


def test_the_help_names_every_command_and_every_exit_code(stage: Stage) -> None:
    done = stage.call("--help").check()
    assert all(re.search(rf"^  {name} ", done.out, re.MULTILINE) for name in COMMANDS)
    codes = re.search(r"Exit codes: (.*)\Z", done.out, re.DOTALL)
    assert codes is not None
    assert re.findall(r"\b\d+\b", codes[1]) == ["0", "1", "2", "3", "4", "5", "6", "64", "130"]


def test_without_a_command_the_help_is_shown_and_it_is_a_usage_error(stage: Stage) -> None:
    done = stage.call().check(64)
    assert done.out.startswith("Usage: understudy [OPTIONS] COMMAND")
    assert "Error" not in done.err


def test_list_shows_a_line_an_assistant_and_the_count(stage: Stage) -> None:
    stage.source.add(**ONE)
    stage.source.add(name=None, model="o3", tools=[{"type": "code_interpreter"}])
    lines = stage.call("list", "src").check().out.splitlines()
    assert "Support Bot" in lines[0]
    assert "gpt-4o" in lines[0]
    assert "(nameless)" in lines[1]
    assert "code_interpreter" in lines[1]
    assert lines[2] == "2 assistants"


def test_list_gives_the_records_as_they_are(stage: Stage) -> None:
    record = stage.source.add(**ONE, metadata={"team": "north"})
    done = stage.call("list", "src", "--json").check()
    assert [line["assistant"] for line in done.of("assistant")] == [record]
    assert done.of("listing")[0]["count"] == 1


@pytest.mark.parametrize(
    ("flags", "names"),
    [
        (["--name", "support*"], ["Support A", "Support B"]),
        (["--name", "/b$/"], ["Support B"]),
        (["--name", "*a", "--name", "sales"], ["Support A", "Sales"]),
        (["--all"], ["Support A", "Support B", "Sales"]),
    ],
)
def test_assistants_are_selected_by_name(stage: Stage, flags: list[str], names: list[str]) -> None:
    for name in ("Support A", "Support B", "Sales"):
        stage.source.add(name=name, model="gpt-4o")
    done = stage.call("list", "src", "--json", *flags).check()
    assert [line["assistant"]["name"] for line in done.of("assistant")] == names


def test_clone_creates_then_has_nothing_to_do_then_updates(stage: Stage) -> None:
    (one, _) = stage.fill(2)
    assert "2 created" in stage.call("clone").check().out
    assert "2 unchanged" in stage.call("clone").check().out
    stage.source.edit(one, instructions="New.")
    done = stage.call("clone").check()
    assert 'instructions: null → "New."' in done.out
    assert "1 updated, 1 unchanged" in done.out
    assert stage.names() == ["Bot 000", "Bot 001"]


def test_a_function_arrives_with_its_whole_schema(stage: Stage) -> None:
    function = {
        "name": "find_order",
        "description": "Finds.",
        "parameters": {"type": "object", "properties": {"id": {"type": "string"}}},
        "strict": False,
    }
    stage.source.add(**ONE, tools=[{"type": "function", "function": function}])
    stage.call("clone").check()
    (copy,) = stage.destination.assistants.values()
    assert copy["tools"] == [{"type": "function", "function": function}]


def test_check_tells_both_directions_apart(stage: Stage) -> None:
    (one, _, _) = stage.fill(3)
    stage.call("clone", "--id", one).check()
    stage.source.edit(one, temperature=0.5)
    stage.destination.add(name="Stranger", model="gpt-4o")
    done = stage.call("check", "src", "dst", "--json").check(1)
    assert sorted(line["sign"] for line in done.of("difference")) == ["*", "+", "+", "-"]
    text = stage.call("check", "src", "dst").check(1).out
    assert "Check: 0 same, 1 different, 2 only in A, 1 only in B, 0 unclear" in text
    stage.call("clone").check()
    stage.call("check", "src", "dst").check(1)
    stage.call("check", "src", "dst", "--one-way").check(0)


def test_check_wants_both_places_to_exist(stage: Stage) -> None:
    assert "does not exist" in stage.call("check", "src", "./nowhere").check(64).err
    assert stage.files() == []


COMMAND_LINES = [
    ["list", "src"],
    ["list", "./s.json"],
    ["plan"],
    ["plan", "--out", "p.json"],
    ["clone", "--dry-run"],
    ["clone"],
    ["clone", "--to", "./folder"],
    ["apply", "saved.json"],
    ["check", "src", "dst"],
    ["export", "--out", "e.json"],
    ["import", "s.json"],
    ["profiles"],
    ["profiles", "--check"],
    ["list", "nowhere"],
    ["clone", "--concurrency", "none"],
    ["clone", "--nothing"],
    ["nothing"],
]


def prepared(stage: Stage) -> None:
    stage.fill(2)
    stage.call("export", "--out", "s.json").check()
    stage.call("plan", "--out", "saved.json").check()


@pytest.mark.parametrize("arguments", COMMAND_LINES, ids=" ".join)
def test_with_json_every_line_of_stdout_is_an_object_with_type_and_version(
    stage: Stage, arguments: list[str]
) -> None:
    prepared(stage)
    done = stage.call(*arguments, "--json")
    assert done.lines
    for line in done.lines:
        assert isinstance(line["type"], str)
        assert line["format_version"] == 1
    assert done.code in (0, 1, 64)
    assert bool(done.of("error")) == (done.code == 64)


@pytest.mark.parametrize("arguments", COMMAND_LINES[:13], ids=" ".join)
def test_global_options_are_taken_before_and_after_the_command(
    stage: Stage, arguments: list[str]
) -> None:
    prepared(stage)
    first = stage.call("--json", "-q", *arguments)
    assert first.err == ""
    assert [line["type"] for line in first.lines]
    stage.call("plan", "--out", "saved.json").check()
    second = stage.call(*arguments, "--json", "-q")
    assert second.err == ""
    assert {line["type"] for line in first.lines} == {line["type"] for line in second.lines}


def test_quiet_leaves_counts_and_errors(stage: Stage) -> None:
    stage.fill(2)
    assert stage.call("list", "src", "-q").check().out == "2 assistants\n"
    plan = stage.call("plan", "--quiet").check()
    assert plan.out == "Plan: 2 to create, 0 to update, 0 unchanged, 0 conflicts\n"
    assert plan.err == ""
    clone = stage.call("clone", "-q").check()
    assert len(clone.out.splitlines()) == 2
    assert clone.err == ""
    check = stage.call("check", "src", "dst", "-q").check()
    assert len(check.out.splitlines()) == 1
    assert "does not exist" in stage.call("list", "./nowhere", "-q").check(64).err


def test_results_go_to_stdout_and_everything_about_the_run_to_stderr(stage: Stage) -> None:
    stage.fill(1)
    done = stage.call("clone", "-v").check()
    assert "Done: 1 created" in done.out
    assert "INFO understudy" not in done.out
    assert "INFO understudy.run: created: Bot 000" in done.err
    assert "Reports: out/mapping.json" in done.err


def test_a_config_file_of_another_name_is_taken(stage: Stage) -> None:
    stage.write("other.toml", f'[profiles.mine]\nbase_url = "{stage.sandbox.base_url}"\n')
    key = {"UNDERSTUDY_PROFILE_MINE_API_KEY": SOURCE}
    for arguments in (
        ["--config", "other.toml", "list", "mine"],
        ["list", "mine", "--config", "other.toml"],
    ):
        assert stage.call(*arguments, **key).check().out == "0 assistants\n"
    assert "does not exist" in stage.call("list", "--config", "none.toml").check(64).err


def demo(stage: Stage, *flags: str) -> Done:
    return stage.run("demo", *flags, environment={"PYTHONWARNINGS": "error"}).check()


def test_the_demo_plays_the_whole_job_in_json(stage: Stage) -> None:
    done = demo(stage, "--json")
    (first, second, *later) = done.of("run")
    assert (first["summary"]["created"], first["summary"]["partial"]) == (24, 1)
    assert first["summary"]["files"] == {"moved": 10, "missing": 1}
    assert (second["summary"]["unchanged"], second["summary"]["partial"]) == (24, 1)
    assert second["summary"]["files"] == {"there": 10, "missing": 1}
    degraded = [f["name"] for f in done.of("file_result") if f["fidelity"] == "degraded"]
    assert degraded == ["warranty-terms.md"] * 2
    assert done.of("plan")[3]["summary"]["update"] == 1
    assert [run["destination"]["platform"] for run in later] == ["openai-agents", "responses"]
    for run in later:
        assert run["summary"]["created"] == run["summary"]["total"] == 3
        assert run["summary"]["files"] == {"there": 8}
    (answer,) = done.of("answer")
    assert "Washed goods are never returns" in answer["text"]
    assert [one["change"] for one in done.of("architect_imported")] == ["created", "unchanged"]
    assert [one["action"] for one in done.of("architect_moved")] == ["approved"]
    (ended,) = done.of("run.completed")
    assert ended["outputs"]["verdict"] == "Not before the stock is there: June."
    assert done.of("scene")
    assert stage.files() == []
    assert stage.sandbox.requests == []  # it keeps to its own sandbox


def test_the_sandbox_command_serves_until_it_is_interrupted(stage: Stage) -> None:
    with stage.start("sandbox", "--demo", "--json") as process:
        assert process.stdout is not None
        served = json.loads(process.stdout.readline())
        there = {
            "OPENAI_SRC_BASE_URL": served["base_url"],
            "OPENAI_SRC_API_KEY": "sk-sandbox-source",
        }
        listed = stage.call("list", "src", "-q", **there).check()
        process.terminate()
        assert process.wait(timeout=20) == 0
    assert listed.out == "25 assistants\n"


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--fault", "nonsense!"], "cannot read the fault"),
        (["--fault", "503:nowhere"], "unknown place"),
        (["--port", "70000"], "--port"),
    ],
)
def test_the_sandbox_command_refuses_what_it_cannot_do(
    stage: Stage, flags: list[str], words: str
) -> None:
    assert words in stage.call("sandbox", *flags).check(64).err


def test_a_taken_port_is_said_plainly(stage: Stage) -> None:
    port = stage.sandbox.base_url.split(":")[2].split("/")[0]
    assert f"cannot listen on port {port}" in stage.call("sandbox", "--port", port).check(64).err


def test_profiles_shows_origins_and_masks_keys(stage: Stage) -> None:
    done = stage.call("profiles").check()
    assert SOURCE not in done.out
    assert DESTINATION not in done.out
    assert re.search(
        r"api_key +sk-\.\.\. \(26 characters\) +OPENAI_SRC_API_KEY \(environment\)", done.out
    )
    (dst, src) = stage.call("profiles", "--json").check().of("profile")
    assert (dst["name"], src["name"]) == ("dst", "src")
    assert src["values"]["base_url"]["origin"] == "OPENAI_SRC_BASE_URL (environment)"


def named(platform: str, path: object) -> dict[str, str]:
    """Return the environment of a profile `new` of that platform and path."""
    values = {"PLATFORM": platform, "PATH": str(path)}
    return {f"UNDERSTUDY_PROFILE_NEW_{key}": value for key, value in values.items()}


@pytest.mark.parametrize("platform", ["snapshot", "responses"])
@pytest.mark.parametrize("path", ["new", "not/yet/there"])
def test_a_place_that_can_still_be_made_is_no_failure(
    stage: Stage, platform: str, path: str
) -> None:
    new = named(platform, path)
    done = stage.call("profiles", "--check", **new).check(0)
    assert "is not there yet: a clone into it makes it" in done.out
    assert "does not answer" not in done.out
    (line,) = (
        one
        for one in stage.call("profiles", "--check", "--json", **new).check().of("profile")
        if one["name"] == "new"
    )
    assert (line["error"], bool(line["answer"])) == (None, True)
    assert not (stage.folder / path).exists()


@pytest.mark.parametrize(
    ("platform", "path"), [("dump", "new"), ("snapshot", "a.txt/new"), ("responses", "a.txt/new")]
)
def test_one_that_nobody_can_make_is_a_failure(stage: Stage, platform: str, path: str) -> None:
    (stage.folder / "a.txt").write_text("no folder")
    done = stage.call("profiles", "--check", **named(platform, path))
    assert done.code in (1, 64)
    assert "does not answer" in done.out


def test_profiles_check_asks_every_place_once(stage: Stage) -> None:
    stage.fill(1)
    done = stage.call("profiles", "--check").check()
    assert "answers, 1 assistants" in done.out
    assert len(stage.sandbox.requests) == 2
    stage.sandbox.project(SOURCE)
    broken = {"OPENAI_DST_BASE_URL": "http://127.0.0.1:9"}
    done = stage.call("profiles", "--check", **broken).check(1)
    assert "answers, 1 assistants" in done.out
    assert "does not answer" in done.out
