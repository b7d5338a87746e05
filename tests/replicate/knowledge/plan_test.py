"""What has to be done for the assistants' knowledge: bytes, routes, limits, and what is missing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replicate.holding import CLOSED, EXACT, TEXT, Pair, file, holding, inside, store
from understudy.model.assistant import CLONED_FROM
from understudy.model.knowledge import Held, Store
from understudy.platforms.knowledge import KnowledgeLimits
from understudy.replicate.knowledge.holdings import Holdings
from understudy.replicate.knowledge.ledger import knowledge_ledger, lack_entries, named
from understudy.replicate.knowledge.needs import KnowledgeOptions, Needs
from understudy.replicate.knowledge.plan import (
    FileAction,
    FileStep,
    Identities,
    KnowledgePlan,
    StoreAction,
)

IDS = tuple("abcdef")
SIZES = (1, 2, 3, 5, 8, 13)
BOTH: dict[str, Any] = {"file_search": True, "code_interpreter": True}


def library() -> Holdings:
    """Six files of different sizes, two stores that share one of them."""
    files = [file(one, f"{one}.txt", size) for one, size in zip(IDS, SIZES, strict=True)]
    one = (store("S"), [inside("a"), inside("b")])
    other = (store("T"), [inside("b"), inside("c")])
    return holding(files, [one, other])


def files_of(plan: KnowledgePlan) -> dict[str, FileStep]:
    return {step.source_id: step for step in plan.files}


needs = st.dictionaries(
    st.sampled_from(["one", "two", "three"]),
    st.builds(
        Needs,
        st.lists(st.sampled_from(["S", "T", "gone"]), unique=True, max_size=2).map(tuple),
        st.lists(st.sampled_from([*IDS, "lost"]), unique=True, max_size=4).map(tuple),
    ),
    min_size=1,
)
offers = st.dictionaries(st.sampled_from(IDS), st.sampled_from([EXACT, TEXT, CLOSED]))


@settings(max_examples=200, deadline=None)
@given(needs, offers, st.none() | st.integers(0, 20), st.booleans())
def test_a_plan_keeps_to_its_limits_and_says_all_that_is_missing(
    wanted: dict[str, Needs], offered: dict[str, Any], most: int | None, require: bool
) -> None:
    options = KnowledgeOptions(**BOTH, require=require, max_bytes=most)
    pair = Pair(library(), needs=wanted, offers=offered, options=options)
    plan = pair.plan()
    assert plan == pair.plan()
    assert len({s.source_id for s in plan.files}) == len(plan.files), "each file once"
    assert most is None or plan.moved_bytes <= most
    stores = {s.source_id: s for s in plan.stores}
    steps = files_of(plan)
    for assistant, need in wanted.items():
        blocked = assistant in plan.blocked
        assert blocked == (require and assistant in plan.lacks)
        if blocked:
            continue
        lacking = {lack.source_id for lack in plan.lacks.get(assistant, ())}
        for one in need.files:
            assert steps[one].to_be_had != (one in lacking)
            assert assistant in steps[one].users
        for one in need.stores:
            whole = {f.file_id for f in pair.source.contents.get(one, ())}
            assert whole == {*stores[one].carried, *stores[one].lacking}
            assert set(stores[one].lacking) <= lacking
            if one not in pair.source.stores:
                assert one in lacking
    if require:
        used = {one for a, n in wanted.items() if a not in plan.lacks for one in n.files}
        inner = {
            f.file_id
            for a, n in wanted.items()
            if a not in plan.lacks
            for one in n.stores
            for f in pair.source.contents.get(one, ())
        }
        moved = {s.source_id for s in plan.files if s.action is FileAction.MOVE}
        assert moved <= used | inner, "what only blocked assistants lean on stays at home"


@settings(max_examples=100, deadline=None)
@given(needs, offers, st.integers(13, 20))
def test_runs_with_a_limit_come_to_an_end(
    wanted: dict[str, Needs], offered: dict[str, Any], most: int
) -> None:
    """Each run moves what fits; the last ones find nothing more to move."""
    options = KnowledgeOptions(**BOTH, max_bytes=most)
    pair = Pair(library(), needs=wanted, offers=offered, options=options)
    pair.remembers = True
    for _ in range(5):
        pair.carry()
    done = pair.plan()
    assert not done.pending
    assert done.count(FileAction.LEFT_OUT) == 0


def test_a_file_that_is_used_in_many_places_travels_once() -> None:
    wanted = {f"asst{n}": Needs(("S", "T"), ("b",)) for n in range(50)}
    plan = Pair(library(), needs=wanted).plan()
    assert [s.source_id for s in plan.files] == ["a", "b", "c"]
    assert files_of(plan)["b"].users == tuple(wanted)
    assert [s.source_id for s in plan.stores] == ["S", "T"]


def test_what_is_over_the_limit_is_left_out_and_smaller_ones_still_go() -> None:
    options = KnowledgeOptions(**BOTH, max_bytes=8)
    plan = Pair(library(), needs={"one": Needs((), IDS)}, options=options).plan()
    moved = [s.source_id for s in plan.files if s.action is FileAction.MOVE]
    assert moved == ["a", "b", "c"]
    left = [s for s in plan.files if s.action is FileAction.LEFT_OUT]
    assert [s.source_id for s in left] == ["d", "e", "f"]
    assert {s.reason for s in left} == {"it does not fit into --max-bytes"}
    assert [lack.source_id for lack in plan.lacks["one"]] == ["d", "e", "f"]


def test_a_file_that_no_place_takes_is_missing() -> None:
    limits = KnowledgeLimits(largest=5)
    plan = Pair(library(), needs={"one": Needs((), ("d", "e"))}, limits=limits).plan()
    steps = files_of(plan)
    assert steps["d"].action is FileAction.MOVE
    assert steps["e"].action is FileAction.MISSING
    assert "at most 5 bytes" in steps["e"].reason


def test_in_the_same_place_everything_is_there_but_what_is_not_searchable() -> None:
    source = library()
    broken = {**source.contents, "S": (*source.contents["S"], inside("d", status="failed"))}
    source = replace(source, contents=broken)
    wanted = {"one": Needs(("S",), ("e",))}
    pair = Pair(source, source, needs=wanted, identities=Identities(same_place=True))
    plan = pair.plan()
    assert not plan.pending
    assert not plan.lacks
    (step,) = plan.stores
    assert (step.action, step.destination_id) == (StoreAction.UNCHANGED, "S")
    assert {*step.carried} <= files_of(plan).keys()


def test_a_snapshot_that_has_the_text_only_says_so() -> None:
    source = holding([file("a", "a.pdf.txt", held=Held.TEXT)])
    pair = Pair(source, needs={"one": Needs((), ("a",))})
    assert files_of(pair.carry())["a"].text
    assert files_of(pair.plan())["a"].text


def test_a_store_that_cannot_be_listed_is_missing_with_the_reason() -> None:
    source = replace(library(), unreadable={"S": "gone meanwhile"})
    plan = Pair(source, needs={"one": Needs(("S",))}).plan()
    (lack,) = plan.lacks["one"]
    assert (lack.source_id, lack.name) == ("S", "Store")
    assert lack.reason == "its files cannot be listed: gone meanwhile"


def test_copying_back_changes_nothing_and_the_originals_keep_what_they_say() -> None:
    there = Pair(library())
    there.carry()
    back = Pair(there.destination, library())
    plan = back.plan()
    assert {s.action for s in plan.files} == {FileAction.THERE}
    assert {s.action for s in plan.stores} == {StoreAction.UNCHANGED}
    assert {s.destination_id for s in plan.stores} == {"S", "T"}
    assert not plan.pending


def test_copying_back_carries_what_was_changed_in_the_copy() -> None:
    there = Pair(library())
    there.carry()
    copies = there.destination
    (one, *_) = copies.stores
    renamed = Store(one, {**copies.stores[one].raw, "name": "Better"})
    back = Pair(replace(copies, stores={**copies.stores, one: renamed}), library())
    (changed,) = [s for s in back.plan().stores if s.writes]
    assert changed.payload == {"name": "Better"}
    back.carry()
    assert not back.plan().pending
    assert all(CLONED_FROM not in s.metadata for s in back.destination.stores.values())


def test_two_copies_of_one_source_recognise_each_other() -> None:
    """A to B, A to C, then B to C: siblings; nothing is made twice."""
    first, second = Pair(library()), Pair(library())
    first.carry()
    second.carry()
    across = Pair(first.destination, second.destination, clock=2_000)
    plan = across.plan()
    assert {s.action for s in plan.stores} == {StoreAction.UNCHANGED}
    across.carry()
    assert not across.plan().pending
    assert len(across.destination.stores) == 2
    for one in across.destination.stores.values():
        assert one.cloned_from in ("S", "T"), "each keeps what it says of its origin"


def test_a_file_in_two_stores_is_one_file_there_too() -> None:
    pair = Pair(library())
    pair.carry()
    shared = [
        {f.file_id for f in members if f.cloned_from == "b"}
        for members in pair.destination.contents.values()
    ]
    assert shared[0] == shared[1]
    assert len(pair.destination.files) == 3


def test_storing_what_is_new_is_counted_and_what_is_there_is_not() -> None:
    pair = Pair(library())
    assert pair.plan().storage_bytes == (1 + 2) + (2 + 3)
    pair.carry()
    assert pair.plan().storage_bytes == 0


def test_routes_are_counted_best_first() -> None:
    plan = Pair(library(), needs={"one": Needs((), IDS)}, offers={"a": TEXT, "b": CLOSED}).plan()
    assert plan.routes() == {
        "download": {"files": 4, "bytes": 29},
        "text": {"files": 1, "bytes": 1},
    }
    assert (plan.count(FileAction.MISSING), plan.moved_bytes) == (1, 30)


@pytest.mark.parametrize(
    ("names", "text"),
    [([], ""), (["a"], "a"), (["a", "b", "c"], "a, b, c"), (list("abcde"), "a, b, c and 2 more")],
)
def test_a_few_names_are_shown_and_the_rest_counted(names: list[str], text: str) -> None:
    assert named(names) == text


def test_the_ledger_names_each_reason_once() -> None:
    pair = Pair(library(), needs={"one": Needs((), IDS)}, otherwise=CLOSED)
    (entry,) = lack_entries(pair.plan().lacks["one"])
    assert entry.reason == ("a.txt, b.txt, c.txt and 3 more: the source does not hand it out")


def test_the_ledger_says_what_comes_as_text() -> None:
    plan = Pair(library(), needs={"one": Needs(("S",), ("d",))}, otherwise=TEXT).plan()
    texts = {s.source_id: s.name for s in plan.files if s.text}
    stores = {s.source_id: s for s in plan.stores}
    entries = list(knowledge_ledger(plan.needs["one"], texts, stores))
    assert [(e.field, e.reason) for e in entries] == [
        ("file_search", "a.txt, b.txt: the parsed text instead of the file"),
        ("code_interpreter", "d.txt: the parsed text instead of the file"),
    ]
