"""Pacing and retry, wrapped around a place's knowledge from outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from understudy.model.knowledge import File, Store, StoreFile
from understudy.platforms.knowledge import (
    Content,
    FilePage,
    Knowledge,
    KnowledgeTraits,
    Sink,
    StoreFilePage,
    StorePage,
    TextPage,
)
from understudy.platforms.turns import Turns


class PacedKnowledge:
    """Knowledge whose requests wait their turn and are repeated where that is safe.

    `upload`, `finish_upload`, `create_store` and `create_container` are repeated only when they
    certainly were not carried out; all else is repeated after any passing fault. A transfer
    that is repeated begins anew: its sink is restarted, its content read again.
    """

    def __init__(self, inner: Knowledge, turns: Turns) -> None:
        self._inner = inner
        self._turns = turns

    @property
    def traits(self) -> KnowledgeTraits:
        """What it can do."""
        return self._inner.traits

    async def list_files(self, *, after: str | None = None) -> FilePage:
        """Return a page of files, repeated until it comes."""
        return await self._turns.call(lambda: self._inner.list_files(after=after))

    async def retrieve_file(self, file_id: str) -> File:
        """Return one file, repeated until it comes."""
        return await self._turns.call(lambda: self._inner.retrieve_file(file_id))

    async def downloadable(self, file_id: str) -> bool:
        """Tell whether the bytes can be had, repeated until that is known."""
        return await self._turns.call(lambda: self._inner.downloadable(file_id))

    async def download(self, file_id: str, sink: Sink, *, size: int | None = None) -> None:
        """Fetch the bytes, from the beginning again until they have come."""
        await self._turns.call(lambda: self._inner.download(file_id, sink, size=size))

    async def upload(self, name: str, content: Content, *, purpose: str = "assistants") -> File:
        """Upload, repeated only after answers that say that nothing was done."""
        return await self._turns.call(
            lambda: self._inner.upload(name, content, purpose=purpose), idempotent=False
        )

    async def begin_upload(self, name: str, size: int, *, purpose: str = "assistants") -> str:
        """Announce a file, repeated until it is confirmed: an upload too many expires unseen."""
        return await self._turns.call(lambda: self._inner.begin_upload(name, size, purpose=purpose))

    async def upload_part(self, upload_id: str, content: Content, start: int, length: int) -> str:
        """Send a part, repeated until it is confirmed."""
        return await self._turns.call(
            lambda: self._inner.upload_part(upload_id, content, start, length)
        )

    async def finish_upload(self, upload_id: str, parts: Sequence[str]) -> File:
        """Finish, repeated only after answers that say that nothing was done."""
        return await self._turns.call(
            lambda: self._inner.finish_upload(upload_id, parts), idempotent=False
        )

    async def cancel_upload(self, upload_id: str) -> None:
        """Cancel, repeated until it is confirmed."""
        await self._turns.call(lambda: self._inner.cancel_upload(upload_id))

    async def delete_file(self, file_id: str) -> None:
        """Delete, repeated until it is confirmed."""
        await self._turns.call(lambda: self._inner.delete_file(file_id))

    async def list_stores(self, *, after: str | None = None) -> StorePage:
        """Return a page of vector stores, repeated until it comes."""
        return await self._turns.call(lambda: self._inner.list_stores(after=after))

    async def retrieve_store(self, store_id: str) -> Store:
        """Return one vector store, repeated until it comes."""
        return await self._turns.call(lambda: self._inner.retrieve_store(store_id))

    async def create_store(self, fields: Mapping[str, Any]) -> Store:
        """Create, repeated only after answers that say that nothing was done."""
        return await self._turns.call(lambda: self._inner.create_store(fields), idempotent=False)

    async def update_store(self, store_id: str, fields: Mapping[str, Any]) -> Store:
        """Update, repeated until it is confirmed."""
        return await self._turns.call(lambda: self._inner.update_store(store_id, fields))

    async def delete_store(self, store_id: str) -> None:
        """Delete, repeated until it is confirmed."""
        await self._turns.call(lambda: self._inner.delete_store(store_id))

    async def list_store_files(
        self, store_id: str, *, after: str | None = None, newest_first: bool = False
    ) -> StoreFilePage:
        """Return a page of a store's files, repeated until it comes."""
        return await self._turns.call(
            lambda: self._inner.list_store_files(store_id, after=after, newest_first=newest_first)
        )

    async def attach(self, store_id: str, file: StoreFile) -> None:
        """Attach, repeated until it is confirmed."""
        await self._turns.call(lambda: self._inner.attach(store_id, file))

    async def attach_many(self, store_id: str, files: Sequence[StoreFile]) -> None:
        """Attach many, repeated until it is confirmed."""
        await self._turns.call(lambda: self._inner.attach_many(store_id, files))

    async def update_attributes(
        self, store_id: str, file_id: str, attributes: Mapping[str, Any]
    ) -> None:
        """Replace attributes, repeated until it is confirmed."""
        await self._turns.call(lambda: self._inner.update_attributes(store_id, file_id, attributes))

    async def detach(self, store_id: str, file_id: str) -> None:
        """Detach, repeated until it is confirmed."""
        await self._turns.call(lambda: self._inner.detach(store_id, file_id))

    async def text_page(self, store_id: str, file_id: str, *, after: str | None = None) -> TextPage:
        """Return a page of text, repeated until it comes."""
        return await self._turns.call(lambda: self._inner.text_page(store_id, file_id, after=after))

    async def create_container(self, name: str, file_ids: Sequence[str]) -> str:
        """Create, repeated only after answers that say that nothing was done."""
        return await self._turns.call(
            lambda: self._inner.create_container(name, file_ids), idempotent=False
        )

    async def list_container_files(
        self, container_id: str, *, after: str | None = None
    ) -> FilePage:
        """Return a page of a container's files, repeated until it comes."""
        return await self._turns.call(
            lambda: self._inner.list_container_files(container_id, after=after)
        )

    async def download_from_container(
        self, container_id: str, file_id: str, sink: Sink, *, size: int | None = None
    ) -> None:
        """Fetch the bytes, from the beginning again until they have come."""
        await self._turns.call(
            lambda: self._inner.download_from_container(container_id, file_id, sink, size=size)
        )

    async def delete_container(self, container_id: str) -> None:
        """Delete, repeated until it is confirmed."""
        await self._turns.call(lambda: self._inner.delete_container(container_id))
