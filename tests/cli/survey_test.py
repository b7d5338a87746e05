"""models, fidelity, and the flags that change what is written: exit codes, text and lines."""

from __future__ import annotations

import json
import signal
from typing import Any

import pytest

from command import DESTINATION, SOURCE, Stage, until
from understudy.sandbox import ThreadedSandbox, parse_fault

SEARCH = [{"type": "file_search"}]
AGENTS = {"OPENAI_DST_PLATFORM": "openai-agents"}


def dump(stage: Stage, *records: dict[str, Any]) -> str:
    data = [{"id": f"asst_{n:024}", "object": "assistant", **r} for n, r in enumerate(records)]
    stage.write("dump.json", {"object": "list", "data": data})
    return "dump.json"


def canaries(*texts: str) -> None:
    """Fail when a key is shown anywhere."""
    for text in texts:
        assert SOURCE not in text
        assert DESTINATION not in text


def test_one_model_is_counted_as_one(stage: Stage) -> None:
    place = dump(stage, {"name": "A", "model": "gpt-4o"})
    assert "1 assistant, 1 model: " in stage.call("models", place).check().out


def test_what_a_snapshot_lacks_of_an_environment_is_said_as_it_is(stage: Stage) -> None:
    agent = {"object": "agent", "metadata": {"environment_template_id": "envtmpl_1"}}
    place = dump(stage, {"name": "A", "model": "gpt-5.5", **agent})
    done = stage.call("plan", "--from", place, "--code-interpreter", **AGENTS).check()
    assert "the source does not hold envtmpl_1" in done.out


def test_models_says_what_dies_and_who_uses_it(stage: Stage) -> None:
    stage.fill(2)
    stage.source.add(name="Old", model="gpt-4")
    done = stage.call("models", "src").check()
    assert "gpt-4 " in done.out
    assert "Old" in done.out
    lines = stage.call("models", "src", "--json").check()
    used = {line["model"]: line for line in lines.of("model")}
    assert [one["name"] for one in used["gpt-4"]["assistants"]] == ["Old"]
    (summary,) = lines.of("models")
    assert sum(summary["assistants"].values()) == 3
    assert stage.call("models", "src", "--detailed-exitcode").code == 2
    assert stage.writes() == 0
    canaries(done.out, done.err, lines.out, lines.err)


def own_bundle(stage: Stage) -> dict[str, str]:
    """Return the environment of a profile `own`: a bundle, whose project refuses everything."""
    stage.write("bundle/_bundle.json", {"format_version": 1})
    stage.write("bundle/BOT.json", {"model": "gpt-4o"})
    stage.sandbox.faults = (parse_fault("401:models"),)
    values = {"PLATFORM": "responses", "PATH": "./bundle", "API_KEY": DESTINATION}
    values["BASE_URL"] = stage.sandbox.base_url
    return {f"UNDERSTUDY_PROFILE_OWN_{key}": value for key, value in values.items()}


def test_a_refused_key_is_told_and_not_taken_for_a_place_that_is_silent(stage: Stage) -> None:
    own = own_bundle(stage)
    done = stage.call("models", "own", **own).check(4)
    assert "401 invalid_api_key" in done.err
    canaries(done.out, done.err)


def test_a_plan_says_that_the_key_was_refused_and_goes_on_without_the_models(stage: Stage) -> None:
    own = own_bundle(stage)
    stage.fill(1)
    done = stage.call("plan", "--to", "own", **own).check()
    assert "Note: The models were not checked: own: GET /models was answered 401" in done.out
    assert "1 to create" in done.out


@pytest.mark.parametrize("name", ["gpt-4", "x" * 5000, "\u202eevil\x1b[31m", "", "日本"])
def test_any_model_s_name_is_shown_in_lines_that_are_lines(stage: Stage, name: str) -> None:
    place = dump(stage, {"name": "One", "model": name}, {"name": "None"})
    done = stage.call("models", place).check()
    assert "\x1b" not in done.out
    assert "\u202e" not in done.out
    assert max(map(len, done.out.splitlines())) < 300
    assert len(stage.call("models", place, "--json").check().of("model")) == 1 + bool(name)


@pytest.mark.parametrize(
    "place", ["openai-agents", "responses", "openai-assistants", "snapshot", "./new", "dst"]
)
def test_fidelity_takes_a_place_or_a_platform_and_needs_no_key(stage: Stage, place: str) -> None:
    path = dump(stage, {"name": "One", "model": "gpt-4o", "temperature": 0.5, "tools": SEARCH})
    environment = {k: v for k, v in stage.environment.items() if "API_KEY" not in k}
    stage.environment = environment
    before = stage.files()
    done = stage.call("fidelity", path, place).check()
    assert "1 assistant: " in done.out
    lines = stage.call("fidelity", path, place, "--json").check()
    assert len(lines.of("fidelity")) == len(lines.of("fidelity_table")) == 1
    assert stage.files() == before
    assert stage.sandbox.requests == []


@pytest.mark.parametrize("place", ["dump.json", "dump", "dump:dump.json", "nowhere", "", "-"])
def test_fidelity_to_what_is_no_destination_is_a_usage_error(stage: Stage, place: str) -> None:
    path = dump(stage, {"name": "One", "model": "gpt-4o"})
    done = stage.call("fidelity", path, place)
    done.check(64)
    assert done.out == ""


def test_strict_fidelity_says_by_its_exit_code_whether_anything_is_lost(stage: Stage) -> None:
    path = dump(stage, {"name": "One", "model": "gpt-5.5", "metadata": {}})
    stage.call("fidelity", path, "openai-agents", "--strict").check(0)
    path = dump(stage, {"name": "One", "model": "gpt-5.5", "temperature": 0.1})
    stage.call("fidelity", path, "openai-agents", "--strict").check(1)
    stage.call("fidelity", path, "openai-agents").check(0)


@pytest.mark.parametrize(
    "pair", ["gpt-4o", "=", "gpt-4o=", "=gpt-5.5", "  ", "a=b=c", "Recommended!"]
)
def test_a_pair_that_is_none_is_a_usage_error_that_names_it(stage: Stage, pair: str) -> None:
    stage.fill(1)
    done = stage.call("clone", "--map-model", pair, "--yes")
    if pair.strip() == "" or pair == "a=b=c":
        done.check(0)  # a model called b=c, or nothing was said
    else:
        assert "map-model" in done.check(64).err
        assert stage.writes() == 0


@pytest.mark.parametrize("how", ["flag", "environment", "file"])
def test_models_are_swapped_once_however_it_was_said(stage: Stage, how: str) -> None:
    stage.fill(2)
    flags: list[str] = []
    if how == "flag":
        flags = ["--map-model", "gpt-4o=gpt-5.5"]
    elif how == "environment":
        stage.environment["UNDERSTUDY_MAP_MODEL"] = "gpt-3=x, gpt-4o=gpt-5.5"
    else:
        stage.write("understudy.toml", '[options]\nmap_model = ["gpt-4o=gpt-5.5"]\n')
    first = stage.call("clone", *flags, "--no-model-check", "--yes").check()
    assert "2 created" in first.out
    models = {one["model"] for one in stage.destination.assistants.values()}
    assert models == {"gpt-5.5"}
    again = stage.call("clone", *flags, "--no-model-check", "--yes", "--json").check()
    assert {line["status"] for line in again.of("result")} == {"unchanged"}
    canaries(first.out, first.err, again.out, again.err)


def test_recommended_swaps_what_dies(stage: Stage) -> None:
    stage.fill(1)
    stage.call("clone", "--map-model", "recommended", "--no-model-check", "--yes").check()
    (copy,) = stage.destination.assistants.values()
    assert copy["model"] != "gpt-4o"
    again = stage.call("clone", "--map-model", "recommended", "--no-model-check", "--yes").check()
    assert "0 created, 0 updated, 1 unchanged" in again.out


@pytest.mark.parametrize("how", ["flag", "environment"])
def test_strict_writes_nothing_that_loses_anything(stage: Stage, how: str) -> None:
    stage.fill(2, temperature=0.3)
    flags = ["--strict"] if how == "flag" else []
    if how == "environment":
        stage.environment["UNDERSTUDY_STRICT"] = "true"
    stage.environment |= AGENTS
    done = stage.call("clone", *flags, "--yes")
    done.check(3)
    assert "temperature would be dropped" in done.out
    assert stage.writes() == 0
    assert stage.destination.agents == {}


def test_a_saved_plan_with_a_search_function_and_other_models_is_carried_out(stage: Stage) -> None:
    with ThreadedSandbox(purpose_rule=False) as sandbox:
        source, there = sandbox.project(SOURCE), sandbox.project(DESTINATION)
        stage.environment |= {
            "OPENAI_SRC_BASE_URL": sandbox.base_url,
            "OPENAI_DST_BASE_URL": sandbox.base_url,
            **AGENTS,
        }
        file = source.put_file("a.txt", b"text")["id"]
        store = source.put_store(name="Help", files=[file])["id"]
        resources = {"file_search": {"vector_store_ids": [store]}}
        source.add(name="One", model="gpt-4o", tools=SEARCH, tool_resources=resources)
        flags = (
            *("--file-search", "--file-search-as", "function"),
            *("--map-model", "gpt-4o=gpt-5.5", "--no-model-check"),
        )
        stage.call("plan", *flags, "--out", "plan.json").check()
        first = (stage.folder / "plan.json").read_bytes()
        stage.call("plan", *flags, "--out", "plan.json").check()
        assert (stage.folder / "plan.json").read_bytes() == first
        stage.call("apply", "plan.json", "--yes").check()
        (agent,) = there.agents.values()
        assert agent["model"] == "gpt-5.5"
        assert agent["metadata"]["vector_store_ids"] in there.stores
        assert "1 unchanged" in stage.call("clone", *flags, "--yes").check().out
        stage.call("apply", "plan.json", "--yes").check(1)  # the plan no longer fits


def test_a_killed_run_is_resumed_with_the_same_flags(stage: Stage) -> None:
    stage.fill(6)
    stage.environment |= AGENTS
    stage.sandbox.faults = (parse_fault("hang:agents.create#4"),)
    flags = ("--map-model", "gpt-4o=gpt-5.5", "--no-model-check", "--settle", "0")
    with stage.start("clone", *flags, "--yes", "--concurrency", "1") as process:
        until(lambda: stage.sandbox.count("agents.create") >= 4, "four creates")
        process.send_signal(signal.SIGKILL)
        process.wait()
    stage.sandbox.faults = ()
    stage.call("resume", "--yes").check()
    agents = stage.destination.agents.values()
    assert [one["model"] for one in agents] == ["gpt-5.5"] * 6
    assert len({one["metadata"]["cloned_from"] for one in agents}) == 6


def test_a_killed_bundle_is_resumed(stage: Stage) -> None:
    stage.fill(6, tools=[{"type": "code_interpreter"}])
    files = [stage.source.put_file(f"{n}.txt", b"x" * n)["id"] for n in range(1, 4)]
    for one in list(stage.source.assistants):
        resources = {"code_interpreter": {"file_ids": files}}
        stage.source.edit(one, tool_resources=resources)
    originals = stage.folder / "originals"
    originals.mkdir()
    for n in range(1, 4):
        (originals / f"{n}.txt").write_bytes(b"x" * n)
    stage.environment |= {
        "OPENAI_DST_PLATFORM": "responses",
        "UNDERSTUDY_PROFILE_DST_PATH": "bundle",
    }
    stage.sandbox.faults = (parse_fault("hang:files.create#3"),)
    flags = ("--code-interpreter", "--files-dir", "originals", "--settle", "0", "--yes")
    with stage.start("clone", *flags, "--concurrency", "1") as process:
        until(lambda: stage.sandbox.count("files.create") >= 3, "three uploads")
        process.send_signal(signal.SIGKILL)
        process.wait()
    stage.sandbox.faults = ()
    stage.call("resume", "--yes").check()
    found = sorted((stage.folder / "bundle").glob("BOT*.json"))
    assert [path.stem for path in found] == [f"BOT_{n:03}" for n in range(6)]
    assert sorted(f["filename"] for f in stage.destination.files.values()) == [
        f"{n}.txt" for n in range(1, 4)
    ]
    named = [json.loads(path.read_text())["tools"][0]["container"]["file_ids"] for path in found]
    assert all(set(one) == set(stage.destination.files) for one in named)
    assert "6 unchanged" in stage.call("clone", *flags).check().out


def test_where_assistants_are_gone_agents_are_still_there(stage: Stage) -> None:
    with ThreadedSandbox(assistants=False) as sandbox:
        stage.environment["OPENAI_SRC_BASE_URL"] = sandbox.base_url
        stage.environment["OPENAI_DST_BASE_URL"] = sandbox.base_url
        stage.environment |= AGENTS
        for command in (("models", "src"), ("clone", "--yes"), ("fidelity", "src", "responses")):
            done = stage.call(*command).check(6)
            assert "import" in done.err or "dump" in done.err or "saved" in done.err
        path = dump(stage, {"name": "One", "model": "gpt-5.5"})
        assert "1 created" in stage.call("import", path, "--to", "dst", "--yes").check().out
        assert len(sandbox.project(DESTINATION).agents) == 1
        assert "1 unchanged" in stage.call("import", path, "--to", "dst", "--yes").check().out
        assert stage.call("models", "dst").check().out
