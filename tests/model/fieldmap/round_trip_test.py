"""There and back: exactly what the ledger called lost is lost."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from model.fieldmap.definitions import agents, assistants
from understudy.model.assistant import FIELDS, definition
from understudy.model.fidelity import Fidelity, Ledger
from understudy.model.fieldmap import cross
from understudy.model.kinds import Kind
from understudy.model.meaning import same

KEPT = (Fidelity.EXACT, Fidelity.MAPPED)
THERE = [Kind.AGENT, Kind.RESPONSE]


def fates(ledger: Ledger) -> dict[str, Fidelity]:
    return {entry.field: entry.fidelity for entry in ledger}


def plain(field: str, value: Any) -> Any:
    """Spell alike what the ledger says is one there: auto and text."""
    return None if field == "response_format" and value in ("auto", {"type": "text"}) else value


def takes_its_place(record: dict[str, Any]) -> bool:
    """Tell whether the metadata has a description of its own, which comes back as the real one."""
    return (record.get("metadata") or {}).get("description") is not None


@pytest.mark.parametrize("there", THERE)
@settings(max_examples=250, deadline=None)
@given(record=assistants())
def test_what_the_ledger_keeps_comes_back_and_what_it_drops_does_not(
    there: Kind, record: dict[str, Any]
) -> None:
    before = definition(record)
    other, crossing = cross(before, Kind.ASSISTANT, there)
    after, _ = cross(other, there, Kind.ASSISTANT)
    told = fates(crossing.ledger)
    for field in before:
        if field == "tools" or (field == "description" and takes_its_place(record)):
            continue
        fate = told[field]
        wanted, found = plain(field, before[field]), plain(field, after.get(field))
        if fate in KEPT:
            assert same(field, wanted or None, found or None), (field, before[field])
        elif fate is Fidelity.DROPPED:
            assert not same(field, wanted, found), (field, before[field])
            assert same(field, found, None)


def without_lost(tool: Any, told: dict[str, Fidelity]) -> Any:
    """Return a tool without the parts that the ledger says are lost somewhere."""
    if not isinstance(tool, dict) or "function" not in tool:
        return tool
    lost = {name.rpartition(".")[2] for name, fate in told.items() if fate not in KEPT}
    kept = {key: value for key, value in tool["function"].items() if key not in lost}
    return {**tool, "function": kept}


@pytest.mark.parametrize("there", THERE)
@settings(max_examples=250, deadline=None)
@given(record=assistants())
def test_tools_come_back_but_for_what_the_ledger_says(there: Kind, record: dict[str, Any]) -> None:
    other, crossing = cross(definition(record), Kind.ASSISTANT, there)
    after, _ = cross(other, there, Kind.ASSISTANT)
    told = fates(crossing.ledger)
    gone = {
        name.removeprefix("tools.")
        for name, fate in told.items()
        if name.count(".") == 1 and fate not in KEPT
    }
    wanted = [tool for tool in record.get("tools") or [] if tool["type"] not in gone]
    found = after.get("tools") or []
    assert [tool["type"] for tool in found] == [tool["type"] for tool in wanted]
    for one, other_tool in zip(wanted, found, strict=True):
        pair = [without_lost(tool, told) for tool in (one, other_tool)]
        assert same("tools", [pair[0]], [pair[1]]), pair


@settings(max_examples=200, deadline=None)
@given(agents())
def test_an_agent_stays_what_it_is_among_agents(record: dict[str, Any]) -> None:
    after, crossing = cross(definition(record), Kind.AGENT, Kind.AGENT)
    assert after == definition(record)
    assert set(fates(crossing.ledger).values()) == {Fidelity.EXACT}


@pytest.mark.parametrize("there", list(Kind))
@settings(max_examples=200, deadline=None)
@given(record=assistants() | agents())
def test_every_field_has_one_entry_and_a_reason_unless_it_is_exact(
    there: Kind, record: dict[str, Any]
) -> None:
    origin = Kind.AGENT if record["object"] == "agent" else Kind.ASSISTANT
    before = definition(record)
    _, crossing = cross(before, origin, there)
    named = [entry.field for entry in crossing.ledger]
    assert len(named) == len(set(named))
    assert set(before) <= set(named)
    for entry in crossing.ledger:
        assert entry.reason or entry.fidelity is Fidelity.EXACT


@settings(max_examples=200, deadline=None)
@given(agents())
def test_what_no_assistant_can_hold_is_named(record: dict[str, Any]) -> None:
    after, crossing = cross(definition(record), Kind.AGENT, Kind.ASSISTANT)
    assert after.keys() <= set(FIELDS)
    told = fates(crossing.ledger)
    for tool in record["tools"]:
        if tool["type"] != "function":
            assert told[f"tools.{tool['type']}"] is Fidelity.DROPPED
    if record["multi_agent"]["enabled"]:
        assert told["multi_agent"] is Fidelity.DROPPED


@pytest.mark.parametrize(
    ("origin", "tool"),
    [
        (Kind.ASSISTANT, {"type": "file_search", "vector_store_ids": ["vs_1"]}),
        (Kind.ASSISTANT, {"type": "code_interpreter", "container": "cntr_1"}),
        (Kind.ASSISTANT, {"type": "function", "function": {"name": "f"}, "cache": True}),
        (Kind.AGENT, {"type": "web_search", "mode": "live", "depth": 3}),
    ],
)
def test_an_option_that_a_request_does_not_take_is_told(origin: Kind, tool: dict[str, Any]) -> None:
    _, crossing = cross({"tools": [tool]}, origin, Kind.RESPONSE)
    (lost,) = (field for field, fate in fates(crossing.ledger).items() if fate not in KEPT)
    assert lost == f"tools.{tool['type']}.{list(tool)[-1]}"
