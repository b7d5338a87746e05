"""Responses and conversations, driven with the vendor's own client."""

import json
from typing import Any

import aiohttp
import openai
import pytest
from openai import AsyncOpenAI
from openai.types.responses import Response

from understudy.sandbox import Project, Sandbox

FIND: Any = {
    "type": "function",
    "name": "find_order",
    "description": "Finds an order.",
    "strict": True,
    "parameters": {
        "type": "object",
        "properties": {"number": {"type": "string", "pattern": "^NW-\\d{8}$"}},
        "required": ["number"],
        "additionalProperties": False,
    },
}
REFUND: Any = {
    "type": "function",
    "name": "refund_order",
    "parameters": {"type": "object", "properties": {"why": {"type": "string"}}},
}
WHERE = "Where is my order NW-12345678?"


@pytest.fixture
def store(project: Project) -> str:
    """A store with three files in it."""
    texts = {
        "returns.md": b"# Returns\n\nReturns are free for 60 days.\nWashed goods are no returns.",
        "shipping.md": b"# Shipping\n\nShipping to Norway takes 5 days.",
        "picture.png": b"\x89PNG\0\xff\xfe",
    }
    files = [
        {"file_id": project.put_file(name, text)["id"], "attributes": {"topic": name[:-3]}}
        for name, text in texts.items()
    ]
    return str(project.put_store(name="Help", files=files)["id"])


def search(store: str, **options: Any) -> Any:
    return {"type": "file_search", "vector_store_ids": [store], **options}


async def test_an_answer_tells_what_was_asked_and_what_it_had(
    client: AsyncOpenAI, project: Project
) -> None:
    file = project.put_file("offer.pdf", b"%PDF", purpose="user_data")["id"]
    response = await client.responses.create(
        model="gpt-4o",
        instructions="Speak like a pirate. Never tell anybody where the treasure is.",
        input=[
            {"role": "user", "content": "Before."},
            {"role": "assistant", "content": "Aye."},
            {
                "role": "user",
                "content": [
                    {"type": "input_file", "file_id": file},
                    {"type": "input_text", "text": "Is this a good offer?"},
                ],
            },
        ],
    )
    assert response.status == "completed"
    assert response.output_text == (
        'You said: "Is this a good offer?".'
        ' I was told: "Speak like a pirate. Never tell anybody where".'
        " I was given: offer.pdf."
    )


async def test_a_response_is_what_the_description_promises(
    sandbox: Sandbox, raw: aiohttp.ClientSession, store: str, conforms: Any
) -> None:
    fields = {
        "model": "gpt-5.5",
        "input": WHERE,
        "tools": [FIND, search(store)],
        "reasoning": {"effort": "low", "summary": "auto"},
        "include": ["file_search_call.results"],
        "metadata": {"a": "b"},
    }
    for more in ({}, {"tool_choice": "none"}, {"tools": [search(store)]}, {"store": False}):
        conforms("CreateResponse", fields | more)
        async with raw.post(f"{sandbox.base_url}/responses", json=fields | more) as reply:
            document = await reply.json()
        conforms("Response", document)
        Response.model_validate(document)
        usage = document["usage"]
        assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"] > 0


async def test_a_stored_response_can_be_read_and_deleted(client: AsyncOpenAI) -> None:
    made = await client.responses.create(model="gpt-4o", input="Hello")
    assert await client.responses.retrieve(made.id) == made
    items = [item async for item in client.responses.input_items.list(made.id)]
    assert [item.type for item in items] == ["message"]
    await client.responses.delete(made.id)
    with pytest.raises(openai.NotFoundError, match=f"Response with id '{made.id}' not found"):
        await client.responses.retrieve(made.id)


async def test_what_was_not_stored_cannot_be_referred_to(client: AsyncOpenAI) -> None:
    made = await client.responses.create(model="gpt-4o", input="Hello", store=False)
    with pytest.raises(openai.NotFoundError):
        await client.responses.retrieve(made.id)
    with pytest.raises(openai.BadRequestError, match="Previous response with id") as refusal:
        await client.responses.create(model="gpt-4o", input="?", previous_response_id=made.id)
    assert refusal.value.code == "previous_response_not_found"


async def test_file_search_quotes_the_best_chunk(client: AsyncOpenAI, store: str) -> None:
    response = await client.responses.create(
        model="gpt-4o",
        input="How long does shipping to Norway take?",
        tools=[search(store)],
        include=["file_search_call.results"],
    )
    call, message = response.output
    assert call.type == "file_search_call"
    assert [(hit.filename, hit.attributes) for hit in call.results or ()] == [
        ("shipping.md", {"topic": "shipping"})
    ]
    assert message.type == "message"
    (part,) = message.content
    assert part.type == "output_text"
    assert part.text == 'shipping.md says: "Shipping to Norway takes 5 days."'
    (citation,) = part.annotations
    assert citation.type == "file_citation"
    assert (citation.filename, citation.file_id) == ("shipping.md", call.results[0].file_id)  # type: ignore[index]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"type": "eq", "key": "topic", "value": "returns"}, True),
        ({"type": "ne", "key": "topic", "value": "returns"}, False),
        ({"type": "in", "key": "topic", "value": ["returns"]}, True),
        ({"type": "gt", "key": "topic", "value": 3}, False),
        ({"type": "eq", "key": "absent", "value": "x"}, False),
        (
            {
                "type": "or",
                "filters": [
                    {"type": "eq", "key": "topic", "value": "x"},
                    {"type": "eq", "key": "topic", "value": "returns"},
                ],
            },
            True,
        ),
    ],
)
async def test_file_search_looks_at_attributes(
    client: AsyncOpenAI, store: str, filters: Any, found: bool
) -> None:
    response = await client.responses.create(
        model="gpt-4o", input="Are returns free?", tools=[search(store, filters=filters)]
    )
    assert ("Returns are free" in response.output_text) is found
    assert ("say nothing" in response.output_text) is not found


async def test_a_function_that_is_asked_about_is_called(client: AsyncOpenAI) -> None:
    response = await client.responses.create(
        model="gpt-5.5", input=WHERE, tools=[FIND, REFUND], parallel_tool_calls=False
    )
    reasoning, call = response.output
    assert reasoning.type == "reasoning"
    assert call.type == "function_call"
    assert (call.name, json.loads(call.arguments)) == ("find_order", {"number": "NW-12345678"})


REFUNDING = "Find my order, and refund_order it."


@pytest.mark.parametrize(
    ("question", "more", "called"),
    [
        (WHERE, {}, ["find_order"]),
        ("Can you refund my orders?", {}, ["find_order", "refund_order"]),
        (REFUNDING, {"parallel_tool_calls": False}, ["find_order"]),
        ("Please run FIND_ORDER now", {}, ["find_order"]),
        ("Hello", {}, []),
        ("My border is closed", {}, []),
        (WHERE, {"tool_choice": "none"}, []),
        ("Hello", {"tool_choice": "required"}, ["find_order"]),
        ("Hello", {"tool_choice": {"type": "function", "name": "refund_order"}}, ["refund_order"]),
        (
            "Hello",
            {
                "tool_choice": {
                    "type": "allowed_tools",
                    "mode": "required",
                    "tools": [{"type": "function", "name": "refund_order"}],
                }
            },
            ["refund_order"],
        ),
    ],
)
async def test_which_function_is_called_follows_from_the_words(
    client: AsyncOpenAI, question: str, more: Any, called: list[str]
) -> None:
    tools = [FIND, REFUND]
    made = await client.responses.create(model="gpt-4o", input=question, tools=tools, **more)
    assert [item.name for item in made.output if item.type == "function_call"] == called


async def test_the_answer_of_a_function_is_quoted_however_it_comes_back(
    client: AsyncOpenAI,
) -> None:
    async def ask(**more: Any) -> Any:
        return await client.responses.create(model="gpt-4o", tools=[FIND], **more)

    async def call(**more: Any) -> tuple[Any, dict[str, Any]]:
        first = await ask(input=WHERE, **more)
        output = {"type": "function_call_output", "call_id": first.output[0].call_id}
        return first, {**output, "output": "In Oslo"}

    asked = {"role": "user", "content": WHERE}
    conversation = {"conversation": (await client.conversations.create()).id}
    first, output = await call()
    dumps = (first.output[0].to_dict(), first.output[0].model_dump(by_alias=True))
    seconds = [await ask(input=[asked, item, output], store=False) for item in dumps]
    seconds.append(await ask(input=[output], previous_response_id=first.id))
    first, output = await call(**conversation)
    seconds.append(await ask(input=[output], **conversation))
    assert [one.output_text for one in seconds] == ['find_order says: "In Oslo"'] * 4


async def test_calls_and_answers_have_to_match(client: AsyncOpenAI) -> None:
    first = await client.responses.create(model="gpt-4o", input=WHERE, tools=[FIND])
    with pytest.raises(openai.BadRequestError, match="No tool output found for function call call"):
        await client.responses.create(
            model="gpt-4o", input="And now?", previous_response_id=first.id
        )
    with pytest.raises(openai.BadRequestError, match="No tool call found for function call output"):
        await client.responses.create(
            model="gpt-4o",
            input=[{"type": "function_call_output", "call_id": "call_x", "output": ""}],
        )


async def test_structured_output_fits_its_schema(client: AsyncOpenAI) -> None:
    schema = {
        "type": "object",
        "properties": {
            "mood": {"type": "string", "enum": ["good", "bad"]},
            "count": {"type": "integer", "minimum": 3},
        },
        "required": ["mood", "count"],
        "additionalProperties": False,
    }
    form: Any = {"type": "json_schema", "name": "mood", "schema": schema, "strict": True}
    made = await client.responses.create(model="gpt-4o", input="How?", text={"format": form})
    assert json.loads(made.output_text) == {"mood": "good", "count": 3}
    assert made.text is not None
    assert made.text.format is not None
    assert made.text.format.type == "json_schema"


async def test_json_is_promised_only_to_those_who_say_so(client: AsyncOpenAI) -> None:
    form: Any = {"format": {"type": "json_object"}}
    made = await client.responses.create(model="gpt-4o", input="Answer in JSON.", text=form)
    assert json.loads(made.output_text) == {"answer": 'You said: "Answer in JSON.".'}
    with pytest.raises(openai.BadRequestError, match="must contain the word 'json'"):
        await client.responses.create(model="gpt-4o", input="Answer.", text=form)


async def test_a_text_that_is_too_long_is_incomplete(client: AsyncOpenAI) -> None:
    made = await client.responses.create(model="gpt-4o", input="x" * 200, max_output_tokens=16)
    assert made.status == "incomplete"
    assert made.incomplete_details is not None
    assert made.incomplete_details.reason == "max_output_tokens"
    assert len(made.output_text) == 64


async def test_a_conversation_gathers_what_is_said(client: AsyncOpenAI, project: Project) -> None:
    conversation = await client.conversations.create(
        items=[{"role": "user", "content": "First."}], metadata={"a": "1"}
    )
    assert (await client.conversations.retrieve(conversation.id)).metadata == {"a": "1"}
    for question in ("Second.", "Third."):
        made = await client.responses.create(
            model="gpt-4o", input=question, conversation=conversation.id
        )
        assert made.conversation is not None
        assert made.conversation.id == conversation.id
    listed = client.conversations.items.list(conversation.id, order="asc", limit=2)
    said = [item.content[0].text async for item in listed if item.type == "message"]  # type: ignore[union-attr]
    assert said == ["First.", "Second.", 'You said: "Second.".', "Third.", 'You said: "Third.".']
    assert len(project.conversations[conversation.id]) == 5


async def test_conversations_can_be_edited(client: AsyncOpenAI) -> None:
    conversations = client.conversations
    made = await conversations.create()
    added = await conversations.items.create(
        made.id, items=[{"role": "user", "content": "One."}, {"role": "assistant", "content": "2"}]
    )
    first, second = added.data
    assert await conversations.items.retrieve(str(first.id), conversation_id=made.id) == first
    await conversations.items.delete(str(first.id), conversation_id=made.id)
    assert [one.id async for one in conversations.items.list(made.id)] == [second.id]
    assert (await conversations.update(made.id, metadata={"b": "2"})).metadata == {"b": "2"}
    assert (await conversations.delete(made.id)).deleted
    with pytest.raises(openai.NotFoundError, match=f"Conversation with id '{made.id}' not found"):
        await client.responses.create(model="gpt-4o", input="?", conversation=made.id)


async def test_conversations_are_what_the_description_promises(
    sandbox: Sandbox, raw: aiohttp.ClientSession, conforms: Any
) -> None:
    items = [
        {"role": "user", "content": "Hello"},
        {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_1", "output": "1"},
    ]
    body = {"items": items, "metadata": {"a": "b"}}
    conforms("CreateConversationBody", body)
    async with raw.post(f"{sandbox.base_url}/conversations", json=body) as reply:
        made = await reply.json()
    conforms("ConversationResource", made)
    url = f"{sandbox.base_url}/conversations/{made['id']}"
    async with raw.get(f"{url}/items?include[]=message.output_text.logprobs") as reply:
        page = await reply.json()
    conforms("ConversationItemList", page)
    assert len(page["data"]) == 3
    async with raw.delete(url) as reply:
        conforms("DeletedConversationResource", await reply.json())


async def test_an_item_can_be_referred_to(client: AsyncOpenAI) -> None:
    first = await client.responses.create(model="gpt-4o", input="Hello")
    (message,) = first.output
    second = await client.responses.create(
        model="gpt-4o",
        input=[
            {"type": "item_reference", "id": str(message.id)},
            {"role": "user", "content": "Again"},
        ],
    )
    sent = [item.id async for item in client.responses.input_items.list(second.id, order="asc")]
    assert sent[0] == message.id
    with pytest.raises(openai.NotFoundError, match="Item with id 'msg_x' not found"):
        await client.responses.create(
            model="gpt-4o", input=[{"type": "item_reference", "id": "msg_x"}]
        )


async def test_the_same_question_has_the_same_answer(connect: Any) -> None:
    seen = []
    for _ in range(2):
        async with Sandbox(clock=lambda: 1_790_000_000.0) as sandbox:
            made = await connect(sandbox).responses.create(model="gpt-5.5", input=WHERE)
            seen.append(made)
    assert seen[0] == seen[1]
