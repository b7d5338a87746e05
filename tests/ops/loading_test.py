"""Definitions by place and name, from every kind of place."""

import asyncio
import inspect
import json
from pathlib import Path

import pytest
from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming

import understudy
from command import MODEL, Stage
from understudy import Settings, UnderstudyError
from understudy.errors import SelectionError, UsageError
from understudy.model.assistant import Json

FUNCTION = {
    "type": "function",
    "function": {
        "name": "find_order",
        "description": "Look an order up.",
        "parameters": {"type": "object", "properties": {"number": {"type": "string"}}},
    },
}
BOT = {"id": "asst_bot", "name": "Support Bot", "model": MODEL, "tools": [FUNCTION]}
ARGUMENTS: Json = {"model": MODEL, "instructions": "Be kind.", "top_p": None, "tools": []}


@pytest.fixture
def settings(stage: Stage) -> Settings:
    return understudy.load_settings(stage.environment, stage.folder)


@pytest.fixture
def here(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(stage.folder)
    return stage.folder


def bundle(stage: Stage, **arguments: Json) -> None:
    stage.write("bundle/_bundle.json", {"format_version": 1})
    for key, value in arguments.items():
        stage.write(f"bundle/{key}.json", value)


def test_a_bundle_s_file_is_the_arguments_as_they_stand_there(
    stage: Stage, here: Path, settings: Settings
) -> None:
    stores = [{"type": "file_search", "vector_store_ids": [one]} for one in ("vs_1", "vs_2")]
    arguments = {**ARGUMENTS, "tools": stores, "truncation": "auto"}
    bundle(stage, SUPPORT_BOT=arguments)
    loaded = understudy.load("bundle/SUPPORT_BOT", settings)
    assert loaded.responses_kwargs() == arguments
    assert (loaded.id, loaded.name) == ("SUPPORT_BOT", "SUPPORT_BOT")
    assert loaded.place.platform == "responses"


def test_every_call_returns_fresh_arguments(stage: Stage, here: Path, settings: Settings) -> None:
    bundle(stage, BOT=ARGUMENTS)
    loaded = understudy.load("bundle/BOT", settings)
    loaded.responses_kwargs()["tools"].append("x")
    assert loaded.responses_kwargs() == ARGUMENTS


@pytest.mark.parametrize(
    "name",
    ["asst_bot", "Support Bot", "SUPPORT_BOT", "support bot", "Support  (Bot)", "asst_bot.json"],
)
def test_any_spelling_with_the_same_key_will_do(
    stage: Stage, here: Path, settings: Settings, name: str
) -> None:
    stage.write("dump.json", {"object": "list", "data": [BOT, {"id": "asst_2", "name": "Sales"}]})
    assert understudy.load(f"dump.json/{name}", settings).id == "asst_bot"


@pytest.mark.parametrize("place", ["dump.json", "./snapshot", "responses:./bundle", "src"])
def test_every_place_gives_the_same_request(
    stage: Stage, here: Path, settings: Settings, place: str
) -> None:
    added = stage.source.add(**{key: value for key, value in BOT.items() if key != "id"})
    stage.write("dump.json", [json.loads(json.dumps(added))])
    stage.call("clone", "--to", "./snapshot").check()
    stage.call("clone", "--to", "responses:./bundle").check()
    loaded = understudy.load(f"{place}/Support Bot", settings)
    arguments = loaded.responses_kwargs()
    arguments.get("metadata", {}).pop("cloned_from", None)
    assert {key: value for key, value in arguments.items() if value} == {
        "model": MODEL,
        "temperature": 1.0,
        "top_p": 1.0,
        "tools": [{"type": "function", **FUNCTION["function"], "strict": False}],  # type: ignore[dict-item]
    }
    assert arguments.keys() <= ResponseCreateParamsNonStreaming.__annotations__.keys()
    (function,) = loaded.functions()
    assert (function.name, function.description) == ("find_order", "Look an order up.")


def test_what_a_model_refuses_is_left_out_as_in_a_bundle(
    stage: Stage, here: Path, settings: Settings
) -> None:
    stage.write("dump.json", [{**BOT, "model": "o3", "temperature": 0.3}])
    assert (
        "temperature" not in understudy.load("dump.json/Support Bot", settings).responses_kwargs()
    )


def test_a_name_may_hold_slashes_where_the_rest_is_a_place(
    stage: Stage, here: Path, settings: Settings
) -> None:
    stage.write("dump.json", [{**BOT, "name": "Sales/EU"}])
    assert understudy.load("dump.json/Sales/EU", settings).name == "Sales/EU"


@pytest.mark.parametrize("path", ["SUPPORT_BOT", "", "/", "dump.json/", "/SUPPORT_BOT", "./ "])
def test_a_path_without_place_or_name_is_refused(
    stage: Stage, here: Path, settings: Settings, path: str
) -> None:
    with pytest.raises(UsageError, match="PLACE/NAME"):
        understudy.load(path, settings)


def test_a_name_that_nobody_has_is_answered_with_near_ones(
    stage: Stage, here: Path, settings: Settings
) -> None:
    stage.write("dump.json", [BOT])
    with pytest.raises(SelectionError) as caught:
        understudy.load("dump.json/Suport Bot", settings)
    assert caught.value.hint == "Near names: Support Bot."
    bundle(stage, SALES=ARGUMENTS)
    with pytest.raises(SelectionError, match="SALE"):
        understudy.load("bundle/SALE", settings)


def test_a_name_that_several_have_is_never_guessed(
    stage: Stage, here: Path, settings: Settings
) -> None:
    stage.write("dump.json", [BOT, {**BOT, "id": "asst_other"}])
    with pytest.raises(SelectionError) as caught:
        understudy.load("dump.json/Support Bot", settings)
    assert "asst_bot, asst_other" in caught.value.hint
    assert understudy.load("dump.json/asst_other", settings).id == "asst_other"


def test_a_place_that_is_not_there_is_said(here: Path, settings: Settings) -> None:
    with pytest.raises(UsageError, match="nowhere"):
        understudy.load("./nowhere/BOT", settings)


def test_what_no_request_can_say_is_refused(stage: Stage, here: Path, settings: Settings) -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": "none"}}
    stage.write("dump.json", [{**BOT, "tools": [tool]}])
    with pytest.raises(UnderstudyError, match="cannot be put into a request"):
        understudy.load("dump.json/asst_bot", settings)


async def test_within_a_loop_it_works_too(stage: Stage, here: Path, settings: Settings) -> None:
    stage.fill(1)
    one, other = (
        understudy.load("src/Bot 000", settings),
        await understudy.load_async("src/Bot 000", settings),
    )
    assert one.responses_kwargs() == other.responses_kwargs()
    with pytest.raises(SelectionError):
        understudy.load("src/nobody", settings)


def test_settings_come_from_the_process_where_none_are_given(
    stage: Stage, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.fill(1)
    for name, value in stage.environment.items():
        monkeypatch.setenv(name, value)
    assert understudy.load("src/BOT_000").name == "Bot 000"
    assert inspect.iscoroutinefunction(understudy.load_async)
    assert asyncio.run(understudy.load_async("src/BOT_000")).name == "Bot 000"
