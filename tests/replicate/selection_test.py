"""Which assistants are meant, and what is said when none is."""

from __future__ import annotations

import pytest

from understudy.errors import SelectionError, UsageError
from understudy.model.assistant import Assistant
from understudy.replicate.selection import Selection

NAMES = ("Support North", "support south", "Sales", "", "Straße", "a[b]c", "multi\nline", "Sales")
EVERY = tuple(Assistant(f"id{n}", {"name": name}) for n, name in enumerate(NAMES))


def chosen(**selection: tuple[str, ...]) -> list[str]:
    return [a.id for a in Selection(**selection).choose(EVERY, place="src")]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("support*", ["id0", "id1"]),
        ("SALES", ["id2", "id7"]),
        ("*north", ["id0"]),
        ("?ales", ["id2", "id7"]),
        ("STRASSE", ["id4"]),
        ("a[[]b]c", ["id5"]),
        ("multi*", ["id6"]),
        ("/^s/", ["id0", "id1", "id2", "id4", "id7"]),
        ("/north$|^a/", ["id0", "id5"]),
        ("/line/", ["id6"]),
    ],
)
def test_a_pattern_selects_by_name_whatever_the_case(pattern: str, expected: list[str]) -> None:
    assert chosen(names=(pattern,)) == expected


def test_nothing_asked_for_means_everything() -> None:
    assert chosen() == [a.id for a in EVERY]
    assert Selection().everything


def test_ids_and_patterns_add_up_in_the_order_of_the_place() -> None:
    assert chosen(ids=("id7", "id3", "id3"), names=("*south", "/^straße$/")) == [
        "id1",
        "id3",
        "id4",
        "id7",
    ]


def test_ids_that_do_not_exist_are_all_named() -> None:
    with pytest.raises(SelectionError, match="src holds no assistant nope, never") as caught:
        chosen(ids=("id1", "nope", "never"))
    assert "understudy list src" in caught.value.hint


def test_every_pattern_must_match_something() -> None:
    with pytest.raises(SelectionError, match="'suport'") as caught:
        chosen(names=("Sales", "suport*".removesuffix("*")))
    assert "Near names: " in caught.value.hint
    assert "support south" in caught.value.hint


def test_an_empty_place_says_that_there_is_no_near_name() -> None:
    with pytest.raises(SelectionError, match="x") as caught:
        Selection(names=("x",)).choose((), place="src")
    assert "no near name" in caught.value.hint


@pytest.mark.parametrize("pattern", ["/(/", "/[/", "/*/"])
def test_a_broken_expression_is_a_usage_error(pattern: str) -> None:
    with pytest.raises(UsageError, match="broken"):
        chosen(names=(pattern,))
