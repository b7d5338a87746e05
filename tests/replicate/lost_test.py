"""Creates whose answers were lost, more than one at a time, at places that behave badly."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from pydantic import SecretStr

from replicate.support import holds, plan_for
from understudy.errors import (
    InterruptedRunError,
    LostAnswerError,
    PlaceError,
    RejectedError,
    UnreachableError,
)
from understudy.model.assistant import Assistant
from understudy.platforms.assistants_v2 import AssistantsV2
from understudy.platforms.base import Page
from understudy.platforms.memory import Memory
from understudy.platforms.openai_wire import Wire
from understudy.replicate.apply import apply_plan
from understudy.replicate.events import Status
from understudy.replicate.lost import CREATE_ATTEMPTS
from understudy.replicate.plan import Action, Identity, PlanOptions
from understudy.replicate.result import RunResult
from understudy.sandbox import Fault, Sandbox

SOURCE = {"id": "a", "model": "gpt-4o", "name": "One"}
ARRIVES, IS_LOST = "arrives", "is lost"
MAPPED = PlanOptions(identity=Identity.MAPPING)


class Shaky(Memory):
    """Loses answers to creates as told, and lists `lag` listings late, newest first or not."""

    def __init__(self, *answers: str, lag: int = 0, obeys: bool = True, page: int = 100) -> None:
        super().__init__(
            {"id": f"old{n:03}", "model": "gpt-4o", "created_at": n} for n in range(250)
        )
        self.answers = list(answers)
        self.lag, self.obeys, self.page = lag, obeys, page
        self.listings = 0
        self.born: dict[str, int] = {}
        self.deletes_fail = False

    async def create(self, payload: Mapping[str, Any]) -> Assistant:
        answer = self.answers.pop(0) if self.answers else ""
        if answer == IS_LOST:
            raise LostAnswerError("The server failed.")
        made = await super().create({**payload, "created_at": 1000 + len(self.born)})
        self.born[made.id] = self.listings
        if answer == ARRIVES:
            raise LostAnswerError("The connection broke.")
        return made

    async def delete(self, assistant_id: str) -> None:
        if self.deletes_fail:
            raise UnreachableError("Nobody answers.")
        await super().delete(assistant_id)

    async def list_page(self, *, after: str | None = None, newest_first: bool = False) -> Page:
        if after is None:
            self.listings += 1
        ids = [i for i in self._records if self.born.get(i, -9) + self.lag < self.listings]
        if newest_first and self.obeys:
            ids.reverse()
        start = ids.index(after) + 1 if after else 0
        shown = ids[start : start + self.page]
        assistants = tuple([await self.retrieve(i) for i in shown])
        return Page(assistants, shown[-1] if start + self.page < len(ids) else None)

    def made(self) -> list[str]:
        return [i for i in self._records if not i.startswith("old")]


async def run(
    place: Shaky,
    records: Iterable[Mapping[str, Any]] = (SOURCE,),
    planning: PlanOptions | None = None,
    **options: Any,
) -> RunResult:
    before = {i for i in place._records if i.startswith("old")}
    lag, place.lag = place.lag, 0
    plan, _ = await plan_for(Memory(records), place, planning)
    place.lag = lag
    options = {"concurrency": 4, "settle": 3.0, **options}
    return await apply_plan(plan, place, before=before, **options)


@pytest.mark.parametrize("lag", [0, 1, 2])
@pytest.mark.parametrize(
    "answers",
    [
        (ARRIVES,),
        (IS_LOST,),
        (ARRIVES, ARRIVES),
        (IS_LOST, ARRIVES),
        (ARRIVES, IS_LOST),
        (ARRIVES, ARRIVES, ARRIVES),
        (IS_LOST, ARRIVES, ARRIVES),
    ],
)
async def test_however_many_answers_are_lost_one_is_left(
    answers: tuple[str, ...], lag: int
) -> None:
    place = Shaky(*answers, lag=lag)
    result = await run(place)
    (outcome,) = result.outcomes
    assert (outcome.status, outcome.error) == (Status.CREATED, "")
    assert place.made() == [outcome.destination_id]


async def test_a_place_that_lists_the_oldest_first_all_the_same_is_read_to_its_end() -> None:
    place = Shaky(ARRIVES, obeys=False)
    result = await run(place)
    assert place.made() == [result.outcomes[0].destination_id]
    assert "found" in " ".join(result.outcomes[0].operations)


async def test_looking_for_a_lost_create_does_not_read_a_large_place_again() -> None:
    asked: list[str | None] = []

    class Counted(Shaky):
        async def list_page(self, *, after: str | None = None, newest_first: bool = False) -> Page:
            asked.append(after)
            return await super().list_page(after=after, newest_first=newest_first)

    counted = Counted(ARRIVES, page=10)
    before = set(counted._records)
    plan, _ = await plan_for(Memory([SOURCE]), counted)
    asked.clear()
    await apply_plan(plan, counted, before=before, concurrency=1)
    assert len(asked) <= 2


async def test_when_no_create_is_ever_answered_the_failure_says_to_look_again() -> None:
    place = Shaky(*[IS_LOST] * 20)
    result = await run(place)
    (outcome,) = result.outcomes
    assert outcome.status is Status.FAILED
    assert "The next run looks" in outcome.error
    assert len(place.answers) == 20 - CREATE_ATTEMPTS


async def test_a_twin_that_cannot_be_deleted_is_named() -> None:
    place = Shaky(ARRIVES, lag=1)
    place.deletes_fail = True
    (outcome,) = (await run(place)).outcomes
    assert outcome.status is Status.FAILED
    assert len(place.made()) == 2
    assert all(made in outcome.error for made in place.made())


async def test_a_list_that_never_catches_up_is_not_reported_as_fine() -> None:
    place = Shaky(ARRIVES, lag=10**6)
    (outcome,) = (await run(place, settle=0.3)).outcomes
    assert outcome.status is Status.CREATED
    assert "whether there are two" in outcome.error
    place.lag = 0
    plan, _ = await plan_for(Memory([SOURCE]), place)
    assert [c.action for c in plan.changes] == [Action.CONFLICT], "as the outcome announced"


async def test_a_stop_while_creating_again_does_not_hide_that_one_may_be_there() -> None:
    class Stopped(Shaky):
        async def create(self, payload: Mapping[str, Any]) -> Assistant:
            if not self.answers:
                raise InterruptedRunError("Stopped before the next request.")
            return await super().create(payload)

    (outcome,) = (await run(Stopped(IS_LOST))).outcomes
    assert outcome.status is Status.FAILED
    (outcome,) = (await run(Stopped())).outcomes
    assert outcome.status is Status.SKIPPED


@pytest.mark.parametrize("error", [RejectedError("No."), UnreachableError("Nobody.")])
async def test_a_listing_that_fails_fails_only_the_create_that_needed_it(error: PlaceError) -> None:
    class Blind(Shaky):
        async def list_page(self, *, after: str | None = None, newest_first: bool = False) -> Page:
            if newest_first:
                raise error
            return await super().list_page(after=after, newest_first=newest_first)

    place = Blind(ARRIVES)
    records = [{**SOURCE, "id": i} for i in ("a", "b", "c")]
    result = await run(place, records, concurrency=1)
    statuses = [o.status for o in result.outcomes]
    assert statuses == [Status.FAILED, Status.CREATED, Status.CREATED]
    plan, _ = await plan_for(Memory(records), Shaky())
    assert len(place.made()) == len(plan.changes)


async def test_lost_answers_of_many_different_assistants_find_their_own() -> None:
    place = Shaky(*[ARRIVES, "", IS_LOST] * 10, lag=1)
    records = [{**SOURCE, "id": f"s{n}", "name": f"Number {n}"} for n in range(30)]
    result = await run(place, records, concurrency=8)
    assert {o.status for o in result.outcomes} == {Status.CREATED}
    made = {o.source_id: o.destination_id for o in result.outcomes}
    there = {a.cloned_from: a.id for a in await holds(place) if a.cloned_from}
    assert made == there
    assert len(place.made()) == 30


async def test_without_a_marker_a_lost_create_does_not_adopt_what_another_one_made() -> None:
    place = Shaky("", IS_LOST)
    records = [{**SOURCE, "id": i} for i in ("a", "b")]
    result = await run(place, records, MAPPED, concurrency=1)
    assert [o.destination_id for o in result.outcomes] == place.made()


async def test_without_a_marker_equal_creates_are_not_in_flight_together() -> None:
    class Slow(Shaky):
        flying = 0
        most = 0

        async def create(self, payload: Mapping[str, Any]) -> Assistant:
            self.flying += 1
            self.most = max(self.most, self.flying)
            try:
                made = await super().create(payload)
                await asyncio.sleep(0.01)
            finally:
                self.flying -= 1
            return made

    equal = [{**SOURCE, "id": i} for i in ("a", "b", "c", "d")]
    place = Slow(IS_LOST, "", IS_LOST)
    result = await run(place, equal, MAPPED)
    assert sorted(str(o.destination_id) for o in result.outcomes) == sorted(place.made())
    assert (place.most, len(place.made())) == (1, 4)
    different = Slow()
    await run(different, [{**r, "name": str(n)} for n, r in enumerate(equal)], MAPPED)
    assert different.most == 4


async def test_of_two_the_older_one_stays_and_only_the_one_we_were_told_of_goes() -> None:
    place = Shaky(ARRIVES, lag=1)
    (outcome,) = (await run(place)).outcomes
    first, second = sorted(place.born)
    assert outcome.destination_id == first
    assert f"delete {second}" in outcome.operations[-1]


async def test_nobody_waits_for_more_twins_than_were_sent() -> None:
    place = Shaky(ARRIVES, ARRIVES, lag=1)
    (outcome,) = (await run(place)).outcomes
    assert place.made() == [outcome.destination_id]
    assert place.listings <= 5


async def test_after_a_stop_a_lost_create_is_looked_for_and_not_sent_again() -> None:
    stop = asyncio.Event()

    class Stopping(Shaky):
        async def create(self, payload: Mapping[str, Any]) -> Assistant:
            stop.set()
            return await super().create(payload)

    place = Stopping(IS_LOST, "never asked for")
    (outcome,) = (await run(place, stop=stop)).outcomes
    assert outcome.status is Status.FAILED
    assert place.answers == ["never asked for"]
    stop.clear()
    place = Stopping(ARRIVES)
    (outcome,) = (await run(place, stop=stop)).outcomes
    assert outcome.status is Status.CREATED, "it is there, and so it is reported"


async def test_over_real_sockets_two_lost_answers_and_a_lagging_list_leave_one() -> None:
    async with Sandbox(list_lag_calls=2) as sandbox:
        sandbox.faults = (
            Fault("drop-after", "create", nth=1),
            Fault("truncated", "create", nth=2),
        )
        place = AssistantsV2(Wire("dst", sandbox.base_url, SecretStr("sk-lost-key")))
        plan, before = await plan_for(Memory([SOURCE]), place)
        result = await asyncio.wait_for(
            apply_plan(plan, place, before=before, concurrency=1, settle=5), 20
        )
        await place.aclose()
        there = sandbox.project("sk-lost-key").assistants
        assert list(there) == [result.outcomes[0].destination_id]
