"""The gateway over real sockets: what failures mean, how often is asked, what nobody sees."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import traceback
from collections.abc import AsyncIterator

import pytest

from understudy.errors import ExitCode, UsageError
from understudy.providers.base import Message, Provider, Request, answer
from understudy.providers.catalog import provider_for
from understudy.providers.errors import (
    ProviderBusyError,
    ProviderError,
    ProviderKeyError,
    ProviderLostError,
    ProviderQuotaError,
    ProviderRejectedError,
)
from understudy.providers.vendors import VENDORS
from understudy.redact import redact
from understudy.sandbox import Fault, Sandbox, Turn

KEY = "sk-canary-7d1f0c2b9e8a4455"
ODD = "canary-7d1f0c2b9e8a4455"  # nothing that looks like a key
OWN, HERE = "UNDERSTUDY_PROVIDER_OWN_BASE_URL", "http://127.0.0.1:9/v1"
ASKED = Request(
    model="openai/gpt-4o", messages=(Message("user", "Good morning."),), instructions="Be kind."
)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as running:
        yield running


@pytest.fixture
async def provider(sandbox: Sandbox) -> AsyncIterator[Provider]:
    environment = {"OPENAI_BASE_URL": sandbox.base_url, "OPENAI_API_KEY": KEY}
    made = provider_for("openai/gpt-4o", environment)
    yield made
    await made.aclose()


@pytest.mark.parametrize(
    ("fault", "kind", "code", "retryable"),
    [
        ("401", ProviderKeyError, ExitCode.AUTHENTICATION, False),
        ("403", ProviderKeyError, ExitCode.AUTHENTICATION, False),
        ("quota", ProviderQuotaError, ExitCode.QUOTA, False),
        ("429", ProviderBusyError, ExitCode.FAILURE, True),
        ("503", ProviderBusyError, ExitCode.FAILURE, True),
        ("500", ProviderLostError, ExitCode.FAILURE, True),
        ("502", ProviderLostError, ExitCode.FAILURE, True),
        ("drop-before", ProviderLostError, ExitCode.FAILURE, True),
        ("truncated", ProviderLostError, ExitCode.FAILURE, True),
        ("html", ProviderLostError, ExitCode.FAILURE, True),
        ("gone", ProviderRejectedError, ExitCode.FAILURE, False),
    ],
)
async def test_a_failure_says_what_to_do_and_is_not_asked_twice(
    sandbox: Sandbox,
    provider: Provider,
    fault: str,
    kind: type[ProviderError],
    code: ExitCode,
    retryable: bool,
) -> None:
    sandbox.faults = (Fault(fault, "responses.create"),)
    with pytest.raises(kind) as caught:
        await answer(provider, ASKED)
    assert (caught.value.exit_code, caught.value.retryable) == (code, retryable)
    assert caught.value.fatal == (code is not ExitCode.FAILURE)
    assert caught.value.__cause__ is not None
    assert sandbox.count("responses.create") == 1
    assert KEY not in str(caught.value)
    assert (caught.value.retry_after == 1.0) == (fault == "429")


@pytest.mark.parametrize(
    ("turn", "kind", "said"),
    [
        (Turn("Once upon a", error="server_error"), ProviderLostError, "failed"),
        (Turn("Once", error="server_error", ending="error"), ProviderLostError, "failed"),
        (Turn("Once upon", ending="drop"), ProviderLostError, "hung up"),
        (Turn(refusal="I cannot."), ProviderRejectedError, "refused or filtered: I cannot"),
        (Turn("A", incomplete="max_output_tokens"), ProviderRejectedError, "limit of tokens"),
        (Turn("A", incomplete="content_filter"), ProviderRejectedError, "filtered"),
    ],
)
async def test_half_an_answer_is_none(
    sandbox: Sandbox, provider: Provider, turn: Turn, kind: type[ProviderError], said: str
) -> None:
    sandbox.script += [turn]
    with pytest.raises(kind, match=said):
        await answer(provider, ASKED)


async def test_a_server_that_hangs_can_be_left_and_asked_again(
    sandbox: Sandbox, provider: Provider
) -> None:
    sandbox.faults = (Fault("hang", "responses.create"),)
    asking = asyncio.create_task(answer(provider, ASKED))
    while not sandbox.count("responses.create"):  # noqa: ASYNC110 - it has no event for this
        await asyncio.sleep(0.001)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    sandbox.faults = ()
    assert (await answer(provider, ASKED)).text


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/v1", "nonsense", "http://[::1"])
async def test_an_address_where_nobody_answers_is_an_error_of_ours(url: str) -> None:
    provider = provider_for("openai/gpt-4o", {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": KEY})
    with pytest.raises(ProviderError, match="openai/gpt-4o"):
        await answer(provider, ASKED)
    await provider.aclose()


async def test_a_key_that_breaks_the_request_itself_is_not_shown(sandbox: Sandbox) -> None:
    broken = f"{ODD}\nX-Other: 1"
    environment = {"OPENAI_BASE_URL": sandbox.base_url, "OPENAI_API_KEY": broken}
    provider = provider_for("openai/gpt-4o", environment)
    with pytest.raises(ProviderError) as caught:
        await answer(provider, ASKED)
    assert ODD not in str(caught.value)
    assert ODD not in redact("".join(traceback.format_exception(caught.value)))
    await provider.aclose()


@pytest.mark.parametrize(
    ("model", "environment", "said"),
    [
        ("gpt-4o", {}, "PROVIDER/NAME, such as demo/echo"),
        ("openai/", {}, "PROVIDER/NAME"),
        ("opnai/gpt-4o", {}, "Did you mean openai"),
        ("nobody/x", {}, "demo, openai, anthropic, google, bedrock"),
        ("nobody/x", {}, "UNDERSTUDY_PROVIDER_NOBODY_BASE_URL makes one"),
        ("no body/x", {}, "demo, openai, anthropic, google, bedrock."),
        ("onw/x", {OWN: HERE}, "Did you mean own? Known are demo, openai"),
        ("own/x", {OWN: "nonsense"}, f"{OWN} is no address"),
        ("own/x", {OWN: "http://[::1"}, f"{OWN} is no address"),
        ("own/x", {OWN: "ftp://there"}, f"{OWN} is no address"),
        ("own/x", {OWN: " "}, "no provider 'own'"),
        ("own/x", {"UNDERSTUDY_PROVIDER_OWN_API_KEY": KEY}, f"no address.\nSet {OWN}"),
        ("own/x", {OWN: HERE, "UNDERSTUDY_PROVIDER_OWN_API": "soap"}, "must be chat or responses"),
        ("openai/x", {"UNDERSTUDY_PROVIDER_OPENAI_BASE_URL": HERE}, "Set OPENAI_BASE_URL, or"),
        ("demo/echo", {"UNDERSTUDY_PROVIDER_DEMO_BASE_URL": HERE}, "Choose another name"),
        ("openai/gpt-4o", {}, "OPENAI_API_KEY is not set"),
        ("openai/gpt-4o", {"OPENAI_API_KEY": ""}, "OPENAI_API_KEY is not set"),
        ("google/gemini-2.5-flash", {}, "GOOGLE_API_KEY or GEMINI_API_KEY"),
    ],
)
def test_what_cannot_be_asked_is_said_before_anything_is(
    model: str, environment: dict[str, str], said: str
) -> None:
    with pytest.raises(UsageError) as caught:
        provider_for(model, environment)
    assert said in str(caught.value)


def test_without_the_extra_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pydantic_ai", None)  # as where it is not installed
    with pytest.raises(UsageError, match=r"pip install 'understudy\[providers\]'"):
        provider_for("openai/gpt-4o", {"OPENAI_API_KEY": KEY})
    provider_for("demo/echo", {})  # needs none


@pytest.mark.parametrize("name", list(VENDORS))
async def test_each_vendor_is_made_and_asked_once(name: str) -> None:
    gone = "http://127.0.0.1:9"
    environment = {
        **{variable: KEY for vendor in VENDORS.values() for variable in vendor.keys},
        **{vendor.base_url: gone for vendor in VENDORS.values()},
        "AWS_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "AKIA0123456789",
        "AWS_SECRET_ACCESS_KEY": KEY,
    }
    provider = provider_for(f"{name}/model-1", environment)
    request = Request(model=f"{name}/model-1", messages=(Message("user", "Hello"),))
    with pytest.raises(ProviderLostError) as caught:
        await answer(provider, request)
    assert KEY not in str(caught.value)
    await provider.aclose()


def test_the_library_is_loaded_upon_the_first_request_only() -> None:
    code = """
import sys
from understudy.providers.catalog import provider_for
import understudy.ops.registry, understudy.cli.main
provider_for("openai/gpt-4o", {"OPENAI_API_KEY": "sk-none-0123456789"})
sys.exit("pydantic_ai" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
