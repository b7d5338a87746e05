"""What a service's answer must be, to be believed."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving import entry
from strategies import definitions, json_values
from understudy.model.assistant import Assistant
from understudy.registry.file import parse, serialized
from understudy.registry.mirror import Mirror, of_answer, of_file
from understudy.registry.sync import propose


def answer(entries: Any, **fields: Any) -> bytes:
    count = len(entries) if isinstance(entries, dict) else 0
    return json.dumps({"success": True, "count": count, "assistants": entries, **fields}).encode()


@given(st.lists(definitions(extra=True), max_size=5))
def test_a_file_and_an_answer_with_the_same_entries_make_the_same_copy(
    records: list[dict[str, Any]],
) -> None:
    found = [Assistant(f"asst_{n}", {**r, "id": f"asst_{n}"}) for n, r in enumerate(records)]
    entries = propose({}, found).entries
    content = serialized(entries)
    copy = of_file(content.encode())
    body = content.strip()
    served = f'{{"success":true,"count":{len(entries)},"assistants":{body}}}'.encode()
    assert of_answer(served) == copy
    assert json.loads(copy.spelt()) == json.loads(content)
    assert {key: copy.lookup.find(key) for key in entries} == json.loads(content)
    assert of_file(copy.spelt().encode()) == copy


def test_the_copy_of_a_plain_registry_is_its_file() -> None:
    content = serialized({f"BOT_{n}": entry(n, instructions="Über\n☃") for n in range(3)})
    assert of_file(content.encode()).spelt() == content
    assert parse(of_file(content.encode()).spelt(), "copy").problems == ()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"\xff\xfe",
        b"<html>",
        b"{}",
        b'{"success": true, "count": 0}',
        b'{"success": false, "count": 0, "assistants": {}}',
        b'{"success": true, "count": 0, "assistants": []}',
        b'{"success": true, "count": 0, "assistants": {}} more',
        b'{"success": true, "count": 0, "assistants": {},}',
        b'{"success": true, "count": 0, "assistants": {"A" {}}}',
        answer({"A": entry(1)}, count=2),
        answer({"A": entry(1), "B": {"name": "no id"}}),
        answer({"A": {"id": "", "name": None}}),
        answer({"A": {"id": "1", "name": 5}}),
        answer({"A": {"id": "1", "name": "x", "model": "gpt-4o"}}),
        answer({"A": entry(1, tools={})}),
        answer({"A": None}),
        answer({"A": entry(1)})[:-20],
        b'{"success": true, "count": 1, "assistants": {"A": ' + b"[" * 100_000,
        b'{"success": true, "count": ' + b"9" * 5000 + b"}",
    ],
)
def test_what_is_no_answer_with_all_assistants_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w") as caught:
        of_answer(content)
    assert len(str(caught.value)) < 200


@given(json_values)
def test_any_other_json_is_refused_or_a_copy(value: Any) -> None:
    content = json.dumps(value).encode()
    for read in (of_answer, of_file):
        with contextlib.suppress(ValueError):
            assert isinstance(read(content), Mirror)


def test_names_alone_are_enough_to_look_up() -> None:
    copy = of_answer(answer({"BOT": {"id": "asst_1", "name": "Bot"}}))
    assert copy.lookup.find("asst_1") == {"id": "asst_1", "name": "Bot"}
    assert copy.lookup.find("bOt") == {"id": "asst_1", "name": "Bot"}
