"""Which models end, by whom it is told, and what replaces them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from understudy.model.retirement import State, as_of, fate, successor, traits

TODAY = "2026-11-21"


@pytest.mark.parametrize(
    ("model", "state", "shutdown", "replacement"),
    [
        ("gpt-4", State.DEAD, "2026-10-23", "gpt-5.6-sol"),
        ("gpt-4o", State.DYING, "2027-01-14", "gpt-6-luna"),
        ("gpt-4.1-nano", State.DEAD, "2026-10-23", ""),
        ("gpt-3.5-turbo-16k", State.DEAD, "2024-09-13", ""),
        ("gpt-5.6-sol", State.UNKNOWN, "", ""),
        ("my-deployment", State.UNKNOWN, "", ""),
    ],
)
def test_a_silent_place_leaves_it_to_the_table(
    model: str, state: State, shutdown: str, replacement: str
) -> None:
    found = fate(model, TODAY)
    assert (found.state, found.shutdown, found.replacement) == (state, shutdown, replacement)
    assert not found.by_place


def test_what_the_place_says_comes_first() -> None:
    offered = {"gpt-4": "", "gpt-4o": "2026-12-01", "gpt-5": "2026-11-20", "o3": None}
    assert fate("gpt-4", TODAY, offered).state is State.ALIVE
    assert fate("gpt-4o", TODAY, offered).shutdown == "2026-12-01"
    assert fate("gpt-5", TODAY, offered).state is State.DEAD
    assert fate("o3", TODAY, offered).shutdown == "2026-12-11"  # it is listed, and no more is said


def test_a_model_that_a_place_does_not_offer_is_dead_or_just_absent() -> None:
    assert fate("gpt-4", TODAY, {}).state is State.DEAD
    assert fate("gpt-4o", TODAY, {}).state is State.ABSENT  # its day has not come
    assert fate("house-model", TODAY, {}).state is State.ABSENT


@pytest.mark.parametrize(
    ("today", "state"), [("2027-01-13", State.DYING), ("2027-01-14", State.DEAD)]
)
def test_a_model_is_dead_on_the_day_of_its_end(today: str, state: State) -> None:
    assert fate("gpt-4o", today).state is state


def test_a_replacement_that_is_not_offered_is_named_and_not_taken() -> None:
    found = fate("gpt-4o", TODAY, {"gpt-4o": None})
    assert found.replacement == ""
    assert "gpt-6-luna" in found.note


def test_a_chain_of_replacements_is_followed_to_a_living_model(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = {
        "a": {"shutdown": "2025-01-01", "replacement": "b"},
        "b": {"shutdown": "2026-01-01", "replacement": "c"},
        "c": {"shutdown": "2027-01-01", "replacement": "d"},
        "round": {"shutdown": "2025-01-01", "replacement": "trip"},
        "trip": {"shutdown": "2025-01-01", "replacement": "round"},
        "end": {"shutdown": "2025-01-01", "replacement": "c2"},
        "c2": {"shutdown": "2027-01-01"},
    }
    monkeypatch.setattr("understudy.model.retirement._retired", lambda: table)
    assert successor("a", TODAY) == "d"
    assert successor("a", TODAY, {"b": None, "c": None}) == "c"  # d is not offered; c lives a while
    assert successor("a", TODAY, {"c": "", "d": ""}) == "c"  # the place says that it goes on
    assert successor("round", TODAY) == ""
    assert successor("end", TODAY) == "c2"
    assert successor("nobody", TODAY) == ""


@pytest.mark.parametrize(
    ("model", "reasons", "samples"),
    [
        ("gpt-4o-2024-08-06", False, False),
        ("gpt-4.1-mini", False, False),
        ("gpt-3.5-turbo", False, False),
        ("gpt-4-turbo", False, False),
        ("gpt-5.1-chat-latest", False, False),
        ("o3", True, False),
        ("o4-mini-2025-04-16", True, False),
        ("gpt-5", True, False),
        ("gpt-5-mini-2025-08-07", True, False),
        ("gpt-5.1", True, True),
        ("gpt-5.6-sol", True, True),
        ("gpt-6-luna", True, True),
    ],
)
def test_what_a_family_does_with_parameters(model: str, reasons: bool, samples: bool) -> None:
    found = traits(model)
    assert found is not None
    assert (found.reasons, found.samples) == (reasons, samples)


@pytest.mark.parametrize("model", ["", "house-model", "o", "gpt", "my-gpt-4o", "gpt-40", "opus"])
def test_nothing_is_assumed_of_other_models(model: str) -> None:
    assert traits(model) is None


def test_the_table_holds_the_dated_facts() -> None:
    if "UNDERSTUDY_FACTS" not in os.environ:
        pytest.skip("UNDERSTUDY_FACTS names no folder with models.json")
    facts = json.loads((Path(os.environ["UNDERSTUDY_FACTS"]) / "models.json").read_text())
    assert as_of() == facts["as_of"]
    for one in facts["models"]:
        assert fate(one["model"], one["shutdown"]).shutdown == one["shutdown"]
        assert fate(one["model"], one["shutdown"]).state is State.DEAD
