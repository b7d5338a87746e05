"""What the API refuses about agents and environment templates, and naming which parameter."""

import io
import json
from typing import Any

import aiohttp
import pytest

from understudy.sandbox import Sandbox

KEY = "sk-north-0123456789abcdef"


def tool(**fields: Any) -> dict[str, Any]:
    return {"tools": [fields]}


def function(**fields: Any) -> dict[str, Any]:
    good = {"type": "function", "name": "f", "description": "d", "parameters": {}}
    given = {**good, **fields}
    return tool(**{name: value for name, value in given.items() if value is not ...})


def file(**fields: Any) -> dict[str, Any]:
    return {"files": [{"type": "inline", "data": "aGVq", "path": "/workspace/a", **fields}]}


MCP = {"type": "mcp", "server_label": "s", "transport": {"type": "http", "server_url": "u"}}
NESTED = {"type": "function", "function": {"name": "f"}}

AGENTS: list[tuple[str, str, dict[str, Any]]] = [
    ("unknown_parameter", "foo", {"foo": 1}),
    ("unknown_parameter", "temperature", {"temperature": 1}),
    ("unknown_parameter", "tools[0].strict", function(strict=True)),
    ("unknown_parameter", "text.tone", {"text": {"tone": "kind"}}),
    ("unknown_parameter", "compaction.async_", {"compaction": {"async_": True}}),
    ("unknown_parameter", "experimental.magic", {"experimental": {"magic": True}}),
    ("unknown_parameter", "tools[0].transport.authorization",
     tool(**{**MCP, "transport": {**MCP["transport"], "authorization": "x"}})),  # type: ignore[dict-item]
    ("missing_required_parameter", "tools[0].description", function(description=...)),
    ("missing_required_parameter", "tools[0].parameters", function(parameters=...)),
    ("missing_required_parameter", "tools[0].description", tool(**NESTED)),
    ("missing_required_parameter", "tools[0].type", tool(name="f")),
    ("missing_required_parameter", "tools[0].transport.server_url",
     tool(**{**MCP, "transport": {"type": "http"}})),
    ("missing_required_parameter", "tools[0].transport", tool(type="mcp", server_label="s")),
    ("missing_required_parameter", "multi_agent.enabled", {"multi_agent": {}}),
    ("missing_required_parameter", "text.format.schema",
     {"text": {"format": {"type": "json_schema"}}}),
    ("invalid_type", "tools[0].parameters", function(parameters=[])),
    ("invalid_type", "tools", {"tools": {}}),
    ("invalid_type", "model", {"model": None}),
    ("invalid_type", "metadata.n", {"metadata": {"n": 1}}),
    ("invalid_type", "experimental", {"experimental": None}),
    ("invalid_type", "compaction.async", {"compaction": {"async": "yes"}}),
    ("invalid_value", "tools[0].type", tool(type="code_interpreter")),
    ("invalid_value", "tools[0].name", function(name="white space")),
    ("invalid_value", "tools[0].transport.type", tool(**{**MCP, "transport": {"type": "sse"}})),
    ("invalid_value", "service_tier", {"service_tier": "first"}),
    ("invalid_value", "reasoning.effort", {"reasoning": {"effort": "heroic"}}),
    ("invalid_value", "text.verbosity", {"text": {"verbosity": "chatty"}}),
    ("invalid_value", "text.format.type", {"text": {"format": {"type": "json_object"}}}),
    ("invalid_value", "tools", function(description="d" * 3 * 1024 * 1024)),
    ("string_above_max_length", "name", {"name": "é" * 129}),
    ("string_above_max_length", "instructions", {"instructions": "i" * 1_048_577}),
    ("string_above_max_length", "metadata.k", {"metadata": {"k": "v" * 513}}),
    ("property_name_above_max_length", "metadata", {"metadata": {"k" * 65: "v"}}),
    ("object_above_max_properties", "metadata", {"metadata": {str(n): "v" for n in range(17)}}),
    ("integer_below_min_value", "multi_agent.max_concurrent_subagents",
     {"multi_agent": {"enabled": True, "max_concurrent_subagents": 0}}),
    ("model_not_found", "model", {"model": "gpt-2"}),
]  # fmt: skip

GOOD_AGENTS = [
    {"name": "é" * 128, "instructions": "🌍" * 1_048_576},
    {"metadata": {f"{n:064}": "v" * 512 for n in range(16)}},
    function(description="d" * (3 * 1024 * 1024 - 100)),
    dict.fromkeys(("name", "metadata", "tools", "text", "reasoning", "compaction")),
]

TEMPLATES: list[tuple[str, str, dict[str, Any]]] = [
    ("unknown_parameter", "metadata", {"metadata": {}}),
    ("unknown_parameter", "files[0].mode", file(mode="0644")),
    ("missing_required_parameter", "network.access", {"network": {}}),
    ("missing_required_parameter", "setup_commands[0].command", {"setup_commands": [{}]}),
    ("invalid_type", "env.A", {"env": {"A": 1}}),
    ("invalid_type", "packages.npm", {"packages": {"npm": "left-pad"}}),
    ("invalid_value", "files[0].type", file(type="url")),
    ("invalid_value", "files[0].data", file(data="not base64!")),
    ("invalid_value", "files[0].path", file(path="a.txt")),
    ("invalid_value", "files[0].path", file(path="/etc/passwd")),
    ("invalid_value", "files[0].path", file(path="/workspace/../etc/passwd")),
    ("invalid_value", "files[1].path", {"files": file()["files"] * 2}),
    ("invalid_value", "network.access", {"network": {"access": "some"}}),
    ("invalid_value", "network.allowed_domains",
     {"network": {"access": "enabled", "allowed_domains": ["a.com"]}}),
    ("invalid_value", "network.blocked_domains",
     {"network": {"access": "restricted", "blocked_domains": ["*.a.com"]}}),
]  # fmt: skip


def payload(fields: dict[str, Any]) -> io.BytesIO:
    return io.BytesIO(json.dumps(fields).encode())


@pytest.mark.parametrize(("code", "param", "wrong"), AGENTS, ids=lambda part: ascii(part)[:40])
async def test_a_bad_agent_is_refused_by_name(
    sandbox: Sandbox, raw: aiohttp.ClientSession, code: str, param: str, wrong: dict[str, Any]
) -> None:
    project = sandbox.project(KEY)
    there = project.add_agent(model="gpt-4o")
    body = {"model": "gpt-4o", **wrong}
    for path, given in (("agents", body), (f"agents/{there['id']}", wrong)):
        async with raw.post(f"{sandbox.base_url}/{path}", data=payload(given)) as reply:
            assert reply.status == 400
            error = (await reply.json())["error"]
        assert (error["code"], error["param"]) == (code, param)
    assert dict(project.agents) == {there["id"]: there}


@pytest.mark.parametrize("fields", GOOD_AGENTS, ids=lambda part: ascii(part)[:40])
async def test_an_agent_at_the_limit_is_accepted(
    sandbox: Sandbox, raw: aiohttp.ClientSession, fields: dict[str, Any]
) -> None:
    body = payload({"model": "gpt-4o", **fields})
    async with raw.post(f"{sandbox.base_url}/agents", data=body) as reply:
        assert reply.status == 200, await reply.text()


async def test_an_agent_needs_a_model(sandbox: Sandbox, raw: aiohttp.ClientSession) -> None:
    async with raw.post(f"{sandbox.base_url}/agents", json={"name": "One"}) as reply:
        assert (await reply.json())["error"]["message"] == "Missing required parameter: 'model'."


@pytest.mark.parametrize(("code", "param", "wrong"), TEMPLATES, ids=lambda part: ascii(part)[:40])
async def test_a_bad_template_is_refused_by_name(
    sandbox: Sandbox, raw: aiohttp.ClientSession, code: str, param: str, wrong: dict[str, Any]
) -> None:
    project = sandbox.project(KEY)
    there = project.add_template()
    for path in ("", f"/{there['id']}"):
        url = f"{sandbox.base_url}/agents/environments/templates{path}"
        async with raw.post(url, json=wrong) as reply:
            assert reply.status == 400
            error = (await reply.json())["error"]
        assert (error["code"], error["param"]) == (code, param)
    assert dict(project.templates) == {there["id"]: there}


@pytest.mark.parametrize("path", ["agents", "agents/environments/templates"])
@pytest.mark.parametrize(
    ("query", "param"),
    [("limit=0", "limit"), ("limit=101", "limit"), ("order=up", "order"), ("before=x", "before")],
)
async def test_a_bad_list_query_is_refused(
    sandbox: Sandbox, raw: aiohttp.ClientSession, path: str, query: str, param: str
) -> None:
    async with raw.get(f"{sandbox.base_url}/{path}?{query}") as reply:
        assert reply.status == 400
        assert (await reply.json())["error"]["param"] == param


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("agents/agent_x", "No agent found with id 'agent_x'."),
        ("agents?after=agent_x", "No agent found with id 'agent_x'."),
        ("agents/environments/templates/x", "No environment template found with id 'x'."),
        ("agents/environments", "No agent found with id 'environments'."),
        ("agents/environments/template", "Invalid URL (GET /v1/agents/environments/template)"),
        ("agents/environments/templatesx",
         "Invalid URL (GET /v1/agents/environments/templatesx)"),
        ("agents/environments/templates/x/y",
         "Invalid URL (GET /v1/agents/environments/templates/x/y)"),
    ],
)  # fmt: skip
async def test_what_is_not_there_is_not_found(
    sandbox: Sandbox, raw: aiohttp.ClientSession, path: str, message: str
) -> None:
    async with raw.get(f"{sandbox.base_url}/{path}") as reply:
        assert reply.status == 404
        assert (await reply.json())["error"]["message"] == message
