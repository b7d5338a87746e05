"""Responses as streams, and responses from a script."""

import asyncio
import json
from typing import Any

import aiohttp
import openai
import pytest
from openai import AsyncOpenAI
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from understudy.sandbox import Calling, Fault, Project, Sandbox, Turn

EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
TOOL: Any = {
    "type": "function",
    "name": "find_order",
    "parameters": {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]},
}
ASK: Any = {"model": "gpt-4o", "input": "Hello there"}


async def events(sandbox: Sandbox, raw: aiohttp.ClientSession, **fields: Any) -> list[Any]:
    """Return the events of a stream as they went over the wire."""
    body = {**ASK, **fields, "stream": True}
    async with raw.post(f"{sandbox.base_url}/responses", json=body) as reply:
        assert reply.content_type == "text/event-stream"
        text = await reply.text()
    found = []
    for block in text.strip().split("\n\n"):
        name, data = block.split("\n")
        found.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {found[-1]['type']}"
    return found


async def until_the_end(stream: Any) -> tuple[list[Any], bool]:
    """Return the events of a stream, and whether it broke off."""
    seen: list[Any] = []
    try:
        async for event in stream:
            seen.append(event)  # noqa: PERF401 - what came before it broke counts
    except openai.APIConnectionError:
        return seen, True
    return seen, False


SCRIPTS: dict[str, Turn | None] = {
    "echo": None,
    "text": Turn("Good morning to you."),
    "calls": Turn("Looking.", calls=[Calling("find_order", {"n": 1}), Calling("other")]),
    "refusal": Turn(refusal="I cannot do that."),
    "incomplete": Turn("Half of", incomplete="content_filter"),
    "failed": Turn("One two three four five six", error="server_error"),
    "error": Turn("One two three four five six", error="server_error", ending="error"),
}


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("model", ["gpt-4o", "gpt-5.5"])
async def test_every_event_is_what_the_description_promises(
    sandbox: Sandbox,
    raw: aiohttp.ClientSession,
    project: Project,
    conforms: Any,
    script: str,
    model: str,
) -> None:
    file = project.put_file("hello.md", b"Hello there, traveller.")["id"]
    store = project.put_store(files=[file])["id"]
    turn = SCRIPTS[script]
    if turn is not None:
        sandbox.script.append(turn)
    fields: dict[str, Any] = {
        "model": model,
        "tools": [{"type": "file_search", "vector_store_ids": [store]}],
    }
    if model == "gpt-5.5":
        fields["reasoning"] = {"summary": "auto"}
    seen = await events(sandbox, raw, **fields)
    for event in seen:
        EVENT.validate_python(event)
        conforms("ResponseStreamEvent", event)
    assert [event["sequence_number"] for event in seen] == list(range(len(seen)))
    assert [event["type"] for event in seen[:2]] == ["response.created", "response.in_progress"]
    assert seen[0]["response"]["output"] == []


async def test_the_events_of_a_text_come_in_order(
    sandbox: Sandbox, raw: aiohttp.ClientSession
) -> None:
    sandbox.script.append("Good morning")
    kinds = [event["type"] for event in await events(sandbox, raw)]
    assert kinds == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]


async def test_the_deltas_are_the_text_and_the_last_event_is_the_response(
    sandbox: Sandbox, raw: aiohttp.ClientSession, client: AsyncOpenAI
) -> None:
    sandbox.script.append(Turn("A text\n\n  with 🚀 spaces. ", calls=[Calling("f", {"ä": [1, 2]})]))
    seen = await events(sandbox, raw)
    deltas: dict[str, str] = {}
    for event in seen:
        if event["type"].endswith(".delta"):
            deltas[event["type"]] = deltas.get(event["type"], "") + event["delta"]
    assert deltas == {
        "response.output_text.delta": "A text\n\n  with 🚀 spaces. ",
        "response.function_call_arguments.delta": '{"ä": [1, 2]}',
    }
    last = seen[-1]["response"]
    assert (await client.responses.retrieve(last["id"])).to_dict() == last


async def test_the_vendors_client_reads_streams(client: AsyncOpenAI) -> None:
    stream: Any = await client.responses.create(**ASK, stream=True)
    kinds = [event.type async for event in stream]
    assert (kinds[0], kinds[-1]) == ("response.created", "response.completed")
    async with client.responses.stream(
        model="gpt-5.5", input="Where is order 7?", tools=[TOOL]
    ) as helper:
        async for _ in helper:
            pass
        final = await helper.get_final_response()
    call = final.output[-1]
    assert call.type == "function_call"
    assert json.loads(call.arguments) == {"n": 7}


async def test_turns_are_taken_in_order_and_then_it_improvises(
    sandbox: Sandbox, client: AsyncOpenAI
) -> None:
    sandbox.script.extend(["One", Turn("Two")])
    said = [(await client.responses.create(**ASK)).output_text for _ in range(3)]
    assert said == ["One", "Two", 'You said: "Hello there".']
    assert sandbox.script == []


async def test_a_script_can_be_given_at_the_start_and_replaced(connect: Any) -> None:
    script = ["One", "Two"]
    async with Sandbox(script=script) as sandbox:
        client = connect(sandbox)
        assert (await client.responses.create(**ASK)).output_text == "One"
        sandbox.script = ["Three"]
        assert (await client.responses.create(**ASK)).output_text == "Three"
    assert script == ["One", "Two"]


async def test_a_turn_can_wait_for_its_question(sandbox: Sandbox, client: AsyncOpenAI) -> None:
    sandbox.script.extend([Turn("Sunny", when="weather"), "Anything"])
    assert (await client.responses.create(**ASK)).output_text == "Anything"
    made = await client.responses.create(model="gpt-4o", input="How is the Weather?")
    assert made.output_text == "Sunny"


async def test_several_calls_come_at_once_and_their_arguments_may_be_broken(
    client: AsyncOpenAI, sandbox: Sandbox
) -> None:
    calls = [Calling("f", {"a": 1}, call_id="call_1"), Calling("g", "{not json")]
    sandbox.script.append(Turn(calls=calls))
    made = await client.responses.create(**ASK)
    seen = [item for item in made.output if item.type == "function_call"]
    assert [(one.name, one.arguments) for one in seen] == [("f", '{"a": 1}'), ("g", "{not json")]
    assert seen[0].call_id == "call_1"


async def test_a_refusal_and_an_early_end_are_said(client: AsyncOpenAI, sandbox: Sandbox) -> None:
    sandbox.script.extend([Turn(refusal="No."), Turn("Half", incomplete="content_filter")])
    refused = await client.responses.create(**ASK)
    (message,) = refused.output
    assert message.type == "message"
    assert message.content[0].to_dict() == {"type": "refusal", "refusal": "No."}
    cut = await client.responses.create(**ASK)
    assert (cut.status, cut.output_text) == ("incomplete", "Half")


async def test_a_stream_can_fail_half_way(sandbox: Sandbox, client: AsyncOpenAI) -> None:
    text = "One two three four five six"
    endings: Any = ("failed", "error", "drop")
    for ending in endings:
        sandbox.script.append(Turn(text, error="server_error", ending=ending))
        stream: Any = await client.responses.create(**ASK, stream=True)
        seen, broken = await until_the_end(stream)
        assert broken is (ending == "drop")
        said = "".join(event.delta for event in seen if event.type.endswith(".delta"))
        assert text.startswith(said)
        assert 0 < len(said) < len(text)
        last = {"failed": "response.failed", "error": "error"}.get(ending)
        assert last is None or seen[-1].type == last


async def test_without_a_stream_a_failure_is_a_status(
    sandbox: Sandbox, client: AsyncOpenAI, project: Project
) -> None:
    sandbox.script.extend(
        [
            Turn(error="server_error"),
            Turn(error="rate_limit_exceeded"),
            Turn("Gone", ending="drop"),
        ]
    )
    for error in (openai.InternalServerError, openai.RateLimitError, openai.APIConnectionError):
        with pytest.raises(error):
            await client.responses.create(**ASK)
    assert not project.responses


async def test_a_failed_turn_leaves_the_conversation_as_it_was(
    sandbox: Sandbox, client: AsyncOpenAI, project: Project
) -> None:
    conversation = (await client.conversations.create()).id
    sandbox.script.append(Turn(error="server_error"))
    with pytest.raises(openai.InternalServerError):
        await client.responses.create(**ASK, conversation=conversation)
    assert project.conversations[conversation] == []


async def test_a_fault_cuts_a_stream_through(sandbox: Sandbox, client: AsyncOpenAI) -> None:
    sandbox.faults = (Fault("truncated", "responses.create"),)
    stream: Any = await client.responses.create(**ASK, stream=True)
    seen, broken = await until_the_end(stream)
    assert broken
    assert seen
    assert "response.completed" not in {event.type for event in seen}


async def test_a_lost_answer_was_given(
    sandbox: Sandbox, client: AsyncOpenAI, project: Project
) -> None:
    sandbox.faults = (Fault("drop-after", "responses"),)
    with pytest.raises(openai.APIConnectionError):
        await client.responses.create(**ASK, stream=True)
    assert len(project.responses) == 1


async def test_a_stream_takes_its_time(connect: Any) -> None:
    loop = asyncio.get_running_loop()
    async with Sandbox(pace=0.01) as sandbox:
        begun = loop.time()
        stream: Any = await connect(sandbox).responses.create(**ASK, stream=True)
        times = [loop.time() - begun async for _ in stream]
    assert times[-1] - times[0] > 0.01 * (len(times) - 1) * 0.9


async def test_a_reader_may_leave_and_the_sandbox_may_close(connect: Any) -> None:
    async with Sandbox(pace=0.05) as sandbox:
        sandbox.script.append("word " * 500)
        client = connect(sandbox)
        stream: Any = await client.responses.create(**ASK, stream=True)
        await anext(aiter(stream))
        await stream.close()
        sandbox.script.append("word " * 500)
        await client.responses.create(**ASK, stream=True)
