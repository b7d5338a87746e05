"""Files and vector stores in memory: for rehearsals, examples and tests."""

from __future__ import annotations

import copy
import hashlib
import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from understudy.errors import LostAnswerError, MissingError, RejectedError
from understudy.model.knowledge import STORE_FIELDS, File, Store, StoreFile
from understudy.platforms.knowledge import (
    PIECE,
    Content,
    FilePage,
    KnowledgeLimits,
    KnowledgeTraits,
    Sink,
    StoreFilePage,
    StorePage,
    TextPage,
    read,
)
from understudy.platforms.lacking import NoContainers

T = TypeVar("T")

PAGE = 100

#: Ids are unique in the process: two places never hold different things under one id.
_NUMBERS = itertools.count(1)


@dataclass(slots=True)
class _Upload:
    name: str
    size: int
    purpose: str
    parts: dict[str, bytes] = field(default_factory=dict)


class MemoryKnowledge(NoContainers):
    """Holds whatever it is given; `downloads` says whether it hands bytes out again."""

    def __init__(
        self,
        place: str,
        *,
        downloads: bool = True,
        limits: KnowledgeLimits | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._place = place
        self._downloads = downloads
        self._limits = limits or KnowledgeLimits(
            attributes=None, metadata_pairs=None, fixed=frozenset()
        )
        self._clock = clock
        self._files: dict[str, File] = {}
        self._bytes: dict[str, bytes] = {}
        self._uploads: dict[str, _Upload] = {}
        self._stores: dict[str, dict[str, Any]] = {}
        self._members: dict[str, dict[str, StoreFile]] = {}

    @property
    def traits(self) -> KnowledgeTraits:
        """Texts, and everything searchable at once."""
        return KnowledgeTraits(self._limits, texts=True)

    async def list_files(self, *, after: str | None = None) -> FilePage:
        """Return up to 100 files in the order of their upload."""
        return FilePage(*_page(self._files, after))

    async def retrieve_file(self, file_id: str) -> File:
        """Return one file or raise MissingError."""
        return self._require(self._files, file_id, "file")

    async def downloadable(self, file_id: str) -> bool:
        """Tell whether this place hands out bytes; raises MissingError."""
        self._require(self._files, file_id, "file")
        return self._downloads

    async def download(self, file_id: str, sink: Sink, *, size: int | None = None) -> None:
        """Write the file's bytes into the sink."""
        file = self._require(self._files, file_id, "file")
        if not self._downloads:
            said = f"Not allowed to download files of purpose: {file.purpose}"
            raise RejectedError(f"{self._place}: {said}.")
        content = self._bytes[file_id]
        if size not in (None, len(content)):
            raise LostAnswerError(f"{self._place}: {file_id} has {len(content)} bytes, not {size}.")
        sink.restart()
        for start in range(0, len(content), PIECE):
            await sink.room()
            sink.write(content[start : start + PIECE])

    async def upload(self, name: str, content: Content, *, purpose: str = "assistants") -> File:
        """Store bytes under a name and a new id."""
        self._fits(content.size, self._limits.upload)
        pieces = [piece async for piece in read(content, name)]
        return self._add(name, b"".join(pieces), purpose)

    async def begin_upload(self, name: str, size: int, *, purpose: str = "assistants") -> str:
        """Announce a file that comes in parts."""
        self._fits(size, self._limits.largest)
        upload_id = _new("upload")
        self._uploads[upload_id] = _Upload(name, size, purpose)
        return upload_id

    async def upload_part(self, upload_id: str, content: Content, start: int, length: int) -> str:
        """Keep a part."""
        self._fits(length, self._limits.part)
        upload = self._require(self._uploads, upload_id, "upload")
        part_id = _new("part")
        pieces = read(content, upload.name, start=start, length=length)
        upload.parts[part_id] = b"".join([piece async for piece in pieces])
        return part_id

    async def finish_upload(self, upload_id: str, parts: Sequence[str]) -> File:
        """Put the parts together; raises RejectedError when they are not what was announced."""
        upload = self._require(self._uploads, upload_id, "upload")
        content = b"".join(self._require(upload.parts, part, "part") for part in parts)
        if len(content) != upload.size:
            raise RejectedError(
                f"{self._place}: {upload_id} has {len(content)} bytes, not {upload.size}."
            )
        del self._uploads[upload_id]
        return self._add(upload.name, content, upload.purpose)

    async def cancel_upload(self, upload_id: str) -> None:
        """Forget an unfinished upload."""
        self._uploads.pop(upload_id, None)

    async def delete_file(self, file_id: str) -> None:
        """Delete a file, also from every store."""
        self._files.pop(file_id, None)
        self._bytes.pop(file_id, None)
        for members in self._members.values():
            members.pop(file_id, None)

    async def list_stores(self, *, after: str | None = None) -> StorePage:
        """Return up to 100 vector stores in the order of their creation."""
        ids, last = _page({key: key for key in self._stores}, after)
        return StorePage(tuple(map(self._store, ids)), last)

    async def retrieve_store(self, store_id: str) -> Store:
        """Return one vector store or raise MissingError."""
        return self._store(store_id)

    async def create_store(self, fields: Mapping[str, Any]) -> Store:
        """Create an empty vector store under a new id."""
        store_id = _new("vs")
        self._stores[store_id] = {"id": store_id, "object": "vector_store", **_known(fields)}
        self._members[store_id] = {}
        return self._store(store_id)

    async def update_store(self, store_id: str, fields: Mapping[str, Any]) -> Store:
        """Set the given fields."""
        self._require(self._stores, store_id, "vector store").update(_known(fields))
        return self._store(store_id)

    async def delete_store(self, store_id: str) -> None:
        """Delete a vector store if it is there."""
        self._stores.pop(store_id, None)
        self._members.pop(store_id, None)

    async def list_store_files(
        self, store_id: str, *, after: str | None = None, newest_first: bool = False
    ) -> StoreFilePage:
        """Return up to 100 of a store's files in the order in which they were put there."""
        members = self._require(self._members, store_id, "vector store")
        order = reversed(members.items()) if newest_first else members.items()
        return StoreFilePage(*_page(dict(order), after))

    async def attach(self, store_id: str, file: StoreFile) -> None:
        """Put a file into a store; raises MissingError when either is not there."""
        await self.attach_many(store_id, [file])

    async def attach_many(self, store_id: str, files: Sequence[StoreFile]) -> None:
        """Put many files into a store: all of them or, when something is missing, none."""
        members = self._require(self._members, store_id, "vector store")
        if len(files) > self._limits.batch:
            raise RejectedError(
                f"{self._place}: array too long: {len(files)} files in a batch.",
                code="array_above_max_length",
            )
        for file in files:
            self._require(self._files, file.file_id, "file")
        for file in files:
            members[file.file_id] = replace(
                copy.deepcopy(file), status="completed", error_code="", error=""
            )

    async def update_attributes(
        self, store_id: str, file_id: str, attributes: Mapping[str, Any]
    ) -> None:
        """Replace the attributes of a file in a store."""
        members = self._require(self._members, store_id, "vector store")
        file = self._require(members, file_id, "file in that store")
        members[file_id] = replace(file, attributes=copy.deepcopy(dict(attributes)))

    async def detach(self, store_id: str, file_id: str) -> None:
        """Take a file out of a store if it is in there."""
        self._members.get(store_id, {}).pop(file_id, None)

    async def text_page(self, store_id: str, file_id: str, *, after: str | None = None) -> TextPage:
        """Return the file's text, whole: there is no second page."""
        members = self._require(self._members, store_id, "vector store")
        self._require(members, file_id, "file in that store")
        text = self._bytes[file_id].decode("utf-8", "replace")
        return TextPage((text,) if text and after is None else (), None)

    def _require(self, held: Mapping[str, T], key: str, what: str) -> T:
        if key not in held:
            raise MissingError(f"{self._place} holds no {what} {key}.")
        return held[key]

    def _fits(self, size: int, most: int) -> None:
        if size > most:
            raise RejectedError(f"{self._place}: {size:,} bytes are more than {most:,}.")

    def _add(self, name: str, content: bytes, purpose: str) -> File:
        digest = hashlib.sha256(content).hexdigest()
        now = int(self._clock())
        file = File(_new("file"), name, len(content), purpose, now, digest)
        self._files[file.id], self._bytes[file.id] = file, content
        return file

    def _store(self, store_id: str) -> Store:
        record = self._require(self._stores, store_id, "vector store")
        members = self._members[store_id]
        size = sum(len(self._bytes[file_id]) for file_id in members)
        counts = dict.fromkeys(("in_progress", "completed", "cancelled", "failed", "total"), 0)
        counts.update(completed=len(members), total=len(members))
        state = {"status": "completed", "usage_bytes": size, "file_counts": counts}
        return Store(store_id, {**copy.deepcopy(record), **state})


def _new(kind: str) -> str:
    return f"{kind}_mem_{next(_NUMBERS):06d}"


def _known(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {key: copy.deepcopy(fields[key]) for key in STORE_FIELDS if key in fields}


def _page(held: Mapping[str, T], after: str | None) -> tuple[tuple[T, ...], str | None]:
    """Return up to 100 values behind a key, and the key that continues them."""
    order = list(held)
    start = order.index(after) + 1 if after is not None and after in held else 0
    shown = order[start : start + PAGE]
    more = start + PAGE < len(order)
    return tuple(held[key] for key in shown), shown[-1] if more else None
