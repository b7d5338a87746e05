"""The vendors behind the gateway: where their keys stand, and how their models are made.

Nothing of the gateway's library is imported before a model is made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from understudy.providers.hanging_up import note

if TYPE_CHECKING:
    from pydantic_ai.models import Model

#: Tools that vendors run themselves, by the names that documents use.
SEARCH, CODE, FETCH = "web_search", "code_execution", "web_fetch"
TOOLS = (SEARCH, CODE, FETCH)

#: Seconds without a piece.
_READ = 1200

#: Seconds: AWS's client waits in a thread, which nobody can end early.
_AWS_READ = 60


@dataclass(frozen=True, slots=True)
class Access:
    """A key and an address, None where a vendor's own hold; `closing` closes what is opened."""

    key: str | None = field(repr=False)
    base_url: str | None
    environment: Mapping[str, str] = field(repr=False)
    closing: AsyncExitStack


@dataclass(frozen=True, slots=True)
class Vendor:
    """`keys` are variables of which one must be set, unless `base_url` is or `keyless`.

    `secrets` are others that hold something secret. `make` returns a function from a model's name.
    """

    make: Callable[[Access], Callable[[str], Model]]
    keys: tuple[str, ...]
    base_url: str
    secrets: tuple[str, ...] = ()
    keyless: bool = False
    #: The tools that its models may have, with what stands in the names of those that have one.
    tools: Mapping[str, str] = field(default_factory=dict)
    #: Of every request: no retries, and nothing is kept by the vendor where that can be said.
    settings: Mapping[str, Any] = field(default_factory=lambda: {"max_retries": 0})

    def has(self, tool: str, model: str) -> bool:
        """Tell whether a model, by its name without the provider's, can have a tool."""
        return tool in self.tools and self.tools[tool] in model


def _openai(access: Access) -> Callable[[str], Model]:
    from pydantic_ai.models.openai import OpenAIResponsesModel
    from pydantic_ai.providers.openai import OpenAIProvider

    # Servers of one's own often want no key; the client wants one in any case.
    made = OpenAIProvider(base_url=access.base_url, api_key=access.key or "none")
    return lambda name: OpenAIResponsesModel(name, provider=made)


def _anthropic(access: Access) -> Callable[[str], Model]:
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider

    made = AnthropicProvider(api_key=access.key or "none", base_url=access.base_url)
    return lambda name: AnthropicModel(name, provider=made)


def _google(access: Access) -> Callable[[str], Model]:
    import httpx2
    from pydantic_ai.models.google import GoogleModel
    from pydantic_ai.providers.google import GoogleProvider

    timeout = httpx2.Timeout(_READ, connect=5)
    client = httpx2.AsyncClient(timeout=timeout, event_hooks={"response": [note]})
    access.closing.push_async_callback(client.aclose)
    key = access.key or "none"
    made = GoogleProvider(api_key=key, base_url=access.base_url, http_client=client)
    return lambda name: GoogleModel(name, provider=made)


def _bedrock(access: Access) -> Callable[[str], Model]:
    import boto3  # type: ignore[import-untyped]
    from botocore.config import Config  # type: ignore[import-untyped]
    from botocore.session import Session as CoreSession  # type: ignore[import-untyped]
    from botocore.tokens import FrozenAuthToken  # type: ignore[import-untyped]
    from pydantic_ai.models.bedrock import BedrockConverseModel
    from pydantic_ai.providers.bedrock import BedrockProvider

    found = access.environment
    named: dict[str, Any] = {
        "aws_access_key_id": found.get("AWS_ACCESS_KEY_ID"),
        "aws_secret_access_key": found.get("AWS_SECRET_ACCESS_KEY"),
        "aws_session_token": found.get("AWS_SESSION_TOKEN"),
        "profile_name": found.get("AWS_PROFILE"),
        "region_name": found.get("AWS_REGION") or found.get("AWS_DEFAULT_REGION"),
    }
    config = Config(retries={"total_max_attempts": 1}, read_timeout=_AWS_READ)
    core = CoreSession()
    if token := found.get("AWS_BEARER_TOKEN_BEDROCK"):  # by itself it looks into the process only
        core.get_auth_token = lambda **_: FrozenAuthToken(token)
        config = config.merge(Config(signature_version="bearer"))
    session = boto3.Session(**named, botocore_session=core)
    client = session.client("bedrock-runtime", config=config, endpoint_url=access.base_url)
    made = BedrockProvider(bedrock_client=client)
    return lambda name: BedrockConverseModel(name, provider=made)


OPENAI = Vendor(
    _openai,
    ("OPENAI_API_KEY",),
    "OPENAI_BASE_URL",
    tools={SEARCH: "", CODE: ""},
    settings={"max_retries": 0, "openai_store": False},
)

VENDORS: Mapping[str, Vendor] = {
    "openai": OPENAI,
    "anthropic": Vendor(
        _anthropic,
        ("ANTHROPIC_API_KEY",),
        "ANTHROPIC_BASE_URL",
        secrets=("ANTHROPIC_AUTH_TOKEN",),
        tools=dict.fromkeys(TOOLS, ""),
    ),
    "google": Vendor(
        _google,
        ("GOOGLE_API_KEY", "GEMINI_API_KEY"),
        "GOOGLE_GEMINI_BASE_URL",
        tools=dict.fromkeys(TOOLS, ""),
    ),
    "bedrock": Vendor(
        _bedrock,
        (),
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME",
        secrets=("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_BEARER_TOKEN_BEDROCK"),
        keyless=True,  # profiles, roles of machines and more: its client knows where to look
        tools={CODE: "nova-2"},
        settings={},  # its client is told so itself
    ),
}
