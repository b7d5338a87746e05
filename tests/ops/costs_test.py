"""What answers cost: known by a price and by tokens, else not known, and never nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from understudy.architect.run_events import Answered, Partial, RunEnded, RunStatus, Used
from understudy.config import load
from understudy.ops.architect import Architect
from understudy.ops.playing import Player

PRICED = """
[[models]]
id = "llama"
provider = "own"
input_price = 2.0
output_price = 8.0
"""


@pytest.mark.parametrize(
    ("model", "text", "used", "cost"),
    [
        ("own/llama", "Aye.", Used(500_000, 250_000), 3.0),
        ("own/llama", "Aye.", Used(), None),  # its server does not count
        ("own/llama", "", Used(), 0.0),
        ("own/other", "Aye.", Used(1, 1), None),
        ("demo/echo", "Aye.", Used(3, 3), 0.0),
    ],
)
def test_a_cost_is_known_or_said_not_to_be(
    tmp_path: Path, model: str, text: str, used: Used, cost: float | None
) -> None:
    (tmp_path / "understudy.toml").write_text(PRICED)
    player = Player(Architect(load({"PATH": ""}, tmp_path)))
    answer = Answered(text, used, model)
    assert player.cost(answer) == cost
    assert player.sum([answer]) == cost


@pytest.mark.parametrize(("priced", "cost"), [(True, None), (False, 0.0)])
def test_what_nobody_said_of_an_answer_costs_nothing_only_where_nothing_does(
    tmp_path: Path, priced: bool, cost: float | None
) -> None:
    toml = PRICED.replace("llama", "scripted").replace("own", "demo") if priced else ""
    (tmp_path / "understudy.toml").write_text(toml)
    player = Player(Architect(load({"PATH": ""}, tmp_path)))
    assert player.cost(Partial("Ay", "demo/scripted")) == cost


def test_what_nobody_could_add_up_has_no_total(tmp_path: Path) -> None:
    player = Player(Architect(load({"PATH": ""}, tmp_path)))
    answers = {0: Answered("Aye.", Used(3, 3), "demo/echo")}
    assert player.total(RunEnded(RunStatus.CANCELLED, answers)) == 0.0
    assert player.total(RunEnded(RunStatus.CANCELLED, answers, counted=False)) is None
