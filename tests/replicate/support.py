"""Replication without the outer layers: gather, plan, apply; and what must hold afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from understudy.model.assistant import CLONED_FROM, Assistant
from understudy.model.meaning import same
from understudy.platforms.base import Platform
from understudy.replicate.apply import apply_plan
from understudy.replicate.gather import gather, gather_both
from understudy.replicate.plan import Plan, PlanOptions
from understudy.replicate.planning import make_plan
from understudy.replicate.result import RunResult


async def plan_for(
    source: Platform, destination: Platform, options: PlanOptions | None = None
) -> tuple[Plan, set[str]]:
    """Return a plan, and the ids that the destination held when it was made."""
    one, other = await gather_both(source, destination)
    plan = make_plan(one, other, options or PlanOptions(), destination.render)
    return plan, set(other.by_id())


async def replicate(
    source: Platform,
    destination: Platform,
    options: PlanOptions | None = None,
    *,
    finisher: Platform | None = None,
    concurrency: int = 4,
) -> tuple[Plan, RunResult]:
    """Plan and apply."""
    plan, before = await plan_for(source, destination, options)
    result = await apply_plan(
        plan, destination, before=before, concurrency=concurrency, finisher=finisher
    )
    return plan, result


#: Models that do not reason, among those that tests use.
PLAIN_MODELS = ("gpt-4o", "gpt-4.1")


async def holds(place: Platform) -> list[Assistant]:
    """Return everything that a place holds."""
    return list((await gather(place)).assistants)


def assert_clones(sources: list[Assistant], destination: list[Assistant]) -> None:
    """Fail unless each source has exactly one clone, equal in everything but identity."""
    for source in sources:
        clones = [a for a in destination if a.cloned_from == source.id]
        assert len(clones) == 1, f"{source.id} has {len(clones)} clones"
        assert_same_definition(source, clones[0])


def assert_same_definition(source: Assistant, clone: Assistant) -> None:
    """Fail unless all fields mean the same; metadata apart from identity."""
    skipped = {"id", "object", "created_at", "tool_resources", "metadata"}
    expected = dict(source.raw)
    if source.model in PLAIN_MODELS:
        expected["reasoning_effort"] = clone.raw.get("reasoning_effort")  # theirs to refuse
    unlike = [
        name
        for name in {*expected, *clone.raw} - skipped
        if not same(name, expected.get(name), clone.raw.get(name))
    ]
    assert unlike == []
    assert _own(source.metadata) == _own(clone.metadata)


def _own(metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in metadata.items() if key != CLONED_FROM}
