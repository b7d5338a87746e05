import re
from collections.abc import Mapping

import pytest

from command import DESTINATION, SOURCE, Stage, until
from understudy.sandbox import parse_fault

NAMES = ("Support A", "Support B", "[PROD] Sales")


def fill(stage: Stage) -> dict[str, str]:
    return {name: str(stage.source.add(name=name, model="gpt-4o")["id"]) for name in NAMES}


@pytest.mark.parametrize(
    ("environment", "names"),
    [
        ({}, list(NAMES)),
        ({"CLONE_MODE": "all", "CLONE_IDS": "ignored"}, list(NAMES)),
        ({"CLONE_MODE": "by_name", "CLONE_NAME_PREFIX": "support"}, ["Support A", "Support B"]),
        ({"CLONE_MODE": "BY_NAME", "CLONE_NAME_PREFIX": "*b"}, ["Support B"]),
        ({"CLONE_MODE": "by_name", "CLONE_NAME_PREFIX": "/a$/"}, ["Support A"]),
        ({"CLONE_MODE": "by_name", "CLONE_NAME_PREFIX": "[PROD]"}, ["[PROD] Sales"]),
    ],
)
def test_clone_mode_selects(stage: Stage, environment: Mapping[str, str], names: list[str]) -> None:
    fill(stage)
    stage.call("clone", **environment).check()
    assert stage.names() == sorted(names)


def test_clone_ids_selects_by_id(stage: Stage) -> None:
    ids = fill(stage)
    chosen = f" {ids['Support A']} ,, {ids['[PROD] Sales']}"
    stage.call("clone", CLONE_MODE="by_id", CLONE_IDS=chosen).check()
    assert stage.names() == ["Support A", "[PROD] Sales"]


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"CLONE_MODE": "some"}, "CLONE_MODE (environment) must be all, by_id or by_name"),
        ({"CLONE_MODE": "by_id"}, "needs CLONE_IDS, which is not set"),
        ({"CLONE_MODE": "by_id", "CLONE_IDS": " , "}, "CLONE_IDS (environment) holds no id"),
        ({"CLONE_MODE": "by_name"}, "needs CLONE_NAME_PREFIX, which is not set"),
        ({"CLONE_MODE": "by_name", "CLONE_NAME_PREFIX": ""}, "needs CLONE_NAME_PREFIX"),
        ({"MAX_CONCURRENCY": "0"}, "MAX_CONCURRENCY (environment) must be a whole number above 0"),
        ({"MAX_CONCURRENCY": "many"}, "it is 'many'"),
        ({"LOG_LEVEL": "loud"}, "LOG_LEVEL (environment) must be one of debug"),
        ({"OPENAI_SRC_PLATFORM": "nothing"}, "names the platform 'nothing', which there is not"),
        ({"OPENAI_SRC_BASE_URL": "example.com"}, "OPENAI_SRC_BASE_URL (environment)"),
        ({"OPENAI_SRC_BASE_URL": "http://[::1"}, "is broken"),
        ({"OPENAI_SRC_BASE_URL": "https://me:hush@h/v1"}, "holds a user or password"),
    ],
)
def test_a_wrong_setting_is_named_and_nothing_is_written(
    stage: Stage, environment: Mapping[str, str], words: str
) -> None:
    fill(stage)
    done = stage.call("clone", **environment).check(64)
    assert words in done.err
    assert "hush" not in done.err
    assert stage.writes() == 0


def test_flags_beat_clone_mode(stage: Stage) -> None:
    fill(stage)
    mode = {"CLONE_MODE": "by_name", "CLONE_NAME_PREFIX": "support"}
    stage.call("clone", "--name", "*sales", **mode).check()
    assert stage.names() == ["[PROD] Sales"]
    stage.call("clone", "--all", **mode).check()
    assert stage.names() == sorted(NAMES)


@pytest.mark.parametrize(("most", "flags"), [(3, []), (2, ["--concurrency", "2"])])
def test_concurrency_bounds_the_writes_in_flight(stage: Stage, most: int, flags: list[str]) -> None:
    stage.fill(12)
    stage.sandbox.faults = (parse_fault("hang:create"),)
    with stage.start("clone", *flags, environment={"MAX_CONCURRENCY": "3"}) as process:
        until(lambda: stage.sandbox.count("create") >= most, "the writes")
        waiting = [r.status for r in stage.sandbox.requests if r.kind == "create"]
        stage.sandbox.faults = ()
        process.kill()
    assert waiting == ["pending"] * most


def test_log_level_shows_the_log_on_stderr(stage: Stage) -> None:
    stage.fill(1)
    assert "INFO" not in stage.call("clone", "--output-dir", "a").check().err
    stage.source.edit(next(iter(stage.source.assistants)), instructions="New.")
    done = stage.call("clone", LOG_LEVEL=" Info ").check()
    assert "INFO understudy.run: updated: Bot 000" in done.err
    assert "DEBUG" in stage.call("clone", "-vv", LOG_LEVEL="error").check().err


def test_output_dir_says_where_reports_go(stage: Stage) -> None:
    stage.fill(1)
    stage.call("clone", OUTPUT_DIR="reports/today").check()
    assert (stage.folder / "reports/today/mapping.json").is_file()
    stage.call("clone", "--output-dir", "flag", OUTPUT_DIR="reports").check()
    assert (stage.folder / "flag/report.md").is_file()
    assert not (stage.folder / "out").exists()


def test_organization_and_project_travel_as_headers_of_their_own_place_only(stage: Stage) -> None:
    stage.fill(1)
    stage.call(
        "clone",
        OPENAI_SRC_ORG_ID="org-a",
        OPENAI_SRC_PROJECT_ID="proj-a",
        OPENAI_DST_ORG_ID="org-b",
    ).check()
    seen = {(r.project, r.organization, r.project_header) for r in stage.sandbox.requests}
    assert seen == {("project-1", "org-a", "proj-a"), ("project-2", "org-b", None)}


def test_the_default_profile_is_made_of_the_usual_names(stage: Stage) -> None:
    stage.fill(1)
    stage.environment = {
        "OPENAI_API_KEY": SOURCE,
        "OPENAI_BASE_URL": stage.sandbox.base_url,
        "OPENAI_ORG_ID": "org-d",
        "OPENAI_PROJECT_ID": "proj-d",
    }
    assert stage.call("list", "default", "-q").check().out == "1 assistant\n"
    (request,) = stage.sandbox.requests
    assert (request.organization, request.project_header) == ("org-d", "proj-d")


def test_any_profile_can_come_from_the_environment(stage: Stage) -> None:
    stage.fill(1)
    more = {
        "UNDERSTUDY_PROFILE_MY_TEAM_API_KEY": DESTINATION,
        "UNDERSTUDY_PROFILE_MY_TEAM_BASE_URL": stage.sandbox.base_url,
        "UNDERSTUDY_PROFILE_OLD_PLATFORM": "snapshot",
        "UNDERSTUDY_PROFILE_OLD_PATH": "old.json",
    }
    stage.call("clone", "--to", "my_team", **more).check()
    assert stage.names() == ["Bot 000"]
    stage.call("clone", "--to", "old", **more).check()
    assert stage.read("old.json")["assistants"][0]["name"] == "Bot 000"


def test_flags_beat_environment_beats_dotenv_beats_toml(stage: Stage) -> None:
    stage.fill(1)
    stage.write("understudy.toml", '[options]\noutput_dir = "toml"\n')
    stage.call("clone").check()
    stage.write(".env", 'export OUTPUT_DIR="dotenv" # a comment\n')
    stage.call("clone").check()
    stage.call("clone", OUTPUT_DIR="environment").check()
    stage.call("clone", "--output-dir", "flag", OUTPUT_DIR="nothing").check()
    found = sorted(path.name for path in stage.folder.iterdir() if path.is_dir())
    assert found == ["dotenv", "environment", "flag", "toml"]


def test_profiles_names_the_origin_of_every_value(stage: Stage) -> None:
    stage.write("understudy.toml", '[profiles.src]\norganization = "org-t"\nproject = "proj-t"\n')
    stage.write(".env", "OPENAI_SRC_ORG_ID=org-e\nOPENAI_DST_API_KEY=ignored-because-set\n")
    done = stage.call("profiles").check()
    assert re.search(r"organization +org-e +OPENAI_SRC_ORG_ID \(\.env\)", done.out)
    assert re.search(r"project +proj-t +understudy\.toml \[profiles\.src\]", done.out)
    assert re.search(r"platform +openai-assistants +default", done.out)
    assert re.search(r"api_key +sk-\.\.\. .* OPENAI_DST_API_KEY \(environment\)", done.out)
    assert "ignored-because-set" not in done.out


def test_a_key_command_is_run_without_a_shell_and_only_when_its_place_is_used(stage: Stage) -> None:
    stage.fill(1)
    script = stage.write("key.sh", f"#!/bin/sh\ntouch ran\necho {SOURCE}\necho more\n")
    script.chmod(0o755)
    stage.write(
        "understudy.toml",
        f'[profiles.team]\nbase_url = "{stage.sandbox.base_url}"\nkey_command = "{script}"\n',
    )
    assert "(a command, not shown)" in stage.call("profiles").check().out
    assert not (stage.folder / "ran").exists()
    done = stage.call("list", "team", "-q").check()
    assert done.out == "1 assistant\n"
    assert (stage.folder / "ran").exists()


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("false", "gave no key (exit code 1)"),
        ("true", "gave no key (exit code 0)"),
        ("/no/such/program", "cannot be run: FileNotFoundError"),
        ("echo 'unclosed", "cannot be run: ValueError"),
        ("  ", "cannot be run"),
        ("echo two words", "holds spaces"),
        ("echo short", "is not a key (5 characters)"),
    ],
)
def test_a_key_command_that_gives_no_key_says_so_without_its_output(
    stage: Stage, command: str, words: str
) -> None:
    stage.write("understudy.toml", f'[profiles.team]\nkey_command = "{command}"\n')
    done = stage.call("list", "team").check(64)
    assert words in done.err
    assert "two words" not in done.err


def test_a_dash_in_a_profiles_name_makes_no_second_profile(stage: Stage) -> None:
    """Else its key would be shown to api.openai.com, the address of a profile without one."""
    stage.write("understudy.toml", f'[profiles.my-team]\nbase_url = "{stage.sandbox.base_url}"\n')
    stage.environment = {"UNDERSTUDY_PROFILE_MY_TEAM_API_KEY": SOURCE}
    done = stage.call("profiles", "--check", "--json").check()
    assert [profile["name"] for profile in done.of("profile")] == ["my-team"]


def test_a_password_in_an_address_is_never_shown(stage: Stage) -> None:
    more = {"UNDERSTUDY_PROFILE_X_BASE_URL": "https://me:hush-hush@example.com/v1"}
    for arguments in (["profiles"], ["profiles", "--json"], ["profiles", "--check"], ["list", "x"]):
        done = stage.call(*arguments, **more)
        assert "hush" not in done.out + done.err
    more = {"UNDERSTUDY_PROFILE_X_BASE_URL": "me:hush-hush@example.com/v1"}
    assert "hush" not in stage.call("list", "x", UNDERSTUDY_PROFILE_X_API_KEY=SOURCE, **more).err
