"""What differs, field by field."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replicate.support import holds, plan_for, replicate
from understudy.model.canonical import identical
from understudy.model.meaning import same
from understudy.platforms.memory import Memory
from understudy.replicate.diff import FieldChange, How, diff
from understudy.replicate.plan import Action

keys = st.sampled_from(["a", "b", "c"])
leaves = st.none() | st.booleans() | st.sampled_from([0, 1, 1.0, 2.5, "", "x"])
values: st.SearchStrategy[Any] = st.recursive(
    leaves, lambda v: st.lists(v, max_size=3) | st.dictionaries(keys, v, max_size=3), max_leaves=8
)


def function(name: str, rest: dict[str, Any]) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, **rest}}


tools = st.lists(
    st.builds(function, st.sampled_from("fgh"), st.dictionaries(keys, values, max_size=2)),
    max_size=3,
    unique_by=lambda tool: str(tool["function"]["name"]),
)


def steps(path: str) -> list[str]:
    """Split a path of simple names, such as `x.a[f].b`."""
    return path.replace("[", ".[").split(".")[1:]


def patched(before: Any, changes: list[FieldChange]) -> Any:
    """Apply a diff to a value, knowing nothing of how it was found."""
    value = copy.deepcopy(before)
    moves = []
    for change in changes:
        if change.how is How.MOVED:
            moves.append(change)
            continue
        value = _set(value, steps(change.path), change)
    for move in moves:
        value = _ordered(value, steps(move.path), move.after)
    return value


def _key(item: Any) -> str:
    return f"[{item['function']['name']}]" if "function" in item else f"[{item['type']}]"


def _set(value: Any, path: list[str], change: FieldChange) -> Any:
    if not path:
        assert identical(value, change.before)
        return copy.deepcopy(change.after)
    step, rest = path[0], path[1:]
    if isinstance(value, list):
        index = next((i for i, item in enumerate(value) if _key(item) == step), None)
        if index is None:
            return [*value, change.after]
        if not rest and change.how is How.REMOVED:
            return value[:index] + value[index + 1 :]
        return [*value[:index], _set(value[index], rest, change), *value[index + 1 :]]
    if not rest and change.how is How.REMOVED:
        assert identical(value[step], change.before)
        return {k: v for k, v in value.items() if k != step}
    if not rest and change.how is How.ADDED:
        assert step not in value
        return {**value, step: change.after}
    return {**value, step: _set(value[step], rest, change)}


def _ordered(value: Any, path: list[str], order: list[str]) -> Any:
    if not path:
        return sorted(value, key=lambda item: order.index(_key(item)))
    if isinstance(value, list):
        return [_ordered(v, path[1:], order) if _key(v) == path[0] else v for v in value]
    return {**value, path[0]: _ordered(value[path[0]], path[1:], order)}


@settings(max_examples=200, deadline=None)
@given(values, values)
def test_a_diff_applied_to_the_old_value_gives_the_new_one(before: Any, after: Any) -> None:
    assert identical(patched(before, list(diff(before, after, "x"))), after)


@settings(max_examples=200, deadline=None)
@given(tools, tools)
def test_tools_are_compared_by_name_and_order(before: Any, after: Any) -> None:
    result = patched(before, list(diff(before, after, "x")))
    assert {_key(t): t for t in result} == {_key(t): t for t in after}
    if {_key(t) for t in before} >= {_key(t) for t in after}:
        assert identical(result, after), "a new tool's place is not shown, all else is"


@settings(max_examples=200, deadline=None)
@given(values)
def test_equal_values_yield_nothing(value: Any) -> None:
    assert list(diff(value, copy.deepcopy(value), "x")) == []


@settings(max_examples=200, deadline=None)
@given(values, values)
def test_what_is_not_the_same_yields_something_and_always_the_same(before: Any, after: Any) -> None:
    found = list(diff(before, after, "x"))
    assert bool(found) == (not identical(before, after))
    assert found == list(diff(copy.deepcopy(before), copy.deepcopy(after), "x"))


def test_paths_read_like_the_definition() -> None:
    def tool(strict: bool) -> dict[str, Any]:
        return {"type": "function", "function": {"name": "get_weather", "strict": strict}}

    before = [{"type": "code_interpreter"}, tool(False)]
    found = list(diff(before, [tool(True), {"type": "code_interpreter"}], "tools"))
    assert found == [
        FieldChange("tools[get_weather].function.strict", How.CHANGED, False, True),
        FieldChange(
            "tools",
            How.MOVED,
            ["[code_interpreter]", "[get_weather]"],
            ["[get_weather]", "[code_interpreter]"],
        ),
    ]


def test_flat_functions_and_servers_go_by_their_names() -> None:
    def tools(description: str, url: str) -> list[dict[str, Any]]:
        return [
            {"type": "function", "name": "find", "description": "Find it."},
            {"type": "function", "name": "order", "description": description},
            {"type": "mcp", "server_label": "one", "server_url": "https://one.example.com"},
            {"type": "mcp", "server_label": "two", "server_url": url},
        ]

    found = list(diff(tools("Old", "x"), tools("New", "y"), "tools"))
    assert found == [
        FieldChange("tools[order].description", How.CHANGED, "Old", "New"),
        FieldChange("tools[two].server_url", How.CHANGED, "x", "y"),
    ]


def test_two_tools_of_one_name_are_compared_as_a_whole() -> None:
    twice = [{"type": "function", "function": {"name": "f", "n": n}} for n in (1, 2)]
    (change,) = diff(twice, twice[:1], "tools")
    assert (change.path, change.how) == ("tools", How.CHANGED)


@pytest.mark.parametrize(
    ("one", "other"), [(0, False), (1, True), ([1], [True]), ({"a": 0}, {"a": False})]
)
def test_true_and_false_are_no_numbers(one: Any, other: Any) -> None:
    assert one == other, "that is why it is easily overlooked"
    assert not identical(one, other)
    assert not same("anything", one, other)
    assert list(diff(one, other, "x"))


def test_a_whole_number_is_the_same_with_a_point() -> None:
    assert identical({"a": [1]}, {"a": [1.0]})


async def test_a_default_that_becomes_false_instead_of_0_is_an_update() -> None:
    def record(default: object) -> dict[str, Any]:
        schema = {"type": "object", "properties": {"x": {"default": default}}}
        function = {"name": "f", "parameters": schema}
        return {"id": "a", "model": "gpt-4o", "tools": [{"type": "function", "function": function}]}

    source, place = Memory([record(0)]), Memory()
    await replicate(source, place)
    await source.update("a", {"tools": record(False)["tools"]})
    plan, _ = await replicate(source, place)
    (change,) = plan.changes
    assert change.action is Action.UPDATE
    assert [f.path for f in change.fields] == ["tools[f].function.parameters.properties.x.default"]
    (clone,) = await holds(place)
    assert clone.functions()[0]["parameters"]["properties"]["x"]["default"] is False
    again, _ = await plan_for(source, place)
    assert again.changes[0].action is Action.UNCHANGED
