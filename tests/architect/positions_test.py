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
from understudy.architect.keys import Keys
from understudy.architect.positions import Locator

chances = st.integers(0, 2**32).map(Random)
_names = st.text(max_size=3) | st.sampled_from(["a", "b", '"', "\\", "{", "é", "\ud83d"])
#: Texts that look like names where they end, or hold them.
_like_names = st.sampled_from(['"a":', 'say "a', '"b" :', "\\", '\\"a', "a", 'a":{"b":'])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _names | _like_names,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(_names | _like_names, inner, max_size=4)
    ),
    max_leaves=15,
)


def spelt(value: Any, chance: Random, *, doubled: bool = False) -> str:
    """Return JSON with blanks wherever they may stand; `doubled` has some names twice.

    Sometimes letters are spelt as escapes.
    """
    escapes = chance.random() < 0.2

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
        text = json.dumps(value, ensure_ascii=chance.random() < 0.5)
        return text.replace("a", "\\u0061") if escapes and text == '"a"' else text

    return f"{blank()}{one(value)}{blank()}"


def paths(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return the paths to all values."""
    entries: Any = ()
    if isinstance(value, dict):
        entries = value.items()
    elif isinstance(value, list):
        entries = enumerate(value)
    return [path, *(each for name, one in entries for each in paths(one, (*path, name)))]


@given(values, chances, st.booleans(), st.booleans())
@settings(max_examples=300)
def test_every_path_leads_to_its_value(
    value: Any, chance: Random, doubled: bool, known_value: bool
) -> None:
    text = spelt(value, chance, doubled=doubled)
    assert json.loads(text) == value
    slowly = Places(text)
    locator = Locator(text, value=value if known_value else None, doubled=doubled)
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
    slowly, locator = Places(text), Locator(text, value=value)
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


@given(values, chances)
def test_keys_are_found_by_counting_unless_they_are_spelt_otherwise(
    value: Any, chance: Random
) -> None:
    text = spelt(value, chance)
    slowly, keys = Places(text), Keys(text, value)
    for path in paths(value):
        counted = keys.offset(path, on_key=True)
        assert counted in (-1, slowly.names.get(path, slowly.places[path]))
        plain = "\\u00" not in text and path and path[-1] in ("a", "b")
        assert counted >= 0 or not plain


def test_a_document_tells_where_its_parts_stand() -> None:
    one = Document.parse('{\n "version": "1.0",\n "assistants": [\n  {"name": "é"}\n ]\n}')
    assert one.where() == (1, 1)
    assert one.where("assistants", 0) == (4, 3)
    assert one.where("assistants", 0, "name") == (4, 12)
    assert one.where("assistants", 7) == (3, 16)
    assert one.where("version", "x") == (2, 13)
