"""The model that follows a script: which line fits, what it says, how it fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from understudy.errors import UsageError
from understudy.providers.base import Message, Request, answer
from understudy.providers.catalog import provider_for
from understudy.providers.errors import (
    ProviderBusyError,
    ProviderLostError,
    ProviderRejectedError,
)
from understudy.providers.prices import Prices, shipped
from understudy.providers.script import SCRIPTED, VARIABLE, Script


def asking(text: str) -> Request:
    return Request(model=SCRIPTED, messages=(Message("user", text),), instructions="Be brief.")


def script(folder: Path, value: Any) -> dict[str, str]:
    path = folder / "script.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return {VARIABLE: str(path)}


async def test_the_first_line_that_fits_is_said(tmp_path: Path) -> None:
    lines = [{"when": "wind", "say": "It blows."}, {"when": "brief", "say": "Yes."}]
    provider = provider_for(SCRIPTED, script(tmp_path, lines))
    assert (await answer(provider, asking("And the wind?"))).text == "It blows."
    said = await answer(provider, asking("And the tide?"))
    assert said.text == "Yes."
    assert (said.usage.input_tokens, said.usage.output_tokens) == (5, 1)


async def test_lines_are_used_up_and_fail_as_they_say(tmp_path: Path) -> None:
    lines = [{"fail": "busy", "times": 1}, {"say": "Half", "fail": "lost", "times": 1}]
    provider = provider_for(SCRIPTED, script(tmp_path, lines))
    with pytest.raises(ProviderBusyError):
        await answer(provider, asking("a"))
    with pytest.raises(ProviderLostError):
        await answer(provider, asking("a"))
    with pytest.raises(ProviderRejectedError, match="No line of the script"):
        await answer(provider, asking("a"))


async def test_without_a_script_there_is_an_error_that_says_how(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        await answer(provider_for(SCRIPTED, {}), asking("a"))
    assert VARIABLE in raised.value.hint


@pytest.mark.parametrize(
    "value",
    [
        "{",
        "[" * 100_000,
        {"say": "a"},
        ["a"],
        [{"sey": "a"}],
        [{"say": 1}],
        [{"after": -1}],
        [{"after": True}],
        [{"times": 1e9}],
        [{"fail": "badly"}],
    ],
)
def test_a_script_that_is_none_is_refused(tmp_path: Path, value: Any) -> None:
    path = script(tmp_path, value)[VARIABLE]
    with pytest.raises(UsageError, match="script"):
        Script.load(path)


def test_a_script_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        Script.load(tmp_path / "none.json")


def test_prices_are_dollars_for_a_million_tokens() -> None:
    prices = Prices("2025-01-31", {"a/b": (2.0, 10.0)})
    assert prices.cost("a/b", 500_000, 100_000) == pytest.approx(2.0)
    assert prices.cost("a/c", 1, 1) is None
    assert prices.also({"a/c": (1.0, 1.0)}).cost("a/c", 1, 1) == pytest.approx(0.000002)


def test_the_table_that_ships_has_a_day_and_the_models_for_demos() -> None:
    assert shipped().as_of.count("-") == 2
    assert shipped().cost("demo/echo", 10, 10) == 0
