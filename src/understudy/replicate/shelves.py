"""The kinds of things that a run creates: how each is listed, recognised and deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from understudy.model.assistant import CLONED_FROM, Assistant, definition
from understudy.model.canonical import digest, identical
from understudy.model.knowledge import File, Store
from understudy.model.meaning import meaning
from understudy.model.naming import wire_name
from understudy.platforms.base import Platform
from understudy.platforms.knowledge import Knowledge


class Assistants:
    """Recognised by their marker, without one by their whole content."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    async def page(self, after: str | None) -> tuple[Sequence[Assistant], str | None]:
        """Return a page, newest first."""
        page = await self._platform.list_page(after=after, newest_first=True)
        return page.assistants, page.after

    def rising(self, items: Sequence[Assistant], /) -> bool:
        """Tell by the times of creation; where there are none, it is taken at its word."""
        times = [one.raw.get("created_at") for one in items]
        numbers = [at for at in times if isinstance(at, int | float)]
        return bool(numbers) and numbers[0] < numbers[-1]

    def made_by(self, item: Assistant, payload: Mapping[str, Any]) -> bool:
        """Tell whether this payload made it."""
        marker = (payload.get("metadata") or {}).get(CLONED_FROM)
        if marker:
            return bool(item.metadata.get(CLONED_FROM) == marker)
        return fingerprint(payload) == fingerprint(definition(item.raw), like=payload)

    async def delete(self, item_id: str) -> None:
        """Delete an assistant."""
        await self._platform.delete(item_id)


@dataclass(frozen=True, slots=True)
class Sent:
    """What an upload is recognised by; files carry no marker."""

    name: str
    size: int


class Files:
    """Recognised by name and size: equal ones must not be in flight together."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge

    async def page(self, after: str | None) -> tuple[Sequence[File], str | None]:
        """Return a page, oldest first."""
        page = await self._knowledge.list_files(after=after)
        return page.items, page.after

    def rising(self, _items: Sequence[File], /) -> bool:
        """Return True: that is how they are listed."""
        return True

    def made_by(self, item: File, payload: Sent) -> bool:
        """Tell whether an upload of that name and size made it."""
        return item.name in (payload.name, wire_name(payload.name)) and item.bytes == payload.size

    async def delete(self, item_id: str) -> None:
        """Delete a file."""
        await self._knowledge.delete_file(item_id)


class Stores:
    """Recognised by their marker, without one by all their fields."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge

    async def page(self, after: str | None) -> tuple[Sequence[Store], str | None]:
        """Return a page, oldest first."""
        page = await self._knowledge.list_stores(after=after)
        return page.items, page.after

    def rising(self, _items: Sequence[Store], /) -> bool:
        """Return True: that is how they are listed."""
        return True

    def made_by(self, item: Store, payload: Mapping[str, Any]) -> bool:
        """Tell whether these fields made it."""
        marker = (payload.get("metadata") or {}).get(CLONED_FROM)
        if marker:
            return bool(item.cloned_from == marker)
        return all(identical(payload[name], item.raw.get(name)) for name in payload)

    async def delete(self, item_id: str) -> None:
        """Delete a vector store."""
        await self._knowledge.delete_store(item_id)


def fingerprint(fields: Mapping[str, Any], *, like: Mapping[str, Any] | None = None) -> str:
    """Return a digest of what the fields mean; only the fields of `like` where it is given."""
    names = sorted(fields if like is None else like)
    return digest({name: meaning(name, fields.get(name)) for name in names})
