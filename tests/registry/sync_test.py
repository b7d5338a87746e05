"""What is stored, what stays, and what is never stored."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies import definitions
from understudy.model.assistant import Assistant
from understudy.registry.entries import Difference, difference, entry_of
from understudy.registry.file import parse, serialized
from understudy.registry.sync import propose


def assistants(*names: str, **fields: Any) -> list[Assistant]:
    return [
        Assistant(f"asst_{n}", {"id": f"asst_{n}", "name": name, "model": "m", **fields})
        for n, name in enumerate(names)
    ]


def stored(*names: str) -> dict[str, Any]:
    return dict(propose({}, assistants(*names)).entries)


def test_an_entry_begins_with_what_the_specification_names_and_keeps_the_rest() -> None:
    raw = {"model": "m", "zeta": 1, "id": "a", "temperature": 0.5, "name": "N"}
    entry = entry_of(Assistant("a", raw))
    assert list(entry) == ["id", "name", "instructions", "tools", "model", "temperature", "zeta"]
    assert (entry["tools"], entry["instructions"]) == ([], None)


@given(st.lists(definitions(extra=True), max_size=5), st.lists(definitions(), max_size=5))
def test_a_sync_stores_exactly_what_is_there(
    one: list[dict[str, Any]], other: list[dict[str, Any]]
) -> None:
    def found(records: list[dict[str, Any]]) -> list[Assistant]:
        return [Assistant(f"asst_{n}", {**r, "id": f"asst_{n}"}) for n, r in enumerate(records)]

    first = propose({}, found(one))
    second = propose(first.entries, found(other), allow_removal=True)
    assert {e["id"] for e in second.entries.values()} == {f"asst_{n}" for n in range(len(other))}
    assert second.difference == difference(first.entries, second.entries)
    assert not propose(second.entries, found(other)).difference
    again = parse(serialized(second.entries), "file")
    assert serialized(again.entries) == serialized(second.entries)
    assert not again.problems


def test_what_changed_is_named_field_by_field() -> None:
    before = stored("A", "B", "C")
    after = propose(before, assistants("A", "B", model="other")[:2])
    assert after.difference == Difference((), {"A": ("model",), "B": ("model",)}, ("C",))


@pytest.mark.parametrize(("left", "refused"), [(4, False), (2, False), (1, True), (0, True)])
def test_no_more_than_half_goes_without_being_allowed(left: int, refused: bool) -> None:
    before, now = stored("A", "B", "C", "D"), assistants("A", "B", "C", "D")[:left]
    assert bool(propose(before, now).refused) is refused
    assert not propose(before, now, allow_removal=True).refused


def test_a_rename_is_no_removal() -> None:
    renamed = [Assistant(f"asst_{n}", {"id": f"asst_{n}", "name": f"New {n}"}) for n in range(3)]
    proposal = propose(stored("A", "B", "C"), renamed)
    assert not proposal.refused
    assert proposal.difference.removed == ("A", "B", "C")


def test_a_record_that_nobody_can_use_keeps_its_last_good_copy() -> None:
    before = stored("A", "B")
    broken = [Assistant("asst_0", {"id": "asst_0", "name": 5}), assistants("A", "B")[1]]
    proposal = propose(before, broken)
    assert proposal.entries == before
    assert proposal.quarantined == {"asst_0": "its name is no text"}
    assert propose({}, broken).entries.keys() == {"B"}


def test_nothing_goes_when_the_source_could_not_be_read_whole() -> None:
    before = stored("A", "B", "C")
    assert propose(before, assistants("A"), complete=False).entries == before


def test_what_was_restored_stays_until_the_source_has_it_again() -> None:
    before = stored("A", "B")
    proposal = propose(before, assistants("A"), pins={"B": before["B"]})
    assert proposal.pinned == ("B",)
    assert proposal.entries == before
    assert propose(before, assistants("A", "B"), pins={"B": before["B"]}).pinned == ()


@pytest.mark.parametrize(
    ("content", "keys", "problem", "damaged"),
    [
        ("", [], "is empty", False),
        ("{", [], "is not JSON", True),
        ("[1, 2", [], "is not JSON", True),
        ("5", [], "holds no map", True),
        ('{"A": {"id": "1", "tools": [], "top_p": NaN}}', [], "NaN is no number", True),
        (
            '{"A": {"id": "1", "tools": []}, "A": {"id": "2", "tools": []}}',
            ["A"],
            "more than",
            False,
        ),
        ('{"A": {"id": "1", "tools": []}, "B": 5}', ["A"], "B is left out", False),
        ('{"A": {"tools": []}}', [], "its id is no text", False),
        ('[{"id": "x", "tools": []}]', ["x"], "older tools", False),
    ],
)
def test_a_file_that_is_off_is_read_as_far_as_it_goes(
    content: str, keys: list[str], problem: str, damaged: bool
) -> None:
    found = parse(content, "file")
    assert list(found.entries) == keys
    assert any(problem in one for one in found.problems)
    assert found.damaged is damaged
