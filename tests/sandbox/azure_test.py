"""The sandbox as a place on Azure."""

from typing import Any

import aiohttp
import pytest
from openai import AsyncOpenAI

from understudy.sandbox import Sandbox

VERSION = "2025-05-15-preview"
QUERY = {"api-version": VERSION}


async def ask(
    sandbox: Sandbox, headers: dict[str, str], query: dict[str, str]
) -> tuple[int, dict[str, Any]]:
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(f"{sandbox.base_url}/assistants", params=query) as reply,
    ):
        return reply.status, await reply.json()


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({}, "Missing required query parameter: api-version"),
        ({"api-version": "2020-01-01"}, "API version not supported"),
    ],
)
async def test_the_version_has_to_be_named(query: dict[str, str], message: str) -> None:
    async with Sandbox(api_version=VERSION) as sandbox:
        status, document = await ask(sandbox, {"api-key": "secret"}, query)
    assert status == 400
    assert set(document["error"]) == {"code", "message"}
    assert document["error"]["message"] == message


@pytest.mark.parametrize("headers", [{"api-key": "secret"}, {"Authorization": "Bearer secret"}])
async def test_a_key_comes_in_either_header_and_no_beta_header_is_asked_for(
    headers: dict[str, str],
) -> None:
    async with Sandbox(api_version=VERSION, keys=["secret"]) as sandbox:
        sandbox.project("secret").add(name="One")
        status, document = await ask(sandbox, headers, QUERY)
        assert (status, [one["name"] for one in document["data"]]) == (200, ["One"])
        for wrong in ({}, {"api-key": "wrong"}, {"Authorization": "Basic secret"}):
            status, document = await ask(sandbox, wrong, QUERY)
            assert status == 401
            assert document["error"]["code"] == "401"


async def test_elsewhere_the_header_opens_nothing(sandbox: Sandbox) -> None:
    status, document = await ask(sandbox, {"api-key": "sk-one"}, {})
    assert status == 401
    assert set(document["error"]) == {"message", "type", "param", "code"}


async def test_the_vendors_client_can_be_told_the_version() -> None:
    async with (
        Sandbox(api_version=VERSION) as sandbox,
        AsyncOpenAI(
            api_key="any", base_url=sandbox.base_url, default_query=QUERY, max_retries=0
        ) as client,
    ):
        made = await client.beta.agents.create(model="gpt-4o")
        assert [one.id async for one in client.beta.agents.list()] == [made.id]
        assert (await client.responses.create(model="gpt-4o", input="Hi")).output_text
        assert sandbox.project("any").agents
