"""Vector stores in a directory snapshot: `stores/<slug>.json`, one each, files sorted by id.

Each holds `id`, `name`, `description`, `expires_after`, `metadata` and `files`, a list of
`{"file_id", "attributes", "chunking_strategy"}`. One written by hand may leave out the id: its
file's name is its identity then. Nothing in it changes by itself (no counts, no times).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from understudy.errors import SnapshotError
from understudy.files import read_json, reading, write_if_changed, writing
from understudy.model.canonical import pretty
from understudy.model.knowledge import STORE_FIELDS, Store, StoreFile
from understudy.model.naming import slug, unique
from understudy.platforms.snapshot_form import inside

FOLDER = "stores"

#: An assistant whose folder is called `stores` keeps this file here.
_FOREIGN = "assistant"
_TYPES: Mapping[str, tuple[type, str]] = {
    "name": (str, "text"),
    "description": (str, "text"),
    "expires_after": (dict, "an object"),
    "metadata": (dict, "an object"),
    "files": (list, "a list"),
}


@dataclass(slots=True)
class Shelf:
    """A store as the snapshot holds it; `stem` is its file's name without the ending."""

    id: str
    stem: str
    fields: dict[str, Any]
    members: dict[str, StoreFile] = field(default_factory=dict)

    @property
    def by_hand(self) -> bool:
        """Whether it was written by hand: an export gives every store its id."""
        return "id" not in self.fields

    @property
    def store(self) -> Store:
        """The store, with the state and the counts that a live one would have."""
        counts = dict.fromkeys(("in_progress", "completed", "cancelled", "failed", "total"), 0)
        counts.update(completed=len(self.members), total=len(self.members))
        state = {"id": self.id, "status": "completed", "file_counts": counts}
        return Store(self.id, {**self.fields, **state})


class Stores:
    """A snapshot's vector stores; each change is written at once, whole or not at all."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folder = root / FOLDER
        self._shelves: dict[str, Shelf] = {}
        for shelf in self._load():
            if shelf.id in self._shelves:
                other = self._path(self._shelves[shelf.id])
                raise SnapshotError(
                    f"{self._path(shelf)} and {other} have the same id {shelf.id}.",
                    hint="Remove one of them, or its id: its file's name is its identity then.",
                )
            self._shelves[shelf.id] = shelf

    def __getitem__(self, store_id: str) -> Shelf:
        return self._shelves[store_id]

    def __contains__(self, store_id: str) -> bool:
        return store_id in self._shelves

    def __iter__(self) -> Iterator[Shelf]:
        return iter(tuple(self._shelves.values()))

    def create(self, fields: Mapping[str, Any]) -> Shelf:
        """Add a store whose identity is its file's name."""
        taken = {_FOREIGN} | {key.casefold() for shelf in self for key in (shelf.id, shelf.stem)}
        stem = unique(slug(str(fields.get("name") or ""), fallback="store"), taken)
        shelf = Shelf(stem, stem, {"id": stem, **_known(fields)})
        self.write(shelf)
        return shelf

    def keep(self, store: Store, files: Iterable[StoreFile]) -> None:
        """Hold a store of another place under its own id."""
        shelf = self._shelves.get(store.id)
        if shelf is None:
            taken = {_FOREIGN} | {shelf.stem.casefold() for shelf in self}
            stem = slug(store.name, fallback="store")
            stem = unique(stem, taken, hint=slug(store.id, fallback="store")[-8:].strip("-_"))
            shelf = Shelf(store.id, stem, {})
        others = {key: v for key, v in shelf.fields.items() if key not in STORE_FIELDS}
        shelf.fields = {**others, "id": store.id, **_known(store.raw)}
        shelf.members = {file.file_id: file for file in files}
        self.write(shelf)

    def write(self, shelf: Shelf) -> None:
        """Write a store's file unless it says so already; raises OutputError."""
        path = self._path(shelf)
        inside(self._root, path)
        members = sorted(shelf.members.values(), key=lambda file: file.file_id)
        record = {**shelf.fields, "files": [_member_record(file) for file in members]}
        write_if_changed(path, pretty(record))
        self._shelves[shelf.id] = shelf

    def drop(self, store_id: str) -> None:
        """Remove a store if it is there."""
        if shelf := self._shelves.get(store_id):
            path = self._path(shelf)
            inside(self._root, path)
            with writing(path):
                path.unlink(missing_ok=True)
            del self._shelves[store_id]

    def _path(self, shelf: Shelf) -> Path:
        return self._folder / f"{shelf.stem}.json"

    def _load(self) -> Iterator[Shelf]:
        if not self._folder.is_dir():
            return
        with reading(self._folder):
            paths = sorted(self._folder.glob("*.json"))
        for path in paths:
            if path.name.startswith(".") or path.stem == _FOREIGN:
                continue
            inside(self._root, path)
            yield _shelf(read_json(path), path)


def _known(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a snapshot keeps of a store; what is None, or of the wrong type, is nothing."""
    return {key: fields[key] for key in STORE_FIELDS if isinstance(fields.get(key), _TYPES[key][0])}


def _member_record(file: StoreFile) -> dict[str, Any]:
    record: dict[str, Any] = {"file_id": file.file_id}
    if file.attributes:
        record["attributes"] = dict(file.attributes)
    if file.chunking is not None:
        record["chunking_strategy"] = dict(file.chunking)
    return record


def _shelf(record: Any, path: Path) -> Shelf:
    """Return a store from its file's value; raises SnapshotError naming the place in it."""
    if not isinstance(record, dict):
        raise SnapshotError(f"{path} must hold an object: a vector store.")
    if not isinstance(record.get("id", ""), str) or record.get("id") == "":
        raise SnapshotError(f"{path}: id is not text, or empty.")
    for key, (kind, words) in _TYPES.items():
        if not isinstance(record.get(key), kind | None):
            raise SnapshotError(f"{path}: {key} must be {words}.")
    members: dict[str, StoreFile] = {}
    for index, value in enumerate(record.get("files") or []):
        file = _member(value, f"{path}: files[{index}]")
        if file.file_id in members:
            raise SnapshotError(f"{path}: files[{index}] names {file.file_id} once more.")
        members[file.file_id] = file
    fields = {key: value for key, value in record.items() if key != "files"}
    return Shelf(record.get("id", path.stem), path.stem, fields, members)


def _member(record: Any, where: str) -> StoreFile:
    if not isinstance(record, dict):
        raise SnapshotError(f"{where} must be an object with a file_id.")
    file_id, attributes = record.get("file_id"), record.get("attributes")
    chunking = record.get("chunking_strategy")
    if not isinstance(file_id, str) or not file_id:
        raise SnapshotError(f"{where}: file_id is not text, or empty.")
    for key, value in (("attributes", attributes), ("chunking_strategy", chunking)):
        if not isinstance(value, dict | None):
            raise SnapshotError(f"{where}: {key} must be an object.")
    return StoreFile(file_id, attributes or {}, chunking)
