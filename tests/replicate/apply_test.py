"""Carrying out a plan: lost answers, refusals, stops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from replicate.support import holds, plan_for, replicate
from understudy.errors import (
    AuthenticationError,
    ClosedError,
    EndpointGoneError,
    OutputError,
    QuotaError,
    RejectedError,
)
from understudy.model.assistant import Assistant
from understudy.model.fidelity import Fidelity
from understudy.platforms.assistants_v2 import AssistantsV2
from understudy.platforms.limiter import Limiter
from understudy.platforms.memory import Memory
from understudy.platforms.openai_wire import Wire
from understudy.platforms.pacing import Paced, RetryPolicy
from understudy.platforms.snapshot import Snapshot
from understudy.replicate.apply import apply_plan
from understudy.replicate.events import ChangeDone, Event, RunFinished, RunStarted, Status
from understudy.replicate.plan import Action, Identity, PlanOptions
from understudy.sandbox import Fault, Sandbox

KEY = "sk-apply-destination"
FAST = RetryPolicy(attempts=3, base=0.001, longest=0.002, patience=1.0)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as running:
        yield running


@pytest.fixture
async def there(sandbox: Sandbox) -> AsyncIterator[Paced]:
    wire = Wire("dst", sandbox.base_url, SecretStr(KEY), read_timeout=0.5)
    place = Paced(AssistantsV2(wire), Limiter(), policy=FAST)
    yield place
    await place.aclose()


def numbered(count: int, **fields: Any) -> Memory:
    return Memory({"model": "gpt-4o", "name": f"Number {n}", **fields} for n in range(count))


async def test_a_create_that_arrived_is_found_and_not_sent_again(
    sandbox: Sandbox, there: Paced
) -> None:
    sandbox.faults = (Fault("drop-after", "create", nth=2),)
    _, result = await replicate(numbered(3), there, finisher=there.unstoppable())
    assert [o.status for o in result.outcomes] == [Status.CREATED] * 3
    assert sandbox.count("create") == 3
    assert any("found asst_" in " ".join(o.operations) for o in result.outcomes)


async def test_many_lost_answers_share_a_listing(sandbox: Sandbox, there: Paced) -> None:
    sandbox.faults = (Fault("drop-after", "create", nth=1, last=8),)
    _, result = await replicate(numbered(8), there, finisher=there.unstoppable(), concurrency=8)
    assert [o.status for o in result.outcomes] == [Status.CREATED] * 8
    assert sandbox.count("create") == 8
    assert sandbox.count("list") <= 1 + 3, "one before the run, and not one for each"


async def test_a_create_that_never_arrived_is_sent_again(sandbox: Sandbox, there: Paced) -> None:
    sandbox.faults = (Fault("503", "create", nth=1),)
    _, result = await replicate(numbered(1), there, finisher=there.unstoppable())
    assert result.outcomes[0].status is Status.CREATED
    assert sandbox.count("create") == 2
    assert len(await holds(there)) == 1


async def test_equal_definitions_without_a_marker_do_not_adopt_each_other(
    sandbox: Sandbox, there: Paced
) -> None:
    sandbox.faults = (Fault("drop-after", "create", nth=1),)
    source = Memory([{"model": "gpt-4o", "name": "Same"}] * 3)
    options = PlanOptions(identity=Identity.MAPPING)
    _, result = await replicate(source, there, options, finisher=there.unstoppable())
    found = [o.destination_id for o in result.outcomes]
    assert len(set(found)) == 3
    assert sorted(filter(None, found)) == sorted(a.id for a in await holds(there))
    assert all("cloned_from" not in a.metadata for a in await holds(there))


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault("401", "create", nth=2, last=99), AuthenticationError),
        (Fault("quota", "create", nth=2, last=99), QuotaError),
        (Fault("gone", "create", nth=2, last=99), EndpointGoneError),
        (Fault("429", "create", nth=2, last=99, seconds=86_400), ClosedError),
    ],
)
async def test_what_can_only_go_on_failing_stops_the_run(
    sandbox: Sandbox, there: Paced, fault: Fault, error: type[Exception]
) -> None:
    sandbox.faults = (fault,)
    _, result = await replicate(numbered(5), there, concurrency=1)
    statuses = [o.status for o in result.outcomes]
    assert statuses == [Status.CREATED, Status.FAILED, *[Status.SKIPPED] * 3]
    assert isinstance(result.stopped_by, error)
    assert sandbox.count("create") == 2


async def test_one_refused_assistant_does_not_stop_the_others(there: Paced) -> None:
    records = [{"model": m, "name": m} for m in ("gpt-4o", "no-such-model", "gpt-4.1")]
    _, result = await replicate(Memory(records), there)
    assert [o.status for o in result.outcomes] == [Status.CREATED, Status.FAILED, Status.CREATED]
    assert "no-such-model" in result.outcomes[1].error
    assert result.stopped_by is None


async def test_a_stop_lets_writes_in_flight_end_and_begins_no_more(
    sandbox: Sandbox, there: Paced
) -> None:
    stop = asyncio.Event()
    limiter = Limiter(stop=stop)
    wire = Wire("dst", sandbox.base_url, SecretStr(KEY))
    place = Paced(AssistantsV2(wire), limiter, policy=FAST)

    def stop_after_two(event: Event) -> None:
        if isinstance(event, ChangeDone):
            stop.set()

    plan, before = await plan_for(numbered(20), place)
    result = await apply_plan(
        plan, place, before=before, concurrency=3, stop=stop, listener=stop_after_two
    )
    await place.aclose()
    created = result.count(Status.CREATED)
    assert 1 <= created <= 3
    assert result.count(Status.SKIPPED) == 20 - created
    assert len(await holds(there)) == created, "what the report says is what is there"
    assert result.stopped_by is not None
    assert result.stopped_by.exit_code == 130


async def test_a_field_that_the_destination_refuses_is_dropped_and_comes_up_no_more(
    there: Paced,
) -> None:
    source = Memory([{"model": "gpt-4o", "name": "New", "future_field": {"a": 1}}])
    _, result = await replicate(source, there)
    (outcome,) = result.outcomes
    assert outcome.status is Status.CREATED
    assert not outcome.error
    fates = {entry.field: entry.fidelity for entry in outcome.ledger}
    assert fates["future_field"] is Fidelity.DROPPED
    again, _ = await plan_for(source, there)
    assert [c.action for c in again.changes] == [Action.UNCHANGED]


async def test_a_field_nobody_knows_arrives_where_it_is_taken() -> None:
    async with Sandbox(accept_unknown_parameters=True) as sandbox:
        place = AssistantsV2(Wire("dst", sandbox.base_url, SecretStr(KEY)))
        source = Memory([{"model": "gpt-4o", "future_field": {"a": 1}}])
        await replicate(source, place)
        assert (await holds(place))[0].raw["future_field"] == {"a": 1}
        edited = (await holds(source))[0].id
        await source.update(edited, {"future_field": {"a": 2}})
        plan, _ = await replicate(source, place)
        assert [c.action for c in plan.changes] == [Action.UPDATE]
        assert (await holds(place))[0].raw["future_field"] == {"a": 2}
        await place.aclose()


async def test_a_destination_that_keeps_something_else_is_not_reported_as_fine() -> None:
    class Stubborn(Memory):
        async def create(self, payload: Mapping[str, Any]) -> Assistant:
            return await super().create({**payload, "instructions": "Mine."})

    source = Memory([{"model": "gpt-4o", "instructions": "Yours."}])
    _, result = await replicate(source, Stubborn())
    (outcome,) = result.outcomes
    assert outcome.status is Status.CREATED
    assert "instructions" in outcome.error
    assert {e.field: e.fidelity for e in outcome.ledger}["instructions"] is Fidelity.DEGRADED


async def test_what_could_not_be_made_durable_is_not_reported_as_there(tmp_path: Path) -> None:
    place = Snapshot(tmp_path / "gone" / "snapshot.json")
    (tmp_path / "gone").write_text("a file where a folder should be")
    _, result = await replicate(numbered(2), place)
    assert [o.status for o in result.outcomes] == [Status.FAILED] * 2
    assert {(o.destination_id, o.ledger) for o in result.outcomes} == {(None, ())}
    assert all("cannot be written" in o.error for o in result.outcomes)


async def test_one_assistants_surprise_does_not_cost_the_others_their_report() -> None:
    class Surprising(Memory):
        async def create(self, payload: Mapping[str, Any]) -> Assistant:
            if payload["name"] == "Number 1":
                raise ZeroDivisionError("nobody thought of this")
            return await super().create(payload)

    _, result = await replicate(numbered(3), Surprising())
    assert [o.status for o in result.outcomes] == [Status.CREATED, Status.FAILED, Status.CREATED]
    assert "nobody thought of this" in result.outcomes[1].error


async def test_two_creates_answered_with_one_id_are_not_two_assistants() -> None:
    class Lying(Memory):
        async def create(self, payload: Mapping[str, Any]) -> Assistant:
            return Assistant("always_me", {**payload, "id": "always_me"})

    _, result = await replicate(numbered(2), Lying(), concurrency=1)
    assert [o.status for o in result.outcomes] == [Status.CREATED, Status.FAILED]
    assert "always_me" in result.outcomes[1].error


async def test_a_refusal_is_recorded_with_what_to_do() -> None:
    class Refusing(Memory):
        async def create(self, payload: Mapping[str, Any]) -> Assistant:
            raise RejectedError("It was refused.", hint="Do this.")

    _, result = await replicate(numbered(1), Refusing())
    assert result.outcomes[0].error == "It was refused. Do this."


async def test_listeners_hear_the_start_every_outcome_and_the_end() -> None:
    events: list[Event] = []
    source, place = numbered(3), Memory()
    plan, before = await plan_for(source, place)
    await apply_plan(plan, place, before=before, concurrency=2, listener=events.append)
    assert isinstance(events[0], RunStarted)
    assert events[0].total == 3
    assert sum(isinstance(e, ChangeDone) for e in events) == 3
    assert isinstance(events[-1], RunFinished)


async def test_an_assistant_deleted_between_plan_and_apply_fails_alone(
    sandbox: Sandbox, there: Paced
) -> None:
    source = numbered(2)
    await replicate(source, there)
    for assistant in await holds(source):
        await source.update(assistant.id, {"instructions": "New."})
    plan, before = await plan_for(source, there)
    sandbox.project(KEY).remove(str(plan.changes[0].destination_id))
    result = await apply_plan(plan, there, before=before, concurrency=1)
    assert [o.status for o in result.outcomes] == [Status.FAILED, Status.UPDATED]


async def test_a_stop_begins_no_write_at_a_place_without_pacing_either() -> None:
    stop = asyncio.Event()
    place = Memory()
    plan, before = await plan_for(numbered(5), place)

    def stop_at_once(event: Event) -> None:
        if isinstance(event, ChangeDone):
            stop.set()

    result = await apply_plan(
        plan, place, before=before, concurrency=1, stop=stop, listener=stop_at_once
    )
    assert [o.status for o in result.outcomes] == [Status.CREATED, *[Status.SKIPPED] * 4]
    assert len(await holds(place)) == 1


async def test_what_could_not_be_made_durable_is_not_reported_as_done() -> None:
    class Full(Memory):
        async def flush(self) -> None:
            raise OutputError("The disk is full.")

    plan, before = await plan_for(numbered(2), Full())
    result = await apply_plan(plan, Full(), before=before, concurrency=2)
    assert [o.status for o in result.outcomes] == [Status.FAILED] * 2
    assert all("The disk is full" in o.error for o in result.outcomes)
