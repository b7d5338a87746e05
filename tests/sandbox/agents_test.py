"""Agents, driven with the vendor's own client."""

from collections.abc import Callable
from typing import Any

import aiohttp
import openai
import pytest
from openai import AsyncOpenAI
from openai.types.beta import Agent, AgentDeleted

from understudy.sandbox import Fault, Project, Sandbox, demo_agents, furnish_agents

Exactly = Callable[[type, object], None]
DEFAULTS: dict[str, Any] = {
    "instructions": None,
    "metadata": {},
    "multi_agent": {"enabled": False, "max_concurrent_subagents": None},
    "name": None,
    "object": "agent",
    "reasoning": {"effort": None, "summary": None},
    "service_tier": "auto",
    "text": {"format": {"type": "text"}, "verbosity": "medium"},
    "tools": [],
    "compaction": {"async": True},
    "experimental": {"time_awareness": False},
}
FUNCTION = {"type": "function", "name": "f", "description": "d", "parameters": {"type": "object"}}
HTTP = {"type": "http", "server_url": "https://tools.example.com"}
MCP = {"type": "mcp", "server_label": "tools", "transport": HTTP}
STDIO = {"type": "stdio", "command": "serve", "cwd": "/workspace"}


async def test_what_a_create_leaves_open_is_resolved(
    sandbox: Sandbox, raw: aiohttp.ClientSession, exactly: Exactly
) -> None:
    async with raw.post(f"{sandbox.base_url}/agents", json={"model": "gpt-4o"}) as reply:
        document = await reply.json()
    exactly(Agent, document)
    assert document["id"].startswith("agent_")
    assert document["created_at"] == document["updated_at"]
    assert {name: document[name] for name in DEFAULTS} == DEFAULTS
    assert document["model"] == "gpt-4o"


TOOLS = [
    (FUNCTION, {**FUNCTION, "defer_loading": False}),
    ({**FUNCTION, "async": True}, {**FUNCTION, "defer_loading": False, "async": True}),
    ({"type": "tool_search"}, {"type": "tool_search"}),
    (
        {"type": "programmatic_tool_calling"},
        {"type": "programmatic_tool_calling", "enabled": True},
    ),
    (
        MCP,
        {
            **MCP,
            "transport": {**HTTP, "headers": {}},
            "allowed_tools": None,
            "connection_origin": "service",
            "credential_id": None,
            "request_metadata": {},
            "required": False,
        },
    ),
    (
        {**MCP, "transport": STDIO, "required": True, "allowed_tools": ["a"]},
        {
            **MCP,
            "transport": {**STDIO, "args": [], "env_vars": []},
            "allowed_tools": ["a"],
            "connection_origin": "service",
            "credential_id": None,
            "request_metadata": {},
            "required": True,
        },
    ),
    (
        {"type": "web_search", "location": {"country": "SE"}},
        {
            "type": "web_search",
            "allowed_domains": None,
            "context_size": "medium",
            "location": {"country": "SE", "city": None, "region": None, "timezone": None},
            "mode": "live",
        },
    ),
    ({"type": "computer_use"}, {"type": "computer_use", "include_screenshots": False}),
    ({"type": "automations"}, {"type": "automations"}),
]


@pytest.mark.parametrize(("asked", "shown"), TOOLS, ids=lambda tool: str(tool["type"]))
async def test_tools_come_back_complete(
    sandbox: Sandbox,
    raw: aiohttp.ClientSession,
    asked: dict[str, Any],
    shown: dict[str, Any],
    exactly: Exactly,
) -> None:
    fields = {"model": "gpt-4o", "tools": [asked]}
    async with raw.post(f"{sandbox.base_url}/agents", json=fields) as reply:
        document = await reply.json()
    exactly(Agent, document)
    assert document["tools"] == [shown]


async def test_an_agent_can_be_created_read_changed_and_deleted(client: AsyncOpenAI) -> None:
    agents = client.beta.agents
    made = await agents.create(model="gpt-5.5", name="One", metadata={"a": "1"}, tools=[FUNCTION])  # type: ignore[list-item]
    assert await agents.retrieve(made.id) == made
    changed = await agents.update(made.id, name=None, metadata={"b": "2"})
    assert (changed.name, changed.metadata) == (None, {"b": "2"})
    assert changed.tools == made.tools
    gone = await agents.delete(made.id)
    assert gone == AgentDeleted(id=made.id, deleted=True, object="agent.deleted")
    with pytest.raises(openai.NotFoundError, match=f"No agent found with id '{made.id}'"):
        await agents.retrieve(made.id)


UPDATES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    ({"instructions": None}, {"instructions": None}),
    ({"metadata": {"new": "1"}}, {"metadata": {"new": "1"}}),
    ({"metadata": None}, {"metadata": {}}),
    ({"metadata": {}}, {"metadata": {}}),
    ({"tools": None}, {"tools": []}),
    ({"experimental": {}}, {"experimental": {"time_awareness": True}}),
    ({"compaction": None}, {"compaction": {"async": True}}),
    ({"compaction": {}}, {"compaction": {"async": True}}),
    ({"reasoning": None}, {"reasoning": {"effort": None, "summary": None}}),
    ({"reasoning": {"effort": "low"}}, {"reasoning": {"effort": "low", "summary": None}}),
    ({"text": {"verbosity": "high"}}, {"text": {"format": {"type": "text"}, "verbosity": "high"}}),
    ({"multi_agent": {"enabled": False}},
     {"multi_agent": {"enabled": False, "max_concurrent_subagents": None}}),
    ({"multi_agent": {"enabled": True}},
     {"multi_agent": {"enabled": True, "max_concurrent_subagents": 6}}),
    ({"service_tier": None}, {"service_tier": "auto"}),
    ({"model": "gpt-5.4"}, {"model": "gpt-5.4"}),
]  # fmt: skip


@pytest.mark.parametrize(("update", "expected"), UPDATES, ids=lambda part: str(part)[:40])
async def test_an_update_changes_what_it_names_and_nothing_else(
    sandbox: Sandbox,
    project: Project,
    raw: aiohttp.ClientSession,
    update: dict[str, Any],
    expected: dict[str, Any],
    exactly: Exactly,
) -> None:
    furnish_agents(project)
    (agent,) = [one for one in project.agents.values() if one["multi_agent"]["enabled"]]
    async with raw.post(f"{sandbox.base_url}/agents/{agent['id']}", json=update) as reply:
        document = await reply.json()
    exactly(Agent, document)
    assert document == agent | expected | {"updated_at": document["updated_at"]}


async def test_an_update_is_dated(client: AsyncOpenAI, project: Project, clock: Any) -> None:
    async with Sandbox(clock=clock) as sandbox:
        one = sandbox.project("sk-one")
        agent = one.add_agent(model="gpt-4o")
        clock.advance(60)
        assert one.edit_agent(agent["id"], name="New")["updated_at"] == agent["created_at"] + 60


async def test_a_list_comes_in_pages_newest_first(client: AsyncOpenAI) -> None:
    agents = client.beta.agents
    ids = [(await agents.create(model="gpt-4o", name=str(number))).id for number in range(25)]
    assert [one.id async for one in agents.list()] == ids[::-1]
    assert [one.id async for one in agents.list(order="asc", limit=7)] == ids
    page = await agents.list(after=ids[3], order="asc", limit=2)
    assert ([one.id for one in page.data], page.has_more) == (ids[4:6], True)
    assert len((await agents.list()).data) == 20


async def test_a_list_names_its_ends(sandbox: Sandbox, raw: aiohttp.ClientSession) -> None:
    project = sandbox.project("sk-north-0123456789abcdef")
    ids = [project.add_agent(model="gpt-4o")["id"] for _ in range(3)]
    async with raw.get(f"{sandbox.base_url}/agents?limit=2") as reply:
        page = await reply.json()
    del page["data"]
    expected = {"object": "list", "first_id": ids[2], "last_id": ids[1], "has_more": True}
    assert page == expected


async def test_every_key_has_agents_of_its_own(sandbox: Sandbox, connect: Any) -> None:
    made = await connect(sandbox, "sk-one").beta.agents.create(model="gpt-4o")
    with pytest.raises(openai.NotFoundError):
        await connect(sandbox, "sk-two").beta.agents.retrieve(made.id)


@pytest.mark.parametrize("header", [None, "assistants=v2", "agents=v2"])
async def test_the_header_is_asked_for(sandbox: Sandbox, header: str | None) -> None:
    headers = {"Authorization": "Bearer sk-one"} | ({"OpenAI-Beta": header} if header else {})
    for path in ("agents", "agents/agent_1", "agents/environments/templates"):
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.get(f"{sandbox.base_url}/{path}") as reply,
        ):
            assert reply.status == 400
            error = (await reply.json())["error"]
        assert error["code"] == "invalid_beta"
        assert "OpenAI-Beta: agents=v1" in error["message"]


async def test_the_demonstration_agents_are_accepted_as_they_are(
    client: AsyncOpenAI, exactly: Exactly
) -> None:
    for fields in demo_agents():
        made = (await client.beta.agents.create(**fields)).to_dict()
        exactly(Agent, made)
        for name in fields.keys() - {"tools", "text", "reasoning"}:
            assert made[name] == fields[name]


def test_the_demonstration_agents_are_of_several_kinds() -> None:
    agents = demo_agents()
    tools = {tool["type"] for agent in agents for tool in agent.get("tools", ())}
    assert tools >= {"function", "mcp"}
    assert any(agent.get("multi_agent") for agent in agents)
    assert any("format" in agent.get("text", {}) for agent in agents)
    assert all(agent["metadata"] for agent in agents)


async def test_a_create_whose_answer_is_lost_was_carried_out(
    sandbox: Sandbox, client: AsyncOpenAI, project: Project
) -> None:
    sandbox.faults = (Fault("drop-after", "agents.create", nth=2),)
    await client.beta.agents.create(model="gpt-4o", name="first")
    with pytest.raises(openai.APIConnectionError):
        await client.beta.agents.create(model="gpt-4o", name="second")
    assert [one["name"] for one in project.agents.values()] == ["first", "second"]
    assert sandbox.count("agents") == 2


async def test_new_agents_can_lag_behind_in_lists(connect: Any) -> None:
    async with Sandbox(list_lag_calls=1) as sandbox:
        client = connect(sandbox)
        made = await client.beta.agents.create(model="gpt-4o")
        assert not [one async for one in client.beta.agents.list()]
        assert [one.id async for one in client.beta.agents.list()] == [made.id]


async def test_assistants_can_be_gone_while_all_else_lives(connect: Any) -> None:
    async with Sandbox(assistants=False) as sandbox:
        client = connect(sandbox)
        with pytest.raises(openai.NotFoundError) as gone:
            await client.get("/assistants", cast_to=object)
        assert gone.value.body == {
            "message": "Invalid URL (GET /v1/assistants)",
            "type": "invalid_request_error",
            "param": None,
            "code": None,
        }
        await client.beta.agents.create(model="gpt-4o")
        await client.files.list()
        await client.vector_stores.create()
        await client.responses.create(model="gpt-4o", input="Hello")
        assert (await client.models.list()).data
