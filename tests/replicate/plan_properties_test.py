"""What must hold for every plan, whatever the inventories."""

from __future__ import annotations

import copy
import tempfile
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from replicate.support import assert_clones, holds, plan_for, replicate
from strategies import definitions, inventories
from understudy.model.assistant import CLONED_FROM, Assistant
from understudy.platforms.assistants_v2 import AssistantsV2
from understudy.platforms.memory import Memory
from understudy.platforms.openai_wire import Wire
from understudy.platforms.snapshot import Snapshot
from understudy.replicate.events import Status
from understudy.replicate.gather import gather_both
from understudy.replicate.plan import Action, PlanOptions
from understudy.replicate.planning import make_plan
from understudy.sandbox import Sandbox

slow = settings(max_examples=25, deadline=None)
quick = settings(max_examples=100, deadline=None)


@quick
@given(inventories(extra=True), inventories(extra=True))
async def test_planning_twice_gives_the_same_plan(
    one: list[dict[str, Any]], other: list[dict[str, Any]]
) -> None:
    source, destination = Memory(one), Memory(other)
    first, _ = await plan_for(source, destination)
    second, _ = await plan_for(source, destination)
    assert first == second


@quick
@given(inventories(extra=True), inventories(extra=True))
async def test_applying_and_planning_again_gives_nothing_to_do(
    one: list[dict[str, Any]], other: list[dict[str, Any]]
) -> None:
    source, destination = Memory(one), Memory(other)
    before = await holds(destination)
    plan, result = await replicate(source, destination)
    assert result.count(Status.CREATED) == len(one)
    again, _ = await plan_for(source, destination)
    assert [c.action for c in again.changes] == [Action.UNCHANGED] * len(plan.changes)
    assert_clones(await holds(source), await holds(destination))
    assert (await holds(destination))[: len(before)] == before, "strangers were touched"


@slow
@given(inventories(extra=True), st.booleans())
async def test_snapshots_on_disk_converge_too(one: list[dict[str, Any]], as_file: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ("snapshot.json" if as_file else "snapshot")
        source = Memory(one)
        await replicate(source, Snapshot(path))
        assert_clones(await holds(source), await holds(Snapshot(path)))
        again, _ = await plan_for(source, Snapshot(path))
        assert all(c.action is Action.UNCHANGED for c in again.changes)


@slow
@given(inventories(max_size=4), st.data())
async def test_the_wire_converges_after_edits_on_both_sides(
    one: list[dict[str, Any]], data: st.DataObject
) -> None:
    # Drawing may end an example anywhere, so that everything is closed by a context manager.
    async with (
        Sandbox() as sandbox,
        aclosing(_wire(sandbox, "sk-side-one")) as source,
        aclosing(_wire(sandbox, "sk-side-two")) as destination,
    ):
        for record in one:
            await source.create(record)
        await replicate(source, destination)
        for place in (source, destination):
            for assistant in await holds(place):
                if data.draw(st.booleans()):
                    fields = dict(data.draw(definitions()))
                    fields["metadata"] = {**fields.get("metadata", {}), **_identity(assistant)}
                    await place.update(assistant.id, fields)
        _, result = await replicate(source, destination)
        assert [o.error for o in result.outcomes if o.error] == []
        assert_clones(await holds(source), await holds(destination))
        again, _ = await plan_for(source, destination)
        assert all(c.action is Action.UNCHANGED for c in again.changes)


@quick
@given(inventories(), st.data())
async def test_copying_back_updates_the_originals_and_makes_no_twins(
    one: list[dict[str, Any]], data: st.DataObject
) -> None:
    place_a, place_b = Memory(one), Memory()
    await replicate(place_a, place_b)
    originals = await holds(place_a)
    for clone in await holds(place_b):
        if data.draw(st.booleans()):
            await place_b.update(clone.id, {"instructions": data.draw(st.text(max_size=9))})
    await replicate(place_b, place_a)
    after = await holds(place_a)
    assert [a.id for a in after] == [a.id for a in originals]
    assert [a.cloned_from for a in after] == [a.cloned_from for a in originals]
    there_and_back, _ = await plan_for(place_a, place_b)
    assert all(c.action is Action.UNCHANGED for c in there_and_back.changes)


@quick
@given(inventories())
async def test_three_places_in_a_triangle_make_no_twins(one: list[dict[str, Any]]) -> None:
    place_a, place_b, place_c = Memory(one), Memory(), Memory()
    await replicate(place_a, place_b)
    await replicate(place_a, place_c)
    await replicate(place_b, place_c)
    assert len(await holds(place_c)) == len(one)
    again, _ = await plan_for(place_a, place_c)
    assert all(c.action is Action.UNCHANGED for c in again.changes)


@quick
@given(inventories(extra=True))
async def test_planning_modifies_neither_inventory(one: list[dict[str, Any]]) -> None:
    source, destination = Memory(one), Memory()
    await replicate(source, destination)
    before = copy.deepcopy([*await holds(source), *await holds(destination)])
    await plan_for(source, destination)
    assert [*await holds(source), *await holds(destination)] == before


@quick
@given(inventories(max_size=4), definitions(), st.data())
async def test_an_update_sends_only_what_differs(
    one: list[dict[str, Any]], change: dict[str, Any], data: st.DataObject
) -> None:
    source, destination = Memory([*one, {"model": "gpt-4o"}]), Memory()
    await replicate(source, destination)
    edited = data.draw(st.sampled_from(await holds(source)))
    change.pop("metadata", None)
    await source.update(edited.id, change)
    plan, _ = await plan_for(source, destination)
    touched = [c for c in plan.changes if c.action is not Action.UNCHANGED]
    assert {c.source_id for c in touched} <= {edited.id}
    for one_change in touched:
        assert set(one_change.payload) <= set(change)
        assert one_change.fields, "an update that shows nothing"


async def test_what_is_ignored_is_not_called_exact() -> None:
    source, destination = Memory([{"model": "gpt-4o", "instructions": "One."}]), Memory()
    await replicate(source, destination)
    await source.update((await holds(source))[0].id, {"instructions": "Two."})
    options = PlanOptions(ignore=frozenset({"instructions", "name"}))
    plan, _ = await plan_for(source, destination, options)
    (change,) = plan.changes
    assert change.action is Action.UNCHANGED
    fates = {entry.field: str(entry.fidelity) for entry in change.ledger}
    assert fates == {"instructions": "degraded", "model": "exact", "metadata": "exact"}


async def test_a_field_that_the_destination_lost_is_said_in_every_plan() -> None:
    async with Sandbox() as sandbox:
        destination = _wire(sandbox, "sk-side-two")
        source = Memory([{"model": "gpt-4o", "frob": 1}])
        await replicate(source, destination)
        plan, _ = await plan_for(source, destination)
        (change,) = plan.changes
        assert change.action is Action.UNCHANGED
        assert {e.field: str(e.fidelity) for e in change.ledger}["frob"] == "dropped"
        await destination.aclose()


async def test_a_short_id_of_another_server_says_nothing() -> None:
    toy = {"id": "1", "model": "gpt-4o", "name": "Toy"}
    prod = {"id": "1", "model": "gpt-4o", "name": "Prod bot"}
    for origin, action in (("http://toy/v1", Action.CREATE), ("memory:prod", Action.UPDATE)):
        one, _ = await gather_both(Memory([toy]), Memory())
        one = replace(one, info=replace(one.info, origin=origin))
        _, other = await gather_both(Memory(), Memory([prod], name="prod"))
        other = replace(other, info=replace(other.info, origin="memory:prod"))
        plan = make_plan(one, other, PlanOptions(), Memory().render)
        assert [c.action for c in plan.changes] == [action]


async def test_two_copies_of_one_source_are_a_conflict_that_names_both() -> None:
    source = Memory([{"id": "a", "model": "gpt-4o"}])
    copies = [{"id": i, "model": "gpt-4o", "metadata": {CLONED_FROM: "a"}} for i in ("x", "y")]
    plan, _ = await plan_for(source, Memory(copies))
    (change,) = plan.changes
    assert change.action is Action.CONFLICT
    assert change.rivals == ("x", "y")
    assert "x, y" in change.findings[0].message


async def test_two_sources_that_claim_one_copy_are_both_conflicts() -> None:
    clones = [{"id": i, "model": "gpt-4o", "metadata": {CLONED_FROM: "o"}} for i in ("b1", "b2")]
    plan, _ = await plan_for(Memory(clones), Memory([{"id": "o", "model": "gpt-4o"}]))
    assert [c.action for c in plan.changes] == [Action.CONFLICT] * 2


async def test_within_one_place_clones_are_made_once_and_not_cloned_again() -> None:
    place = Memory([{"id": "a", "model": "gpt-4o"}])
    options = PlanOptions(same_place=True)
    for expected in (2, 2):
        await replicate(place, place, options)
        assert len(await holds(place)) == expected


def _wire(sandbox: Sandbox, key: str) -> AssistantsV2:
    return AssistantsV2(Wire(key[3:], sandbox.base_url, SecretStr(key)))


def _identity(assistant: Assistant) -> dict[str, str]:
    return {CLONED_FROM: assistant.cloned_from} if assistant.cloned_from else {}
