"""What may be deleted: recorded copies without an original, and what only they leaned on."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replicate.holding import file, holding, inside, store
from understudy.errors import SelectionError
from understudy.model.assistant import CLONED_FROM, Assistant
from understudy.platforms.base import Capabilities, PlaceInfo
from understudy.replicate.inventory import Inventory
from understudy.replicate.knowledge.holdings import Holdings
from understudy.replicate.prune import (
    Deletion,
    Kind,
    Pruning,
    orphans,
    plan_pruning,
    require_few,
)
from understudy.replicate.records import Records

STORES = ("S0", "S1", "S2")
FILES = ("f0", "f1", "f2", "f3")


def assistant(id_: str, origin: str = "", stores: Any = (), files: Any = ()) -> Assistant:
    raw = {
        "id": id_,
        "name": id_,
        "metadata": {CLONED_FROM: origin} if origin else {},
        "tool_resources": {
            "file_search": {"vector_store_ids": list(stores)},
            "code_interpreter": {"file_ids": list(files)},
        },
    }
    return Assistant(id_, raw)


def inventory(name: str, *assistants: Assistant) -> Inventory:
    info = PlaceInfo(name, "memory", f"memory:{name}")
    return Inventory(info, Capabilities(limits=None, remote=False), tuple(assistants))


stores = st.lists(st.sampled_from(STORES), unique=True, max_size=2)
files = st.lists(st.sampled_from(FILES), unique=True, max_size=3)
origins = st.sampled_from(["", "a0", "a1", "a2", "else"])


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Inventory, Inventory, Records, Holdings, set[str], set[str]]:
    """Copies and strangers that lean on stores and files, some of them recorded, some marked."""
    source = inventory("src", *(assistant(f"a{n}") for n in range(3) if draw(st.booleans())))
    there = inventory(
        "dst", *(assistant(f"c{n}", draw(origins), draw(stores), draw(files)) for n in range(4))
    )
    copies = st.sampled_from(["c0", "c1", "c2", "c3", "nowhere"])
    recorded = draw(st.dictionaries(st.sampled_from(["a0", "a1", "a2"]), copies))
    records = Records(
        recorded,
        {f"s{one}": one for one in draw(stores)},
        {f"s{one}": one for one in draw(files)},
    )
    contents = [
        (
            store(one, metadata=draw(st.sampled_from([{}, {CLONED_FROM: "x"}]))),
            [inside(f, draw(st.sampled_from(["", "x"]))) for f in draw(files)],
        )
        for one in STORES
    ]
    unreadable = draw(st.sampled_from([{}, {}, {"S2": "gone"}]))
    held = holding([file(f) for f in FILES], contents, unreadable=unreadable)
    return source, there, records, held, set(draw(stores)), set(draw(files))


@settings(max_examples=300, deadline=None)
@given(worlds())
def test_nothing_goes_that_no_record_explains_or_that_anybody_uses(
    world: tuple[Inventory, Inventory, Records, Holdings, set[str], set[str]],
) -> None:
    source, there, records, held, needed, condemned = world
    gone = orphans(source, there, records)
    try:
        pruning = plan_pruning(gone, source, there, records, held, needed, condemned)
    except SelectionError:
        assert gone
        return
    deleted = {kind: [d for d in pruning.deletions if d.kind is kind] for kind in Kind}
    going = {d.destination_id for d in deleted[Kind.ASSISTANT]}
    for one in going:
        recorded = {origin for origin, copy in records.assistants.items() if copy == one}
        assert recorded
        assert not recorded & source.by_id().keys(), "its original is there"
        assert there.by_id()[one].cloned_from in (*recorded, None)
    staying = [a for a in there.assistants if a.id not in going]
    used = {
        one
        for a in staying
        for part in a.raw["tool_resources"].values()
        for ids in part.values()
        for one in ids
    }
    lost_stores = {d.destination_id for d in deleted[Kind.STORE]}
    assert not lost_stores & (used | needed)
    assert lost_stores <= {*records.stores.values()} | condemned
    rest = {
        f.file_id for s, members in held.contents.items() if s not in lost_stores for f in members
    }
    lost_files = {d.destination_id for d in deleted[Kind.FILE]}
    assert not lost_files & (used | needed | rest)
    assert lost_files <= {*records.files.values()} | condemned
    if held.unreadable.keys() - lost_stores:
        assert not lost_files, "what cannot be read may hold any of them"
    kinds = [list(Kind).index(d.kind) for d in pruning.deletions]
    assert kinds == sorted(kinds), "assistants first, files last"


@given(worlds())
def test_without_holdings_only_assistants_go(
    world: tuple[Inventory, Inventory, Records, Holdings, set[str], set[str]],
) -> None:
    source, there, records, *_ = world
    gone = orphans(source, there, records)
    if gone and not any(one in source.by_id() for one in records.assistants):
        return
    try:
        pruning = plan_pruning(gone, source, there, records, None)
    except SelectionError:
        return
    assert {d.kind for d in pruning.deletions} <= {Kind.ASSISTANT}


@given(st.integers(0, 60), st.integers(0, 60), st.none() | st.integers(0, 60), st.booleans())
def test_never_more_than_was_allowed(number: int, more: int, most: int | None, force: bool) -> None:
    deletions = tuple(Deletion(Kind.ASSISTANT, f"c{n}", "") for n in range(number))
    extra = (Deletion(Kind.FILE, "f", ""), Deletion(Kind.STORE, "s", ""))
    pruning = Pruning((*deletions, *extra), copies=number + more)
    allowed = most if most is not None else (number + more) // 10
    if number > allowed and not force:
        with pytest.raises(SelectionError, match=f"{number} of {number + more} copies"):
            require_few(pruning, most=most, force=force)
    else:
        require_few(pruning, most=most, force=force)


def test_what_is_marked_as_somebody_elses_copy_stays() -> None:
    source = inventory("src", assistant("a0"))
    there = inventory("dst", assistant("c0", "a0"), assistant("c1", "a1", ["S0"], ["f0"]))
    held = holding(
        [file("f0"), file("f1")],
        [(store("S0", metadata={CLONED_FROM: "theirs"}), [inside("f1", "theirs")])],
    )
    records = Records({"a0": "c0", "a1": "c1"})
    gone = orphans(source, there, records)
    pruning = plan_pruning(gone, source, there, records, held)
    assert [d.destination_id for d in pruning.deletions] == ["c1"]


def test_a_clone_that_says_it_is_anothers_is_no_orphan_whatever_is_recorded() -> None:
    source = inventory("src", assistant("a0"))
    there = inventory("dst", assistant("c1", "else"), assistant("c2"))
    records = Records({"a0": "x", "a1": "c1", "a2": "c2"})
    assert [a.id for a in orphans(source, there, records)] == ["c2"]


def test_records_of_another_project_prune_nothing() -> None:
    source = inventory("src", assistant("new"))
    there = inventory("dst", assistant("c0", "a0"))
    records = Records({"a0": "c0"})
    gone = orphans(source, there, records)
    with pytest.raises(SelectionError, match="looks like another project"):
        plan_pruning(gone, source, there, records, None)


def test_unproven_clones_are_counted_and_stay() -> None:
    source = inventory("src", assistant("a0"))
    there = inventory("dst", assistant("c0", "a0"), assistant("c9", "who"))
    pruning = plan_pruning([], source, there, Records({"a0": "c0"}), None)
    assert (pruning.deletions, pruning.unproven) == ((), 1)
