"""Which file is the copy of which: by the rules in their order, and never by a guess."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replicate.holding import file, holding, inside, store
from understudy.model.knowledge import File
from understudy.model.naming import wire_name
from understudy.replicate.knowledge.holdings import Holdings
from understudy.replicate.knowledge.matching import (
    Hints,
    Match,
    match_files,
    sent_name,
    text_name,
)

LONG = "file-" + "x" * 24

names = st.sampled_from(["a.txt", 'a "b".txt', "a%22b", "dir/a.txt", "", "é.txt", "line\nbreak"])
sizes = st.none() | st.integers(0, 2)
ages = st.none() | st.integers(0, 3)


def files(prefix: str) -> st.SearchStrategy[list[File]]:
    return st.lists(st.tuples(names, sizes, ages), max_size=5).map(
        lambda rows: [
            File(f"{prefix}{n}", name, size, created_at=at)
            for n, (name, size, at) in enumerate(rows)
        ]
    )


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[str], Holdings, Holdings, Hints]:
    """Two places with markers, memories and lists that may well contradict each other."""
    here, there = draw(files("s")), draw(files("d"))
    ids, others = [f.id for f in here] or ["s0"], [f.id for f in there] or ["d0"]
    one, other = st.sampled_from(ids), st.sampled_from(others)
    marks = draw(st.lists(st.tuples(other, one), max_size=4))
    backs = draw(st.lists(st.tuples(one, other), max_size=2))
    source = holding(here, [(store("S"), [inside(f, mark) for f, mark in backs])])
    destination = holding(there, [(store("D"), [inside(f, mark) for f, mark in marks])])
    known = draw(st.dictionaries(one, other, max_size=3))
    lists = draw(st.lists(st.tuples(st.lists(one, max_size=3), st.lists(other, max_size=3))))
    wanted = draw(st.lists(one, unique=True))
    return wanted, source, destination, Hints(known, lists, draw(st.booleans()))


def found(source: Holdings, destination: Holdings, *wanted: str, **hints: object) -> dict[str, str]:
    matched = match_files(wanted or source.files, source, destination, Hints(**hints))  # type: ignore[arg-type]
    return {one: here.file.id for one, here in matched.items()}


@given(worlds())
def test_no_file_is_the_copy_of_two(world: tuple[list[str], Holdings, Holdings, Hints]) -> None:
    matched = match_files(*world)
    copies = [one.file.id for one in matched.values()]
    assert len(copies) == len(set(copies))
    assert set(matched) <= set(world[0])
    assert all(world[2].files[one.file.id] is one.file for one in matched.values())
    assert match_files(*world) == matched


@given(worlds())
def test_what_is_found_by_its_looks_looks_alike_and_is_alone_and_not_older(
    world: tuple[list[str], Holdings, Holdings, Hints],
) -> None:
    _, source, _, hints = world
    for one, match in match_files(*world).items():
        original = source.files[one]
        if match.by_name:
            assert wire_name(match.file.name) == wire_name(sent_name(original))
            assert match.file.bytes == original.bytes is not None
            assert (match.file.created_at or 9) >= (original.created_at or 0)
            looks = (sent_name(original), original.bytes)
            assert [(sent_name(f), f.bytes) for f in source.files.values()].count(looks) == 1
            assert match.file.id not in hints.known.values()


@given(worlds())
def test_what_is_remembered_or_marked_as_one_files_copy_is_not_guessed_to_be_anothers(
    world: tuple[list[str], Holdings, Holdings, Hints],
) -> None:
    _, _, destination, hints = world
    marked = {
        f.file_id for members in destination.contents.values() for f in members if f.cloned_from
    }
    for one, match in match_files(*world).items():
        if match.by_name:
            assert match.file.id not in marked
            assert hints.known.get(one) != match.file.id


@given(names, sizes)
def test_a_changed_file_is_never_taken_for_the_copy_of_the_old_one(
    name: str, size: int | None
) -> None:
    """New id, same name and size, younger than the copy of the old one."""
    changed = holding([file("new", name, size, at=300)])
    copy = File("copy", name or "new.bin", size, created_at=200)
    assert found(changed, holding([copy])) == {}
    assert found(changed, holding([copy]), lists=[(["new"], ["copy"])]) == {}


def test_of_two_that_look_alike_only_one_may_be_wanted_and_still_nothing_is_guessed() -> None:
    source = holding([file("one"), file("two")])
    destination = holding([file("copy", at=200)])
    assert found(source, destination, "two") == {}
    assert found(source, destination, "two", known={"one": "copy"}) == {}
    assert found(source, destination, "two", known={"two": "copy"}) == {"two": "copy"}


def test_what_is_remembered_as_the_copy_of_another_is_not_found_by_its_place_either() -> None:
    source = holding([file("one"), file("two")])
    destination = holding([file("copy", at=200)])
    hints = {"known": {"one": "copy"}, "lists": [(["two"], ["copy"])]}
    assert found(source, destination, "two", **hints) == {}


def test_the_rules_count_in_their_order() -> None:
    source = holding([file(LONG)])
    every = {
        "same": file(LONG, at=200),
        "known": file("known", at=200),
        "marked": file("marked", at=200),
        "placed": file("placed", at=200),
        "named": file("named", at=200),
    }
    hints = {"known": {LONG: "known"}, "lists": [([LONG], ["placed"])]}
    order = []
    while every:
        marks = [inside("marked", LONG)] if "marked" in every else []
        there = holding(every.values(), [(store("D"), marks)])
        (best,) = found(source, there, **hints).values()
        (name,) = (name for name, one in every.items() if one.id == best)
        order.append(name)
        del every[name]
    assert order == ["same", "known", "marked", "placed", "named"]


def test_a_short_id_says_nothing_about_another_server() -> None:
    source, there = holding([file("f1", size=None)]), holding([file("f1", size=None, at=200)])
    assert found(source, there) == {"f1": "f1"}
    assert found(source, there, one_home=False) == {}


def test_an_id_with_another_name_or_size_is_another_file() -> None:
    source = holding([file(LONG, "a.txt", 1)])
    assert found(source, holding([file(LONG, "b.txt", 1, at=200)])) == {}
    assert found(source, holding([file(LONG, "a.txt", 2, at=200)])) == {}


def test_copying_back_finds_the_original_by_what_the_copy_says_of_it() -> None:
    source = holding([file("copy")], [(store("S"), [inside("copy", "original")])])
    assert found(source, holding([file("original", "other", 9)])) == {"copy": "original"}


def test_digests_that_differ_tell_apart_what_looks_alike() -> None:
    source = holding([file("one", sha256="1" * 64)])
    assert found(source, holding([file("copy", at=200, sha256="2" * 64)])) == {}
    assert found(source, holding([file("copy", at=200, sha256="1" * 64)])) == {"one": "copy"}


def test_a_file_of_unknown_size_is_not_found_by_its_name() -> None:
    assert found(holding([file("one", size=None)]), holding([file("copy", size=None)])) == {}


def test_a_text_copy_is_known_as_one() -> None:
    source = holding([file("one", "a.pdf", 9)])
    text = file("copy", "a.pdf.txt", 3, at=200)
    marked = holding([text], [(store("D"), [inside("copy", "one")])])
    assert match_files(["one"], source, marked, Hints()) == {"one": Match(text, text=True)}
    assert found(source, holding([text])) == {}


@pytest.mark.parametrize("name", ['say "hi".txt', "two\nlines.txt", 'all\r\n".txt'])
def test_a_server_that_keeps_names_as_they_were_sent_does_not_hide_a_copy(name: str) -> None:
    source = holding([file("one", name)])
    kept = holding([file("copy", wire_name(name), at=200)])
    assert found(source, kept) == {"one": "copy"}
    assert found(source, kept, lists=[(["one"], ["copy"])]) == {"one": "copy"}
    text = holding(
        [file("copy", wire_name(f"{name}.txt"), 5, at=200)],
        [(store("D"), [inside("copy", "one")])],
    )
    assert match_files(["one"], source, text, Hints())["one"].text


def test_a_nameless_file_is_found_under_the_name_that_its_copy_got() -> None:
    nameless = file("one", "")
    assert sent_name(nameless) == "one.bin"
    assert text_name(nameless) == "one.bin.txt"
    assert found(holding([nameless]), holding([file("copy", "one.bin", at=200)])) == {"one": "copy"}


def test_lists_of_different_length_tell_nothing() -> None:
    source, there = holding([file("one"), file("two")]), holding([file("copy", at=200)])
    assert found(source, there, lists=[(["one", "two"], ["copy"])]) == {}
    assert found(source, there, lists=[(["one"], ["copy"])]) == {"one": "copy"}
