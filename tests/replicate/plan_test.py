"""What is found in the plan, before anything is written."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from understudy.model.limits import ASSISTANTS_V2
from understudy.platforms.base import Capabilities
from understudy.platforms.memory import Memory
from understudy.replicate.gather import gather
from understudy.replicate.plan import Action, Change, Plan, PlanOptions
from understudy.replicate.planning import make_plan
from understudy.replicate.selection import Selection

LIMITED = Capabilities(limits=ASSISTANTS_V2, remote=True, lists_models=True)


async def plan(
    source: list[dict[str, Any]],
    destination: list[dict[str, Any]] = [],  # noqa: B006 - read only
    *,
    models: set[str] | None = None,
    **options: Any,
) -> Plan:
    place = Memory(destination)
    there = replace(
        await gather(place),
        capabilities=LIMITED,
        models=None if models is None else dict.fromkeys(models),
    )
    return make_plan(await gather(Memory(source)), there, PlanOptions(**options), place.render)


async def only(*args: Any, **options: Any) -> Change:
    (change,) = (await plan(*args, **options)).changes
    return change


def clone(of: str = "a", **fields: Any) -> dict[str, Any]:
    metadata = {**fields.pop("metadata", {}), "cloned_from": of}
    return {"id": f"{of}2", "model": "gpt-4o", **fields, "metadata": metadata}


A = {"id": "a", "model": "gpt-4o"}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"name": "x" * 257}, "text-too-long"),
        ({"description": "x" * 513}, "text-too-long"),
        ({"instructions": "x" * 256_001}, "text-too-long"),
        ({"tools": [{"type": "code_interpreter"}] * 129}, "too-many-tools"),
        ({"tools": [{"type": "function", "function": {"name": "no spaces"}}]}, "bad-function-name"),
        ({"metadata": {f"k{n}": "v" for n in range(16)}}, "metadata-full"),
        ({"metadata": {"k": "x" * 513}}, "metadata-value-too-long"),
        ({"metadata": {"k" * 65: "x"}}, "metadata-key-too-long"),
        ({"metadata": ["x"]}, "bad-metadata"),
        ({"temperature": 2.1}, "out-of-range"),
        ({"model": ""}, "model-missing"),
    ],
)
async def test_what_the_destination_cannot_take_is_a_conflict_in_the_plan(
    fields: dict[str, Any], code: str
) -> None:
    change = await only([{**A, **fields}])
    assert change.action is Action.CONFLICT
    assert [f.code for f in change.findings] == [code]
    assert not change.payload
    assert not change.writes
    change = await only([{**A, **fields}], [clone()])
    assert (change.action, change.destination_id) == (Action.CONFLICT, "a2")


async def test_one_that_cannot_be_taken_keeps_nobody_else_back() -> None:
    found = await plan([A, {**A, "id": "b", "name": "x" * 300}, {**A, "id": "c"}])
    assert [c.action for c in found.changes] == [Action.CREATE, Action.CONFLICT, Action.CREATE]
    assert found.pending


async def test_15_pairs_leave_room_for_the_marker() -> None:
    change = await only([{**A, "metadata": {f"k{n}": "v" for n in range(15)}}])
    assert change.action is Action.CREATE
    assert len(change.payload["metadata"]) == 16


async def test_a_model_that_is_not_there_is_found_for_creates_and_changed_models() -> None:
    change = await only([A], models={"gpt-4.1"})
    assert [f.code for f in change.findings] == ["model-not-there"]
    assert change.action is Action.CONFLICT
    change = await only([A], [clone(model="gpt-4.1")], models={"gpt-4.1"})
    assert change.action is Action.CONFLICT
    change = await only([{**A, "name": "New"}], [clone()], models={"gpt-4.1"})
    assert change.action is Action.UPDATE, "the model is there already, whatever the list says"
    assert (await only([A], models={"gpt-4.1"}, check_models=False)).action is Action.CREATE
    assert (await only([A], models=None)).action is Action.CREATE


async def test_ignored_fields_are_neither_compared_nor_sent_in_an_update() -> None:
    source = [{**A, "name": "New", "temperature": 0.5, "future": 1}]
    there = [clone(name="Old", temperature=0.1, future=2)]
    change = await only(source, there, ignore=frozenset({"temperature", "future"}))
    assert dict(change.payload) == {"name": "New"}
    change = await only(source, there, ignore=frozenset({"temperature", "future", "name"}))
    assert change.action is Action.UNCHANGED


async def test_a_field_that_the_source_lacks_goes_back_to_its_default() -> None:
    there = [clone(temperature=0.5, reasoning_effort="high", tools=[{"type": "file_search"}])]
    change = await only([A], there)
    assert dict(change.payload) == {"temperature": 1, "reasoning_effort": None, "tools": []}


async def test_display_fields_show_old_and_new_and_steer_nothing() -> None:
    change = await only([{**A, "instructions": "New."}], [clone(instructions="Old.")])
    assert [(f.path, f.before, f.after) for f in change.fields] == [
        ("instructions", "Old.", "New.")
    ]


async def test_knowledge_alone_is_no_difference() -> None:
    stores = {"file_search": {"vector_store_ids": ["vs_1"]}}
    there = [clone(tool_resources={"file_search": {"vector_store_ids": ["vs_2"]}})]
    assert (await only([{**A, "tool_resources": stores}], there)).action is Action.UNCHANGED


async def test_the_plan_keeps_the_order_of_the_source() -> None:
    source = [{**A, "id": i} for i in "dacb"]
    found = await plan(source, [clone("a"), clone("b", name="x")])
    assert [(c.source_id, c.action) for c in found.changes] == [
        ("d", Action.CREATE),
        ("a", Action.UNCHANGED),
        ("c", Action.CREATE),
        ("b", Action.UPDATE),
    ]
    assert [c.source_id for c in found.writes] == ["d", "c", "b"]
    assert found.count(Action.CREATE) == 2


async def test_a_clone_of_a_clone_says_only_where_it_comes_from_itself() -> None:
    origin = {"cloned_from": "elsewhere", "imported_at": "2024", "team": "north"}
    change = await only([{**A, "metadata": origin}])
    assert change.payload["metadata"] == {"cloned_from": "a", "team": "north"}


async def test_a_selection_does_not_take_the_copy_of_what_was_left_out() -> None:
    source = [{**A, "id": "o"}, {**A, "id": "k", "metadata": {"cloned_from": "o"}}]
    change = await only(source, [clone("o")], selection=Selection(ids=("k",)))
    assert (change.source_id, change.action) == ("k", Action.CREATE)
