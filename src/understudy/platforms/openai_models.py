"""The models of a project on the OpenAI wire, and when each is shut down."""

from __future__ import annotations

from typing import Any

from understudy.errors import (
    EndpointGoneError,
    ForbiddenError,
    MissingError,
    RejectedError,
)
from understudy.platforms.openai_wire import WireClient


async def list_models(client: WireClient) -> dict[str, str | None] | None:
    """Return what `Platform.models` promises; None where a server or a restricted key is silent.

    Raises AuthenticationError for a key that is refused.
    """
    try:
        reply = await client.request("GET", "/models")
    except (MissingError, EndpointGoneError, ForbiddenError, RejectedError):
        return None
    data = reply.get("data")
    if not isinstance(data, list):
        return None
    found = [one for one in data if isinstance(one, dict) and isinstance(one.get("id"), str)]
    return {one["id"]: _shutdown(one) for one in found}


def _shutdown(model: dict[str, Any]) -> str | None:
    """Return the day, an empty text for a model that goes on, None where nothing is said."""
    if "shutdown_date" not in model:
        return None
    day = model["shutdown_date"]
    return day if isinstance(day, str) else ""
