"""What the API refuses, with which code, naming which parameter."""

import io
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from understudy.sandbox import Sandbox

MODEL = {"model": "gpt-4o"}


def tool(**function: Any) -> dict[str, Any]:
    return {"tools": [{"type": "function", "function": function}]}


def search(**options: Any) -> dict[str, Any]:
    return {"tools": [{"type": "file_search", "file_search": options}]}


def resources(kind: str, **ids: Any) -> dict[str, Any]:
    return {"tool_resources": {kind: ids}}


STRICT = tool(name="f", strict=True, parameters={"type": "object", "properties": {}})
SCHEMA = {"type": "json_schema", "json_schema": {"name": "no spaces"}}
STORES = "tool_resources.file_search.vector_stores"

# code, param, what is wrong with an otherwise good create
BAD = [
    ("unknown_parameter", "foo", {"foo": 1}),
    ("unknown_parameter", "tools[0].function.foo", tool(name="f", foo=1)),
    ("unknown_parameter", "tool_resources.browser", resources("browser")),
    ("unknown_parameter", f"{STORES}[0].x", resources("file_search", vector_stores=[{"x": 1}])),
    ("missing_required_parameter", "tools[0].function.name", tool()),
    ("missing_required_parameter", "tools[0].type", {"tools": [{}]}),
    ("missing_required_parameter", "response_format.type", {"response_format": {}}),
    ("invalid_type", "model", {"model": None}),
    ("invalid_type", "name", {"name": 7}),
    ("invalid_type", "temperature", {"temperature": "hot"}),
    ("invalid_type", "temperature", {"temperature": True}),
    ("invalid_type", "metadata.n", {"metadata": {"n": 1}}),
    ("invalid_type", "metadata", {"metadata": []}),
    ("invalid_type", "tools", {"tools": {}}),
    ("invalid_type", "tools", {"tools": None}),
    ("invalid_type", "tools[0]", {"tools": ["function"]}),
    ("invalid_type", "tools[0].function.strict", tool(name="f", strict="yes")),
    ("invalid_type", "tools[0].function.parameters", tool(name="f", parameters=[])),
    ("invalid_type", "tool_resources.code_interpreter.file_ids[0]",
     resources("code_interpreter", file_ids=[1])),
    ("invalid_value", "tools[0].type", {"tools": [{"type": "teleport"}]}),
    ("invalid_value", "tools[0].type", {"tools": [{"type": 1}]}),
    ("invalid_value", "response_format", {"response_format": "json"}),
    ("invalid_value", "response_format.type", {"response_format": {"type": "xml"}}),
    ("invalid_value", "response_format.json_schema.name", {"response_format": SCHEMA}),
    ("invalid_value", "reasoning_effort", {"reasoning_effort": "heroic"}),
    ("invalid_value", "tools[0].function.name", tool(name="white space")),
    ("invalid_value", "tools[0].function.name", tool(name="")),
    ("invalid_value", "tools[0].function.name", tool(name="newline\n")),
    ("invalid_function_parameters", "tools[0].function.parameters", STRICT),
    ("string_above_max_length", "tools[0].function.name", tool(name="f" * 65)),
    ("string_above_max_length", "name", {"name": "é" * 257}),
    ("string_above_max_length", "description", {"description": "é" * 513}),
    ("string_above_max_length", "instructions", {"instructions": "🌍" * 256_001}),
    ("string_above_max_length", "metadata.k", {"metadata": {"k": "v" * 513}}),
    ("property_name_above_max_length", "metadata", {"metadata": {"k" * 65: "v"}}),
    ("object_above_max_properties", "metadata", {"metadata": {str(n): "v" for n in range(17)}}),
    ("array_above_max_length", "tools", {"tools": [{"type": "code_interpreter"}] * 129}),
    ("array_above_max_length", "tool_resources.code_interpreter.file_ids",
     resources("code_interpreter", file_ids=["f"] * 21)),
    ("array_above_max_length", "tool_resources.file_search.vector_store_ids",
     resources("file_search", vector_store_ids=["a", "b"])),
    ("array_above_max_length", STORES, resources("file_search", vector_stores=[{}, {}])),
    ("decimal_above_max_value", "temperature", {"temperature": 2.1}),
    ("integer_above_max_value", "temperature", {"temperature": 3}),
    ("integer_below_min_value", "temperature", {"temperature": -1}),
    ("decimal_above_max_value", "top_p", {"top_p": 1.5}),
    ("integer_above_max_value", "tools[0].file_search.max_num_results",
     search(max_num_results=51)),
    ("decimal_above_max_value", "tools[0].file_search.ranking_options.score_threshold",
     search(ranking_options={"score_threshold": 1.5})),
    ("model_not_found", "model", {"model": "gpt-2"}),
    ("unsupported_parameter", "temperature", {"model": "o3", "temperature": 0.3}),
    ("unsupported_parameter", "top_p", {"model": "gpt-5-mini", "top_p": 0.9}),
]  # fmt: skip

GOOD = [
    {"name": "🌍" * 256, "description": "é" * 512},
    {"instructions": "🌍" * 256_000},
    {"metadata": {f"{n:064}": "v" * 512 for n in range(16)}},
    {"tools": [{"type": "code_interpreter"}] * 128},
    resources("code_interpreter", file_ids=["f"] * 20),
    tool(name="f" * 64, description="", parameters={}),
    {"temperature": 2, "top_p": 0},
    {"temperature": None, "response_format": None, "reasoning_effort": None},
    {"model": "o3", "temperature": 1, "top_p": 1.0, "reasoning_effort": "high"},
    {"model": "gpt-5", "temperature": None},
]


def payload(fields: dict[str, Any]) -> io.BytesIO:
    """Make a body that aiohttp accepts without a warning even when it is large."""
    return io.BytesIO(json.dumps(fields).encode())


async def refusal(reply: aiohttp.ClientResponse) -> dict[str, Any]:
    document = await reply.json()
    assert set(document) == {"error"}
    error: dict[str, Any] = document["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["type"] == "invalid_request_error"
    return error


@pytest.mark.parametrize(("code", "param", "wrong"), BAD, ids=lambda part: ascii(part)[:40])
async def test_a_bad_create_is_refused_by_name(
    sandbox: Sandbox, raw: aiohttp.ClientSession, code: str, param: str, wrong: dict[str, Any]
) -> None:
    async with raw.post(f"{sandbox.base_url}/assistants", data=payload(MODEL | wrong)) as reply:
        assert reply.status == 400
        error = await refusal(reply)
    assert (error["code"], error["param"]) == (code, param)
    assert not sandbox.project("sk-north-0123456789abcdef").assistants


@pytest.mark.parametrize("fields", GOOD, ids=lambda part: ascii(part)[:40])
async def test_a_create_at_the_limit_is_accepted(
    sandbox: Sandbox, raw: aiohttp.ClientSession, fields: dict[str, Any]
) -> None:
    async with raw.post(f"{sandbox.base_url}/assistants", data=payload(MODEL | fields)) as reply:
        # The file that the twenty ids name is not there, which is found out last.
        assert reply.status == (404 if "tool_resources" in fields else 200), await reply.text()


async def test_a_create_needs_a_model(sandbox: Sandbox, raw: aiohttp.ClientSession) -> None:
    async with raw.post(f"{sandbox.base_url}/assistants") as reply:
        error = await refusal(reply)
    assert error["message"] == "Missing required parameter: 'model'."
    assert (error["param"], error["code"]) == ("model", "missing_required_parameter")


async def test_an_update_is_held_to_the_same_rules(
    sandbox: Sandbox, raw: aiohttp.ClientSession
) -> None:
    made = sandbox.project("sk-north-0123456789abcdef").add(temperature=0.2)
    url = f"{sandbox.base_url}/assistants/{made['id']}"
    for wrong, code in (
        ({"name": "x" * 257}, "string_above_max_length"),
        ({"foo": 1}, "unknown_parameter"),
        ({"tool_resources": {"file_search": {"vector_stores": [{}]}}}, "unknown_parameter"),
        ({"model": "gpt-2"}, "model_not_found"),
        ({"model": "o3"}, "unsupported_parameter"),
    ):
        async with raw.post(url, json=wrong) as reply:
            assert (await refusal(reply))["code"] == code
    async with raw.post(url, json={"model": "o3", "temperature": None}) as reply:
        assert reply.status == 200


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"null", b'"x"', b'{"model": NaN}', b'{"top_p": 1e999}', b"\xff\xfe{",
             b"[" * 100_000, b'{"model":' * 100_000],
    ids=lambda body: str(body[:12]),
)  # fmt: skip
async def test_a_body_that_is_no_json_object_is_refused(
    sandbox: Sandbox, raw: aiohttp.ClientSession, body: bytes
) -> None:
    async with raw.post(f"{sandbox.base_url}/assistants", data=body) as reply:
        assert reply.status == 400
        assert "could not parse the JSON body" in (await refusal(reply))["message"]


async def test_lone_surrogates_survive(sandbox: Sandbox, raw: aiohttp.ClientSession) -> None:
    body = b'{"model": "gpt-4o", "name": "\\ud83d"}'
    async with raw.post(f"{sandbox.base_url}/assistants", data=body) as reply:
        assert (await reply.json())["name"] == "\ud83d"


@pytest.mark.parametrize("announced", [True, False], ids=["with length", "chunked"])
async def test_a_body_beyond_the_bound_is_refused(
    sandbox: Sandbox, raw: aiohttp.ClientSession, announced: bool
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(17):
            yield b" " * 1024 * 1024

    body = io.BytesIO(b" " * 17 * 1024 * 1024) if announced else chunks()
    async with raw.post(f"{sandbox.base_url}/assistants", data=body) as reply:
        assert reply.status == 413
        assert "too large" in (await refusal(reply))["message"]


@pytest.mark.parametrize(
    ("query", "code", "param"),
    [
        ("limit=0", "integer_below_min_value", "limit"),
        ("limit=101", "integer_above_max_value", "limit"),
        ("limit=ten", "invalid_type", "limit"),
        ("limit=", "invalid_type", "limit"),
        ("order=up", "invalid_value", "order"),
        ("colour=red", "unknown_parameter", "colour"),
    ],
)
async def test_a_bad_list_query_is_refused(
    sandbox: Sandbox, raw: aiohttp.ClientSession, query: str, code: str, param: str
) -> None:
    async with raw.get(f"{sandbox.base_url}/assistants?{query}") as reply:
        assert reply.status == 400
        error = await refusal(reply)
    assert (error["code"], error["param"]) == (code, param)


async def test_a_cursor_that_nobody_knows_is_not_found(
    sandbox: Sandbox, raw: aiohttp.ClientSession
) -> None:
    async with raw.get(f"{sandbox.base_url}/assistants?after=asst_x") as reply:
        assert reply.status == 404
        assert (await refusal(reply))["message"] == "No assistant found with id 'asst_x'."


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        ("GET", "/v1/foo", 404, "Invalid URL (GET /v1/foo)"),
        ("GET", "/", 404, "Invalid URL (GET /)"),
        ("GET", "/assistants", 404, "Invalid URL (GET /assistants)"),
        ("GET", "/v1/assistants/a/files", 404, "Invalid URL (GET /v1/assistants/a/files)"),
        ("PATCH", "/v1/assistants", 405, "Not allowed to PATCH on /v1/assistants."),
        ("DELETE", "/v1/models", 405, "Not allowed to DELETE on /v1/models."),
    ],
)
async def test_addresses_that_do_not_exist_say_so(
    sandbox: Sandbox,
    raw: aiohttp.ClientSession,
    method: str,
    path: str,
    status: int,
    message: str,
) -> None:
    root = sandbox.base_url.removesuffix("/v1")
    async with raw.request(method, root + path) as reply:
        assert reply.status == status
        assert (await refusal(reply))["message"].startswith(message)
