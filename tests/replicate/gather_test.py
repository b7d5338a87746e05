"""Reading places: each list once, nothing missed, nothing mixed up."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from strategies import json_values
from understudy.errors import AuthenticationError, EndpointGoneError, LostAnswerError
from understudy.model.assistant import CLONED_FROM, Assistant
from understudy.model.canonical import identical
from understudy.platforms.assistants_v2 import AssistantsV2
from understudy.platforms.base import Page
from understudy.platforms.memory import Memory
from understudy.platforms.openai_wire import Wire
from understudy.replicate.gather import Shared, gather, gather_both
from understudy.replicate.inventory import Inventory, changed_since
from understudy.sandbox import Fault, Sandbox


def opened(sandbox: Sandbox, key: str) -> AssistantsV2:
    return AssistantsV2(Wire(key, sandbox.base_url, SecretStr(key)))


def differences(before: Mapping[str, str], now: Inventory, most: int = 5) -> list[str]:
    return list(changed_since(before, now.state(), now, most=most))


async def test_each_list_is_read_once_and_completely() -> None:
    async with Sandbox() as sandbox:
        for number in range(250):
            sandbox.project("sk-gather-one").add(name=f"Number {number}")
        one, other = opened(sandbox, "sk-gather-one"), opened(sandbox, "sk-gather-two")
        heard: list[tuple[str, int]] = []
        source, destination = await gather_both(
            one, other, on_page=lambda place, count: heard.append((place, count))
        )
        await one.aclose()
        await other.aclose()
        assert [a.name for a in source.assistants] == [f"Number {n}" for n in range(250)]
        assert destination.assistants == ()
        assert sandbox.count("list") == sandbox.count() == 4
        assert [c for p, c in heard if p == "sk-gather-one"] == [100, 200, 250]


async def test_what_is_remembered_and_not_listed_yet_is_asked_for_by_id() -> None:
    async with Sandbox(list_lag=3600) as sandbox:
        place = opened(sandbox, "sk-gather-one")
        made = [(await place.create({"model": "gpt-4o", "name": f"N{n}"})).id for n in range(20)]
        found = await gather(place, known=[*made, "asst_long_gone"])
        await place.aclose()
        assert sorted(a.id for a in found.assistants) == sorted(made)
        assert sandbox.count("list") == 1
        assert sandbox.count("retrieve") == 21


async def test_what_the_list_shows_is_not_asked_for_again() -> None:
    async with Sandbox() as sandbox:
        place = opened(sandbox, "sk-gather-one")
        made = await place.create({"model": "gpt-4o"})
        await gather(place, known=[made.id])
        await place.aclose()
        assert sandbox.count("retrieve") == 0


@pytest.mark.parametrize(
    ("kind", "error"), [("401", AuthenticationError), ("gone", EndpointGoneError)]
)
async def test_a_place_that_cannot_be_read_ends_the_reading_of_the_other(
    kind: str, error: type[Exception]
) -> None:
    class Endless(Memory):
        cancelled = False

        async def list_page(self, *, after: str | None = None, newest_first: bool = False) -> Page:
            del after, newest_first
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.cancelled = True
                raise
            return Page((), None)

    async with Sandbox(faults=[Fault(kind)]) as sandbox:
        other, endless = opened(sandbox, "sk-gather-one"), Endless()
        with pytest.raises(error):
            await gather_both(endless, other)
        await other.aclose()
    assert endless.cancelled


async def test_a_listing_that_does_not_page_is_an_error_not_an_endless_loop() -> None:
    class Repeating(Memory):
        async def list_page(self, *, after: str | None = None, newest_first: bool = False) -> Page:
            del after, newest_first
            page = await super().list_page()
            return Page(page.assistants, page.assistants[-1].id)

    with pytest.raises(LostAnswerError, match="repeats itself after 2"):
        await gather(Repeating([{"id": "a"}, {"id": "b"}]))


async def test_pages_that_overlap_count_nobody_twice() -> None:
    class Overlapping(Memory):
        async def list_page(self, *, after: str | None = None, newest_first: bool = False) -> Page:
            assert not newest_first
            ids = list(self._records)
            start = ids.index(after) if after else 0
            shown = [await self.retrieve(i) for i in ids[start : start + 3]]
            return Page(tuple(shown), shown[-1].id if start + 3 < len(ids) else None)

    found = await gather(Overlapping({"id": i} for i in "abcdefg"))
    assert "".join(a.id for a in found.assistants) == "abcdefg"


@settings(max_examples=300, deadline=None)
@given(json_values, json_values)
def test_sharing_memory_changes_no_record(one: object, other: object) -> None:
    shared = Shared()
    source = Assistant("a", {"id": "a", "tools": one, "instructions": other})
    clone = Assistant(
        "b", {"id": "b", "metadata": {CLONED_FROM: "a"}, "tools": other, "instructions": other}
    )
    for assistant in (source, clone):
        taken = shared.take(assistant)
        assert identical(dict(taken.raw), dict(assistant.raw))
        assert taken.id == assistant.id


def test_sharing_does_not_mix_up_false_and_0() -> None:
    shared = Shared()
    shared.take(Assistant("a", {"id": "a", "tools": [{"default": 0}]}))
    clone = {"id": "b", "metadata": {CLONED_FROM: "a"}, "tools": [{"default": False}]}
    assert shared.take(Assistant("b", clone)).raw["tools"][0]["default"] is False


async def test_equal_parts_of_a_clone_take_no_memory_of_their_own() -> None:
    tools = [{"type": "code_interpreter"}]
    source = Memory([{"id": "a", "instructions": "x" * 99, "tools": tools}])
    clone = {"id": "b", "instructions": "x" * 99, "tools": tools, "metadata": {CLONED_FROM: "a"}}
    one, other = await gather_both(source, Memory([clone]))
    assert one.assistants[0].raw["tools"] is other.assistants[0].raw["tools"]


async def test_what_changed_since_a_plan_was_saved_is_described() -> None:
    place = Memory({"id": i, "name": i.upper()} for i in "abc")
    before = (await gather(place)).state()
    assert differences(before, await gather(place)) == []
    await place.update("a", {"name": "Other"})
    await place.delete("b")
    await place.create({"id": "d", "name": "New"})
    assert differences(before, await gather(place)) == [
        "gone: b",
        "new: New (d)",
        "changed: Other (a)",
    ]
    assert differences({}, await gather(place), most=2)[2:] == ["and 1 more"]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), json_values), max_size=4))
async def test_a_state_changes_when_and_only_when_a_record_does(
    edits: list[tuple[str, object]],
) -> None:
    place = Memory({"id": i} for i in "abc")
    for assistant_id, value in edits:
        before = await gather(place)
        await place.update(assistant_id, {"field": value})
        now = await gather(place)
        unchanged = identical(
            dict(before.by_id()[assistant_id].raw), dict(now.by_id()[assistant_id].raw)
        )
        assert (differences(before.state(), now) == []) == unchanged
