"""What each fault looks like from the other end of the socket."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import aiohttp
import openai
import pytest
from openai import AsyncOpenAI

from understudy.sandbox import Fault, Sandbox, parse_fault
from understudy.sandbox.faults import KINDS

pytestmark = pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")

Connect = Callable[..., AsyncOpenAI]

# What the package raises, and the code in the error; None for replies that have none.
ANSWERS: dict[str, tuple[type[openai.APIStatusError], str | None]] = {
    "429": (openai.RateLimitError, "rate_limit_exceeded"),
    "429-ms": (openai.RateLimitError, "rate_limit_exceeded"),
    "429-bare": (openai.RateLimitError, "rate_limit_exceeded"),
    "quota": (openai.RateLimitError, "insufficient_quota"),
    "401": (openai.AuthenticationError, "invalid_api_key"),
    "403": (openai.PermissionDeniedError, "insufficient_permissions"),
    "500": (openai.InternalServerError, None),
    "502": (openai.InternalServerError, None),
    "503": (openai.InternalServerError, None),
    "gone": (openai.NotFoundError, None),
}
WAITS = {
    "429": {"Retry-After": "1"},
    "429=2.5": {"Retry-After": "3"},
    "429-ms=0.5": {"retry-after-ms": "500"},
    "429-bare": {},
    "quota": {},
}


@pytest.mark.parametrize("kind", ANSWERS)
async def test_an_error_is_answered_once_and_nothing_is_executed(
    sandbox: Sandbox, client: AsyncOpenAI, kind: str
) -> None:
    sandbox.faults = (Fault(kind, "create", nth=1),)
    error_type, code = ANSWERS[kind]
    with pytest.raises(error_type) as raised:
        await client.beta.assistants.create(model="gpt-4o")
    assert raised.value.code == code
    assert raised.value.request_id == f"req_{1:032x}"
    assert not sandbox.project(client.api_key).assistants
    await client.beta.assistants.create(model="gpt-4o")


@pytest.mark.parametrize("text", WAITS)
async def test_a_429_says_how_long_to_wait_in_the_form_that_was_asked_for(
    sandbox: Sandbox, raw: aiohttp.ClientSession, text: str
) -> None:
    sandbox.faults = (parse_fault(text),)
    async with raw.get(f"{sandbox.base_url}/models") as reply:
        said = {name: reply.headers[name] for name in WAITS[text]}
        assert said == WAITS[text]
        assert ("Retry-After" in reply.headers) == ("Retry-After" in said)
        assert ("retry-after-ms" in reply.headers) == ("retry-after-ms" in said)


async def test_a_bad_gateway_speaks_html(sandbox: Sandbox, raw: aiohttp.ClientSession) -> None:
    sandbox.faults = (Fault("502"),)
    async with raw.get(f"{sandbox.base_url}/models") as reply:
        assert (reply.status, reply.content_type) == (502, "text/html")


@pytest.mark.parametrize(("kind", "executed"), [("drop-before", 0), ("drop-after", 1)])
async def test_a_dropped_connection_loses_the_answer(
    sandbox: Sandbox, client: AsyncOpenAI, kind: str, executed: int
) -> None:
    sandbox.faults = (Fault(kind, "create"),)
    with pytest.raises(openai.APIConnectionError):
        await client.beta.assistants.create(model="gpt-4o")
    assert len(sandbox.project(client.api_key).assistants) == executed
    assert [request.status for request in sandbox.requests] == ["dropped"]


@pytest.mark.parametrize("kind", ["truncated", "html"])
async def test_a_malformed_answer_comes_with_status_200_after_the_deed(
    sandbox: Sandbox, raw: aiohttp.ClientSession, kind: str
) -> None:
    sandbox.faults = (Fault(kind),)
    async with raw.post(f"{sandbox.base_url}/assistants", json={"model": "gpt-4o"}) as reply:
        assert reply.status == 200
        assert (reply.content_type == "text/html") == (kind == "html")
        with pytest.raises(json.JSONDecodeError):
            await reply.json(content_type=None)
    assert len(sandbox.project("sk-north-0123456789abcdef").assistants) == 1


@pytest.mark.parametrize(("kind", "executed"), [("hang", 0), ("hang-after", 1)])
async def test_a_hanging_request_ends_with_the_sandbox_and_soon(
    raw: aiohttp.ClientSession, kind: str, executed: int
) -> None:
    async with asyncio.timeout(5), Sandbox(faults=[Fault(kind, "create")]) as sandbox:
        waiting = asyncio.create_task(
            raw.post(f"{sandbox.base_url}/assistants", json={"model": "gpt-4o"})
        )
        project = sandbox.project("sk-north-0123456789abcdef")
        # Later requests are answered while the first one hangs.
        while not sandbox.count("create") or len(project.assistants) < executed:
            async with raw.get(f"{sandbox.base_url}/models") as reply:
                assert reply.status == 200
        await sandbox.aclose()
        with pytest.raises(aiohttp.ClientError):
            await waiting
    assert len(project.assistants) == executed
    assert [one.status for one in sandbox.requests if one.kind == "create"] == ["dropped"]


async def test_once_the_endpoint_is_gone_every_assistants_call_is_an_unknown_address(
    sandbox: Sandbox, raw: aiohttp.ClientSession
) -> None:
    made = sandbox.project("sk-north-0123456789abcdef").add()
    sandbox.faults = (Fault("gone"),)
    for method, path in (
        ("GET", "/v1/assistants"),
        ("POST", "/v1/assistants"),
        ("GET", f"/v1/assistants/{made['id']}"),
    ):
        url = sandbox.base_url.removesuffix("/v1") + path
        async with raw.request(method, url) as reply:
            assert reply.status == 404
            assert (await reply.json())["error"]["message"] == f"Invalid URL ({method} {path})"
    async with raw.get(f"{sandbox.base_url}/models") as reply:
        assert reply.status == 200


async def test_latency_delays_without_harm(connect: Connect) -> None:
    loop = asyncio.get_running_loop()
    async with Sandbox(latency=0.02, faults=[parse_fault("latency=0.03:models")]) as sandbox:
        start = loop.time()
        await connect(sandbox).models.retrieve("gpt-4o")
    assert loop.time() - start > 0.049


async def test_faults_can_be_added_and_taken_away_while_it_runs(
    sandbox: Sandbox, client: AsyncOpenAI
) -> None:
    sandbox.faults += (Fault("500", "models"),)
    with pytest.raises(openai.InternalServerError):
        await client.models.retrieve("gpt-4o")
    sandbox.faults = ()
    await client.models.retrieve("gpt-4o")


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"latency", "hang", "hang-after"}))
async def test_any_single_fault_at_any_request_leaves_the_others_alone(
    connect: Connect, kind: str
) -> None:
    for nth in range(1, 4):
        async with Sandbox(faults=[Fault(kind, nth=nth)]) as sandbox:
            client: Any = connect(sandbox)
            failed = []
            for number in range(1, 4):
                try:
                    made = await client.beta.assistants.create(model="gpt-4o", name=str(number))
                    if not isinstance(made, openai.types.beta.Assistant):
                        failed.append(number)
                except (openai.OpenAIError, ValueError):
                    failed.append(number)
        assert failed == [nth]
