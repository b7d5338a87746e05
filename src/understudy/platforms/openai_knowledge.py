"""OpenAI's files, uploads, vector stores and containers, and servers that speak the same.

They outlived the Assistants API, and the Agents API leans on the same ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from understudy.errors import EndpointGoneError, MissingError, RejectedError
from understudy.model.knowledge import File, Store, StoreFile
from understudy.platforms.knowledge import (
    Content,
    FilePage,
    KnowledgeLimits,
    KnowledgeTraits,
    Sink,
    StoreFilePage,
    StorePage,
    TextPage,
)
from understudy.platforms.openai_records import (
    container_file_from,
    file_from,
    store_file_from,
    store_from,
    to_attach,
)
from understudy.platforms.openai_wire import WireClient

if TYPE_CHECKING:
    from understudy.platforms.openai_transfer import Form

_FILES = 10_000  # a page; all other lists give at most 100
_PAGE = 100
_CONTAINER_MINUTES = 20  # after its last use; we delete it long before

T = TypeVar("T")

TOO_MANY = "array_above_max_length"
UNKNOWN = "unknown_parameter"


class OpenAIKnowledge:
    """Files and vector stores of one project."""

    def __init__(self, client: WireClient, *, limits: KnowledgeLimits | None = None) -> None:
        self._client = client
        self._limits = limits or KnowledgeLimits()

    @property
    def traits(self) -> KnowledgeTraits:
        """The published limits, containers, parsed texts, and indexing that takes its time."""
        return KnowledgeTraits(
            self._limits, containers=True, texts=True, indexes=True, unique_ids=True
        )

    async def list_files(self, *, after: str | None = None) -> FilePage:
        """Return up to 10,000 files."""
        records, last = await self._client.page("/files", after=after, limit=_FILES)
        return FilePage(self._all(file_from, records), last)

    async def retrieve_file(self, file_id: str) -> File:
        """Return one file or raise MissingError."""
        return self._one(file_from, await self._client.request("GET", self._path("files", file_id)))

    async def downloadable(self, file_id: str) -> bool:
        """Ask for the bytes and hang up once it is known whether they would come."""
        try:
            async with self._client.stream(self._path("files", file_id, "content")):
                return True
        except RejectedError:
            return False

    async def download(self, file_id: str, sink: Sink, *, size: int | None = None) -> None:
        """Write the file's bytes into the sink."""
        await self._receive(self._path("files", file_id, "content"), sink, size)

    async def upload(self, name: str, content: Content, *, purpose: str = "assistants") -> File:
        """Store bytes under a name, in one request."""
        form = self._form("file", name, content, 0, content.size, purpose=purpose)
        reply = await self._client.request("POST", "/files", form=form, collection=True)
        return self._one(file_from, reply)

    async def begin_upload(self, name: str, size: int, *, purpose: str = "assistants") -> str:
        """Announce a file that comes in parts; it expires after an hour."""
        from understudy.platforms.openai_transfer import media_type

        body = {"filename": name, "bytes": size, "purpose": purpose, "mime_type": media_type(name)}
        reply = await self._client.request("POST", "/uploads", body=body, collection=True)
        return self._id(reply, "an upload")

    async def upload_part(self, upload_id: str, content: Content, start: int, length: int) -> str:
        """Send a part."""
        form = self._form("data", "part", content, start, length)
        path = self._path("uploads", upload_id, "parts")
        return self._id(await self._client.request("POST", path, form=form), "a part")

    async def finish_upload(self, upload_id: str, parts: Sequence[str]) -> File:
        """Put the parts together."""
        path = self._path("uploads", upload_id, "complete")
        reply = await self._client.request("POST", path, body={"part_ids": list(parts)})
        return self._one(file_from, reply.get("file"))

    async def cancel_upload(self, upload_id: str) -> None:
        """Throw an unfinished upload away."""
        try:
            await self._client.request("POST", self._path("uploads", upload_id, "cancel"))
        except (MissingError, RejectedError):
            return  # gone, or cancelled, expired or complete: there is nothing left to cancel

    async def delete_file(self, file_id: str) -> None:
        """Delete a file if it is there."""
        await self._delete("files", file_id)

    async def list_stores(self, *, after: str | None = None) -> StorePage:
        """Return up to 100 vector stores."""
        records, last = await self._client.page("/vector_stores", after=after)
        return StorePage(self._all(store_from, records), last)

    async def retrieve_store(self, store_id: str) -> Store:
        """Return one vector store or raise MissingError."""
        path = self._path("vector_stores", store_id)
        return self._one(store_from, await self._client.request("GET", path))

    async def create_store(self, fields: Mapping[str, Any]) -> Store:
        """Create a vector store; what is None is left out."""
        body = {key: value for key, value in fields.items() if value is not None}
        reply = await self._client.request("POST", "/vector_stores", body=body, collection=True)
        return self._one(store_from, reply)

    async def update_store(self, store_id: str, fields: Mapping[str, Any]) -> Store:
        """Set the given fields."""
        path = self._path("vector_stores", store_id)
        return self._one(store_from, await self._client.request("POST", path, body=fields))

    async def delete_store(self, store_id: str) -> None:
        """Delete a vector store if it is there."""
        await self._delete("vector_stores", store_id)

    async def list_store_files(
        self, store_id: str, *, after: str | None = None, newest_first: bool = False
    ) -> StoreFilePage:
        """Return up to 100 of a store's files."""
        path = self._path("vector_stores", store_id, "files")
        records, last = await self._client.page(
            path, after=after, newest_first=newest_first, collection=False
        )
        return StoreFilePage(self._all(store_file_from, records), last)

    async def attach(self, store_id: str, file: StoreFile) -> None:
        """Put a file into a store; indexing begins."""
        path = self._path("vector_stores", store_id, "files")
        await self._client.request("POST", path, body=to_attach(file))

    async def attach_many(self, store_id: str, files: Sequence[StoreFile]) -> None:
        """Put many files into a store; indexing begins."""
        path = self._path("vector_stores", store_id, "file_batches")
        body = {"files": [to_attach(file) for file in files]}
        try:
            await self._client.request("POST", path, body=body)
        except RejectedError as error:
            error.code = _batch_code(error)
            raise
        except EndpointGoneError as error:  # older servers take files one by one
            raise RejectedError(error.message, hint=error.hint, code=UNKNOWN) from error

    async def update_attributes(
        self, store_id: str, file_id: str, attributes: Mapping[str, Any]
    ) -> None:
        """Replace the attributes of a file in a store."""
        path = self._path("vector_stores", store_id, "files", file_id)
        await self._client.request("POST", path, body={"attributes": dict(attributes)})

    async def detach(self, store_id: str, file_id: str) -> None:
        """Take a file out of a store if it is in there."""
        await self._delete("vector_stores", store_id, "files", file_id)

    async def text_page(self, store_id: str, file_id: str, *, after: str | None = None) -> TextPage:
        """Return part of the parsed text of a file in a store."""
        path = self._path("vector_stores", store_id, "files", file_id, "content")
        query = {"page": after} if after else {}
        reply = await self._client.request("GET", path, query=query)
        records = reply.get("data")
        if not isinstance(records, list):
            raise self._client.malformed("a page of text without a list")
        found = (record.get("text") for record in records if isinstance(record, dict))
        texts = tuple(text for text in found if isinstance(text, str))
        token = reply.get("next_page")
        return TextPage(texts, str(token) if reply.get("has_more") and token else None)

    async def create_container(self, name: str, file_ids: Sequence[str]) -> str:
        """Create a container, which expires 20 minutes after its last use."""
        expiry = {"anchor": "last_active_at", "minutes": _CONTAINER_MINUTES}
        body = {"name": name, "file_ids": list(file_ids), "expires_after": expiry}
        reply = await self._client.request("POST", "/containers", body=body, collection=True)
        return self._id(reply, "a container")

    async def list_container_files(
        self, container_id: str, *, after: str | None = None
    ) -> FilePage:
        """Return up to 100 of a container's files, named by the last part of their path."""
        path = self._path("containers", container_id, "files")
        records, last = await self._client.page(path, after=after, collection=False)
        return FilePage(self._all(container_file_from, records), last)

    async def download_from_container(
        self, container_id: str, file_id: str, sink: Sink, *, size: int | None = None
    ) -> None:
        """Write a container file's bytes into the sink."""
        path = self._path("containers", container_id, "files", file_id, "content")
        await self._receive(path, sink, size)

    async def delete_container(self, container_id: str) -> None:
        """Delete a container if it is there."""
        await self._delete("containers", container_id)

    def _path(self, *parts: str) -> str:
        """Return the path of ids that other servers gave, which may be anything."""
        for part in parts:
            if not part.strip("."):  # would mean another path
                raise MissingError(f"{self._client.wire.place} holds nothing called {part!r}.")
        return "/" + "/".join(quote(part, safe="") for part in parts)

    def _form(
        self, field: str, name: str, content: Content, start: int, length: int, **fields: str
    ) -> Form:
        from understudy.platforms.openai_transfer import Form

        wait = self._client.wire.read_timeout
        return Form(field, name, content, start=start, length=length, fields=fields, stall=wait)

    async def _receive(self, path: str, sink: Sink, size: int | None) -> None:
        from understudy.platforms.openai_transfer import receive

        await receive(self._client, path, sink, size=size, most=self._limits.largest)

    async def _delete(self, *parts: str) -> None:
        try:
            await self._client.request("DELETE", self._path(*parts))
        except MissingError:
            return

    def _one(self, parse: Callable[[Any], T], record: Any) -> T:
        try:
            return parse(record)
        except ValueError as error:
            raise self._client.malformed(str(error)) from error

    def _all(self, parse: Callable[[Any], T], records: Sequence[Any]) -> tuple[T, ...]:
        return tuple(self._one(parse, record) for record in records)

    def _id(self, reply: Mapping[str, Any], what: str) -> str:
        found = reply.get("id")
        if not isinstance(found, str):
            raise self._client.malformed(f"{what} without an id")
        return found


def _batch_code(error: RejectedError) -> str | None:
    """Return what a refusal of a batch means, in the words of our contract."""
    code, said = error.code or "", error.message
    if code == TOO_MANY or "array too long" in said.lower():
        return TOO_MANY
    about_files = (error.param or "").startswith("files") or "'files" in said
    if code in (UNKNOWN, "unsupported_parameter") and about_files:
        return UNKNOWN
    if error.param == "file_ids" and code.startswith("missing"):  # it only knows plain ids
        return UNKNOWN
    return error.code
