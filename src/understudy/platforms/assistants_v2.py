"""OpenAI Assistants v2, and every server that speaks it (Foundry classic, self-hosted ones).

OpenAI's own endpoint was removed on 2026-08-26; `base_url` decides who answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

from understudy.errors import MissingError
from understudy.model.assistant import Assistant
from understudy.model.kinds import Kind
from understudy.model.limits import ASSISTANTS_V2
from understudy.platforms.base import (
    Capabilities,
    Marker,
    Page,
    PlaceInfo,
    Rendered,
)
from understudy.platforms.knowledge import Knowledge, KnowledgeLimits
from understudy.platforms.openai_models import list_models
from understudy.platforms.openai_wire import Wire, WireClient
from understudy.platforms.rendering import render_fields

NAME = "openai-assistants"
_HEADERS = {"OpenAI-Beta": "assistants=v2"}
_CAPABILITIES = Capabilities(
    limits=ASSISTANTS_V2, remote=True, lists_models=True, kind=Kind.ASSISTANT, runs=True
)
_DEPLOYMENTS = replace(_CAPABILITIES, openai_models=False)


class AssistantsV2:
    """Assistants in one project, over the v2 wire; `limits` are those of its knowledge."""

    def __init__(self, wire: Wire, *, limits: KnowledgeLimits | None = None) -> None:
        self._wire = wire
        self._limits = limits or KnowledgeLimits()
        self._client = WireClient(wire, headers=_HEADERS)

    @property
    def info(self) -> PlaceInfo:
        """Which project this is."""
        wire = self._wire
        return PlaceInfo(wire.place, NAME, wire.base_url, wire.organization, wire.project)

    @property
    def capabilities(self) -> Capabilities:
        """The published limits; models can be listed. With an API version, they are deployments."""
        return _DEPLOYMENTS if self._wire.api_version else _CAPABILITIES

    @cached_property
    def knowledge(self) -> Knowledge:
        """The project's files and vector stores."""
        from understudy.platforms.openai_knowledge import OpenAIKnowledge

        return OpenAIKnowledge(self._client, limits=self._limits)

    @property
    def environments(self) -> None:
        """None: code runs without one."""
        return None

    async def list_page(self, *, after: str | None = None, newest_first: bool = False) -> Page:
        """Return up to 100 assistants."""
        records, last = await self._client.page(
            "/assistants", after=after, newest_first=newest_first
        )
        return Page(tuple(self._assistant(record) for record in records), last)

    async def retrieve(self, assistant_id: str) -> Assistant:
        """Return one assistant or raise MissingError."""
        return self._assistant(await self._client.request("GET", _path(assistant_id)))

    async def create(self, payload: Mapping[str, Any]) -> Assistant:
        """Create an assistant."""
        reply = await self._client.request(
            "POST", "/assistants", body=_sent(payload), collection=True
        )
        return self._assistant(reply)

    async def update(self, assistant_id: str, fields: Mapping[str, Any]) -> Assistant:
        """Set the given fields."""
        reply = await self._client.request("POST", _path(assistant_id), body=_sent(fields))
        return self._assistant(reply)

    async def delete(self, assistant_id: str) -> None:
        """Delete an assistant if it is there."""
        try:
            await self._client.request("DELETE", _path(assistant_id))
        except MissingError:
            return

    async def models(self) -> Mapping[str, str | None] | None:
        """Return what /models says; None where a server or a restricted key does not say."""
        return await list_models(self._client)

    def render(self, assistant: Assistant, marker: Marker) -> Rendered:
        """Return every field of an assistant as it is, other kinds in an assistant's form."""
        return render_fields(assistant, marker, target=Kind.ASSISTANT)

    async def flush(self) -> None:
        """Every write is durable once it was answered."""

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def _assistant(self, record: Any) -> Assistant:
        if not isinstance(record, dict) or not isinstance(record.get("id"), str):
            raise self._client.malformed("an assistant without an id")
        return Assistant(record["id"], record)


def _path(assistant_id: str) -> str:
    from urllib.parse import quote

    return f"/assistants/{quote(assistant_id, safe='')}"


def _sent(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the fields as a request takes them."""
    tools = fields.get("tools")
    if not isinstance(tools, list) or not any(map(_says_null, tools)):
        return fields
    return {**fields, "tools": [*map(_for_request, tools)]}


def _says_null(tool: Any) -> bool:
    """Tell whether a function says null where a request may only leave out: saved JSON does."""
    function = tool.get("function") if isinstance(tool, dict) else None
    return isinstance(function, dict) and None in function.values()


def _for_request(tool: Any) -> Any:
    if not _says_null(tool):
        return tool
    function = {key: value for key, value in tool["function"].items() if value is not None}
    return {**tool, "function": function}
