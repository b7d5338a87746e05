"""The file's bytes are what is served, entry by entry."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies import definitions
from understudy.model.assistant import Assistant
from understudy.registry.file import serialized
from understudy.registry.shelf import shelve, shelve_by_index, shelve_entries, spelt_index
from understudy.registry.sync import propose


@given(st.lists(definitions(extra=True), max_size=6))
def test_a_file_of_a_sync_is_cut_where_its_entries_lie(records: list[dict[str, Any]]) -> None:
    found = [Assistant(f"asst_{n}", {**r, "id": f"asst_{n}"}) for n, r in enumerate(records)]
    entries = propose({}, found).entries
    content = serialized(entries).encode()
    shelf = shelve(content)
    assert bytes(shelf.content) == content.strip()
    assert {key: json.loads(shelf.entry(key)) for key in shelf.slots} == json.loads(content)
    assert {k: (s.id, s.name) for k, s in shelf.slots.items()} == {
        key: (entry["id"], entry["name"]) for key, entry in entries.items()
    }
    assert list(shelf.slots) == sorted(entries)
    by_index = shelve_by_index(content, "d", spelt_index(shelf, "d"))
    assert by_index is not None
    assert (by_index.slots, bytes(by_index.content)) == (shelf.slots, bytes(shelf.content))
    assert shelve_by_index(content, "other", spelt_index(shelf, "d")) is None


@given(
    st.dictionaries(
        st.text(max_size=4),
        st.dictionaries(
            st.sampled_from(["name", "model", "z", "ä", "\ud800"]),
            st.none() | st.text(alphabet='ä\ud800\n"{}:, 日', max_size=5),
        ).map(lambda more: {**more, "id": "asst_1"}),
        max_size=4,
    )
)
def test_entries_in_any_form_are_shelved_as_well(entries: dict[str, dict[str, Any]]) -> None:
    shelf = shelve_entries(entries)
    assert json.loads(bytes(shelf.content)) == entries
    assert {key: json.loads(shelf.entry(key)) for key in shelf.slots} == entries


@pytest.mark.parametrize(
    "text",
    [
        '{\n  "A": 1\n}',
        '{\n  "A": {\n    "name": "N",\n    "id": "asst_1"\n  }\n}',
        '{\n  "A": {\n    "id": "asst_1"',
    ],
    ids=["no object", "another order", "torn"],
)
def test_what_no_sync_wrote_is_not_guessed_at(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        shelve(text.encode())


@pytest.mark.parametrize(
    "index", ["", "{", "[]", "null", '{"digest": "d"}', '{"digest": "d", "end": 1, "slots": [[1]]}']
)
def test_an_index_that_is_none_is_left_alone(index: str) -> None:
    assert shelve_by_index(b"{}", "d", index) is None


def test_an_entry_is_found_by_any_spelling() -> None:
    shelf = shelve_entries({"SUPPORT_BOT": {"id": "asst_1", "name": "Support Bot"}})
    assert shelf.index.find("support   bot") == "SUPPORT_BOT"
    assert shelf.index.near("suport bot") == ["SUPPORT_BOT"]
    assert shelf.index.near("x" * 10_000) == []
