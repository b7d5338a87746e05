"""Which functions are one and the same."""

import time
from typing import Any

import pytest

from understudy.model.assistant import Assistant
from understudy.model.functions import User, functions_to_port

SCHEMA = {"type": "object", "properties": {"n": {"type": "number", "maximum": 1}}}


def bot(number: int, *functions: dict[str, Any], flat: bool = False) -> Assistant:
    tools = [
        {"type": "function", **one} if flat else {"type": "function", "function": one}
        for one in functions
    ]
    return Assistant(f"asst_{number}", {"name": f"Bot {number}", "tools": tools})


def test_functions_of_one_name_and_schema_are_one_whoever_has_them() -> None:
    turned = {"properties": {"n": {"maximum": 1.0, "type": "number"}}, "type": "object"}
    (found,) = functions_to_port(
        [
            bot(1, {"name": "f", "parameters": SCHEMA}),
            bot(2, {"name": "f", "parameters": turned, "description": "Counts."}, flat=True),
            bot(3, {"name": "f", "parameters": SCHEMA, "strict": True}),
        ]
    )
    assert (found.name, found.description, found.strict) == ("f", "Counts.", True)
    assert found.users == tuple(User(f"asst_{n}", f"Bot {n}") for n in (1, 2, 3))


@pytest.mark.parametrize(
    "other", [None, {}, {**SCHEMA, "x": True}, {**SCHEMA, "x": 1}, "none", True]
)
def test_another_schema_under_the_same_name_is_another_function(other: Any) -> None:
    one = {"name": "f", "parameters": {**SCHEMA, "x": "y"}}
    found = functions_to_port([bot(1, one, {"name": "f", "parameters": other})])
    assert len(found) == 2


def test_true_is_not_one() -> None:
    schemas = ({"const": True}, {"const": 1}, {"const": 1.0}, {"const": "1"})
    found = functions_to_port([bot(1, *({"name": "f", "parameters": one} for one in schemas))])
    assert len(found) == 3


def test_what_is_no_function_is_left_alone() -> None:
    tools = [
        {"type": "file_search"},
        {"type": "function"},
        "x",
        {"type": "function", "function": 7},
    ]
    odd = Assistant("a", {"tools": [*tools, {"type": "function", "function": {"name": 7}}]})
    assert functions_to_port([odd, Assistant("b", {"tools": None})]) == ()


def test_a_schema_that_nobody_can_read_is_left_out() -> None:
    deep: Any = {}
    for _ in range(5000):
        deep = {"items": deep}
    assert functions_to_port([bot(1, {"name": "f", "parameters": deep})]) == ()
    for _ in range(4790):
        deep = deep["items"]
    assert functions_to_port([bot(1, {"name": "f", "parameters": deep})]) == ()


def test_the_stand_in_for_file_search_is_told_apart() -> None:
    bots = [bot(1, {"name": "search"}), bot(2, {"name": "search"})]
    found = functions_to_port(bots, {"asst_1": "search"})
    assert {one.users[0].id: one.searches for one in found} == {"asst_1": True, "asst_2": False}


def test_ten_thousand_assistants_take_seconds_even_if_all_differ() -> None:
    bots = [
        bot(n, {"name": "f", "parameters": {**SCHEMA, "description": f"{n}"}})
        for n in range(10_000)
    ]
    began = time.perf_counter()
    assert len(functions_to_port(bots)) == 10_000
    assert time.perf_counter() - began < 10
