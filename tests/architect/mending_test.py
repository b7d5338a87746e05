"""Mending in the text: what has one safe answer, and nothing else."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from architect.damaging import broken_tree, spelt
from architect.examples import assistant, chain, choices, document, field, prompt
from architect.invariants import bare, hold
from architect.writing import document as written
from understudy.architect.document import Document
from understudy.architect.fixing import fixed

chances = st.integers(0, 2**32).map(Random)


def mended(text: str) -> str:
    return fixed(Document.parse(text))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{"assistants": []}', '{"version": "1.0", "assistants": []}'),
        ('{\n  "assistants": []\n}', '{\n  "version": "1.0",\n  "assistants": []\n}'),
        ("{}", '{"version": "1.0"}'),
        ('{"version" :1.0 , "a":[ ]}', '{"version" :"1.0" , "a":[ ]}'),
        ('{"version": 1}', '{"version": "1.0"}'),
        ('{"version": "2.0"}', '{"version": "2.0"}'),
        ('{"version": true}', '{"version": true}'),
        ('{"version": ', '{"version": '),
        ("[1]", "[1]"),
    ],
)
def test_a_version_is_added_or_put_in_quotes_and_the_layout_stays(before: str, after: str) -> None:
    assert mended(before) == after


@pytest.mark.parametrize(
    ("value", "after"), [('"12"', "12"), ('"-3"', "-3"), ('"012"', '"012"'), ('"1.5"', '"1.5"')]
)
def test_numbers_are_taken_out_of_quotes(value: str, after: str) -> None:
    text = '{{"version": "1.0", "assistants": [ {{ "timeout_seconds":{} }} ]}}'
    assert mended(text.format(value)) == text.format(after)


def test_flags_are_taken_out_of_quotes() -> None:
    text = '{"version": "1.0", "assistants": [{"is_parallel": "true", "description": "true"}]}'
    assert mended(text) == text.replace(': "true",', ": true,")


def positions(text: str, kind: str = "prompts") -> list[Any]:
    (one,) = json.loads(text)["assistants"]
    return [entry.get("position") for entry in one[kind]]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([5, 7, 9], [0, 1, 2]),
        ([9, 5, 7], [2, 0, 1]),
        (["1", 0, "4"], [1, 0, 2]),
        ([0, 0, 1], [0, 0, 1]),
        (["1", 1, 5], [1, 1, 5]),
        ([-1, 0, 1], [-1, 0, 1]),
        ([0, 1.0, 2], [0, 1.0, 2]),
    ],
)
def test_prompts_are_numbered_where_none_shares_a_place(
    before: list[Any], after: list[Any]
) -> None:
    prompts = [prompt(f"p{i}", position=one) for i, one in enumerate(before)]
    assert positions(mended(json.dumps(document(assistant(prompts))))) == after


@pytest.mark.parametrize("content", ["{{prompt_3_output}}", "{{ prompt_4_output }}"])
def test_prompts_that_are_read_by_position_keep_theirs(content: str) -> None:
    prompts = [prompt("a", position=3), prompt("b", content, position=4)]
    assert positions(mended(json.dumps(document(assistant(prompts))))) == [3, 4]
    prompts[1] = prompt("b", "{{x}}", position=4, input_mapping={"x": content})
    assert positions(mended(json.dumps(document(assistant(prompts))))) == [3, 4]


def test_prompts_without_any_positions_get_those_of_their_order() -> None:
    steps = chain("a", "{{prompt_0_output}}", "{{prompt_1_output}}")
    for step in steps:
        del step["position"]
    text = mended(json.dumps(document(assistant(steps))))
    assert positions(text) == [0, 1, 2]
    assert Document.parse(text).valid


def test_fields_are_numbered_and_choices_get_their_shape() -> None:
    fields = [
        field("a", "select", 4, choices="red, blue", default="red"),
        field("b", "multi_select", 4, choices={"values": ["x"]}),
    ]
    one = assistant([prompt(content="{{a}} {{b}}")], fields)
    text = mended(json.dumps(document(one)))
    assert positions(text, "input_fields") == [0, 1]
    wanted = [{"value": v, "label": v} for v in ("red", "blue")]
    assert json.loads(text)["assistants"][0]["input_fields"][0]["options"]["choices"] == wanted
    assert Document.parse(text).findings == ()


@pytest.mark.parametrize(
    "odd",
    [
        '["a", null]',
        '["\\ud800"]',
        '["a", ""]',
        '"[1, 2]"',
        '{"values": [{"value": "a", "label": 1}]}',
        '{"values": [{"value": "a", "hint": "kept"}]}',
    ],
)
def test_choices_that_are_not_all_clear_stay(odd: str) -> None:
    shown = json.dumps(document(assistant(fields=[field("a", "select", choices=["CHOICES"])])))
    text = shown.replace('["CHOICES"]', odd)
    assert mended(text) == text


def test_names_that_stand_twice_are_left_to_people() -> None:
    text = '{"assistants": [], "assistants": []}'
    assert mended(text) == text


def _without_version(value: dict[str, Any], _: Random) -> None:
    del value["version"]


def _version_as_number(value: dict[str, Any], _: Random) -> None:
    value["version"] = 1.0


def _in_quotes(value: dict[str, Any], _: Random) -> None:
    for one in value["assistants"]:
        for entry in (one, *one["prompts"], *one["input_fields"]):
            for name in ("position", "timeout_seconds", "parallel_group", "is_parallel"):
                if type(entry.get(name)) in (int, bool):
                    entry[name] = json.dumps(entry[name])


def _choices_as_texts(value: dict[str, Any], _: Random) -> None:
    for one in value["assistants"]:
        for entry in one["input_fields"]:
            options = entry.get("options") or {}
            chosen = options.get("choices")
            if isinstance(chosen, list) and all(
                isinstance(each, dict) and each.get("label", each["value"]) in (each["value"], None)
                for each in chosen
            ):
                options["choices"] = {"values": [each["value"] for each in chosen]}


def _far_fields(value: dict[str, Any], chance: Random) -> None:
    step = chance.randint(2, 9)
    for one in value["assistants"]:
        for entry in one["input_fields"]:
            entry["position"] = int(entry["position"]) * step + 1


DAMAGES: tuple[Callable[[dict[str, Any], Random], None], ...] = (
    _without_version,
    _version_as_number,
    _in_quotes,
    _choices_as_texts,
    _far_fields,
)


@given(chances)
@settings(max_examples=150)
def test_what_can_be_mended_is_as_it_was(chance: Random) -> None:
    value = written(chance)
    damaged = copy.deepcopy(value)
    for damage in chance.sample(DAMAGES, chance.randint(1, len(DAMAGES))):
        if damage is _version_as_number and "version" not in damaged:
            continue
        damage(damaged, chance)
    text = spelt(damaged, chance)
    one = Document.parse(mended(text))
    wanted = Document.parse(mended(json.dumps(value)))
    assert one.valid, one.errors
    assert [bare(kept) for kept in one.assistants] == [bare(kept) for kept in wanted.assistants]
    before, after = Document.parse(text), one
    assert len(after.findings) <= len(before.findings)
    assert {f.code for f in after.findings} <= {f.code for f in wanted.findings}


@given(chances)
@settings(max_examples=100)
def test_mending_loses_nothing_and_comes_to_an_end(chance: Random) -> None:
    value = broken_tree(written(chance), chance)
    one = hold(spelt(value, chance))
    text = fixed(one)
    assert mended(text) == text
    if one.value is not None:
        assert _words(json.loads(text)) >= _words(one.value)


def _words(value: Any) -> set[str]:
    """Return all contents, whatever they are in: mending keeps these."""
    if isinstance(value, dict):
        kept = {str(value.get("content")), str(value.get("system_context"))}
        return kept.union(*map(_words, value.values())) - {"None"}
    return set().union(*map(_words, value)) if isinstance(value, list) else set()


def test_choices_with_labels_keep_them() -> None:
    chosen = json.dumps(choices("red", "blue"))
    one = assistant([prompt(content="{{a}}")], [field("a", "select", choices=chosen)])
    text = mended(json.dumps(document(one)))
    assert json.loads(text)["assistants"][0]["input_fields"][0]["options"]["choices"] == choices(
        "red", "blue"
    )
