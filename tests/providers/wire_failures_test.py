"""What every vendor's failures mean, over real sockets, and that nobody is left hanging."""

from __future__ import annotations

import asyncio
import io
import logging
import re
import traceback
from contextlib import aclosing

import pytest

from providers.dialects import DIALECTS, Refused, Said
from providers.lookalike import running
from providers.wired import Wire, environment, key_of
from understudy.providers.base import Message, Request, Usage, answer
from understudy.providers.catalog import provider_for
from understudy.providers.errors import (
    ProviderBusyError,
    ProviderError,
    ProviderKeyError,
    ProviderLostError,
    ProviderQuotaError,
    ProviderRejectedError,
)
from understudy.redact import RedactingFilter, redact

pytestmark = pytest.mark.timeout(20)


@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [
        (400, ProviderRejectedError, False),
        (401, ProviderKeyError, False),
        (403, ProviderKeyError, False),
        (404, ProviderRejectedError, False),
        (429, ProviderBusyError, True),
        (500, ProviderLostError, True),
        (503, ProviderBusyError, True),
        (529, ProviderBusyError, True),
    ],
)
async def test_a_refusal_says_what_to_do_and_is_not_asked_twice(
    wire: Wire, status: int, kind: type[ProviderError], retryable: bool
) -> None:
    said = "No." if wire.keyless else f"No {wire.key}."
    refused = Refused(status, said, {"Retry-After": "7"} if status == 429 else {})
    with pytest.raises(kind, match=re.escape(wire.request.model)) as caught:
        await wire.heard(refused)
    assert caught.value.retryable is retryable
    assert caught.value.retry_after == (7.0 if status == 429 else None)
    assert len(wire.server.asked) == 1
    assert wire.key not in str(caught.value)


@pytest.mark.parametrize("broken", ["cut", "silence", "garbage", "trouble"])
@pytest.mark.parametrize("pieces", [("Half of", " it"), ()])
async def test_half_an_answer_is_none_and_may_be_asked_for_again(
    wire: Wire, broken: str, pieces: tuple[str, ...]
) -> None:
    with pytest.raises(ProviderError) as caught:
        await wire.heard(Said(pieces, broken=broken))
    assert caught.value.retryable
    assert isinstance(caught.value, ProviderLostError | ProviderBusyError)
    assert (await wire.heard(Said())).text == "Good morning."


@pytest.mark.parametrize(
    ("ending", "said"), [("length", "limit of tokens"), ("filter", "refused or filtered")]
)
async def test_an_answer_that_a_rule_stopped_is_refused(wire: Wire, ending: str, said: str) -> None:
    with pytest.raises(ProviderRejectedError, match=said):
        await wire.heard(Said(ending=ending))


async def test_what_a_stopped_answer_took_is_told_before_the_error(wire: Wire) -> None:
    wire.server.script = [Said(ending="length")]
    told: list[Usage] = []

    async def listen() -> None:
        async with aclosing(wire.provider.stream(wire.request)) as stream:
            async for delta in stream:
                told[len(told) :] = [delta.usage] if delta.usage else []

    with pytest.raises(ProviderRejectedError):
        await listen()
    assert told == [Usage(9, 5)]


@pytest.mark.parametrize("quiet", [False, True])
async def test_a_stream_that_never_ends_can_be_left_which_its_server_notices(
    wire: Wire, quiet: bool
) -> None:
    wire.server.script = [Said(("On and on ",), endless=not quiet, quiet=quiet)]
    async with aclosing(wire.provider.stream(wire.request)) as stream:
        assert (await anext(stream)).text
    await wire.server.gone.wait()


async def test_a_wait_that_is_cancelled_ends_the_request(wire: Wire) -> None:
    wire.server.script = [Said(("On and on ",), quiet=True)]
    begun = asyncio.Event()

    async def listen() -> None:
        async with aclosing(wire.provider.stream(wire.request)) as stream:
            async for _ in stream:
                begun.set()

    listening = asyncio.create_task(listen())
    await begun.wait()
    listening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await listening
    await wire.server.gone.wait()


async def test_keys_are_in_no_log_no_message_and_no_traceback(
    wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await wire.heard(Said())
    with pytest.raises(ProviderKeyError) as caught:
        await wire.heard(Refused(401, "No key." if wire.keyless else f"No {wire.key}."))
    assert wire.key not in str(caught.value)
    assert wire.key not in redact("".join(traceback.format_exception(caught.value)))
    told = io.StringIO()
    handler = logging.StreamHandler(told)
    handler.addFilter(RedactingFilter())
    for record in caplog.records:
        handler.handle(record)
    assert told.getvalue()
    assert wire.key not in told.getvalue()
    assert wire.key not in repr(vars(wire.provider))


@pytest.mark.parametrize("model", list(DIALECTS))
async def test_an_address_where_nobody_listens_is_told(model: str) -> None:
    provider = provider_for(model, environment("http://127.0.0.1:9", model))
    request = Request(model=model, messages=(Message("user", "Hello"),))
    with pytest.raises(ProviderLostError, match="cannot be reached") as caught:
        await answer(provider, request)
    assert key_of(model) not in str(caught.value)
    await provider.aclose()


async def test_credit_that_is_used_up_is_told_from_a_busy_server() -> None:
    model = "my-team/llama-4"
    async with running(DIALECTS[model]) as server:
        provider = provider_for(model, environment(server.url, model))
        server.script = [Refused(402)]
        with pytest.raises(ProviderQuotaError):
            await answer(provider, Request(model=model, messages=(Message("user", "Hello"),)))
        await provider.aclose()
