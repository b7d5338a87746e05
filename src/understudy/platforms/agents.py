"""OpenAI's Agents API: persistent agents in one project, in beta since September 2026.

Shapes and limits are those of the `openai` package 3.51, `types/beta/agent*`.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property
from typing import Any, ClassVar

from understudy.model.assistant import Assistant
from understudy.model.fidelity import LOSSY, Fidelity, LedgerEntry
from understudy.model.fieldmap import Crossing
from understudy.model.fieldmap.to_agent import LINKS, OWNED, STORES, for_request, left_behind
from understudy.model.kinds import Kind, kind_of
from understudy.model.limits import AGENTS
from understudy.platforms.agent_environments import AgentEnvironments
from understudy.platforms.base import Capabilities, Marker, Rendered
from understudy.platforms.knowledge import Knowledge, KnowledgeLimits
from understudy.platforms.openai_definitions import OpenAIDefinitions
from understudy.platforms.openai_wire import Wire, WireClient
from understudy.platforms.rendering import render_fields

NAME = "openai-agents"
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


class Agents(OpenAIDefinitions):
    """Agents in one project; `limits` are those of its knowledge."""

    platform = NAME
    collection = "/agents"
    headers: ClassVar = {"OpenAI-Beta": "agents=v1"}
    noun = "an agent"

    def __init__(self, wire: Wire, *, limits: KnowledgeLimits | None = None) -> None:
        super().__init__(wire, limits=limits)
        self._store = WireClient(wire, headers=_STORE_HEADERS)

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

    async def aclose(self) -> None:
        """Close the connections."""
        await super().aclose()
        await self._store.aclose()

    def _read(self, record: Any) -> Assistant:
        agent = super()._read(record)
        stores = agent.metadata.get(STORES)
        if not isinstance(stores, str) or not stores:
            return agent
        # Where an assistant has it, so that whoever carries knowledge finds it.
        found = {
            "file_search": {
                "vector_store_ids": [one.strip() for one in stores.split(",") if one.strip()]
            }
        }
        return Assistant(agent.id, {**agent.raw, "tool_resources": found})


def _with_links(entry: LedgerEntry, left: Collection[str]) -> LedgerEntry:
    """Return the entry of metadata with the links that stay behind; what was lost stays lost."""
    if entry.field != "metadata":
        return entry
    told = entry.reason if entry.fidelity in LOSSY else ""
    reason = "; ".join(filter(None, (told, left_behind(left))))
    return LedgerEntry("metadata", entry.fidelity if told else Fidelity.MAPPED, reason)
