"""Which destination assistant is whose counterpart."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from replicate.support import assert_clones, holds, plan_for, replicate
from understudy.model.assistant import CLONED_FROM, Assistant
from understudy.platforms.assistants_v2 import AssistantsV2
from understudy.platforms.memory import Memory
from understudy.platforms.openai_wire import Wire
from understudy.platforms.snapshot import Snapshot
from understudy.replicate.identity import counterparts
from understudy.replicate.plan import Action, Identity, PlanOptions
from understudy.sandbox import Sandbox


def one(assistant_id: str, origin: str | None = None) -> Assistant:
    metadata = {CLONED_FROM: origin} if origin else {}
    return Assistant(assistant_id, {"id": assistant_id, "metadata": metadata})


def matched(
    sources: list[Assistant],
    destination: list[Assistant],
    known: Mapping[str, str] | None = None,
    **options: Any,
) -> list[str]:
    """Return each source's counterpart: an id, nothing, or the rivals with a mark."""
    found = counterparts(sources, destination, known=known or {}, **options)
    return [
        "!" + ",".join(r.id for r in c.rivals) if c.rivals else c.one.id if c.one else ""
        for c in found
    ]


@pytest.mark.parametrize(
    ("sources", "destination", "known", "expected"),
    [
        pytest.param([one("a")], [], {}, [""], id="nothing there"),
        pytest.param([one("a")], [one("x")], {}, [""], id="a stranger"),
        pytest.param([one("a")], [one("x", "a")], {}, ["x"], id="the clone"),
        pytest.param([one("b", "a")], [one("a")], {}, ["a"], id="the original"),
        pytest.param([one("a")], [one("a")], {}, ["a"], id="the very same"),
        pytest.param([one("a", "o")], [one("a", "o")], {}, ["a"], id="the same, itself a clone"),
        pytest.param([one("a")], [one("a"), one("x", "a")], {}, ["a"], id="same before clone"),
        pytest.param([one("b", "a")], [one("c", "a")], {}, ["c"], id="a sibling"),
        pytest.param([one("a")], [one("x")], {"a": "x"}, ["x"], id="remembered"),
        pytest.param([one("a")], [], {"a": "x"}, [""], id="remembered, but gone"),
        pytest.param([one("a")], [one("x", "a"), one("y")], {"a": "y"}, ["x"], id="clone first"),
        pytest.param([one("a")], [one("x", "a"), one("y", "a")], {}, ["!x,y"], id="two clones"),
        pytest.param(
            [one("b", "a")], [one("a"), one("x", "b")], {}, ["!x,a"], id="a clone and the original"
        ),
        pytest.param([one("b", "a")], [one("x", "a"), one("y", "a")], {}, ["!x,y"], id="siblings"),
        pytest.param(
            [one("b", "o"), one("c", "o")], [one("o")], {}, ["!o", "!o"], id="one original for two"
        ),
        pytest.param(
            [one("a"), one("b")], [one("x")], {"a": "x", "b": "x"}, ["!x", "!x"], id="memory of two"
        ),
    ],
)
def test_the_counterpart_is_found_and_never_guessed(
    sources: list[Assistant],
    destination: list[Assistant],
    known: dict[str, str],
    expected: list[str],
) -> None:
    assert matched(sources, destination, known) == expected


def test_an_original_and_its_clone_in_one_source_have_a_counterpart_each() -> None:
    sources = [one("o"), one("k", "o")]
    assert matched(sources, [one("o2", "o")]) == ["o2", ""]
    assert matched(sources, [one("o2", "o"), one("k2", "k")]) == ["o2", "k2"]
    assert matched(sources, [one("o")]) == ["o", ""]


def test_a_selection_knows_what_else_the_source_holds() -> None:
    chosen = [one("k", "o")]
    assert matched(chosen, [one("o2", "o")], among={"o", "k"}) == [""]
    assert matched([one("x")], [one("x", "y")], among={"x", "y"}) == [""]


def test_ids_that_are_only_names_do_not_hide_whose_clone_it_is() -> None:
    """Ids of snapshots are folder names: two of them may use one id for different assistants."""
    assert matched([one("support")], [one("support", "support")]) == ["support"]
    crossed = [one("x", "y"), one("y", "x")]
    assert matched([one("x"), one("y")], crossed) == ["y", "x"]


def test_what_is_remembered_is_not_taken_from_another_source() -> None:
    assert matched([one("a"), one("b")], [one("x", "b")], {"a": "x"}) == ["", "x"]


def test_within_one_place_only_clones_count() -> None:
    place = [one("a"), one("b", "a"), one("c")]
    assert matched([one("a"), one("c")], place, same_place=True) == ["b", ""]


ids = st.sampled_from("abcdef")
places = st.dictionaries(ids, st.none() | ids, max_size=6).map(
    lambda place: [one(i, origin) for i, origin in place.items()]
)


@settings(max_examples=200, deadline=None)
@given(places, places, st.dictionaries(ids, ids, max_size=3))
def test_no_two_sources_share_a_counterpart(
    sources: list[Assistant], destination: list[Assistant], known: dict[str, str]
) -> None:
    found = [c.one.id for c in counterparts(sources, destination, known=known) if c.one]
    assert len(found) == len(set(found))


@settings(max_examples=200, deadline=None)
@given(places)
async def test_whatever_the_origins_in_a_source_cloning_it_converges(
    sources: list[Assistant],
) -> None:
    source, destination = Memory([a.raw for a in sources]), Memory()
    await replicate(source, destination)
    assert_clones(await holds(source), await holds(destination))
    again, _ = await plan_for(source, destination)
    assert [c.action for c in again.changes] == [Action.UNCHANGED] * len(sources)


@settings(max_examples=200, deadline=None)
@given(places, st.sets(ids))
async def test_what_was_lost_of_a_copy_is_made_again(
    sources: list[Assistant], gone: set[str]
) -> None:
    """The state that a broken-off run leaves: some clones are there, some are not."""
    source, destination = Memory([a.raw for a in sources]), Memory()
    await replicate(source, destination)
    for clone in await holds(destination):
        if clone.cloned_from in gone:
            await destination.delete(clone.id)
    await replicate(source, destination)
    assert len(await holds(destination)) == len(sources)
    assert_clones(await holds(source), await holds(destination))


@pytest.mark.parametrize("as_file", [True, False])
async def test_a_snapshot_cloned_to_a_snapshot_converges_although_the_names_collide(
    tmp_path: Path, as_file: bool
) -> None:
    one_, other = (tmp_path / f"{n}{'.json' if as_file else ''}" for n in ("one", "other"))
    source = Snapshot(one_)
    for name in ("Support", "Sales", "Support"):
        await source.create({"model": "gpt-4o", "name": name})
    first, *_ = await holds(source)
    await source.update(first.id, {"name": "Sales"})  # its id says "support" still
    await source.flush()
    await replicate(Snapshot(one_), Snapshot(other))
    assert_clones(await holds(Snapshot(one_)), await holds(Snapshot(other)))
    again, _ = await plan_for(Snapshot(one_), Snapshot(other))
    assert [c.action for c in again.changes] == [Action.UNCHANGED] * 3


async def test_a_snapshot_restored_to_where_it_was_taken_leaves_nothing_to_do(
    tmp_path: Path,
) -> None:
    place = Memory(
        [
            {"id": "o", "model": "gpt-4o"},
            {"id": "k", "model": "gpt-4o", "metadata": {CLONED_FROM: "o"}},
        ]
    )
    snapshot = Snapshot(tmp_path / "snapshot")
    snapshot.keep(await holds(place), place.info, prune=True)
    plan, _ = await plan_for(Snapshot(tmp_path / "snapshot"), place)
    assert [c.action for c in plan.changes] == [Action.UNCHANGED] * 2
    await place.delete("k")
    plan, _ = await plan_for(Snapshot(tmp_path / "snapshot"), place)
    assert [c.action for c in plan.changes] == [Action.UNCHANGED, Action.CREATE]


async def test_16_pairs_of_metadata_need_the_mapping_and_converge_with_it() -> None:

    full = {f"key{n}": "v" for n in range(16)}
    source = Memory([{"id": "a", "model": "gpt-4o", "name": "Full", "metadata": full}])
    async with Sandbox() as sandbox:
        place = AssistantsV2(Wire("dst", sandbox.base_url, SecretStr("sk-mapping-key")))
        plan, _ = await plan_for(source, place)
        assert [f.code for f in plan.changes[0].findings] == ["metadata-full"]
        assert plan.writes == ()
        options = PlanOptions(identity=Identity.MAPPING)
        _, result = await replicate(source, place, options)
        known = {o.source_id: str(o.destination_id) for o in result.outcomes}
        options = PlanOptions(identity=Identity.MAPPING, known=known)
        plan, _ = await plan_for(source, place, options)
        assert [c.action for c in plan.changes] == [Action.UNCHANGED]
        await source.update("a", {"instructions": "New."})
        plan, _ = await replicate(source, place, options)
        assert dict(plan.changes[0].payload) == {"instructions": "New."}
        assert len(await holds(place)) == 1
        await place.aclose()
