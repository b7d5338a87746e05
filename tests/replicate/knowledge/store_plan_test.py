"""Plans for vector stores: applied once they leave nothing to do, and nothing of others is lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replicate.holding import EXACT, TEXT, Pair, file, holding, inside, store
from understudy.model.assistant import CLONED_FROM
from understudy.model.canonical import identical
from understudy.model.knowledge import File, Store, StoreFile
from understudy.platforms.knowledge import KnowledgeLimits
from understudy.replicate.knowledge.holdings import Holdings
from understudy.replicate.knowledge.matching import text_name
from understudy.replicate.knowledge.plan import FileAction, Identities, KnowledgePlan
from understudy.replicate.knowledge.store_plan import StoreAction, StoreStep

FULL = {f"key{n:02}": n for n in range(16)}
SMALL = {"type": "static", "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 0}}
LARGE = {"type": "static", "static": {"max_chunk_size_tokens": 800, "chunk_overlap_tokens": 400}}

NAMES = ["a.txt", 'b "c".md', "", "x/y.csv", "a.txt", "é\n"]
names = st.sampled_from(NAMES)
some_tags = st.dictionaries(
    st.sampled_from(["year", "by", "draft"]),
    st.sampled_from(["", "ü", 1, 1.0, 0.5, True, False]),
    max_size=3,
)
tags = st.just(FULL) | some_tags
chunkings = st.sampled_from([None, SMALL, LARGE])
statuses = st.sampled_from(["completed"] * 4 + ["in_progress", "failed", "cancelled"])
fields = st.fixed_dictionaries(
    {},
    optional={
        "description": st.sampled_from([None, "", "d1", "d2"]),
        "expires_after": st.sampled_from([None, {"anchor": "last_active_at", "days": 3}]),
        "metadata": st.dictionaries(st.sampled_from("abc"), st.text("x", max_size=2), max_size=3),
    },
)
MOST = 3  # stores


@st.composite
def places(
    draw: st.DrawFn, since: int = 0, tags: st.SearchStrategy[dict[str, Any]] = tags
) -> Holdings:
    """A source. Ids are the same in all of them, so that two are one at different times.

    A file that was changed since has a new id, and still its name and size.
    """
    files = [
        File(f"f{n}-{at}", name, n % 5, created_at=at)
        for n, name in enumerate(NAMES)
        for at in [draw(st.sampled_from([0, since]))]
    ]
    stores = []
    for number in range(draw(st.integers(1, MOST))):
        chosen = draw(st.lists(st.sampled_from(files), unique_by=lambda f: f.id, max_size=4))
        members = [
            StoreFile(one.id, draw(tags), draw(chunkings), status=draw(statuses)) for one in chosen
        ]
        stores.append((store(f"S{number}", draw(names), **draw(fields)), members))
    return holding(files, stores)


@st.composite
def meddlings(draw: st.DrawFn) -> list[tuple[str, int, int, dict[str, Any]]]:
    """What people do to the copies of stores."""
    deeds = st.sampled_from(["detach", "delete", "tag", "rename", "fail", "add"])
    picks = st.integers(0, 9)
    return draw(st.lists(st.tuples(deeds, picks, picks, tags), max_size=4))


def meddle(pair: Pair, deeds: list[tuple[str, int, int, dict[str, Any]]]) -> set[str]:
    """Change the destination; return the ids of files that others put into copies."""
    foreign: set[str] = set()
    for number, (deed, where, which, attributes) in enumerate(deeds):
        there = pair.destination
        if not there.stores:
            break
        one = list(there.stores)[where % len(there.stores)]
        members = list(there.contents[one])
        files, stores = dict(there.files), dict(there.stores)
        if deed == "add":
            stranger = File(f"stranger-{number}", "a.txt", 99, created_at=5)
            files[stranger.id] = stranger
            members.append(StoreFile(stranger.id, {"by": "somebody"}))
            foreign.add(stranger.id)
        elif deed == "rename":
            stores[one] = Store(one, {**stores[one].raw, "name": "Renamed", "expires_after": None})
        elif members:
            at = which % len(members)
            if members[at].file_id.startswith("stranger"):
                continue
            if deed == "detach":
                del members[at]
            elif deed == "delete":
                files.pop(members[at].file_id)
                contents = {
                    s: tuple(f for f in inside if f.file_id in files)
                    for s, inside in there.contents.items()
                }
                pair.destination = Holdings(files, stores, contents)
                continue
            elif deed == "tag":
                old = members[at].attributes
                changed = attributes if CLONED_FROM in old else dict.fromkeys(old, "changed")
                kept = dict(list(changed.items())[: 16 - (CLONED_FROM in old)])
                mark = {k: v for k, v in old.items() if k == CLONED_FROM}
                members[at] = replace(members[at], attributes={**kept, **mark})
            else:
                members[at] = replace(members[at], status="failed", error_code="server_error")
        pair.destination = Holdings(files, stores, {**there.contents, one: tuple(members)})
    return foreign


def steps(plan: KnowledgePlan) -> Mapping[str, StoreStep]:
    return {step.source_id: step for step in plan.stores}


def assert_alike(pair: Pair, plan: KnowledgePlan, foreign: set[str], *, marked: bool) -> None:
    """Fail unless each store has one copy that holds what the source's one does."""
    ids = {s.source_id: s.destination_id for s in plan.files if s.to_be_had}
    taken = [one for one in ids.values() if one]
    assert len(taken) == len(set(taken))
    for one, step in steps(plan).items():
        alive = [f for f in pair.source.contents[one] if f.status not in ("failed", "cancelled")]
        assert step.action is StoreAction.UNCHANGED
        here = step.destination_id or ""
        copies = {f.file_id: f for f in pair.destination.contents[here]}
        wanted = {ids[f.file_id] or "": f for f in alive}
        assert copies.keys() - foreign == wanted.keys()
        for there, original in wanted.items():
            plain = {k: v for k, v in copies[there].attributes.items() if k != CLONED_FROM}
            assert identical(plain, dict(original.attributes))
            room = len(plain) < 16
            mark = copies[there].attributes.get(CLONED_FROM)
            assert mark == (original.file_id if marked and room else None)
            if original.chunking is not None:
                assert copies[there].chunking in (None, original.chunking) or identical(
                    copies[there].chunking, original.chunking
                )


@settings(max_examples=200, deadline=None)
@given(places(), places(since=1050), meddlings(), st.booleans())
def test_applied_once_there_is_nothing_more_to_do_whatever_happened_before(
    first: Holdings,
    later: Holdings,
    deeds: list[tuple[str, int, int, dict[str, Any]]],
    marked: bool,
) -> None:
    applied_once(Pair(first, identities=Identities(marked=marked), remembers=True), later, deeds)


@settings(max_examples=100, deadline=None)
@given(places(tags=some_tags), places(since=1050, tags=some_tags), meddlings())
def test_markers_alone_tell_as_much_where_there_is_room_for_them(
    first: Holdings, later: Holdings, deeds: list[tuple[str, int, int, dict[str, Any]]]
) -> None:
    applied_once(Pair(first), later, deeds)


def applied_once(
    pair: Pair, later: Holdings, deeds: list[tuple[str, int, int, dict[str, Any]]]
) -> None:
    """Carry, meddle, carry a later source; fail unless there is nothing more to do."""
    marked = pair.identities.marked
    pair.carry()
    foreign = meddle(pair, deeds)
    assert pair.plan() == pair.plan()
    pair.source = later
    pair.carry()
    done = pair.plan()
    assert not done.pending, [s for s in done.stores if s.writes]
    assert not done.lacks
    assert_alike(pair, done, foreign, marked=marked)
    inside = {f.file_id for members in pair.destination.contents.values() for f in members}
    assert foreign <= inside


@settings(max_examples=60, deadline=None)
@given(places(), st.booleans())
def test_texts_are_replaced_by_the_files_once_these_can_be_had(
    source: Holdings, marked: bool
) -> None:
    pair = Pair(source, otherwise=TEXT, identities=Identities(marked=marked), remembers=True)
    first = pair.carry()
    assert all(step.text for step in first.files)
    again = pair.plan()
    assert not again.pending
    pair.otherwise = EXACT
    better = pair.carry()
    assert {s.action for s in better.files} <= {FileAction.MOVE}
    done = pair.plan()
    assert not done.pending
    assert not any(step.text for step in done.files)
    texts = {text_name(f) for f in source.files.values()}
    for members in pair.destination.contents.values():
        assert not any(pair.destination.files[f.file_id].name in texts for f in members)


def one_store(*members: StoreFile, **raw: Any) -> Holdings:
    files = [file(one.file_id, f"{one.file_id}.txt") for one in members]
    return holding(files, [(store("S", **raw), members)])


def after(first: Holdings, **options: Any) -> Pair:
    """Return a pair whose destination holds the copy."""
    pair = Pair(first, **options)
    pair.carry()
    return pair


def only(plan: KnowledgePlan) -> StoreStep:
    (step,) = plan.stores
    return step


def members_of(pair: Pair) -> dict[str | None, StoreFile]:
    """Return the copy's files under their markers."""
    (members,) = pair.destination.contents.values()
    return {f.cloned_from: f for f in members}


def change(pair: Pair, one: str, **fields: Any) -> None:
    """Change the copy of a file in its store."""
    contents = {
        store: tuple(replace(f, **fields) if f.cloned_from == one else f for f in members)
        for store, members in pair.destination.contents.items()
    }
    pair.destination = replace(pair.destination, contents=contents)


def test_a_file_that_is_cut_otherwise_leaves_and_comes_back() -> None:
    pair = after(one_store(inside("f", chunking=SMALL)))
    pair.source = one_store(inside("f", chunking=LARGE))
    step = only(pair.plan())
    copy = members_of(pair)["f"].file_id
    assert step.detach == (copy,)
    assert [f.file_id for f in step.attach] == ["f"]
    pair.carry()
    assert members_of(pair)["f"].chunking == LARGE
    assert members_of(pair)["f"].file_id == copy, "no byte was moved"


def test_a_place_that_does_not_say_how_it_cuts_is_taken_at_its_word() -> None:
    pair = after(one_store(inside("f", chunking=SMALL)))
    change(pair, "f", chunking=None)
    assert not pair.plan().pending
    pair.source = one_store(inside("f"))
    change(pair, "f", chunking=LARGE)
    assert not pair.plan().pending


@pytest.mark.parametrize("code", ["server_error", ""])
def test_what_failed_for_the_moment_is_tried_again(code: str) -> None:
    pair = after(one_store(inside("f")))
    change(pair, "f", status="failed", error_code=code, error="Oops.")
    step = only(pair.plan())
    assert [f.file_id for f in step.attach] == ["f"]
    assert step.failed == ()
    pair.carry()
    assert not pair.plan().pending


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_what_failed_for_good_is_reported_and_not_tried_again(status: str) -> None:
    pair = after(one_store(inside("f"), inside("g")))
    change(pair, "f", status=status, error_code="unsupported_file", error="No such format.")
    plan = pair.plan()
    assert not plan.pending
    assert only(plan).failed == (("f", "No such format."),)
    (lack,) = plan.lacks["asst"]
    assert (lack.source_id, lack.reason) == ("f", "not searchable: No such format.")


def test_what_the_source_cannot_search_is_not_carried_and_said() -> None:
    broken = inside("g", status="failed", error="Empty.")
    pair = Pair(one_store(inside("f"), broken))
    step = only(pair.plan())
    assert step.carried == ("f",)
    assert step.losses == ("g is not searchable in the source either: Empty.",)
    assert not pair.plan().lacks


def test_what_somebody_else_put_into_the_copy_stays_and_what_left_the_source_goes() -> None:
    pair = after(one_store(inside("f"), inside("g")))
    gone = members_of(pair)["g"].file_id
    (here,) = pair.destination.stores
    stranger = inside("stranger")
    pair.destination = replace(
        pair.destination,
        files={**pair.destination.files, "stranger": file("stranger", "f.txt")},
        contents={here: (*pair.destination.contents[here], stranger)},
    )
    pair.source = one_store(inside("f"))
    assert only(pair.plan()).detach == (gone,)
    pair.carry()
    assert stranger in pair.destination.contents[here]
    assert not pair.plan().pending


@pytest.mark.parametrize("marked", [True, False])
def test_attributes_that_fill_all_room_travel_without_a_marker(marked: bool) -> None:
    pair = after(
        one_store(inside("f", attributes=FULL)),
        identities=Identities(marked=marked),
        remembers=not marked,
    )
    ((copy,),) = pair.destination.contents.values()
    assert dict(copy.attributes) == FULL
    assert not pair.plan().pending
    pair.source = one_store(inside("f", attributes={**FULL, "key00": "changed"}))
    assert [f.file_id for f in only(pair.plan()).retag] == ["f"]
    pair.carry()
    assert not pair.plan().pending


def test_metadata_that_fills_all_room_is_a_conflict_but_not_without_markers() -> None:
    full = {key: str(value) for key, value in FULL.items()}
    step = only(Pair(one_store(inside("f"), metadata=full)).plan())
    assert step.action is StoreAction.CONFLICT
    assert "17 pairs" in step.reason
    unmarked = Pair(
        one_store(inside("f"), metadata=full), identities=Identities(marked=False), remembers=True
    )
    assert only(unmarked.plan()).payload["metadata"] == full
    unmarked.carry()
    assert not unmarked.plan().pending


def test_a_place_without_limits_takes_all_and_marks_all() -> None:
    wide = KnowledgeLimits(attributes=None, metadata_pairs=None)
    full = {key: str(value) for key, value in FULL.items()}
    pair = Pair(one_store(inside("f", attributes=FULL), metadata=full), limits=wide)
    pair.carry()
    assert members_of(pair)["f"].attributes == {**FULL, CLONED_FROM: "f"}
    assert not pair.plan().pending


def test_a_description_that_changed_is_a_loss_and_no_endless_update() -> None:
    pair = after(one_store(inside("f"), description="old"))
    pair.source = one_store(inside("f"), description="new")
    plan = pair.plan()
    assert not plan.pending
    assert only(plan).losses == ("its description has changed, and cannot be changed there",)


def test_an_expiry_that_was_taken_away_is_taken_away_there() -> None:
    pair = after(one_store(inside("f"), expires_after={"anchor": "last_active_at", "days": 3}))
    pair.source = one_store(inside("f"))
    assert only(pair.plan()).payload == {"expires_after": None}
    pair.carry()
    assert not pair.plan().pending


def test_two_copies_are_a_conflict_and_nothing_is_written() -> None:
    pair = after(one_store(inside("f")))
    twin = store("twin", metadata={CLONED_FROM: "S"})
    stores = {**pair.destination.stores, "twin": twin}
    pair.destination = replace(pair.destination, stores=stores)
    plan = pair.plan()
    assert only(plan).action is StoreAction.CONFLICT
    assert not plan.pending
    assert set(only(plan).rivals) == {*pair.destination.stores}


def test_one_that_expired_there_is_made_anew_without_moving_its_files() -> None:
    pair = after(one_store(inside("f")))
    (here,) = pair.destination.stores
    expired = Store(here, {**pair.destination.stores[here].raw, "status": "expired"})
    pair.destination = replace(pair.destination, stores={here: expired})
    plan = pair.plan()
    assert only(plan).action is StoreAction.CREATE
    assert [s.action for s in plan.files] == [FileAction.THERE]
    pair.carry()
    assert not pair.plan().pending


def test_one_that_expired_in_the_source_is_missing_unless_its_files_still_show() -> None:
    empty = holding([], [(store("S", status="expired"), [])])
    assert only(Pair(empty).plan()).action is StoreAction.MISSING
    shown = one_store(inside("f"), status="expired")
    assert only(Pair(shown).plan()).action is StoreAction.CREATE


def test_an_empty_store_is_copied_but_none_that_only_looks_empty() -> None:
    empty = holding([], [(store("S"), [])])
    assert only(Pair(empty).plan()).action is StoreAction.CREATE
    lost = Pair(one_store(inside("f")), otherwise=replace(EXACT, routes=()))
    assert only(lost.plan()).action is StoreAction.MISSING
    broken = one_store(inside("f", status="failed"))
    assert only(Pair(broken).plan()).action is StoreAction.CREATE


def test_what_is_still_being_indexed_is_waited_for_and_not_attached_again() -> None:
    pair = after(one_store(inside("f")))
    change(pair, "f", status="in_progress")
    step = only(pair.plan())
    assert (step.action, step.indexing) == (StoreAction.UNCHANGED, True)
