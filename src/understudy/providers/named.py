"""Providers that users name: servers which speak OpenAI's API, by variables of the environment.

`UNDERSTUDY_PROVIDER_<NAME>_BASE_URL` makes one, `..._API_KEY` is its key where it wants one, and
`..._API` is `chat` (the default) or `responses`. A name has lost case and dashes there: MY_TEAM is
my-team.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from understudy.errors import UsageError
from understudy.providers.vendors import OPENAI, Access, Vendor
from understudy.redact import hide

if TYPE_CHECKING:
    from pydantic_ai.models import Model

_VARIABLE = re.compile(r"UNDERSTUDY_PROVIDER_([A-Z0-9_]+)_BASE_URL")
_NAME = re.compile(r"[A-Za-z0-9_-]+")
_APIS = ("chat", "responses")


def variable(name: str, what: str = "BASE_URL") -> str:
    """Return the variable of a provider, empty for a name that none can have."""
    known = _NAME.fullmatch(name)
    return f"UNDERSTUDY_PROVIDER_{name.upper().replace('-', '_')}_{what}" if known else ""


def names(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names that are defined, in order."""
    found = (_VARIABLE.fullmatch(name) for name, value in environment.items() if value.strip())
    return tuple(sorted(match[1].lower() for match in found if match))


def named(name: str, environment: Mapping[str, str]) -> Vendor | None:
    """Return the provider of a name, None where it is not defined; raises UsageError."""
    address = environment.get(variable(name), "").strip()
    if not address:
        return None
    _check_address(address, variable(name))
    asked = variable(name, "API")
    api = environment.get(asked, "").strip().casefold() or _APIS[0]
    if api not in _APIS:
        raise UsageError(f"{asked} must be {' or '.join(_APIS)}, it is {hide(api)!r}.")
    return Vendor(
        partial(_make, name, api),
        (variable(name, "API_KEY"),),
        variable(name),
        # Which of a server's models have tools nobody can know; [[models]] says it.
        tools=OPENAI.tools if api == "responses" else {},
        settings=OPENAI.settings if api == "responses" else {"max_retries": 0},
    )


def _check_address(address: str, asked: str) -> None:
    try:
        parts = urlsplit(address)
        right = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        right = False
    if not right:
        raise UsageError(
            f"{asked} is no address.", hint="Write one such as http://127.0.0.1:8000/v1."
        )


def _make(name: str, api: str, access: Access) -> Callable[[str], Model]:
    from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
    from pydantic_ai.profiles.openai import OpenAIModelProfile
    from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider

    made = OpenAICompatibleProvider(
        name,
        base_url=access.base_url or "",
        api_key=access.key,
        # Else an answer that a proxy cut off would pass for a whole one.
        profile=OpenAIModelProfile(openai_chat_streaming_requires_finish_reason=True),
    )
    # What the environment says of an account at OpenAI is nobody else's business.
    made.client.organization = made.client.project = None
    if api == "chat":
        return lambda model: OpenAIChatModel(model, provider=made)
    return lambda model: OpenAIResponsesModel(model, provider=made)
