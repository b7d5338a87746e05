"""Any single fault at any request: a second run converges, with no duplicates."""

from __future__ import annotations

import contextlib
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from replicate.support import assert_clones, holds, plan_for, replicate
from strategies import inventories
from understudy.errors import UnderstudyError
from understudy.platforms.assistants_v2 import AssistantsV2
from understudy.platforms.limiter import Limiter
from understudy.platforms.openai_wire import Wire
from understudy.platforms.pacing import Paced, RetryPolicy
from understudy.replicate.events import Status
from understudy.replicate.plan import Action
from understudy.sandbox import Fault, Sandbox
from understudy.sandbox.faults import KINDS

SOURCE, DESTINATION = "sk-fault-source", "sk-fault-destination"
FAST = RetryPolicy(attempts=3, base=0.001, longest=0.002, patience=1.0)
STRANGER = {"model": "gpt-4o", "name": "Nobody's clone"}

#: 429 asks for whole seconds and is told apart in the tests of the wire; 429-ms leads the same way.
faults = st.builds(
    Fault,
    kind=st.sampled_from(sorted(set(KINDS) - {"429"})),
    nth=st.integers(1, 16),
    seconds=st.just(0.001),
)


@settings(max_examples=100, deadline=None)
@given(inventories(max_size=5), st.data(), faults)
@example([{"model": "gpt-4o"}] * 3, None, Fault("drop-after", nth=4, seconds=0.001))
@example([{"model": "gpt-4o"}] * 3, None, Fault("hang-after", nth=5, seconds=0.001))
@example([{"model": "gpt-4o"}] * 3, None, Fault("truncated", nth=5, seconds=0.001))
async def test_a_second_run_converges_after_any_single_fault(
    records: list[dict[str, Any]], data: st.DataObject | None, fault: Fault
) -> None:
    async with Sandbox(seed=7) as sandbox:
        for record in records:
            sandbox.project(SOURCE).add(**record)
        sandbox.project(DESTINATION).add(**STRANGER)
        if data is not None and data.draw(st.booleans()):
            await _run(sandbox)
            _edit_some(sandbox, data)
        sandbox.faults = (fault,)
        with contextlib.suppress(UnderstudyError):
            await _run(sandbox)
        sandbox.faults = ()
        results = await _run(sandbox)
        assert [o.error for o in results.outcomes if o.error] == []
        await _assert_converged(sandbox, len(records))


@settings(max_examples=20, deadline=None)
@given(inventories(max_size=4), st.integers(1, 4), st.integers(1, 3))
async def test_a_lost_answer_leaves_one_even_when_the_list_lags(
    records: list[dict[str, Any]], nth: int, lag: int
) -> None:
    async with Sandbox(list_lag_calls=lag) as sandbox:
        for record in records:
            sandbox.project(SOURCE).add(**record)
        sandbox.faults = (Fault("drop-after", "create", nth=nth),)
        result = await _run(sandbox)
        assert [o.status for o in result.outcomes] == [Status.CREATED] * len(records)
        names = [a["metadata"]["cloned_from"] for a in _there(sandbox)]
        assert len(names) == len(set(names)) == len(records)
        recorded = {o.destination_id for o in result.outcomes}
        assert recorded == {a["id"] for a in _there(sandbox)}


async def test_the_report_tells_of_the_twin_that_was_removed() -> None:
    async with Sandbox(list_lag_calls=1) as sandbox:
        sandbox.project(SOURCE).add(model="gpt-4o", name="One")
        sandbox.faults = (Fault("drop-after", "create", nth=1),)
        result = await _run(sandbox)
        steps = " | ".join(result.outcomes[0].operations)
        assert "answer lost" in steps
        assert "the first create had arrived" in steps
        assert len(_there(sandbox)) == 1


async def _run(sandbox: Sandbox) -> Any:
    source, destination = _open(sandbox, SOURCE), _open(sandbox, DESTINATION)
    try:
        _, result = await replicate(
            source, destination, finisher=destination.unstoppable(), concurrency=2
        )
    finally:
        await source.aclose()
        await destination.aclose()
    return result


def _open(sandbox: Sandbox, key: str) -> Paced:
    wire = Wire(key[3:], sandbox.base_url, SecretStr(key), read_timeout=0.2)
    return Paced(AssistantsV2(wire), Limiter(), policy=FAST)


def _edit_some(sandbox: Sandbox, data: st.DataObject) -> None:
    for key in (SOURCE, DESTINATION):
        project = sandbox.project(key)
        for assistant_id in list(project.assistants):
            cloned = "cloned_from" in project.assistants[assistant_id]["metadata"]
            if (key == SOURCE or cloned) and data.draw(st.booleans()):
                project.edit(assistant_id, instructions=data.draw(st.text("abc", max_size=5)))


def _there(sandbox: Sandbox) -> list[Any]:
    return list(sandbox.project(DESTINATION).assistants.values())


async def _assert_converged(sandbox: Sandbox, count: int) -> None:
    source, destination = _open(sandbox, SOURCE), _open(sandbox, DESTINATION)
    try:
        assert_clones(await holds(source), there := await holds(destination))
        assert len(there) == count + 1
        strangers = [a for a in there if a.name == STRANGER["name"] and not a.cloned_from]
        assert len(strangers) == 1
        plan, _ = await plan_for(source, destination)
        assert all(c.action is Action.UNCHANGED for c in plan.changes)
    finally:
        await source.aclose()
        await destination.aclose()
