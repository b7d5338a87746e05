"""What is passed quickly is what the complete checks pass, too."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from architect.damaging import STRANGE, broken_tree
from architect.writing import LETTERS
from architect.writing import document as written
from understudy.architect.acceptance import accepts
from understudy.architect.choices import Choices
from understudy.architect.document import Document
from understudy.architect.field_checks import _entries, _simple
from understudy.architect.findings import Collector
from understudy.architect.flow import check_flow
from understudy.architect.format import OPTION_SHAPES, SHAPES, Shape
from understudy.architect.meaning import Names
from understudy.architect.order import plainly_ordered, slots_of
from understudy.architect.references import References
from understudy.architect.shapes import check
from understudy.architect.stages import Slot, _joined, stages
from understudy.architect.stages import _simple as _simply

chances = st.integers(0, 2**32).map(Random)
ALL: Mapping[str, Shape] = {**SHAPES, **OPTION_SHAPES}
texts = st.text(st.sampled_from([*LETTERS, *"\n\x00\x7f\x85\u2028 "]), max_size=6)
values = (
    texts
    | texts.map(lambda text: text * 60)
    | st.sampled_from(STRANGE)
    | st.integers(-5, 1000)
    | st.sampled_from([900, 901, 2**53 - 1, 2**53, -(2**53)])
)


@given(st.sampled_from(sorted(ALL)), values, st.data())
@settings(max_examples=300)
def test_a_value_that_is_surely_sound_has_no_finding(
    what: str, value: Any, data: st.DataObject
) -> None:
    shape = ALL[what]
    name = data.draw(st.sampled_from(sorted(shape.fields)))
    if not shape.sound[name](value):
        return
    slowly = replace(shape, required=frozenset(), sound={name: lambda _: False})
    found = Collector()
    check({name: value}, slowly, (), found)
    assert found.drafts == []


slots = st.lists(st.tuples(st.integers(0, 6), st.none() | st.integers(0, 2)), max_size=7).map(
    lambda places: [Slot(i, *place) for i, place in enumerate(places)]
)


@given(slots)
def test_stages_that_are_simple_are_those_of_the_complete_way(places: list[Slot]) -> None:
    ordered = sorted(places, key=lambda slot: (slot.position, slot.where))
    simple = _simply(ordered)
    assert simple in (None, _joined(ordered))


@given(slots)
def test_prompts_run_together_by_group_and_by_position_and_each_runs_once(
    places: list[Slot],
) -> None:
    made = stages(places)
    assert sorted(i for stage in made for i in stage.prompts) == list(range(len(places)))
    number = {i: n for n, stage in enumerate(made) for i in stage.prompts}
    for one in places:
        for other in places:
            together = one.position == other.position or (
                one.group is not None and one.group == other.group
            )
            if together:
                assert number[one.where] == number[other.where]
    firsts = [stage.positions[0] for stage in made]
    assert firsts == sorted(firsts)


entries = st.lists(
    st.fixed_dictionaries({}, optional={"value": texts, "label": st.none() | texts})
    | st.sampled_from([None, "a", 1, {"value": "a", "x": 1}]),
    max_size=4,
)


@given(entries)
def test_choices_that_are_simple_are_those_of_the_complete_way(chosen: list[Any]) -> None:
    simple = _simple(tuple(chosen))
    if simple is None:
        return
    found = Collector()
    # A shape other than the format's own is read the complete way.
    assert _entries(Choices(tuple(chosen), "some shape"), (), found) == simple
    assert found.drafts == []


@given(chances, st.booleans())
@settings(max_examples=200)
def test_variables_that_are_read_quickly_are_read_the_same_way_closely(
    chance: Random, broken: bool
) -> None:
    value = written(chance)
    value = broken_tree(value, chance) if broken else value
    assistants = value.get("assistants") if isinstance(value, dict) else None
    for one in assistants if isinstance(assistants, list) else ():
        prompts = one.get("prompts") if isinstance(one, dict) else None
        fields = one.get("input_fields") if isinstance(one, dict) else None
        if not isinstance(prompts, list) or not isinstance(fields, list):
            continue
        for i, prompt in enumerate(prompts):
            if isinstance(prompt, dict):
                _read_twice(one, prompts, fields, i)


def _read_twice(one: Mapping[str, Any], prompts: list[Any], fields: list[Any], index: int) -> None:
    parallel = one.get("is_parallel") is True
    plain = plainly_ordered(prompts, parallel=parallel) if accepts(one) else None
    slots = slots_of(prompts, parallel=parallel)
    ordered = stages(slots)
    outputs = plain.outputs if plain else {}
    if plain:
        assert (list(plain.slots), plain.stages) == (slots, ordered)
    first = Names(prompts, fields, slots, ordered, outputs)
    found = Collector()
    quick = References(first, (), found, allow_unknown=False)._quick(index, prompts[index])
    if quick is None:
        return
    second = Names(prompts, fields, slots, ordered)
    also = Collector()
    closely = References(second, (), also, allow_unknown=False)._closely(index, prompts[index])
    assert found.drafts == also.drafts
    assert {draft.code for draft in found.drafts} <= {"unknown_variable"}
    assert quick == closely
    assert first.used_fields == second.used_fields
    assert first.used_prompts == second.used_prompts


@pytest.mark.parametrize("name", ["日本", "…", ""])
def test_braces_around_nothing_read_no_output_of_an_empty_slug(name: str) -> None:
    prompts = [
        {"name": name, "content": "a", "position": 0},
        {"name": "b", "content": "{{}}", "position": 1},
    ]
    flow = check_flow({"prompts": prompts, "input_fields": []}, (), Collector())
    assert flow.reads == ((), ())


def _called(prompt_name: str, **fields: Any) -> Document:
    """Return a document in which a name looks like the output of a position."""
    prompts = [
        {"name": "first", "content": "a", "model_name": "gpt-4o", "position": 0},
        {"name": prompt_name, "content": "b", "model_name": "gpt-4o", "position": 1},
        {"name": "c", "content": f"{{{{{prompt_name}}}}}", "model_name": "gpt-4o", "position": 2},
    ]
    assistant = {"name": "Called so", "prompts": prompts, "input_fields": [], **fields}
    return Document.parse(json.dumps({"version": "1.0", "assistants": [assistant]}))


@pytest.mark.parametrize("name", ["prompt_0_output", "prompt_00_output"])
@pytest.mark.parametrize("fields", [{}, {"unknown": 1}], ids=["well-formed", "looked at closely"])
def test_a_prompt_called_like_a_position_is_ambiguous(name: str, fields: dict[str, Any]) -> None:
    codes = {finding.code for finding in _called(name, **fields).errors}
    assert codes == {"ambiguous_variable"}
