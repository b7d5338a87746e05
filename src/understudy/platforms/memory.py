"""A place in memory: the fake that ships, for rehearsals, examples and tests."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterable, Mapping
from typing import Any

from understudy.errors import MissingError
from understudy.model.assistant import Assistant
from understudy.platforms.base import (
    Capabilities,
    Marker,
    Page,
    PlaceInfo,
    Rendered,
)
from understudy.platforms.knowledge import KnowledgeLimits
from understudy.platforms.memory_knowledge import MemoryKnowledge
from understudy.platforms.rendering import render_fields

PAGE = 100

#: Ids are unique in the process: two places never hold different assistants of one id.
_NUMBERS = itertools.count(1)


class Memory:
    """Holds everything that it is given, without limits, for as long as the process lives."""

    def __init__(
        self,
        records: Iterable[Mapping[str, Any]] = (),
        *,
        name: str = "memory",
        downloads: bool = True,
        limits: KnowledgeLimits | None = None,
    ) -> None:
        self._info = PlaceInfo(name=name, platform="memory", address=f"memory:{name}")
        self._knowledge = MemoryKnowledge(name, downloads=downloads, limits=limits)
        self._records: dict[str, dict[str, Any]] = {}
        for record in records:
            self._add(record)

    @property
    def info(self) -> PlaceInfo:
        """Which place this is."""
        return self._info

    @property
    def capabilities(self) -> Capabilities:
        """Everything fits."""
        return Capabilities(limits=None, remote=False)

    @property
    def knowledge(self) -> MemoryKnowledge:
        """Its files and vector stores; with `downloads` off it keeps the bytes to itself."""
        return self._knowledge

    @property
    def environments(self) -> None:
        """None: it runs nothing."""
        return None

    async def list_page(self, *, after: str | None = None, newest_first: bool = False) -> Page:
        """Return up to 100 assistants in the order of their creation."""
        ids = list(self._records)
        if newest_first:
            ids.reverse()
        start = ids.index(after) + 1 if after in self._records else 0
        shown = ids[start : start + PAGE]
        more = start + PAGE < len(ids)
        return Page(tuple(self._assistant(i) for i in shown), shown[-1] if more else None)

    async def retrieve(self, assistant_id: str) -> Assistant:
        """Return one assistant or raise MissingError."""
        self._require(assistant_id)
        return self._assistant(assistant_id)

    async def create(self, payload: Mapping[str, Any]) -> Assistant:
        """Add an assistant under a new id."""
        return self._assistant(self._add(payload))

    async def update(self, assistant_id: str, fields: Mapping[str, Any]) -> Assistant:
        """Set the given fields."""
        self._require(assistant_id)
        self._records[assistant_id].update(copy.deepcopy(dict(fields)))
        return self._assistant(assistant_id)

    async def delete(self, assistant_id: str) -> None:
        """Remove an assistant if it is there."""
        self._records.pop(assistant_id, None)

    async def models(self) -> Mapping[str, str | None] | None:
        """Return None: it cannot tell."""
        return None

    def render(self, assistant: Assistant, marker: Marker) -> Rendered:
        """Return every field as it is."""
        return render_fields(assistant, marker)

    async def flush(self) -> None:
        """Nothing to do."""

    async def aclose(self) -> None:
        """Nothing to release."""

    def _add(self, record: Mapping[str, Any]) -> str:
        assistant_id = str(record.get("id") or f"mem_{next(_NUMBERS):06d}")
        self._records[assistant_id] = {**copy.deepcopy(dict(record)), "id": assistant_id}
        return assistant_id

    def _require(self, assistant_id: str) -> None:
        if assistant_id not in self._records:
            raise MissingError(f"{self._info.name} holds no assistant {assistant_id}.")

    def _assistant(self, assistant_id: str) -> Assistant:
        return Assistant(assistant_id, copy.deepcopy(self._records[assistant_id]))
