"""What is carried over, what is not, and what is said about it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from replicate.support import holds, replicate
from strategies import definitions, json_values
from understudy.model.assistant import READ_ONLY, Assistant
from understudy.model.fidelity import Fidelity
from understudy.platforms.agents import Agents
from understudy.platforms.base import Marker
from understudy.platforms.memory import Memory
from understudy.platforms.openai_wire import Wire
from understudy.platforms.rendering import render_fields
from understudy.replicate.plan import Action

MARKER = Marker({"cloned_from": "a"})


@settings(max_examples=200, deadline=None)
@given(definitions(extra=True), st.dictionaries(st.sampled_from("xyz"), json_values))
def test_every_field_has_exactly_one_entry_and_what_is_exact_is_unchanged(
    record: dict[str, Any], extra: dict[str, Any]
) -> None:
    raw = {"id": "a", "object": "assistant", **record, **extra, "tool_resources": {"x": ["y"]}}
    rendered = render_fields(Assistant("a", raw), MARKER)
    named = [entry.field for entry in rendered.ledger]
    assert len(named) == len(set(named))
    assert set(named) - {"metadata"} == raw.keys() - READ_ONLY - {"metadata"}
    for entry in rendered.ledger:
        assert entry.reason or entry.fidelity is Fidelity.EXACT
        if entry.fidelity is Fidelity.EXACT and entry.field != "metadata":
            assert rendered.payload[entry.field] == raw[entry.field]


@pytest.mark.parametrize(
    ("resources", "fate"),
    [
        (None, Fidelity.EXACT),
        ({}, Fidelity.EXACT),
        ({"code_interpreter": {"file_ids": []}}, Fidelity.EXACT),
        ({"file_search": {"vector_store_ids": []}, "code_interpreter": {}}, Fidelity.EXACT),
        ({"code_interpreter": {"file_ids": ["file-1"]}}, Fidelity.DROPPED),
        ({"file_search": {"vector_store_ids": ["vs_1"]}}, Fidelity.DROPPED),
    ],
)
def test_knowledge_counts_as_dropped_only_where_there_was_some(
    resources: Any, fate: Fidelity
) -> None:
    rendered = render_fields(Assistant("a", {"id": "a", "tool_resources": resources}), MARKER)
    assert {e.field: e.fidelity for e in rendered.ledger}["tool_resources"] is fate
    assert "tool_resources" not in rendered.payload


@pytest.mark.parametrize(
    ("about", "fate"),
    [
        ({"vector_store_ids": "vs_1"}, Fidelity.MAPPED),
        ({"vector_store_ids": "vs_1", "description": "mine"}, Fidelity.DEGRADED),
    ],
)
def test_links_that_stay_behind_hide_no_loss(about: dict[str, str], fate: Fidelity) -> None:
    raw = {"id": "a", "object": "assistant", "model": "gpt-6-luna", "metadata": about}
    place = Agents(Wire("dst", "https://api.openai.com/v1", SecretStr("sk-none")))
    rendered = place.render(Assistant("a", raw), MARKER)
    (entry,) = (entry for entry in rendered.ledger if entry.field == "metadata")
    assert entry.fidelity is fate
    assert "vector_store_ids leads into the agent's own project" in entry.reason


@pytest.mark.parametrize("metadata", ["text", 5, [], ["x"], True])
async def test_what_cannot_carry_its_identity_is_never_cloned_again_and_again(
    metadata: object,
) -> None:
    source = Memory([{"id": "a", "model": "gpt-4o", "metadata": metadata}])
    place = Memory()
    for _ in range(2):
        plan, _ = await replicate(source, place)
        assert plan.changes[0].action is Action.CONFLICT
        assert [f.code for f in plan.changes[0].findings] == ["bad-metadata"]
    assert await holds(place) == []
