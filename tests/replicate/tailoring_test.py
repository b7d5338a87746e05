"""Models are swapped, and what the new one refuses is left out and told."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr

from understudy.model.assistant import Assistant
from understudy.model.fidelity import Fidelity
from understudy.platforms.agents import Agents
from understudy.platforms.assistants_v2 import AssistantsV2
from understudy.platforms.base import Marker, Platform, Rendered
from understudy.platforms.memory import Memory
from understudy.platforms.openai_wire import Wire
from understudy.platforms.responses import Bundle
from understudy.replicate.tailoring import (
    Tailoring,
    search_name,
    searched,
    tailor,
    with_search_function,
)

WIRE = Wire("dst", "https://api.openai.com/v1", SecretStr("sk-none"))
V2: Platform = AssistantsV2(WIRE)
TODAY = "2026-11-21"
RECOMMENDED = Tailoring(recommended=True, today=TODAY)


def tailored(
    record: dict[str, Any],
    tailoring: Tailoring,
    *,
    place: Platform = V2,
    offered: dict[str, str | None] | None = None,
) -> Rendered:
    rendered = place.render(Assistant("a", {"id": "a", **record}), Marker())
    return tailor(rendered, tailoring, offered, runs=place.capabilities.runs)


def told(rendered: Rendered) -> dict[str, Fidelity]:
    return {entry.field: entry.fidelity for entry in rendered.ledger}


def test_a_pair_swaps_one_model_and_leaves_the_others() -> None:
    pairs = Tailoring(models={"gpt-4o": "gpt-5.6-sol"})
    assert tailored({"model": "gpt-4o"}, pairs).payload["model"] == "gpt-5.6-sol"
    assert tailored({"model": "gpt-4.1"}, pairs).payload["model"] == "gpt-4.1"


@pytest.mark.parametrize(
    ("model", "becomes"),
    [
        ("gpt-4", "gpt-5.6-sol"),
        ("gpt-4o", "gpt-6-luna"),
        ("gpt-4.1-nano", "gpt-4.1-nano"),
        ("x", "x"),
    ],
)
def test_recommended_swaps_what_is_gone_or_going_if_anything_replaces_it(
    model: str, becomes: str
) -> None:
    assert tailored({"model": model}, RECOMMENDED).payload["model"] == becomes


def test_a_pair_goes_before_the_recommendation() -> None:
    both = Tailoring(models={"gpt-4o": "mine"}, recommended=True, today=TODAY)
    assert tailored({"model": "gpt-4o"}, both).payload["model"] == "mine"


def test_a_model_that_reasons_is_kept_from_it_where_the_old_one_did_not() -> None:
    record = {"model": "gpt-4.1", "temperature": 0.2, "top_p": 1}
    rendered = tailored(record, RECOMMENDED)
    assert rendered.payload["reasoning_effort"] == "none"
    assert rendered.payload["temperature"] == 0.2
    assert told(rendered)["model"] is told(rendered)["reasoning_effort"] is Fidelity.MAPPED


def test_an_agent_is_kept_from_reasoning_in_its_own_words() -> None:
    rendered = tailored({"model": "gpt-4.1"}, RECOMMENDED, place=Agents(WIRE))
    assert rendered.payload["reasoning"] == {"effort": "none"}


def test_reasoning_that_is_no_object_is_left_to_whoever_writes_it() -> None:
    record = {"object": "response.arguments", "model": "gpt-4.1", "reasoning": "high"}
    rendered = tailored(record, Tailoring({"gpt-4.1": "gpt-5.5"}), place=Bundle("bundle"))
    assert (rendered.payload["model"], rendered.payload["reasoning"]) == ("gpt-5.5", "high")


def test_a_model_that_reasoned_keeps_its_effort() -> None:
    rendered = tailored({"model": "o3", "reasoning_effort": "high"}, RECOMMENDED)
    assert rendered.payload["model"] == "gpt-5.6-sol"
    assert rendered.payload["reasoning_effort"] == "high"


@pytest.mark.parametrize("place", [V2, Bundle("bundle")], ids=["assistants", "responses"])
def test_sampling_is_left_out_for_a_model_that_reasons(place: Platform) -> None:
    record = {"model": "o3", "temperature": 0.2, "top_p": 1}
    rendered = tailored(record, Tailoring(), place=place)
    assert "temperature" not in rendered.payload
    assert "top_p" not in rendered.payload
    assert told(rendered)["temperature"] is Fidelity.DROPPED
    assert told(rendered)["top_p"] is Fidelity.EXACT  # it said what is so anyway


def test_sampling_stays_where_reasoning_is_off() -> None:
    record = {"model": "gpt-5.6-sol", "reasoning_effort": "none", "temperature": 0.2}
    assert tailored(record, Tailoring()).payload["temperature"] == 0.2


@pytest.mark.parametrize(
    ("model", "effort", "kept"),
    [
        ("gpt-4o", "low", False),
        ("o3", "none", False),
        ("gpt-5", "minimal", True),
        ("gpt-5", "none", False),
        ("gpt-5.6-sol", "none", True),
        ("house-model", "low", True),
    ],
)
def test_an_effort_that_the_model_refuses_is_left_out(model: str, effort: str, kept: bool) -> None:
    rendered = tailored({"model": model, "reasoning_effort": effort}, Tailoring())
    assert ("reasoning_effort" in rendered.payload) is kept
    assert (told(rendered)["reasoning_effort"] is Fidelity.EXACT) is kept


def test_where_nothing_runs_everything_stays() -> None:
    record = {"model": "o3", "temperature": 0.2, "reasoning_effort": "none"}
    rendered = tailored(record, Tailoring(today=TODAY), place=Memory())
    assert {k: rendered.payload[k] for k in record} == record
    assert not rendered.findings


def test_where_nothing_runs_a_swap_is_made_all_the_same() -> None:
    record = {"model": "gpt-4.1", "temperature": 0.2}
    rendered = tailored(record, RECOMMENDED, place=Memory())
    assert rendered.payload["model"] == "gpt-6-luna"
    assert rendered.payload["reasoning_effort"] == "none"


@pytest.mark.parametrize(
    ("model", "code"), [("gpt-4", "model-dead"), ("gpt-4o", "model-dying"), ("gpt-6-luna", None)]
)
def test_a_model_that_ends_is_a_warning_with_its_replacement(model: str, code: str | None) -> None:
    findings = tailored({"model": model}, Tailoring(today=TODAY)).findings
    assert [f.code for f in findings] == ([code] if code else [])
    assert not any(f.blocks for f in findings)
    assert all("--map-model" in f.hint for f in findings)


def test_after_the_swap_nothing_is_left_to_warn_of() -> None:
    assert not tailored({"model": "gpt-4o"}, RECOMMENDED).findings


def test_a_search_function_has_a_name_of_its_own() -> None:
    taken = {"type": "function", "function": {"name": "search_knowledge"}}
    tools = [{"type": "file_search"}, taken]
    source = Assistant("a", {"id": "a", "model": "m", "tools": tools})
    assert search_name(source) == "search_knowledge_2"
    shown = with_search_function(source)
    assert [f["name"] for f in shown.functions()] == ["search_knowledge_2", "search_knowledge"]
    rendered = searched(Agents(WIRE).render(shown, Marker()), source)
    assert told(rendered)["tools.file_search"] is Fidelity.DEGRADED
    assert source.tools == tools


def test_an_assistant_without_file_search_gets_no_function() -> None:
    source = Assistant("a", {"id": "a", "tools": [{"type": "code_interpreter"}]})
    assert with_search_function(source) is source
