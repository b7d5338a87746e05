"""Knowledge in a directory snapshot: files in `files/`, vector stores in `stores/`.

See `snapshot_files` and `snapshot_stores` for what lies there. One process writes at a time.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from understudy.errors import LostAnswerError, MissingError, RejectedError, SnapshotError
from understudy.files import reading
from understudy.model.knowledge import STORE_FIELDS, File, Held, Store, StoreFile
from understudy.model.verification import Verification
from understudy.platforms.knowledge import (
    PIECE,
    Content,
    FilePage,
    KnowledgeLimits,
    KnowledgeTraits,
    Sink,
    StoreFilePage,
    StorePage,
    read,
)
from understudy.platforms.lacking import NoContainers, NoParts, NoTexts
from understudy.platforms.snapshot_files import Files, Incoming
from understudy.platforms.snapshot_stores import Shelf, Stores

_BOUNDLESS = KnowledgeLimits(
    batch=1 << 31,
    upload=1 << 62,
    part=1 << 62,
    largest=1 << 62,
    attributes=None,
    metadata_pairs=None,
    fixed=frozenset(),
)


class SnapshotKnowledge(NoContainers, NoTexts, NoParts):
    """A directory snapshot's files and vector stores; also what an export and a check need."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.RLock()
        self._read_files: Files | None = None
        self._read_stores: Stores | None = None

    @property
    def _files(self) -> Files:
        with self._lock:
            self._read_files = self._read_files or Files(self._root)
            return self._read_files

    @property
    def _stores(self) -> Stores:
        with self._lock:
            self._read_stores = self._read_stores or Stores(self._root)
            return self._read_stores

    @property
    def traits(self) -> KnowledgeTraits:
        """No limits, nothing beyond the calls that all places have."""
        return KnowledgeTraits(_BOUNDLESS)

    async def list_files(self, *, after: str | None = None) -> FilePage:
        """Return every file after that id, the oldest first as far as that is known.

        One whose bytes are not there (git may have been told to leave them out) is shown as
        held by name only.
        """
        blobs = frozenset(self._files.blobs())
        files = [_shown(file, file.sha256 in blobs) for file in self._files]
        return FilePage(tuple(_following(files, [f.id for f in files], after)), None)

    async def retrieve_file(self, file_id: str) -> File:
        """Return one file or raise MissingError."""
        file = self._file(file_id)
        return _shown(file, self._files.exists(file))

    async def downloadable(self, file_id: str) -> bool:
        """Tell whether there are bytes (or the text that is held instead); they may be damaged."""
        return self._files.exists(self._file(file_id))

    async def download(self, file_id: str, sink: Sink, *, size: int | None = None) -> None:
        """Write the file's bytes into the sink; raises SnapshotError when they are damaged.

        Their digest is known at the end only: after an error, nothing in the sink is good.
        """
        file = self._file(file_id)
        if file.held is Held.NOTHING:
            raise RejectedError(f"{self._root} holds no bytes of {file.name or file.id!r}.")
        path = self._files.blob(file.sha256)
        if not self._files.exists(file):
            raise self._damaged(path, file, "is not there")
        with reading(path):
            found = path.stat().st_size
        if found != file.bytes and file.bytes is not None:
            raise self._damaged(path, file, f"has {found:,} bytes and not {file.bytes:,}")
        if size not in (None, found):
            raise LostAnswerError(f"{path} has {found:,} bytes and not {size:,}.")
        digest = hashlib.sha256()
        sink.restart()
        for piece in _pieces(path):
            digest.update(piece)
            await sink.room()
            sink.write(piece)
            await asyncio.sleep(0)  # others work on while a large file is read
        if digest.hexdigest() != file.sha256:
            raise self._damaged(path, file, "has other bytes than its name says")

    async def upload(self, name: str, content: Content, *, purpose: str = "assistants") -> File:
        """Keep bytes under a name; the id follows from both, so once more is the same file."""
        with self.incoming() as blob:
            async for piece in read(content, name):
                blob.write(piece)
                await asyncio.sleep(0)  # others work on while a large file is kept
            size, digest = blob.size, blob.take()
        with self._lock:
            file_id = self._new_id(name, digest)
            return self._files.put(File(file_id, name, size, purpose, sha256=digest))

    async def delete_file(self, file_id: str) -> None:
        """Delete a file if it is there, also from every store."""
        with self._lock:
            self._files.drop(file_id)
            for shelf in self._stores:
                if file_id in shelf.members:
                    del shelf.members[file_id]
                    self._stores.write(shelf)

    async def list_stores(self, *, after: str | None = None) -> StorePage:
        """Return every vector store after that id."""
        stores = [shelf.store for shelf in self._stores]
        return StorePage(tuple(_following(stores, [s.id for s in stores], after)), None)

    async def retrieve_store(self, store_id: str) -> Store:
        """Return one vector store or raise MissingError."""
        return self._shelf(store_id).store

    async def create_store(self, fields: Mapping[str, Any]) -> Store:
        """Add an empty vector store whose identity is its file's name."""
        with self._lock:
            return self._stores.create(fields).store

    async def update_store(self, store_id: str, fields: Mapping[str, Any]) -> Store:
        """Set the given fields; one that is None goes."""
        with self._lock:
            shelf = self._shelf(store_id)
            given = {key: fields[key] for key in STORE_FIELDS if key in fields}
            merged = {**shelf.fields, **given}
            shelf.fields = {k: v for k, v in merged.items() if k not in given or v is not None}
            self._stores.write(shelf)
            return shelf.store

    async def delete_store(self, store_id: str) -> None:
        """Delete a vector store if it is there."""
        with self._lock:
            self._stores.drop(store_id)

    async def list_store_files(
        self, store_id: str, *, after: str | None = None, newest_first: bool = False
    ) -> StoreFilePage:
        """Return all of a store's files after that id."""
        files = list(self._shelf(store_id).members.values())
        if newest_first:
            files.reverse()
        return StoreFilePage(tuple(_following(files, [f.file_id for f in files], after)), None)

    async def attach(self, store_id: str, file: StoreFile) -> None:
        """Put a file into a store; raises MissingError when either is not there."""
        await self.attach_many(store_id, [file])

    async def attach_many(self, store_id: str, files: Sequence[StoreFile]) -> None:
        """Put many files into a store: all of them or, when one is missing, none."""
        for file in files:
            self._file(file.file_id)
        with self._lock:
            shelf = self._shelf(store_id)
            shelf.members.update({file.file_id: _settled(file) for file in files})
            self._stores.write(shelf)

    async def update_attributes(
        self, store_id: str, file_id: str, attributes: Mapping[str, Any]
    ) -> None:
        """Replace the attributes of a file in a store."""
        with self._lock:
            shelf = self._shelf(store_id)
            if file_id not in shelf.members:
                raise MissingError(f"{self._root} holds no file {file_id} in {shelf.store.label}.")
            member = shelf.members[file_id]
            shelf.members[file_id] = replace(member, attributes=dict(attributes))
            self._stores.write(shelf)

    async def detach(self, store_id: str, file_id: str) -> None:
        """Take a file out of a store if it is in there."""
        with self._lock:
            if store_id in self._stores and file_id in self._stores[store_id].members:
                del self._stores[store_id].members[file_id]
                self._stores.write(self._stores[store_id])

    def incoming(self) -> Incoming:
        """Return a sink whose bytes `keep_file` takes without copying them; use it with `with`."""
        with self._lock:
            return self._files.incoming()

    def keep_file(self, file: File, blob: Incoming | None) -> File:
        """Keep another place's file under its own id, name and time; return what is held now.

        Without bytes it is noted as missing, unless the snapshot has them already. Raises
        SnapshotError when they are not what the file's digest says. May be repeated, and may run
        in a thread of its own.
        """
        if blob is None:
            with self._lock:
                return self._files.put(replace(file, held=Held.NOTHING))
        size, digest = blob.size, blob.digest
        if file.sha256 not in ("", digest):
            raise SnapshotError(
                f"{file.name or file.id!r} came with other bytes than its digest says."
            )
        blob.take()
        held = Held.WHOLE if file.held is Held.NOTHING else file.held  # found after all
        with self._lock:
            return self._files.put(replace(file, bytes=size, sha256=digest, held=held))

    def keep_stores(self, stores: Iterable[tuple[Store, Sequence[StoreFile]]]) -> None:
        """Make the snapshot hold these stores under their own ids; may be repeated."""
        with self._lock:
            for store, files in stores:
                self._stores.keep(store, [_settled(file) for file in files])

    def prune(self, file_ids: Collection[str], store_ids: Collection[str]) -> int:
        """Remove all other files and stores, and bytes that no file refers to.

        Stores written by hand, without an id, stay with their files. Returns how many files
        and stores went; may be repeated.
        """
        with self._lock:
            stores = [s for s in self._stores if s.id not in store_ids and not s.by_hand]
            for shelf in stores:
                self._stores.drop(shelf.id)
            kept = {*file_ids, *(i for s in self._stores if s.by_hand for i in s.members)}
            files = [file for file in self._files if file.id not in kept]
            for file in files:
                self._files.drop(file.id)
            for digest in self._stray():
                self._files.drop_blob(digest)
            return len(stores) + len(files)

    def verify(self) -> Verification:
        """Read every blob again and compare; raises SnapshotError for lists that are broken."""
        damaged, wrong_size, missing = [], [], []
        found = {digest: self._measure(digest) for digest in self._files.blobs()}
        for file in self._files:
            if file.held is Held.NOTHING:
                continue
            if file.sha256 not in found:
                missing.append(file)
                continue
            digest, size = found[file.sha256]
            if digest != file.sha256:
                damaged.append(file)
            elif file.bytes not in (None, size):
                wrong_size.append(file)
        unknown = [
            (s.store.label, i) for s in self._stores for i in s.members if i not in self._files
        ]
        return Verification(
            blobs=len(found),
            bytes=sum(size for _, size in found.values()),
            damaged=tuple(damaged),
            wrong_size=tuple(wrong_size),
            missing=tuple(missing),
            stray=tuple(self._stray()),
            unknown=tuple(unknown),
        )

    def flush(self) -> bool:
        """Write what has not been written yet; tell whether there was anything."""
        with self._lock:
            return self._files.flush()

    def _new_id(self, name: str, digest: str) -> str:
        seed = digest + name
        while True:
            seed = hashlib.sha256(seed.encode("utf-8", "surrogatepass")).hexdigest()
            file_id = f"file-{seed[:24]}"
            if file_id not in self._files:
                return file_id
            there = self._files[file_id]
            if (there.name, there.sha256) == (name, digest):
                return file_id

    def _file(self, file_id: str) -> File:
        if file_id not in self._files:
            raise MissingError(f"{self._root} holds no file {file_id}.")
        return self._files[file_id]

    def _shelf(self, store_id: str) -> Shelf:
        if store_id not in self._stores:
            raise MissingError(f"{self._root} holds no vector store {store_id}.")
        return self._stores[store_id]

    def _stray(self) -> list[str]:
        used = {file.sha256 for file in self._files if file.held is not Held.NOTHING}
        return [digest for digest in self._files.blobs() if digest not in used]

    def _measure(self, digest: str) -> tuple[str, int]:
        path, size, found = self._files.blob(digest), 0, hashlib.sha256()
        for piece in _pieces(path):
            found.update(piece)
            size += len(piece)
        return found.hexdigest(), size

    def _damaged(self, path: Path, file: File, why: str) -> SnapshotError:
        return SnapshotError(
            f"{path} {why}: the bytes of {file.name or file.id!r} are lost.",
            hint=f"understudy verify {self._root} lists all damage; export again, or restore "
            "that file from a backup.",
        )


def _following(items: Sequence[Any], ids: Sequence[str], after: str | None) -> Sequence[Any]:
    """Return what follows the item with that id; everything where it is not among them."""
    return items[ids.index(after) + 1 :] if after in ids else items


def _settled(file: StoreFile) -> StoreFile:
    """Return what a snapshot holds of a store's file."""
    return StoreFile(file.file_id, dict(file.attributes), file.chunking)


def _shown(file: File, there: bool) -> File:
    """Return a file as it can be had from here."""
    return file if there or file.held is Held.NOTHING else replace(file, held=Held.NOTHING)


def _pieces(path: Path) -> Iterator[bytes]:
    with reading(path), path.open("rb", buffering=0) as file:
        while piece := file.read(PIECE):
            yield piece
