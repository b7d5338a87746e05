"""Enabled tools: they reach the models that have them; others answer without, and that is said."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from architected import assistant, document
from providers.dialects import DIALECTS, Call, Said
from providers.lookalike import Lookalike, running
from understudy.architect.run_events import RunStatus
from understudy.config import load
from understudy.errors import UsageError
from understudy.ops.architect import Architect
from understudy.ops.playing import Player

INPUTS = {"question": "Sail today?", "tone": "kindly"}
OPENAI, CHAT = DIALECTS["openai/gpt-4o"], DIALECTS["my-team/llama-4"]
ALL = ("gpt-4o", "claude-3-opus", "gpt-4o-mini")


@asynccontextmanager
async def ready(
    folder: Path, url: str, answers: dict[str, str], models: str = "", **fields: Any
) -> AsyncIterator[Player]:
    """A player of one assistant in `a.json`, in whose place others answer."""
    environment = {
        "OPENAI_BASE_URL": f"{url}/v1",
        "OPENAI_API_KEY": "sk-none-0123456789",
        "UNDERSTUDY_PROVIDER_MY_TEAM_BASE_URL": f"{url}/v1",
        "UNDERSTUDY_PROVIDER_OWN_BASE_URL": f"{url}/v1",
        "UNDERSTUDY_PROVIDER_OWN_API": "responses",
        "AWS_REGION": "eu-central-1",
    }
    (folder / "understudy.toml").write_text(models)
    (folder / "a.json").write_text(json.dumps(document(assistant(**fields))))
    settings = load(environment, folder)
    async with Architect(settings, map_model=answers) as architect, Player(architect) as player:
        yield player


async def played(player: Player, folder: Path) -> str:
    """Play the assistant to its end; return its last output."""
    chosen = await player.choose(str(folder / "a.json"), draft=True)
    ended = await player.engine.run(player.play(chosen, INPUTS), lambda *_: None)
    assert ended.status is RunStatus.COMPLETED, ended.failure
    return ended.answers[2].text


def tools_of(server: Lookalike) -> list[list[str]]:
    return [[tool["type"] for tool in asked.body.get("tools", [])] for asked in server.asked]


async def test_each_prompt_is_asked_with_the_tools(tmp_path: Path) -> None:
    async with running(OPENAI) as server:
        server.script = [Said(("I look.", Call("web_search"), "Stay."))]
        answers = dict.fromkeys(ALL, "gpt-4o")
        tools = ["web_search", "code_execution"]
        async with ready(tmp_path, server.url, answers, enabledTools=tools) as player:
            assert await played(player, tmp_path) == "I look.\n\nStay."
        assert tools_of(server) == [["web_search", "code_interpreter"]] * 3


@pytest.mark.parametrize(
    ("answers", "tool", "said"),
    [
        ("gpt-4o", "sextant", 'openai/gpt-4o has no tool "sextant"; it answers without.'),
        ("gpt-4o", "web_fetch", 'openai/gpt-4o has no tool "web_fetch"; it answers without.'),
        ("gpt-4-turbo", "web_search", 'tools = ["web_search"] in [[models]].'),
        ("my-team/llama-4", "web_search", 'my-team/llama-4 has no tool "web_search"'),
        ("own/llama-4", "web_search", 'If it has, list it: tools = ["web_search"]'),
    ],
)
async def test_a_model_that_lacks_a_tool_answers_without_and_that_is_said(
    tmp_path: Path, answers: str, tool: str, said: str
) -> None:
    dialect = CHAT if answers.startswith("my-team") else OPENAI
    async with running(dialect) as server:
        models = dict.fromkeys(ALL, answers)
        async with ready(tmp_path, server.url, models, enabledTools=[tool]) as player:
            chosen = await player.choose(str(tmp_path / "a.json"), draft=True)
            (warning,) = player.tools(chosen).warnings
            assert said in warning
            assert await played(player, tmp_path) == "Good morning."
        assert tools_of(server) == [[]] * 3


async def test_a_tool_that_is_listed_with_a_model_of_ones_own_reaches_it(tmp_path: Path) -> None:
    models = '[[models]]\nid = "llama-4"\nprovider = "own"\ntools = ["web_search"]\n'
    async with running(OPENAI) as server:
        answers = dict.fromkeys(ALL, "own/llama-4")
        tools = ["web_search"]
        async with ready(tmp_path, server.url, answers, models, enabledTools=tools) as player:
            assert await played(player, tmp_path) == "Good morning."
        assert tools_of(server) == [["web_search"]] * 3


async def test_models_for_demos_rehearse_what_enables_any_tool(tmp_path: Path) -> None:
    answers = dict.fromkeys(ALL, "demo/echo")
    async with ready(tmp_path, "http://127.0.0.1:9", answers, enabledTools=["sextant"]) as player:
        assert "Decide, kindly." in await played(player, tmp_path)


@pytest.mark.parametrize(
    "models",
    [
        "",
        '[[models]]\nid = "llama-4"\nprovider = "my-team"\n',
        '[[models]]\nid = "my-team/llama-4"\nprovider = "my-team"\n',
    ],
)
async def test_a_model_of_a_named_provider_answers_listed_or_not(
    tmp_path: Path, models: str
) -> None:
    async with running(CHAT) as server:
        answers = dict.fromkeys(ALL, "my-team/llama-4")
        async with ready(tmp_path, server.url, answers, models) as player:
            assert await played(player, tmp_path) == "Good morning."
        assert {asked.body["model"] for asked in server.asked} == {"llama-4"}


async def test_a_provider_that_nobody_named_is_told_how(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="UNDERSTUDY_PROVIDER_HARBOUR_BASE_URL makes harbour"):
        async with ready(tmp_path, "http://127.0.0.1:9", {"gpt-4o": "harbour/llama"}):
            pass


async def test_a_model_of_a_named_provider_that_is_not_active_does_not_answer(
    tmp_path: Path,
) -> None:
    models = '[[models]]\nid = "llama-4"\nprovider = "my-team"\nactive = false\n'
    with pytest.raises(UsageError, match="no active model has the id 'my-team/llama-4'"):
        async with ready(tmp_path, "http://127.0.0.1:9", {"gpt-4o": "my-team/llama-4"}, models):
            pass
