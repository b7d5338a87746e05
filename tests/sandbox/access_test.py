"""Who may pass, how fast, and what lists show how soon."""

from collections.abc import Callable
from typing import Any

import aiohttp
import openai
import pytest
from openai import AsyncOpenAI

from understudy.sandbox import Sandbox

pytestmark = pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")

Connect = Callable[..., AsyncOpenAI]
KEY = "sk-north-0123456789abcdef"


async def test_each_key_opens_a_project_of_its_own(sandbox: Sandbox, connect: Connect) -> None:
    made = await connect(sandbox, "sk-one").beta.assistants.create(model="gpt-4o")
    other = connect(sandbox, "sk-two")
    assert [one async for one in other.beta.assistants.list()] == []
    with pytest.raises(openai.NotFoundError):
        await other.beta.assistants.retrieve(made.id)
    assert list(sandbox.project("sk-one").assistants) == [made.id]


@pytest.mark.parametrize(
    ("header", "shown"),
    [
        ("Bearer pk-not-a-key-at-all-1234", "pk-***1234"),
        ("Bearer short", "***."),
        ("Bearer ", "You didn't provide an API key"),
        ("Basic c2stYTpi", "You didn't provide an API key"),
        (None, "You didn't provide an API key"),
    ],
)
async def test_a_key_that_is_none_is_refused_and_hardly_shown(
    sandbox: Sandbox, header: str | None, shown: str
) -> None:
    headers = {} if header is None else {"Authorization": header}
    url = f"{sandbox.base_url}/models"
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as reply:
        text = await reply.text()
        assert reply.status == 401
    assert shown in text
    assert "not-a-key" not in text


async def test_only_listed_keys_pass_where_keys_are_listed(connect: Connect) -> None:
    async with Sandbox(keys=["sk-one"]) as sandbox:
        await connect(sandbox, "sk-one").models.list()
        with pytest.raises(openai.AuthenticationError) as raised:
            await connect(sandbox, "sk-two").models.list()
        assert raised.value.code == "invalid_api_key"
        with pytest.raises(ValueError, match="Incorrect API key"):
            sandbox.project("sk-two")


@pytest.mark.parametrize("what", ["organization", "project"])
async def test_a_header_that_names_another_place_is_refused(
    sandbox: Sandbox, client: Any, what: str
) -> None:
    setattr(sandbox.project(client.api_key), what, "mine")
    await client.with_options(**{what: "mine"}).models.list()
    with pytest.raises(openai.AuthenticationError) as raised:
        await client.with_options(**{what: "yours"}).models.list()
    assert raised.value.code == f"mismatched_{what}"


@pytest.mark.parametrize("beta", [None, "assistants=v1", "agents=v1"])
async def test_the_assistants_api_wants_its_beta_header(sandbox: Sandbox, beta: str | None) -> None:
    headers = {"Authorization": f"Bearer {KEY}"} | ({"OpenAI-Beta": beta} if beta else {})
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.get(f"{sandbox.base_url}/assistants") as reply:
            assert reply.status == 400
            error = (await reply.json())["error"]
        async with session.get(f"{sandbox.base_url}/models") as reply:
            assert reply.status == 200
    assert error["code"] == "invalid_beta"
    assert error["message"].startswith("You must provide the 'OpenAI-Beta' header")


async def test_the_rate_limit_counts_refused_requests_too_and_each_key_apart(
    connect: Connect, clock: Any
) -> None:
    async with Sandbox(rate_limit=2, clock=clock) as sandbox:
        client, other = connect(sandbox), connect(sandbox, "sk-other")
        await client.models.list()
        clock.advance(0.5)
        with pytest.raises(openai.NotFoundError):
            await client.models.retrieve("gpt-2")
        clock.advance(0.25)
        with pytest.raises(openai.RateLimitError) as raised:
            await client.models.list()
        await other.models.list()
        assert raised.value.code == "rate_limit_exceeded"
        # The two latest count, one of which was refused just now.
        assert raised.value.response.headers["retry-after-ms"] == "750"
        assert raised.value.response.headers["retry-after"] == "1"
        clock.advance(0.75)
        await client.models.list()


async def test_a_client_that_does_not_wait_never_gets_through(connect: Connect, clock: Any) -> None:
    async with Sandbox(rate_limit=0.5, clock=clock) as sandbox:
        client = connect(sandbox)
        await client.models.list()
        for _ in range(5):
            clock.advance(1)
            with pytest.raises(openai.RateLimitError):
                await client.models.list()
        clock.advance(2)
        await client.models.list()


@pytest.mark.parametrize("rate", [0, -1, float("nan"), float("inf")])
def test_a_rate_limit_must_be_a_rate(rate: float) -> None:
    with pytest.raises(ValueError, match="positive number of requests per second"):
        Sandbox(rate_limit=rate)


async def listed(client: AsyncOpenAI) -> list[str]:
    return [one.id async for one in client.beta.assistants.list()]


async def test_a_list_may_lag_seconds_behind_a_create(connect: Connect, clock: Any) -> None:
    async with Sandbox(list_lag=5, clock=clock) as sandbox:
        client = connect(sandbox)
        seeded = sandbox.project(client.api_key).add()
        made = await client.beta.assistants.create(model="gpt-4o")
        clock.advance(4.9)
        assert await listed(client) == [seeded["id"]]
        assert await client.beta.assistants.retrieve(made.id) == made
        clock.advance(0.2)
        assert await listed(client) == [made.id, seeded["id"]]


async def test_a_list_may_lag_calls_behind_a_create(connect: Connect) -> None:
    async with Sandbox(list_lag_calls=2) as sandbox:
        client = connect(sandbox)
        made = await client.beta.assistants.create(model="gpt-4o")
        assert [await listed(client) for _ in range(3)] == [[], [], [made.id]]
        await client.beta.assistants.update(made.id, name="Edited")
        assert await listed(client) == [made.id]
