"""A vendor's look-alike with its client, for all dialects."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest

from providers.dialects import DIALECTS, Refused, Said
from providers.lookalike import Lookalike, running
from understudy.providers.base import Answer, Message, Provider, Request, answer
from understudy.providers.catalog import provider_for

KEY = "canary-7d1f0c2b9e8a4455"  # nothing that looks like a key


def environment(url: str) -> dict[str, str]:
    return {
        "OPENAI_BASE_URL": f"{url}/v1",
        "OPENAI_API_KEY": KEY,
        "ANTHROPIC_BASE_URL": url,
        "ANTHROPIC_API_KEY": KEY,
        "GOOGLE_GEMINI_BASE_URL": url,
        "GOOGLE_API_KEY": KEY,
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": url,
        "AWS_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "AKIA0123456789",
        "AWS_SECRET_ACCESS_KEY": KEY,
        "UNDERSTUDY_PROVIDER_MY_TEAM_BASE_URL": f"{url}/v1",
        "UNDERSTUDY_PROVIDER_MY_TEAM_API_KEY": KEY,
        "UNDERSTUDY_PROVIDER_OWN_BASE_URL": f"{url}/v1",
        "UNDERSTUDY_PROVIDER_OWN_API": "responses",
    }


@dataclass
class Wire:
    """A vendor's look-alike, and its client."""

    server: Lookalike
    provider: Provider
    request: Request

    async def heard(self, *script: Said | Refused, **fields: object) -> Answer:
        self.server.script = list(script)
        return await answer(self.provider, replace(self.request, **fields))  # type: ignore[arg-type]


@pytest.fixture(params=list(DIALECTS))
async def wire(request: pytest.FixtureRequest) -> AsyncIterator[Wire]:
    async with running(DIALECTS[request.param]) as server:
        provider = provider_for(request.param, environment(server.url))
        said = (Message("user", "Good morning."),)
        yield Wire(server, provider, Request(model=request.param, messages=said, instructions="Be"))
        await provider.aclose()
