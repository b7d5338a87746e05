"""OpenAI's Agents API: persistent agents in one project, in beta since September 2026.

Shapes and limits are those of the `openai` package 3.51, `types/beta/agent*`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cached_property
from typing import Any
from urllib.parse import quote

from understudy.errors import MissingError
from understudy.model.assistant import Assistant
from understudy.model.fidelity import LOSSY, Fidelity, LedgerEntry
from understudy.model.fieldmap import Crossing
from understudy.model.fieldmap.to_agent import LINKS, OWNED, STORES, for_request, left_behind
from understudy.model.kinds import Kind, kind_of
from understudy.model.limits import AGENTS
from understudy.platforms.agent_environments import AgentEnvironments
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

NAME = "openai-agents"
_HEADERS = {"OpenAI-Beta": "agents=v1"}
_STORE_HEADERS = {"OpenAI-Beta": "assistants=v2"}
_CAPABILITIES = Capabilities(
    limits=AGENTS,
    remote=True,
    lists_models=True,
    kind=Kind.AGENT,
    runs=True,
    replaces_metadata=True,
    homeless={
        "file_search": "agents search no vector stores; --file-search-as function carries them"
    },
)


class Agents:
    """Agents in one project; `limits` are those of its knowledge."""

    def __init__(self, wire: Wire, *, limits: KnowledgeLimits | None = None) -> None:
        self._wire = wire
        self._limits = limits or KnowledgeLimits()
        self._client = WireClient(wire, headers=_HEADERS)
        self._store = WireClient(wire, headers=_STORE_HEADERS)

    @property
    def info(self) -> PlaceInfo:
        """Which project this is."""
        wire = self._wire
        return PlaceInfo(wire.place, NAME, wire.base_url, wire.organization, wire.project)

    @property
    def capabilities(self) -> Capabilities:
        """The package's limits; file search has no home."""
        return _CAPABILITIES

    @cached_property
    def knowledge(self) -> Knowledge:
        """The project's files and vector stores, which agents do not search themselves."""
        from understudy.platforms.openai_knowledge import OpenAIKnowledge

        return OpenAIKnowledge(self._store, limits=self._limits)

    @cached_property
    def environments(self) -> AgentEnvironments:
        """The project's environment templates."""
        return AgentEnvironments(self._client)

    async def list_page(self, *, after: str | None = None, newest_first: bool = False) -> Page:
        """Return up to 100 agents."""
        records, last = await self._client.page("/agents", after=after, newest_first=newest_first)
        return Page(tuple(self._agent(record) for record in records), last)

    async def retrieve(self, assistant_id: str) -> Assistant:
        """Return one agent or raise MissingError."""
        return self._agent(await self._client.request("GET", _path(assistant_id)))

    async def create(self, payload: Mapping[str, Any]) -> Assistant:
        """Create an agent."""
        reply = await self._client.request("POST", "/agents", body=payload, collection=True)
        return self._agent(reply)

    async def update(self, assistant_id: str, fields: Mapping[str, Any]) -> Assistant:
        """Set the given fields; `metadata` replaces the whole map."""
        return self._agent(await self._client.request("POST", _path(assistant_id), body=fields))

    async def delete(self, assistant_id: str) -> None:
        """Delete an agent if it is there."""
        try:
            await self._client.request("DELETE", _path(assistant_id))
        except MissingError:
            return

    async def models(self) -> Mapping[str, str | None] | None:
        """Return what /models says; None where a server or a restricted key does not say."""
        return await list_models(self._client)

    def render(self, assistant: Assistant, marker: Marker) -> Rendered:
        """Return an agent as it is, other kinds in an agent's form.

        What an agent's metadata says of its knowledge stays in its project.
        """
        mark = Marker(marker.adds, marker.without | LINKS)
        owned = frozenset() if kind_of(assistant.raw) is Kind.AGENT else OWNED
        rendered = render_fields(assistant, mark, target=Kind.AGENT, owned=owned)
        crossing = Crossing()
        payload = for_request(rendered.payload, crossing)
        ledger = rendered.ledger + crossing.ledger
        if left := LINKS & assistant.metadata.keys():
            ledger = tuple(_with_links(entry, left) for entry in ledger)
        return Rendered(payload, ledger, rendered.findings, rendered.fields, owned)

    async def flush(self) -> None:
        """Every write is durable once it was answered."""

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()
        await self._store.aclose()

    def _agent(self, record: Any) -> Assistant:
        if not isinstance(record, dict) or not isinstance(record.get("id"), str):
            raise self._client.malformed("an agent without an id")
        agent = Assistant(record["id"], record)
        stores = agent.metadata.get(STORES)
        if not isinstance(stores, str) or not stores:
            return agent
        # Where an assistant has it, so that whoever carries knowledge finds it.
        found = {
            "file_search": {
                "vector_store_ids": [one.strip() for one in stores.split(",") if one.strip()]
            }
        }
        return Assistant(agent.id, {**record, "tool_resources": found})


def _with_links(entry: LedgerEntry, left: Collection[str]) -> LedgerEntry:
    """Return the entry of metadata with the links that stay behind; what was lost stays lost."""
    if entry.field != "metadata":
        return entry
    told = entry.reason if entry.fidelity in LOSSY else ""
    reason = "; ".join(filter(None, (told, left_behind(left))))
    return LedgerEntry("metadata", entry.fidelity if told else Fidelity.MAPPED, reason)


def _path(agent_id: str) -> str:
    return f"/agents/{quote(agent_id, safe='')}"
