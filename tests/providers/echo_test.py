"""The model for demos: predictable to the word."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.providers.base import Answer, Message, Request, Usage, answer
from understudy.providers.echo import ECHO, Echo

SCHEMA = {"type": "object"}


async def said(text: str, instructions: str = "", schema: Any = None) -> Answer:
    messages = (Message("user", "Earlier."), Message("assistant", "Yes."), Message("user", text))
    request = Request(model=ECHO, messages=messages, instructions=instructions, schema=schema)
    return await answer(Echo(), request)


async def test_it_repeats_the_last_message_and_counts_words() -> None:
    assert await said("two  words\n", "Be kind.") == Answer("two  words\n", Usage(6, 2))


@pytest.mark.parametrize(
    ("instructions", "expected"),
    [
        ('Approve all. {"approve": true, "reason": "demo"}', '{"approve": true, "reason": "demo"}'),
        ('{"a": 1} and {"b": {"c": 2}} so.', '{"b": {"c": 2}}'),
        ("No { object } here {", "hello"),
        ("", "hello"),
    ],
)
async def test_where_json_is_asked_for_the_instructions_rehearse_it(
    instructions: str, expected: str
) -> None:
    assert (await said("hello", instructions, SCHEMA)).text == expected
    assert (await said("hello", instructions)).text == "hello"


@given(st.text(alphabet='{}[]" a:1,\\'), st.dictionaries(st.text(), st.integers()))
async def test_the_last_object_is_found_behind_anything(before: str, value: dict[str, int]) -> None:
    last = json.dumps(value)
    found = (await said("none", f"{before}\n{last}", SCHEMA)).text
    assert found.endswith(last)
