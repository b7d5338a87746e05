"""The contract of a platform, as checks that every adapter must pass.

An adapter's test gives an empty place; what is special about it is tested beside it.
"""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator
from typing import Any

import pytest

from understudy.errors import MissingError
from understudy.model.assistant import CLONED_FROM, READ_ONLY, Assistant
from understudy.model.fidelity import Fidelity
from understudy.model.kinds import Kind
from understudy.model.meaning import same
from understudy.platforms.base import Marker, Platform

WHOLE: dict[str, Any] = {
    "name": "Support 🙂 مساعد é",
    "description": "First line.",
    "model": "gpt-4o",
    "instructions": "Be brief.\r\nNever guess.\n\n\tIndented, with a tab.\n",
    "temperature": 0.25,
    "top_p": 0.5,
    "reasoning_effort": None,
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "answer", "strict": True, "schema": {"type": "object"}},
    },
    "tools": [
        {"type": "code_interpreter"},
        {
            "type": "function",
            "function": {
                "name": "find_order",
                "description": "Find an order.",
                "strict": False,
                "parameters": {"type": "object", "properties": {"id": {"type": "string"}}},
            },
        },
        {"type": "file_search", "file_search": {"max_num_results": 5}},
        {"type": "function", "function": {"name": "now", "description": "The time"}},
    ],
    "metadata": {"team": "north", "emoji 🙂": "ÿ"},
}


#: The same, as an agent and as the arguments of a request.
WHOLE_AGENT: dict[str, Any] = {
    "name": "Support 🙂 مساعد é",
    "model": "gpt-5.4",
    "instructions": WHOLE["instructions"],
    "reasoning": {"effort": "low"},
    "text": {"format": {"type": "json_schema", "schema": {"type": "object"}}, "verbosity": "low"},
    "service_tier": "flex",
    "multi_agent": {"enabled": True, "max_concurrent_subagents": 3},
    "compaction": {"async": False},
    "experimental": {"time_awareness": True},
    "tools": [
        {
            "type": "function",
            "name": "find_order",
            "description": "Find an order.",
            "parameters": {"type": "object", "properties": {"id": {"type": "string"}}},
        },
        {"type": "web_search", "mode": "cached"},
        {
            "type": "mcp",
            "server_label": "wiki",
            "transport": {"type": "http", "server_url": "https://example.com/mcp"},
        },
        {"type": "function", "name": "now", "description": "The time", "parameters": {}},
    ],
    "metadata": WHOLE["metadata"],
}
WHOLE_RESPONSE: dict[str, Any] = {
    "model": "gpt-4o",
    "instructions": WHOLE["instructions"],
    "temperature": 0.25,
    "top_p": 0.5,
    "text": {
        "format": {"type": "json_schema", "name": "answer", "schema": {"type": "object"}},
    },
    "tools": [
        {"type": "code_interpreter", "container": {"type": "auto"}},
        {
            "type": "function",
            "name": "find_order",
            "description": "Find an order.",
            "strict": False,
            "parameters": {"type": "object", "properties": {"id": {"type": "string"}}},
        },
        {"type": "web_search"},
        {"type": "function", "name": "now", "strict": False, "parameters": {}},
    ],
    "metadata": WHOLE["metadata"],
}
#: The same, as an Architect assistant of one prompt.
WHOLE_ARCHITECT: dict[str, Any] = {
    "name": "Support 🙂 مساعد é",
    "description": "First line.",
    "model": "gpt-4o",
    "instructions": WHOLE["instructions"],
    "content": "Answer this:\n\n{{question}}",
    "input_fields": [
        {"name": "question", "label": "Question", "field_type": "long_text", "position": 0}
    ],
    "timeout_seconds": 60,
    "metadata": WHOLE["metadata"],
}
_WHOLE = {
    Kind.ASSISTANT: WHOLE,
    Kind.AGENT: WHOLE_AGENT,
    Kind.RESPONSE: WHOLE_RESPONSE,
    Kind.ARCHITECT: WHOLE_ARCHITECT,
}


async def everything(place: Platform, *, newest_first: bool = False) -> AsyncIterator[Assistant]:
    """Yield every assistant of a place, page by page."""
    after: str | None = None
    while True:
        page = await place.list_page(after=after, newest_first=newest_first)
        for assistant in page.assistants:
            yield assistant
        if (after := page.after) is None:
            return


async def ids(place: Platform, *, newest_first: bool = False) -> list[str]:
    """Return the ids in the order of the listing."""
    return [a.id async for a in everything(place, newest_first=newest_first)]


class PlatformContract:
    """Inherit, and provide a fixture `place`: an empty place that holds this kind."""

    many = 103  # more than a page
    kind = Kind.ASSISTANT

    @property
    def whole(self) -> dict[str, Any]:
        """A definition that says everything, in the place's own form."""
        return _WHOLE[self.kind]

    async def test_an_empty_place_lists_nothing(self, place: Platform) -> None:
        assert await ids(place) == []

    async def test_what_was_created_is_returned_listed_and_retrieved(self, place: Platform) -> None:
        made = await place.create(self.whole)
        listed = [a async for a in everything(place)]
        assert [a.id for a in listed] == [made.id]
        for seen in (made, listed[0], await place.retrieve(made.id)):
            unlike = [f for f, v in self.whole.items() if not same(f, v, seen.raw.get(f))]
            assert unlike == [], [(f, seen.raw.get(f)) for f in unlike]

    async def test_creating_does_not_modify_what_it_was_given(self, place: Platform) -> None:
        payload = copy.deepcopy(self.whole)
        await place.create(payload)
        assert payload == self.whole

    async def test_every_assistant_is_listed_exactly_once_over_pages(self, place: Platform) -> None:
        made = [
            (await place.create({"model": "gpt-4o", "name": "Twin"})).id for _ in range(self.many)
        ]
        assert sorted(await ids(place)) == sorted(made)

    async def test_the_newest_come_first_when_asked(self, place: Platform) -> None:
        for number in range(3):
            await place.create({"model": "gpt-4o", "name": f"Number {number}"})
        assert await ids(place, newest_first=True) == (await ids(place))[::-1]

    async def test_a_listing_goes_on_after_an_id(self, place: Platform) -> None:
        for number in range(4):
            await place.create({"model": "gpt-4o", "name": f"Number {number}"})
        order = await ids(place)
        page = await place.list_page(after=order[1])
        assert [a.id for a in page.assistants] == order[2:]

    async def test_an_update_changes_the_given_fields_alone(self, place: Platform) -> None:
        made = await place.create(self.whole)
        after = await place.update(made.id, {"instructions": "Other.", "metadata": {"only": "one"}})
        assert after.id == made.id
        expected = {**self.whole, "instructions": "Other.", "metadata": {"only": "one"}}
        for seen in (after, await place.retrieve(made.id)):
            assert [f for f, v in expected.items() if not same(f, v, seen.raw.get(f))] == []

    async def test_an_update_may_be_repeated(self, place: Platform) -> None:
        made = await place.create(self.whole)
        reset = next(f for f in ("temperature", "reasoning", "timeout_seconds") if f in self.whole)
        fields = {"instructions": "Other.", reset: None}
        if "tools" in self.whole:
            fields["tools"] = self.whole["tools"][1:3]
        one = await place.update(made.id, fields)
        two = await place.update(made.id, fields)
        for seen in (one, two):
            assert [f for f, v in fields.items() if not same(f, v, seen.raw.get(f))] == []

    async def test_functions_that_are_gone_after_an_update_stay_gone(self, place: Platform) -> None:
        made = await place.create(self.whole)
        left = self.whole.get("tools", [])[3:]
        await place.update(made.id, {"tools": left})
        names = [f["name"] for f in (await place.retrieve(made.id)).functions()]
        assert names == ["now"][: len(left)]  # a kind without tools has none before and after

    async def test_an_unknown_id_is_missing(self, place: Platform) -> None:
        with pytest.raises(MissingError):
            await place.retrieve("asst_that_never_was")
        with pytest.raises(MissingError):
            await place.update("asst_that_never_was", {"name": "x"})

    async def test_deleting_may_be_repeated(self, place: Platform) -> None:
        keep, drop = await place.create(self.whole), await place.create(self.whole)
        await place.delete(drop.id)
        await place.delete(drop.id)
        assert await ids(place) == [keep.id]

    async def test_rendering_is_pure_and_its_payload_can_be_created(self, place: Platform) -> None:
        raw = {**self.whole, "id": "asst_source", "object": self.kind.value, "created_at": 1}
        source = Assistant("asst_source", copy.deepcopy(raw))
        marker = Marker({CLONED_FROM: "asst_source"})
        one, two = place.render(source, marker), place.render(source, marker)
        assert one == two
        assert source.raw == raw
        made = await place.create(one.payload)
        assert made.cloned_from == "asst_source"
        assert made.metadata == {**self.whole["metadata"], CLONED_FROM: "asst_source"}

    async def test_the_ledger_accounts_for_every_field(self, place: Platform) -> None:
        raw = {**self.whole, "id": "a", "object": self.kind.value, "created_at": 1, "future": [1]}
        raw["tool_resources"] = {"file_search": {"vector_store_ids": ["vs_1"]}}
        rendered = place.render(Assistant("a", raw), Marker())
        fates = {entry.field: entry for entry in rendered.ledger}
        assert fates.keys() == raw.keys() - READ_ONLY
        assert fates["tool_resources"].fidelity is Fidelity.DROPPED
        assert fates["tool_resources"].reason
        assert "tool_resources" not in rendered.payload
        assert rendered.payload["future"] == [1]

    @pytest.mark.parametrize("origin", list(Kind))
    async def test_every_kind_can_be_written_and_changes_nothing_the_second_time(
        self, place: Platform, origin: Kind
    ) -> None:
        raw = {**copy.deepcopy(_WHOLE[origin]), "id": "one", "object": origin.value}
        rendered = place.render(Assistant("one", raw), Marker({CLONED_FROM: "one"}))
        assert not rendered.findings
        payload = {k: v for k, v in rendered.payload.items() if k != "object"}
        # A search needs a store; which one, nobody knows here.
        if "tools" in payload:
            payload["tools"] = [t for t in payload["tools"] if t["type"] != "file_search"]
        made = await place.create(payload)
        for seen in (made, await place.retrieve(made.id)):
            said = [f for f in rendered.fields if f != "tool_resources"]
            unlike = [f for f in said if not same(f, payload.get(f), seen.raw.get(f))]
            assert unlike == [], [(f, seen.raw.get(f)) for f in unlike]

    async def test_closing_may_be_repeated(self, place: Platform) -> None:
        await place.flush()
        await place.flush()
        await place.aclose()
        await place.aclose()
