"""One collection of definitions on the OpenAI wire: what assistants and agents have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote

from understudy.errors import MissingError
from understudy.model.assistant import Assistant
from understudy.platforms.base import Page, PlaceInfo
from understudy.platforms.knowledge import KnowledgeLimits
from understudy.platforms.openai_models import list_models
from understudy.platforms.openai_wire import Wire, WireClient


class OpenAIDefinitions:
    """A project's definitions of one kind; `limits` are those of its knowledge.

    An adapter names its platform, its collection and its headers, and adds what it is capable of.
    """

    platform: ClassVar[str]
    collection: ClassVar[str]
    headers: ClassVar[Mapping[str, str]]
    noun: ClassVar[str]

    def __init__(self, wire: Wire, *, limits: KnowledgeLimits | None = None) -> None:
        self._wire = wire
        self._limits = limits or KnowledgeLimits()
        self._client = WireClient(wire, headers=self.headers)

    @property
    def info(self) -> PlaceInfo:
        """Which project this is."""
        wire = self._wire
        return PlaceInfo(wire.place, self.platform, wire.base_url, wire.organization, wire.project)

    async def list_page(self, *, after: str | None = None, newest_first: bool = False) -> Page:
        """Return up to 100 of them."""
        records, last = await self._client.page(
            self.collection, after=after, newest_first=newest_first
        )
        return Page(tuple(self._read(record) for record in records), last)

    async def retrieve(self, assistant_id: str) -> Assistant:
        """Return one or raise MissingError."""
        return self._read(await self._client.request("GET", self._path(assistant_id)))

    async def create(self, payload: Mapping[str, Any]) -> Assistant:
        """Create one."""
        body = self._sent(payload)
        reply = await self._client.request("POST", self.collection, body=body, collection=True)
        return self._read(reply)

    async def update(self, assistant_id: str, fields: Mapping[str, Any]) -> Assistant:
        """Set the given fields; `metadata` replaces the whole map where the platform says so."""
        path, body = self._path(assistant_id), self._sent(fields)
        return self._read(await self._client.request("POST", path, body=body))

    async def delete(self, assistant_id: str) -> None:
        """Delete one if it is there."""
        try:
            await self._client.request("DELETE", self._path(assistant_id))
        except MissingError:
            return

    async def models(self) -> Mapping[str, str | None] | None:
        """Return what /models says; None where a server or a restricted key does not say."""
        return await list_models(self._client)

    async def flush(self) -> None:
        """Every write is durable once it was answered."""

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def _path(self, definition_id: str) -> str:
        return f"{self.collection}/{quote(definition_id, safe='')}"

    def _sent(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the fields as a request takes them."""
        return fields

    def _read(self, record: Any) -> Assistant:
        """Return a record as a definition; raises LostAnswerError for what is none."""
        if not isinstance(record, dict) or not isinstance(record.get("id"), str):
            raise self._client.malformed(f"{self.noun} without an id")
        return Assistant(record["id"], record)
