"""A vendor's look-alike with its client, for all dialects."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest

from providers.dialects import DIALECTS, Refused, Said
from providers.lookalike import Lookalike, running
from understudy.providers.base import Answer, Message, Provider, Request, answer
from understudy.providers.catalog import provider_for


def key_of(model: str) -> str:
    """Return a provider's key: nothing that looks like one, and another for each."""
    return f"canary-of-{model.partition('/')[0]}-7d1f0c2b"


def environment(url: str, model: str) -> dict[str, str]:
    """Return what makes all providers; their keys are those of one."""
    key = key_of(model)
    return {
        "OPENAI_BASE_URL": f"{url}/v1",
        "OPENAI_API_KEY": key,
        "ANTHROPIC_BASE_URL": url,
        "ANTHROPIC_API_KEY": key,
        "GOOGLE_GEMINI_BASE_URL": url,
        "GOOGLE_API_KEY": key,
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": url,
        "AWS_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "AKIA0123456789",
        "AWS_SECRET_ACCESS_KEY": key,
        "UNDERSTUDY_PROVIDER_MY_TEAM_BASE_URL": f"{url}/v1",
        "UNDERSTUDY_PROVIDER_MY_TEAM_API_KEY": key,
        "UNDERSTUDY_PROVIDER_OWN_BASE_URL": f"{url}/v1",
        "UNDERSTUDY_PROVIDER_OWN_API": "responses",
    }


@dataclass
class Wire:
    """A vendor's look-alike, and its client."""

    server: Lookalike
    provider: Provider
    request: Request

    @property
    def key(self) -> str:
        return key_of(self.request.model)

    @property
    def keyless(self) -> bool:
        return self.request.model.startswith("own/")

    async def heard(self, *script: Said | Refused, **fields: object) -> Answer:
        self.server.script = list(script)
        return await answer(self.provider, replace(self.request, **fields))  # type: ignore[arg-type]


@pytest.fixture(params=list(DIALECTS))
async def wire(request: pytest.FixtureRequest) -> AsyncIterator[Wire]:
    async with running(DIALECTS[request.param]) as server:
        provider = provider_for(request.param, environment(server.url, request.param))
        said = (Message("user", "Good morning."),)
        yield Wire(server, provider, Request(model=request.param, messages=said, instructions="Be"))
        await provider.aclose()
