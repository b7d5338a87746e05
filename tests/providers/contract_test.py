"""What every provider keeps to, whoever stands behind it; over real sockets where it has some."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import replace

import pytest

from providers.dialects import DIALECTS, Function, Refused, Said
from providers.lookalike import Asked, running
from providers.wired import environment
from understudy.providers.base import Delta, Message, Provider, Request, Usage, answer
from understudy.providers.catalog import provider_for
from understudy.providers.echo import Scripted
from understudy.providers.errors import ProviderLostError, ProviderRejectedError
from understudy.sandbox import Sandbox

SCHEMA = {
    "type": "object",
    "properties": {"approve": {"type": "boolean"}, "reason": {"type": "string"}},
    "required": ["approve", "reason"],
    "additionalProperties": False,
}
SAID = '{"approve": true, "reason": "seen"}'


def _answering(asked: Asked) -> Said | Refused:
    """Answer in words, or in JSON where that is asked for; there is no model `none`."""
    if asked.body.get("model") == "none" or "/none" in asked.path:
        return Refused(404)
    if "additionalProperties" not in json.dumps(asked.body):
        return Said(("Good ", "morning ", "to you."))
    as_function = "toolConfig" in asked.body or "tools" in asked.body
    return Said((Function(SAID),) if as_function else (SAID[:5], SAID[5:]))


class Subject:
    """A provider, the model that it has, and how often it was asked over the wire."""

    def __init__(self, model: str, provider: Provider) -> None:
        self.provider = provider
        self.request = Request(
            model=model,
            messages=(Message("user", "Good morning to you."),),
            instructions=f"Be kind. {SAID}",
        )


KEY = "sk-asking-0123456789abcdef"  # the sandbox takes no others
OWN = ("demo/echo", "scripted", "openai/gpt-4o")  # the last one at the sandbox
WIRED = {**DIALECTS, "anthropic/claude-3-haiku": DIALECTS["anthropic/claude-opus-5"]}
# The newest one has no temperature, of which the library warns.
OTHERS = [name for name in WIRED if name not in (*OWN, "anthropic/claude-opus-5")]


@pytest.fixture(params=[*OWN, *OTHERS])
async def subject(request: pytest.FixtureRequest) -> AsyncIterator[Subject]:
    async with Sandbox() as sandbox, running(WIRED.get(request.param, WIRED["own/llama-4"])) as it:
        it.script = [_answering]
        found = environment(it.url, request.param)
        found |= {"OPENAI_BASE_URL": sandbox.base_url, "OPENAI_API_KEY": KEY}
        scripted = request.param == "scripted"
        provider = Scripted(SAID, SAID, SAID) if scripted else provider_for(request.param, found)
        yield Subject(request.param, provider)
        await provider.aclose()


async def test_the_pieces_are_the_answer_and_the_last_one_has_the_usage(subject: Subject) -> None:
    heard = [delta async for delta in subject.provider.stream(subject.request)]
    assert all(delta.usage is None for delta in heard[:-1])
    assert len(heard) > 2
    last = heard[-1].usage
    assert last is not None
    assert last.input_tokens > 0
    assert last.output_tokens > 0
    text = "".join(delta.text for delta in heard)
    assert text
    again = await answer(subject.provider, subject.request)
    assert (again.text, again.usage.input_tokens) == (text, last.input_tokens)


async def test_where_a_schema_is_given_the_answer_is_json_of_its_form(subject: Subject) -> None:
    given = await answer(subject.provider, replace(subject.request, schema=SCHEMA))
    found = json.loads(given.text)
    assert sorted(found) == ["approve", "reason"]
    assert isinstance(found["approve"], bool)
    assert given.usage.output_tokens > 0


async def test_a_conversation_and_limits_are_taken(subject: Subject) -> None:
    told = (Message("user", "One."), Message("assistant", "Two."), *subject.request.messages)
    request = replace(subject.request, messages=told, max_tokens=500, temperature=0.5)
    assert (await answer(subject.provider, request)).text


async def test_a_stream_that_is_left_early_disturbs_no_other(subject: Subject) -> None:
    async with aclosing(subject.provider.stream(subject.request)) as stream:
        assert (await anext(stream)).text
    first, second = await asyncio.gather(
        answer(subject.provider, subject.request), answer(subject.provider, subject.request)
    )
    assert first.text == second.text


async def test_closing_may_be_repeated(subject: Subject) -> None:
    await answer(subject.provider, subject.request)
    await subject.provider.aclose()
    await subject.provider.aclose()


async def test_an_answer_beyond_the_bound_is_refused(subject: Subject) -> None:
    with pytest.raises(ProviderRejectedError, match="longer than 3 bytes"):
        await answer(subject.provider, subject.request, most_bytes=3)


async def test_a_model_that_is_not_there_is_a_refusal_and_no_reason_to_ask_again(
    subject: Subject,
) -> None:
    if isinstance(subject.provider, Scripted):
        pytest.skip("a script answers for any model")  # there is no model that it lacks
    name = subject.request.model.partition("/")[0] + "/none"
    with pytest.raises(ProviderRejectedError, match=name) as caught:
        await answer(subject.provider, replace(subject.request, model=name))
    assert not caught.value.retryable


async def test_a_stream_without_usage_is_not_whole() -> None:
    class Broken(Scripted):
        async def stream(self, request: Request) -> AsyncGenerator[Delta, None]:
            yield Delta("Half of")

    with pytest.raises(ProviderLostError):
        await answer(Broken(), Request(model="any/one", messages=()))


async def test_a_script_gives_its_entries_in_turn_and_says_when_it_ends() -> None:
    script = Scripted("One two.", ProviderRejectedError("No."))
    request = Request(model="any/one", messages=(Message("user", "a b c"),))
    given = await answer(script, request)
    assert (given.text, given.usage) == ("One two.", Usage(3, 2))
    with pytest.raises(ProviderRejectedError):
        await answer(script, request)
    with pytest.raises(ProviderLostError):
        await answer(script, request)
    assert script.requests == [request] * 3
