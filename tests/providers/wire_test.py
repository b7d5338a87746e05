"""What holds for every vendor's answers on the wire, over real sockets: one table for all."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import aclosing

import pytest

from providers.dialects import DIALECTS, Call, Function, Said
from providers.lookalike import running
from providers.wired import Wire, environment, key_of
from understudy.providers.base import Answer, Message, Request, Usage, answer
from understudy.providers.catalog import lacking, provider_for
from understudy.providers.errors import ProviderError, ProviderLostError, ProviderRejectedError

pytestmark = pytest.mark.timeout(20)
SCHEMA = {
    "type": "object",
    "properties": {"approve": {"type": "boolean"}},
    "required": ["approve"],
    "additionalProperties": False,
}


async def test_the_first_piece_is_heard_before_the_last_is_said(wire: Wire) -> None:
    held = asyncio.Event()
    wire.server.script = [Said(("One, ", "two, ", "three."), held=held)]
    async with aclosing(wire.provider.stream(wire.request)) as stream:
        first = await anext(stream)
        held.set()
        rest = [delta async for delta in stream]
    assert first.text == "One, "
    assert [delta.text for delta in rest] == ["two, ", "three.", ""]
    assert rest[-1].usage == Usage(9, 5)


async def test_it_is_asked_once_at_the_vendors_path_with_the_key(wire: Wire) -> None:
    assert await wire.heard(Said()) == Answer("Good morning.", Usage(9, 5))
    (asked,) = wire.server.asked
    assert asked.path.endswith(wire.server.dialect.path)
    headers = {name.casefold(): value for name, value in asked.headers.items()}
    if wire.request.model.startswith("bedrock"):
        sent = headers["authorization"]
        assert re.match(r"AWS4-HMAC-SHA256 Credential=AKIA\d+/\d{8}/eu-central-1/bedrock/", sent)
        assert re.search(r"Signature=[0-9a-f]{64}$", sent)
        assert headers["x-amz-date"]
        assert wire.key not in json.dumps(headers)
    else:
        assert (wire.key in json.dumps(headers)) is not wire.keyless
    assert "Be" in json.dumps(asked.body)


async def test_a_bearers_key_for_bedrock_is_taken_and_never_sent_in_the_clear() -> None:
    model = "bedrock/amazon.nova-2-lite-v1:0"
    async with running(DIALECTS[model]) as server:
        found = {**environment(server.url, model), "AWS_BEARER_TOKEN_BEDROCK": key_of(model)}
        provider = provider_for(model, found)
        with pytest.raises(ProviderError, match="HTTPS"):
            await answer(provider, Request(model=model, messages=(Message("user", "Hello"),)))
        assert not server.asked
        await provider.aclose()


async def test_what_a_vendors_tool_does_in_the_middle_is_no_text(wire: Wire) -> None:
    tools = ("web_search", "code_execution", "web_fetch")
    had = [tool for tool in tools if tool not in lacking(wire.request.model, tools, _everything())]
    for tool in had:
        said = Said(("I look", " it up.", Call(tool), "It is ", "fair."))
        given = await wire.heard(said, tools=(tool, tool))
        joined = ["I look it up.\n\nIt is fair.", "I look it up.It is fair."]
        beside = wire.request.model.startswith("google") and tool != "code_execution"
        assert given == Answer(joined[beside], Usage(9, 5))
        assert len(wire.server.asked[-1].body.get("tools", "x")) == 1
    for tool in {*tools, "saw"} - set(had):
        before = len(wire.server.asked)
        with pytest.raises(ProviderRejectedError, match=f"no tool '{tool}'"):
            await wire.heard(Said(), tools=(tool,))
        assert len(wire.server.asked) == before


async def test_an_answer_that_begins_with_a_tool_has_no_empty_line_before_it(wire: Wire) -> None:
    tool = next(
        (t for t in ("code_execution",) if not lacking(wire.request.model, (t,), _everything())), ""
    )
    if tool:
        given = await wire.heard(Said((Call(tool), Call(tool), "Fair.")), tools=(tool,))
        assert given.text == "Fair."


async def test_json_of_a_schema_is_asked_for_and_comes_as_it_is(wire: Wire) -> None:
    called = wire.request.model.startswith("bedrock")
    text = '{"approve": true}'
    said = Said((Function(text),) if called else (text[:5], text[5:]))
    given = await wire.heard(said, schema=SCHEMA)
    assert json.loads(given.text) == {"approve": True}
    assert "approve" in json.dumps(wire.server.asked[-1].body)


async def test_an_empty_answer_is_one(wire: Wire) -> None:
    assert await wire.heard(Said(())) == Answer("", Usage(9, 5))


async def test_any_text_comes_as_it_is(wire: Wire) -> None:
    text = "Null \0, \u2028, \x1f, \U0001f600\r\n and ```` <think> ``"
    assert (await wire.heard(Said((text[:6], text[6:])))).text == text


async def test_a_model_that_pauses_at_its_tools_goes_on_and_both_parts_are_counted() -> None:
    model = "anthropic/claude-opus-5"
    async with running(DIALECTS[model]) as server:
        provider = provider_for(model, environment(server.url, model))
        request = Request(model=model, messages=(Message("user", "When?"),), tools=("web_search",))
        server.script = [
            Said(("I look.", Call("web_search")), ending="paused"),
            Said(("At noon.",)),
        ]
        given = await answer(provider, request)
        assert given == Answer("I look.\n\nAt noon.", Usage(18, 10))
        first, second = (asked.body["messages"] for asked in server.asked)
        assert [one["role"] for one in second] == ["user", "assistant"]
        assert second[0] == first[0]
        server.script = [Said(("Hm. ",), ending="paused")]
        with pytest.raises(ProviderLostError, match="broke off"):
            await answer(provider, request)
        assert len(server.asked) == 12
        await provider.aclose()


def _everything() -> dict[str, str]:
    return environment("http://127.0.0.1:9", "own")
