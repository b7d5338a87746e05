"""The contract for places that hold knowledge; like `Platform`, one call is one request.

A place has it as its `knowledge`; None where it holds none.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from understudy.errors import SnapshotError
from understudy.model.knowledge import File, Store, StoreFile

#: The most bytes that a Content yields at once.
PIECE = 256 * 1024


@dataclass(frozen=True, slots=True)
class KnowledgeLimits:
    """Sizes in bytes, `batch` in files. Larger files than `upload` go up in parts.

    `batch` is what the place documents; one that takes less says so by refusing (`RejectedError`
    with code `array_above_max_length`). `fixed` are the fields of a vector store that cannot be
    changed once it exists.
    """

    batch: int = 2_000
    upload: int = 512 * 1024 * 1024
    part: int = 64 * 1024 * 1024
    largest: int = 8 * 1024 * 1024 * 1024
    attributes: int | None = 16
    metadata_pairs: int | None = 16
    fixed: frozenset[str] = frozenset({"description"})


@dataclass(frozen=True, slots=True)
class KnowledgeTraits:
    """What a place can do beyond the calls that all of them have.

    `containers`: a container hands out the bytes of files put into it. `texts`: it shows the
    parsed text of a file in a store. `indexes`: it takes time to make a file searchable.
    `unique_ids`: no other place holds another thing under an id of this one.
    """

    limits: KnowledgeLimits = KnowledgeLimits()
    containers: bool = False
    texts: bool = False
    indexes: bool = False
    unique_ids: bool = False


@dataclass(frozen=True, slots=True)
class FilePage:
    """Part of a listing of files; `after` continues it, None when this was the last page."""

    items: tuple[File, ...]
    after: str | None


@dataclass(frozen=True, slots=True)
class StorePage:
    """Part of a listing of vector stores."""

    items: tuple[Store, ...]
    after: str | None


@dataclass(frozen=True, slots=True)
class StoreFilePage:
    """Part of a listing of a store's files."""

    items: tuple[StoreFile, ...]
    after: str | None


@dataclass(frozen=True, slots=True)
class TextPage:
    """Part of a file's parsed text; chunks may overlap. `after` is the token of the next page."""

    texts: tuple[str, ...]
    after: str | None


class Sink(Protocol):
    """Where downloaded bytes go. A download that is repeated begins with `restart`."""

    def restart(self) -> None:
        """Forget what was written."""
        ...

    async def room(self) -> None:
        """Wait until it can take more. To be awaited before each piece."""
        ...

    def write(self, chunk: bytes) -> None:
        """Take the next bytes; raises OutputError, for instance for a full disk."""
        ...


class Content(Protocol):
    """Bytes to be uploaded; may be read again and again."""

    @property
    def size(self) -> int:
        """How many bytes it has."""
        ...

    async def available(self, end: int) -> None:
        """Wait until the bytes before `end` can be read; raises what keeps them from coming.

        Some contents still come while they are sent. To be awaited before each piece is read.
        """
        ...

    def chunks(self, start: int = 0, length: int | None = None) -> Iterable[bytes]:
        """Yield its bytes from `start`, in pieces of at most 256 KiB (`PIECE`)."""
        ...


async def read(
    content: Content, name: str, *, start: int = 0, length: int | None = None
) -> AsyncIterator[bytes]:
    """Yield a content's bytes as they come; raises SnapshotError when they are not what was said.

    `name` is for people.
    """
    end = content.size if length is None else start + length
    position = start
    pieces = iter(content.chunks(start, end - start))
    while position < end:
        await content.available(min(position + PIECE, end))
        piece = next(pieces, None)
        position += len(piece or b"")
        if piece is None or position > end:
            raise SnapshotError(
                f"{name!r} changed while it was being sent: it no longer has the "
                f"{end - start:,} bytes that were announced.",
                hint="Run the same command again.",
            )
        yield piece


class Knowledge(Protocol):
    """Files and vector stores of a place. Errors are `PlaceError` or `SnapshotError`.

    Deleting or detaching what is not there is fine. Everything may be repeated but `upload`,
    `finish_upload`, `create_store` and `create_container`: after a LostAnswerError one has to look.
    """

    @property
    def traits(self) -> KnowledgeTraits:
        """What it can do."""
        ...

    async def list_files(self, *, after: str | None = None) -> FilePage:
        """Return the page of files that follows `after`, oldest first."""
        ...

    async def retrieve_file(self, file_id: str) -> File:
        """Return one file or raise MissingError."""
        ...

    async def downloadable(self, file_id: str) -> bool:
        """Tell whether the place hands out this file's bytes, without fetching them.

        Raises MissingError when there is no such file.
        """
        ...

    async def download(self, file_id: str, sink: Sink, *, size: int | None = None) -> None:
        """Write the file's bytes into the sink, having restarted it.

        Raises RejectedError where the place does not hand them out, LostAnswerError when they
        end early or are not `size` bytes.
        """
        ...

    async def upload(self, name: str, content: Content, *, purpose: str = "assistants") -> File:
        """Store bytes under a name, at most `limits.upload` of them; return the file."""
        ...

    async def begin_upload(self, name: str, size: int, *, purpose: str = "assistants") -> str:
        """Announce a file that comes in parts; return the upload's id."""
        ...

    async def upload_part(self, upload_id: str, content: Content, start: int, length: int) -> str:
        """Send a part of at most `limits.part` bytes; return the part's id.

        A part that was sent twice does no harm: only those that `finish_upload` names count.
        """
        ...

    async def finish_upload(self, upload_id: str, parts: Sequence[str]) -> File:
        """Put the parts together in this order; return the file."""
        ...

    async def cancel_upload(self, upload_id: str) -> None:
        """Throw an unfinished upload away; one that is not there is fine."""
        ...

    async def delete_file(self, file_id: str) -> None:
        """Delete a file, which also takes it out of every store."""
        ...

    async def list_stores(self, *, after: str | None = None) -> StorePage:
        """Return the page of vector stores that follows `after`, oldest first."""
        ...

    async def retrieve_store(self, store_id: str) -> Store:
        """Return one vector store or raise MissingError."""
        ...

    async def create_store(self, fields: Mapping[str, Any]) -> Store:
        """Create an empty vector store with these STORE_FIELDS; return it."""
        ...

    async def update_store(self, store_id: str, fields: Mapping[str, Any]) -> Store:
        """Set the given STORE_FIELDS, leave the others; `expires_after` None clears it."""
        ...

    async def delete_store(self, store_id: str) -> None:
        """Delete a vector store; its files stay."""
        ...

    async def list_store_files(
        self, store_id: str, *, after: str | None = None, newest_first: bool = False
    ) -> StoreFilePage:
        """Return the page of a store's files that follows `after`; oldest first unless asked."""
        ...

    async def attach(self, store_id: str, file: StoreFile) -> None:
        """Put a file into a store with its attributes and chunking; again is fine."""
        ...

    async def attach_many(self, store_id: str, files: Sequence[StoreFile]) -> None:
        """Put many files into a store in one request; again is fine.

        Raises RejectedError with code `array_above_max_length` when these are too many, with code
        `unknown_parameter` when the place takes no attributes of their own in a batch.
        """
        ...

    async def update_attributes(
        self, store_id: str, file_id: str, attributes: Mapping[str, Any]
    ) -> None:
        """Replace the attributes of a file in a store."""
        ...

    async def detach(self, store_id: str, file_id: str) -> None:
        """Take a file out of a store; the file itself stays."""
        ...

    async def text_page(self, store_id: str, file_id: str, *, after: str | None = None) -> TextPage:
        """Return part of the parsed text of a file in a store."""
        ...

    async def create_container(self, name: str, file_ids: Sequence[str]) -> str:
        """Create a container that holds copies of these files; return its id."""
        ...

    async def list_container_files(
        self, container_id: str, *, after: str | None = None
    ) -> FilePage:
        """Return a page of the files in a container, under the ids that they have there."""
        ...

    async def download_from_container(
        self, container_id: str, file_id: str, sink: Sink, *, size: int | None = None
    ) -> None:
        """Write a container file's bytes into the sink; raises like `download`."""
        ...

    async def delete_container(self, container_id: str) -> None:
        """Delete a container with its copies."""
        ...
