"""What an assistant leans on, and how a plan speaks of ids that are not there yet."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replicate.holding import BOTH
from strategies import json_values
from understudy.model.knowledge import LISTS
from understudy.replicate.knowledge.needs import (
    PREFIX,
    KnowledgeOptions,
    Needs,
    ids_of,
    needs_of,
    placeholders,
    plain,
    resolved,
)

SEARCH = KnowledgeOptions(file_search=True)
ids = st.lists(st.sampled_from(["a", "b", "c", ""]) | st.integers(0, 2), max_size=4)
resources = st.fixed_dictionaries(
    {},
    optional={
        "file_search": st.fixed_dictionaries({"vector_store_ids": ids}),
        "code_interpreter": st.fixed_dictionaries({"file_ids": ids}),
        "other": json_values,
    },
)


@given(json_values)
def test_malformed_resources_lean_on_nothing(value: Any) -> None:
    for raw in ({}, {"tool_resources": value}, {"tool_resources": {"file_search": value}}):
        assert not needs_of(raw, BOTH)
        assert plain(raw.get("tool_resources")) == {}


@given(resources)
def test_each_id_counts_once_in_its_order(value: dict[str, Any]) -> None:
    for tool, key in LISTS.items():
        listed = value.get(tool, {}).get(key, [])
        wanted = list(dict.fromkeys(one for one in listed if isinstance(one, str) and one))
        assert list(ids_of({"tool_resources": value}, tool)) == wanted


def test_only_what_was_asked_for_is_needed() -> None:
    raw = {
        "tool_resources": {
            "file_search": {"vector_store_ids": ["S"]},
            "code_interpreter": {"file_ids": ["f"]},
        }
    }
    assert needs_of(raw, BOTH) == Needs(("S",), ("f",))
    assert needs_of(raw, SEARCH) == Needs(("S",), ())
    assert needs_of(raw, KnowledgeOptions(code_interpreter=True)) == Needs((), ("f",))
    assert not needs_of(raw, KnowledgeOptions())


@given(resources, resources, st.sets(st.sampled_from("abc")), st.sampled_from([BOTH, SEARCH]))
def test_placeholders_become_the_ids_of_copies_and_name_nothing_else(
    source: dict[str, Any], there: dict[str, Any], keep: set[str], options: KnowledgeOptions
) -> None:
    needs = needs_of({"tool_resources": source}, options)
    spoken = placeholders(needs, options, there=there, keep=frozenset(keep))
    for tool in options.tools:
        named = spoken.get(tool, {}).get(LISTS[tool], [])
        carried = needs.stores if tool == "file_search" else needs.files
        assert named == [PREFIX + one for one in carried if one in keep]
    assert {k: v for k, v in spoken.items() if k not in options.tools} == {
        k: v for k, v in there.items() if k not in options.tools
    }, "what is not carried stays as it is"
    copies = {one: one.upper() for one in keep}
    real = resolved(spoken, copies)
    for tool in options.tools:
        named = real.get(tool, {}).get(LISTS[tool], [])
        assert set(named) <= set(copies.values())
        assert len(named) == len(spoken.get(tool, {}).get(LISTS[tool], []))


def test_what_never_arrived_is_left_out() -> None:
    spoken = {"code_interpreter": {"file_ids": [PREFIX + "a", PREFIX + "b", "theirs"]}}
    assert resolved(spoken, {"b": "B"}) == {"code_interpreter": {"file_ids": ["B", "theirs"]}}


def test_an_empty_list_clears_what_is_there_and_is_not_sent_otherwise() -> None:
    there = {"code_interpreter": {"file_ids": ["old"]}}
    cleared = placeholders(Needs(), BOTH, there=there, keep=frozenset())
    assert cleared == {"code_interpreter": {"file_ids": []}}
    assert placeholders(Needs(), BOTH, there={}, keep=frozenset()) == {}


@pytest.mark.parametrize("part", [None, [], "x", {"vector_store_ids": "S"}, {"other": 1}])
def test_parts_of_another_shape_are_passed_on(part: Any) -> None:
    assert resolved({"file_search": part}, {"S": "copy"}) == {"file_search": part}
