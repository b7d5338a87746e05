"""What the API refuses about responses and conversations, naming which parameter."""

from typing import Any

import aiohttp
import pytest

from understudy.sandbox import Model, Sandbox

GOOD = {"model": "gpt-4o", "input": "Hello"}
OPEN = {"type": "object", "properties": {"a": {"type": "string"}}}
DEEP = {
    "type": "object",
    "properties": {"a": {"type": "array", "items": OPEN}},
    "required": ["a"],
    "additionalProperties": False,
}


def function(**fields: Any) -> dict[str, Any]:
    tool = {"type": "function", "name": "f", "parameters": {}, "strict": False}
    return {"tools": [{**tool, **fields}]}


def schema(**fields: Any) -> dict[str, Any]:
    return {"text": {"format": {"type": "json_schema", **fields}}}


def said(**fields: Any) -> dict[str, Any]:
    return {"input": [{"role": "user", **fields}]}


BAD: list[tuple[str | None, str, dict[str, Any]]] = [
    ("unknown_parameter", "foo", {"foo": 1}),
    ("unknown_parameter", "messages", {"messages": []}),
    ("unknown_parameter", "response_format", {"response_format": {"type": "text"}}),
    ("unknown_parameter", "text.tone", {"text": {"tone": "kind"}}),
    ("unknown_parameter", "input[0].name", said(content="x", name="Ada")),
    ("unknown_parameter", "input[0].parsed", {"input": [
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "", "parsed": 1}]}),
    ("missing_required_parameter", "tools[0].name",
     {"tools": [{"type": "function", "function": {"name": "f"}}]}),
    ("missing_required_parameter", "tools[0].vector_store_ids",
     {"tools": [{"type": "file_search"}]}),
    ("missing_required_parameter", "input[0].content", said()),
    ("missing_required_parameter", "input[0].content[0].text",
     said(content=[{"type": "input_text"}])),
    ("missing_required_parameter", "input[0].call_id",
     {"input": [{"type": "function_call_output", "output": "x"}]}),
    ("missing_required_parameter", "text.format.name", schema(schema={})),
    ("missing_required_parameter", "text.format.schema", schema(name="n")),
    ("missing_required_parameter", "input", {"input": None}),
    ("missing_required_parameter", "conversation.id", {"conversation": {}}),
    ("invalid_type", "input", {"input": 7}),
    ("invalid_type", "conversation", {"conversation": 7}),
    ("invalid_type", "input[0].content", said(content=7)),
    ("invalid_value", "tool_choice", {"tool_choice": "maybe"}),
    ("invalid_type", "stream", {"stream": "yes"}),
    ("invalid_type", "metadata.n", {"metadata": {"n": 1}}),
    ("invalid_value", "tools[0].type", {"tools": [{"type": "teleport"}]}),
    ("invalid_value", "tools[0].name", function(name="white space")),
    ("invalid_value", "text.format.type", {"text": {"format": {"type": "xml"}}}),
    ("invalid_value", "text.format.name", schema(name="no spaces", schema={})),
    ("invalid_value", "truncation", {"truncation": "some"}),
    ("invalid_value", "input[0].role", said(role="tool", content="x")),
    ("invalid_value", "input[0].content[0].type",
     {"input": [{"role": "assistant", "content": [{"type": "input_text", "text": "x"}]}]}),
    ("invalid_value", "input[0].content[0].type", said(content=[{"type": "text", "text": "x"}])),
    ("invalid_value", "input[0].type", {"input": [{"type": "telepathy"}]}),
    ("invalid_function_parameters", "tools[0].parameters", function(strict=True, parameters=OPEN)),
    ("invalid_function_parameters", "tools[0].parameters", function(strict=True, parameters=DEEP)),
    ("invalid_function_parameters", "tools[0].parameters",
     function(parameters={"type": "objekt"})),
    ("invalid_function_parameters", "tools[0].parameters",
     function(parameters={"properties": {"a": {"anyOf": [{"minimum": "1"}]}}})),
    ("invalid_function_parameters", "tools[0].parameters", function(parameters={"required": "a"})),
    ("missing_required_parameter", "tools[0].filters.filters[0].key",
     {"tools": [{"type": "file_search", "vector_store_ids": [], "filters": {
         "type": "and", "filters": [{"type": "eq", "value": 1}]}}]}),
    ("invalid_json_schema", "text.format.schema", schema(name="n", schema={"enum": []})),
    ("invalid_json_schema", "text.format.schema", schema(name="n", strict=True, schema=OPEN)),
    ("integer_below_min_value", "max_output_tokens", {"max_output_tokens": 15}),
    ("decimal_above_max_value", "temperature", {"temperature": 2.1}),
    ("string_above_max_length", "metadata.k", {"metadata": {"k": "v" * 513}}),
    ("model_not_found", "model", {"model": "gpt-2"}),
    ("unsupported_parameter", "temperature", {"model": "gpt-5.5", "temperature": 1}),
    ("unsupported_parameter", "top_p", {"model": "o3", "top_p": 0.9}),
    ("unsupported_parameter", "reasoning.effort", {"reasoning": {"effort": "low"}}),
    ("mutually_exclusive_parameters", "conversation",
     {"conversation": "conv_x", "previous_response_id": "resp_x"}),
    ("previous_response_not_found", "previous_response_id", {"previous_response_id": "resp_x"}),
    (None, "tool_choice", {"tool_choice": "required"}),
    (None, "tool_choice", {"tool_choice": {"type": "function", "name": "g"}, **function()}),
]  # fmt: skip

MISSING: list[tuple[str, dict[str, Any]]] = [
    ("Conversation with id 'conv_x' not found.", {"conversation": "conv_x"}),
    ("Vector store with id 'vs_x' not found.",
     {"tools": [{"type": "file_search", "vector_store_ids": ["vs_x"]}]}),
    ("No such File object: file-x", said(content=[{"type": "input_file", "file_id": "file-x"}])),
    ("Prompt with id 'pmpt_x' not found.", {"prompt": {"id": "pmpt_x"}}),
]  # fmt: skip

FINE: list[dict[str, Any]] = [
    {"temperature": 0.2, "top_p": 0.5},
    {"model": "gpt-5.1", "temperature": 0.2, "reasoning": {"effort": "none"}},
    {"model": "o3", "temperature": None},
    {"tools": [{"type": "function", "name": "f"}]},
    {"tools": [{"type": "web_search"}, {"type": "code_interpreter", "container": "auto"}]},
    {"tools": [{"type": "mcp", "server_label": "s", "server_url": "https://x.com"}]},
    {"input": [{"role": "developer", "content": "Be kind."}, {"role": "user", "content": "Hi"}]},
    said(content=[{"type": "input_image", "image_url": "https://x.com/a.png"}]),
    said(content=[{"type": "input_file", "filename": "a.pdf", "file_data": "data:,"}]),
    {"input": [{"type": "message", "role": "assistant", "content": [
        {"type": "output_text", "text": "x"}]}]},
    {"store": False, "include": ["reasoning.encrypted_content"]},
]  # fmt: skip


@pytest.mark.parametrize(("code", "param", "wrong"), BAD, ids=lambda part: ascii(part)[:40])
async def test_a_bad_request_is_refused_by_name(
    sandbox: Sandbox,
    raw: aiohttp.ClientSession,
    code: str | None,
    param: str,
    wrong: dict[str, Any],
) -> None:
    sandbox.script.append("Never said")
    async with raw.post(f"{sandbox.base_url}/responses", json=GOOD | wrong) as reply:
        assert reply.status == 400
        error = (await reply.json())["error"]
    assert (error["code"], error["param"]) == (code, param)
    assert sandbox.script


@pytest.mark.parametrize(("message", "wrong"), MISSING, ids=lambda part: ascii(part)[:40])
async def test_what_is_not_there_is_not_found(
    sandbox: Sandbox, raw: aiohttp.ClientSession, message: str, wrong: dict[str, Any]
) -> None:
    async with raw.post(f"{sandbox.base_url}/responses", json=GOOD | wrong) as reply:
        assert reply.status == 404
        assert (await reply.json())["error"]["message"] == message


@pytest.mark.parametrize("fine", FINE, ids=lambda part: ascii(part)[:40])
async def test_what_is_fine_is_answered(
    sandbox: Sandbox, raw: aiohttp.ClientSession, conforms: Any, fine: dict[str, Any]
) -> None:
    async with raw.post(f"{sandbox.base_url}/responses", json=GOOD | fine) as reply:
        assert reply.status == 200, await reply.text()
        conforms("Response", await reply.json())


WORDS = [
    (
        {"model": "o3", "temperature": 1},
        "Unsupported parameter: 'temperature' is not supported with this model.",
    ),
    (
        function(strict=True, parameters=DEEP),
        (
            "Invalid schema for function 'f': In context=('properties', 'a', 'items'),"
            " 'additionalProperties' is required to be supplied and to be false."
        ),
    ),
]


@pytest.mark.parametrize(("wrong", "words"), WORDS, ids=["sampling", "schema"])
async def test_the_words_are_those_of_the_real_one(
    sandbox: Sandbox, raw: aiohttp.ClientSession, wrong: dict[str, Any], words: str
) -> None:
    async with raw.post(f"{sandbox.base_url}/responses", json=GOOD | wrong) as reply:
        assert (await reply.json())["error"]["message"] == words


async def test_twenty_items_are_the_most_at_once(
    sandbox: Sandbox, raw: aiohttp.ClientSession
) -> None:
    items = [{"role": "user", "content": "x"}] * 21
    for path in ("conversations", "conversations/{}/items"):
        made = sandbox.project("sk-north-0123456789abcdef").response_desk.converse()
        url = f"{sandbox.base_url}/{path.format(made.id)}"
        async with raw.post(url, json={"items": items}) as reply:
            assert (await reply.json())["error"]["code"] == "array_above_max_length"
        async with raw.post(url, json={"items": items[:20]}) as reply:
            assert reply.status == 200


async def test_whether_a_model_reasons_is_told_by_the_table(raw: aiohttp.ClientSession) -> None:
    models = {"house-1": Model(reasoning=True), "o3": Model()}
    async with Sandbox(models=models) as sandbox:
        for model, status in (("house-1", 400), ("o3", 200)):
            for path, more in (("responses", {"input": "x"}), ("assistants", {})):
                body = {"model": model, "temperature": 0.5, **more}
                async with raw.post(f"{sandbox.base_url}/{path}", json=body) as reply:
                    assert reply.status == status
