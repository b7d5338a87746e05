"""Arguments that are made up fit their schemas."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from understudy.sandbox.inventing import invent
from understudy.sandbox.seed import demo_assistants
from understudy.sandbox.seed_agents import demo_agents

WHERE = "Where is NW-12345678, 3 of them?"
TREE = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "left": {"anyOf": [{"$ref": "#"}, {"type": "null"}]},
    },
    "required": ["name", "left"],
}
CASES: list[tuple[dict[str, Any], Any]] = [
    ({}, WHERE),
    ({"type": "string"}, WHERE),
    ({"type": "string", "pattern": r"^NW-\d{8}$"}, "NW-12345678"),
    ({"type": "string", "maxLength": 5}, "Where"),
    ({"type": "string", "format": "date"}, "2026-11-20"),
    ({"type": "string", "enum": ["a", "b"]}, "a"),
    ({"type": "string", "default": "d", "enum": ["a", "d"]}, "d"),
    ({"const": 7}, 7),
    ({"type": ["null", "integer"]}, 3),
    ({"type": "integer", "maximum": 2}, 1),
    ({"type": "integer", "minimum": 7, "multipleOf": 5}, 10),
    ({"type": "number", "exclusiveMinimum": 10}, 11),
    ({"type": "boolean"}, True),
    ({"type": "null"}, None),
    ({"type": "array", "items": {"type": "integer"}, "minItems": 2}, [3, 3]),
    ({"type": "array", "maxItems": 0}, []),
    ({"type": "object"}, {}),
    ({"properties": {"a": {"const": 1}, "b": {"const": 2}}, "required": ["b"]}, {"b": 2}),
    ({"properties": {"a": {"const": 1}}}, {"a": 1}),
    ({"anyOf": [{"type": "null"}, {"const": 1}]}, 1),
    (
        {"allOf": [{"properties": {"a": {"const": 1}}, "required": ["a"]},
                   {"properties": {"b": {"const": 2}}, "required": ["b"]}]},
        {"a": 1, "b": 2},
    ),
    ({"$defs": {"x": {"const": 1}}, "$ref": "#/$defs/x"}, 1),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "value"), CASES, ids=lambda part: str(part)[:40])
def test_a_value_follows_from_schema_and_question(schema: dict[str, Any], value: Any) -> None:
    assert invent(schema, WHERE) == value
    Draft202012Validator(schema).validate(value)


@pytest.mark.parametrize(
    "pattern",
    [
        r"^[A-Z]{3}$",
        r"^\d{4}-\d{2}-\d{2}$",
        r"^(north|south)-[a-z]+\.(?:com|org)$",
        r"^[^a-z]?x{2,4}\+$",
        r"\bword\b",
        r"^$|^never$",
        r"[\]\\]",
    ],
)
def test_a_text_can_be_made_for_a_simple_pattern(pattern: str) -> None:
    text = invent({"type": "string", "pattern": pattern}, "ähem")
    assert re.search(pattern, text)


@pytest.mark.parametrize("pattern", [r"^(?=a)\1$", "(", "[z-a]"])
def test_a_pattern_that_is_too_clever_is_given_up(pattern: str) -> None:
    assert invent({"type": "string", "pattern": pattern}, "ähem") == "ähem"


def test_a_tree_ends() -> None:
    Draft202012Validator(TREE).validate(invent(TREE, WHERE))


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]},
        {"$ref": "#"},
        {"type": "array", "minItems": 10**12, "items": {"$ref": "#"}, "maxItems": 10**13},
        {"type": "string", "minLength": 10**12},
        {"type": "string", "pattern": "a{99999999}"},
        {"type": "integer", "minimum": 1e308, "multipleOf": 1e-300},
    ],
    ids=str,
)
def test_a_schema_that_no_value_fits_does_no_harm(schema: dict[str, Any]) -> None:
    assert len(json.dumps(invent(schema, WHERE))) < 2_000_000


def test_all_functions_of_the_demonstration_can_be_called() -> None:
    functions = [
        tool["function"]
        for one in demo_assistants()
        for tool in one.get("tools", ())
        if tool["type"] == "function"
    ]
    functions += [
        tool for one in demo_agents() for tool in one.get("tools", ()) if tool["type"] == "function"
    ]
    for function in functions:
        schema = function.get("parameters") or {}
        Draft202012Validator(schema).validate(invent(schema, WHERE))


@given(
    st.integers(-50, 50), st.integers(0, 50), st.integers(1, 7), st.text(max_size=20), st.booleans()
)
def test_numbers_stay_within_their_bounds(
    low: int, more: int, step: int, question: str, whole: bool
) -> None:
    schema = {
        "type": "integer" if whole else "number",
        "minimum": low,
        "maximum": low + more + step,
    }
    if whole:
        schema["multipleOf"] = step
    Draft202012Validator(schema).validate(invent(schema, question))
