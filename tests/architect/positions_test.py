"""Where paths lead: the same as a slow reader says, in any order of asking."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from architect.places import Places, place
from understudy.architect.document import Document
from understudy.architect.positions import Locator

chances = st.integers(0, 2**32).map(Random)
_names = st.text(max_size=3) | st.sampled_from(["a", "b", '"', "\\", "{", "é", "\ud83d"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _names,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_names, inner, max_size=4),
    max_leaves=15,
)


def spelt(value: Any, chance: Random, *, doubled: bool = False) -> str:
    """Return JSON with blanks wherever they may stand; `doubled` has some names twice."""

    def blank() -> str:
        return "".join(chance.choices(" \t\r\n", k=chance.choice([0, 0, 1, 2])))

    def one(value: Any) -> str:
        if isinstance(value, dict):
            pairs = [
                f"{blank()}{one(name)}{blank()}:{blank()}{one(inner)}{blank()}"
                for name, inner in value.items()
            ]
            if doubled and pairs:
                name = next(iter(value))
                pairs.insert(0, f"{one(name)}:{one([[], {}])}")
            return f"{{{','.join(pairs) or blank()}}}"
        if isinstance(value, list):
            inner = ",".join(f"{blank()}{one(each)}{blank()}" for each in value)
            return f"[{inner or blank()}]"
        return json.dumps(value, ensure_ascii=chance.random() < 0.5)

    return f"{blank()}{one(value)}{blank()}"


def paths(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return the paths to all values."""
    entries: Any = ()
    if isinstance(value, dict):
        entries = value.items()
    elif isinstance(value, list):
        entries = enumerate(value)
    return [path, *(each for name, one in entries for each in paths(one, (*path, name)))]


@given(values, chances, st.booleans())
@settings(max_examples=200)
def test_every_path_leads_to_its_value(value: Any, chance: Random, doubled: bool) -> None:
    text = spelt(value, chance, doubled=doubled)
    slowly, locator = Places(text), Locator(text, doubled=doubled)
    assert json.loads(text) == value
    known = paths(value)
    chance.shuffle(known)
    for path in known:
        at = slowly.places[path]
        assert locator.offset(path) == at
        assert locator.span(path) == (at, slowly.ends[path])
        assert locator.line(at) == place(text, at)
        if path:
            assert locator.offset(path, on_key=True) == slowly.names[path]


@given(values, chances, st.lists(st.text(max_size=2) | st.integers(0, 5), max_size=3))
def test_a_path_to_nothing_leads_to_what_is_around_it(
    value: Any, chance: Random, more: list[str | int]
) -> None:
    text = spelt(value, chance)
    slowly, locator = Places(text), Locator(text)
    path = (*chance.choice(paths(value)), *more)
    around = next(path[:n] for n in range(len(path), -1, -1) if path[:n] in slowly.places)
    assert locator.offset(path) == slowly.places[around]


@given(st.text(max_size=200), st.lists(st.integers(0, 200), max_size=9))
def test_lines_are_told_in_any_order(text: str, offsets: list[int]) -> None:
    locator = Locator(text)
    for offset in offsets:
        at = min(offset, len(text))
        assert locator.line(at) == place(text, at)


@pytest.mark.parametrize("depth", [100, 500, 900, 940, 960, 980, 990])
def test_what_could_be_read_can_be_pointed_into_from_a_fuller_stack(depth: int) -> None:
    text = f'{{"deep": {"[" * depth}{"]" * depth}, "version": 1}}'
    one = Document.parse(text)

    def further(levels: int) -> int:
        return further(levels - 1) if levels else len(one.findings)

    assert further(40) > 0
    assert one.where("version") == (1, text.index("1}") + 1) or not one.value


def test_a_document_tells_where_its_parts_stand() -> None:
    one = Document.parse('{\n "version": "1.0",\n "assistants": [\n  {"name": "é"}\n ]\n}')
    assert one.where() == (1, 1)
    assert one.where("assistants", 0) == (4, 3)
    assert one.where("assistants", 0, "name") == (4, 12)
    assert one.where("assistants", 7) == (3, 16)
    assert one.where("version", "x") == (2, 13)
