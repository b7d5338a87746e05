"""What an assistant is: canonical form, meaning, names, limits."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies import NASTY, definitions, json_values
from understudy.model.assistant import Assistant, definition
from understudy.model.canonical import canonical_bytes, digest, pretty
from understudy.model.limits import ASSISTANTS_V2, check
from understudy.model.meaning import meaning, same
from understudy.model.naming import near, slug, unique

LONE = "\ud83d"


@given(json_values)
def test_equal_values_have_one_canonical_form(value: Any) -> None:
    assert canonical_bytes(value) == canonical_bytes(copy.deepcopy(value))
    assert canonical_bytes(json.loads(json.dumps(value))) == canonical_bytes(value)


@given(st.dictionaries(st.text(max_size=3), json_values, max_size=4))
def test_the_order_of_keys_does_not_matter(value: dict[str, Any]) -> None:
    assert digest(dict(reversed(value.items()))) == digest(value)


@pytest.mark.parametrize("value", [2**53 + 1, -(2**60), LONE, {"a": [LONE]}, {LONE: 1}, 1e400])
def test_what_the_rfc_cannot_spell_has_a_form_of_its_own(value: Any) -> None:
    assert canonical_bytes(value).startswith(b"not-rfc8785:")
    assert digest(value) == digest(value)
    assert digest(value) != digest([value])


@given(json_values)
def test_pretty_text_reads_back_and_can_be_written(value: Any) -> None:
    assert json.loads(pretty(value)) == value
    pretty({"a": value, "lone": LONE}).encode()


@given(definitions())
def test_meaning_is_idempotent_and_leaves_its_argument_alone(record: dict[str, Any]) -> None:
    before = copy.deepcopy(record)
    for field, value in record.items():
        once = meaning(field, value)
        assert meaning(field, once) == once
        assert same(field, value, once)
    assert record == before


PARAMETERS = {"type": "object", "properties": {}}


@pytest.mark.parametrize(
    ("field", "one", "other"),
    [
        ("temperature", None, 1.0),
        ("top_p", None, 1),
        ("response_format", None, "auto"),
        ("reasoning_effort", None, "medium"),
        ("name", None, ""),
        ("metadata", None, {}),
        ("tools", None, []),
        (
            "tools",
            [{"type": "function", "function": {"name": "f"}}],
            [
                {
                    "type": "function",
                    "function": {"name": "f", "strict": False, "parameters": PARAMETERS},
                }
            ],
        ),
        (
            "tools",
            [{"type": "file_search"}],
            [
                {
                    "type": "file_search",
                    "file_search": {"ranking_options": {"ranker": "auto", "score_threshold": 0.0}},
                }
            ],
        ),
        (
            "response_format",
            {"type": "json_schema", "json_schema": {"name": "x"}},
            {"type": "json_schema", "json_schema": {"name": "x", "strict": False}},
        ),
    ],
)
def test_a_default_means_the_same_as_nothing(field: str, one: Any, other: Any) -> None:
    assert same(field, one, other)
    assert same(field, other, one)


@pytest.mark.parametrize(
    ("field", "one", "other"),
    [
        ("temperature", None, 0),
        ("temperature", 0.1, 0.2),
        ("response_format", "auto", {"type": "text"}),
        ("reasoning_effort", None, "high"),
        ("instructions", "a", "a\n"),
        ("tools", [{"type": "file_search"}], [{"type": "code_interpreter"}]),
        (
            "tools",
            [{"type": "function", "function": {"name": "f", "strict": True}}],
            [{"type": "function", "function": {"name": "f"}}],
        ),
        (
            "tools",
            [{"type": "file_search"}, {"type": "code_interpreter"}],
            [{"type": "code_interpreter"}, {"type": "file_search"}],
        ),
    ],
)
def test_what_differs_is_not_the_same(field: str, one: Any, other: Any) -> None:
    assert not same(field, one, other)


@given(st.sampled_from(NASTY) | st.text())
def test_a_slug_is_safe_everywhere(text: str) -> None:
    made = slug(text)
    assert made
    assert len(made.encode()) <= 100
    assert made[0] not in ".-"
    assert not set(made) & set('/\\:*?"<>|\0 \n')
    assert slug(made) == made


@pytest.mark.parametrize("name", ["CON", "nul", "Aux", "com1", "LPT9", " prn. "])
def test_a_slug_is_no_device_of_windows(name: str) -> None:
    assert slug(name) == f"{name.strip(' .').lower()}-assistant"


@given(st.lists(st.sampled_from(["a", "A", "b"]), max_size=12), st.text("xyz", max_size=2))
def test_names_made_unique_differ_in_more_than_case(wanted: list[str], hint: str) -> None:
    taken: set[str] = set()
    made = [unique(name, taken, hint=hint) for name in wanted]
    assert len({name.casefold() for name in made}) == len(wanted)


def test_near_names_are_found_by_look_and_by_part() -> None:
    names = ["Support Bot", "Invoice Reader", "Travel Planner"]
    assert near("suport*", names) == ["Support Bot"]
    assert near("planner", names) == ["Travel Planner"]
    assert near("", names) == []


def at(field: str, value: Any) -> dict[str, Any]:
    return {"model": "m", field: value}


def nested(levels: int) -> Any:
    value: Any = 1
    for level in range(levels):
        value = [value] if level % 2 else {"a": value}
    return value


def a_function(name: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name}}


@pytest.mark.parametrize(
    ("fits", "breaks", "code"),
    [
        (at("name", "🙂" * 256), at("name", "🙂" * 257), "text-too-long"),
        (at("description", "x" * 512), at("description", "x" * 513), "text-too-long"),
        (at("instructions", "x" * 256_000), at("instructions", "x" * 256_001), "text-too-long"),
        (at("tools", [{"type": "a"}] * 128), at("tools", [{"type": "a"}] * 129), "too-many-tools"),
        (
            at("metadata", {str(n): "" for n in range(16)}),
            at("metadata", {str(n): "" for n in range(17)}),
            "metadata-full",
        ),
        (at("metadata", {"k" * 64: ""}), at("metadata", {"k" * 65: ""}), "metadata-key-too-long"),
        (
            at("metadata", {"k": "v" * 512}),
            at("metadata", {"k": "v" * 513}),
            "metadata-value-too-long",
        ),
        (at("metadata", {"k": "1"}), at("metadata", {"k": 1}), "metadata-not-text"),
        (at("metadata", None), at("metadata", []), "bad-metadata"),
        (at("temperature", 2), at("temperature", 2.01), "out-of-range"),
        (at("top_p", 0), at("top_p", -0.01), "out-of-range"),
        (at("temperature", None), at("temperature", "hot"), "not-a-number"),
        (at("temperature", 1), at("temperature", True), "not-a-number"),
        (at("name", None), at("name", 3), "not-text"),
        (at("tools", None), at("tools", {}), "not-a-list"),
        (at("tools", [{"type": "new"}]), at("tools", ["new"]), "bad-tool"),
        (
            at("tools", [a_function("a" * 64)]),
            at("tools", [a_function("a" * 65)]),
            "bad-function-name",
        ),
        (at("tools", [a_function("a_-9")]), at("tools", [a_function("a b")]), "bad-function-name"),
        (at("future", nested(100)), at("future", nested(101)), "nested-too-deeply"),
        (at("future", nested(100)), at("future", nested(100_000)), "nested-too-deeply"),
        ({"model": "m"}, {"model": ""}, "model-missing"),
        ({"model": "m"}, {}, "model-missing"),
    ],
)
def test_each_limit_holds_to_the_last_and_breaks_one_beyond(
    fits: dict[str, Any], breaks: dict[str, Any], code: str
) -> None:
    assert check(fits, ASSISTANTS_V2) == ()
    (finding,) = check(breaks, ASSISTANTS_V2)
    assert finding.code == code
    assert finding.blocks
    assert finding.field


@given(json_values, json_values)
def test_records_of_any_shape_can_be_looked_at(one: Any, other: Any) -> None:
    raw = {"id": "a", "name": one, "metadata": other, "tools": one, "model": other}
    assistant = Assistant("a", raw)
    assert isinstance(assistant.label, str)
    assert isinstance(assistant.functions(), list)
    assert assistant.cloned_from is None or isinstance(assistant.cloned_from, str)
    check(definition(raw), ASSISTANTS_V2)


def test_a_definition_is_everything_but_what_the_place_sets() -> None:
    raw = {"id": "a", "object": "assistant", "name": "x", "zeta": 1, "alpha": 2}
    assert definition(raw) == {"name": "x", "zeta": 1, "alpha": 2}
