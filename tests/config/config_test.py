from collections.abc import Mapping
from pathlib import Path

import pytest

from understudy.config import as_bool, as_count, load
from understudy.errors import UsageError
from understudy.profile import Value

KEY = "sk-0123456789abcdef"


@pytest.mark.parametrize("name", ["src", "dst"])
def test_the_specified_names_make_a_profile(tmp_path: Path, name: str) -> None:
    prefix = f"OPENAI_{name.upper()}_"
    settings = load(
        {
            prefix + "API_KEY": KEY,
            prefix + "ORG_ID": "org-1",
            prefix + "PROJECT_ID": "proj-1",
            prefix + "BASE_URL": "https://example.com/v1/",
        },
        tmp_path,
    )
    assert list(settings.profiles) == [name]
    profile = settings.profiles[name]
    assert profile.require_key().get_secret_value() == KEY
    assert (profile.get("organization"), profile.get("project")) == ("org-1", "proj-1")
    assert profile.base_url == "https://example.com/v1"
    assert profile.platform == "openai-assistants"


def test_without_anything_there_is_no_profile(tmp_path: Path) -> None:
    settings = load({"OPENAI_SRC_API_KEY": "", "PATH": "/bin"}, tmp_path)
    assert settings.profiles == {}
    assert settings.options == {}


def test_no_form_of_settings_shows_a_key(tmp_path: Path) -> None:
    settings = load({"OPENAI_SRC_API_KEY": KEY}, tmp_path)
    assert KEY not in repr(settings) + str(settings.profiles["src"])


@pytest.mark.parametrize(
    ("environment", "dotenv", "toml", "found"),
    [
        ({"OPENAI_SRC_ORG_ID": "e"}, "OPENAI_SRC_ORG_ID=d", "t", "e"),
        ({"OPENAI_SRC_ORG_ID": ""}, "OPENAI_SRC_ORG_ID=d", "t", "d"),
        ({}, "OPENAI_SRC_ORG_ID=", "t", "t"),
        ({"UNDERSTUDY_PROFILE_SRC_ORGANIZATION": "u"}, "OPENAI_SRC_ORG_ID=d", "t", "u"),
        ({}, "UNDERSTUDY_PROFILE_SRC_ORGANIZATION=u", "t", "u"),
        (
            {"UNDERSTUDY_PROFILE_SRC_ORGANIZATION": "u", "OPENAI_SRC_ORG_ID": "e"},
            "",
            "t",
            "e",
        ),
    ],
)
def test_the_environment_beats_dotenv_which_beats_the_file(
    tmp_path: Path, environment: Mapping[str, str], dotenv: str, toml: str, found: str
) -> None:
    (tmp_path / ".env").write_text(dotenv)
    (tmp_path / "understudy.toml").write_text(f'[profiles.src]\norganization = "{toml}"\n')
    assert load(environment, tmp_path).profiles["src"].get("organization") == found


@pytest.mark.parametrize(
    ("toml", "option", "text"),
    [
        ("dry_run = true", "dry_run", "true"),
        ("concurrency = 4", "concurrency", "4"),
        ('ids = ["a", "b"]', "ids", "a,b"),
        ('mode = "all"', "mode", "all"),
        ('name_prefix = ""', "name_prefix", None),
    ],
)
def test_options_come_from_the_file(
    tmp_path: Path, toml: str, option: str, text: str | None
) -> None:
    (tmp_path / "understudy.toml").write_text(f"[options]\n{toml}\n")
    value = load({}, tmp_path).option(option)
    assert (value and value.text) == text
    assert value is None or value.origin == "understudy.toml [options]"


@pytest.mark.parametrize(
    ("name", "variable"),
    [("my-team", "MY_TEAM"), ("Team", "TEAM"), ("SRC", "SRC"), ("a_b", "A_B")],
)
def test_a_profile_of_the_file_finds_its_variables_and_has_no_ghost(
    tmp_path: Path, name: str, variable: str
) -> None:
    (tmp_path / "understudy.toml").write_text(f'[profiles.{name}]\nproject = "p"\n')
    environment = {f"UNDERSTUDY_PROFILE_{variable}_API_KEY": KEY}
    if name == "SRC":
        with pytest.raises(UsageError, match="share their environment names"):
            load(environment, tmp_path)
        return
    profiles = load(environment, tmp_path).profiles
    assert list(profiles) == [name]
    assert profiles[name].require_key().get_secret_value() == KEY


@pytest.mark.parametrize(
    ("variable", "name", "key"),
    [
        ("UNDERSTUDY_PROFILE_X_KEY_COMMAND", "x", "key_command"),
        ("UNDERSTUDY_PROFILE_MY_API_KEY_BASE_URL", "my_api_key", "base_url"),
        ("UNDERSTUDY_PROFILE_2_PATH", "2", "path"),
    ],
)
def test_a_profile_is_named_by_its_variable(
    tmp_path: Path, variable: str, name: str, key: str
) -> None:
    profiles = load({variable: "value"}, tmp_path).profiles
    assert list(profiles) == [name]
    assert profiles[name].get(key) == "value"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("true", True), (" YES ", True), ("1", True), ("off", False), ("False", False), ("0", False)],
)
def test_yes_and_no_have_many_spellings(text: str, expected: bool) -> None:
    assert as_bool(Value(text, "X")) is expected


@pytest.mark.parametrize("text", ["2", "", "ja", "truely"])
def test_anything_else_is_neither(text: str) -> None:
    with pytest.raises(UsageError, match="X must be true or false"):
        as_bool(Value(text, "X"))


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "", "many", "1e3"])
def test_a_count_is_a_whole_number_above_0(text: str) -> None:
    with pytest.raises(UsageError, match="X must be a whole number"):
        as_count(Value(text, "X"))


def test_dotenv_is_read_as_it_stands(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "# a comment\r\nexport OPENAI_SRC_ORG_ID='o # no comment'\r\n"
        'OPENAI_SRC_PROJECT_ID="p" # a comment\r\nALONE\r\nOPENAI_DST_ORG_ID=${HOME}\r\n'
    )
    profiles = load({"HOME": "/root"}, tmp_path).profiles
    assert profiles["src"].get("organization") == "o # no comment"
    assert profiles["src"].get("project") == "p"
    assert profiles["dst"].get("organization") == "${HOME}"


def test_a_file_that_is_a_directory_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Is a directory"):
        load({}, tmp_path, tmp_path)
