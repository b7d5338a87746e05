"""Snapshots as a place: read from, written to, cloned from and to, like any other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from understudy.errors import MissingError, OutputError, SnapshotError
from understudy.files import read_json, write_whole
from understudy.model.assistant import Assistant
from understudy.model.canonical import pretty
from understudy.model.naming import slug, unique
from understudy.platforms.base import (
    Capabilities,
    Marker,
    Page,
    PlaceInfo,
    Rendered,
)
from understudy.platforms.rendering import render_fields
from understudy.platforms.snapshot_form import (
    HEADER,
    RESERVED,
    Header,
    header_fields,
    in_order,
    parse_header,
    read_folders,
    records_of,
    remove_folder,
    write_folder,
)
from understudy.platforms.snapshot_knowledge import SnapshotKnowledge

NAME = "snapshot"


class Snapshot:
    """A snapshot file, or a directory of them; which one is decided by what is there.

    A path that does not exist yet becomes a file if it ends in `.json`, else a directory.
    Directories are written as one goes, files at `flush`. An assistant that is created here
    has its folder's name as identity, like one written by hand.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        name: str = "",
        must_exist: bool = False,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._path = Path(path)
        self._name = name or str(path)
        self._must_exist = must_exist
        self._clock = clock
        self._is_file = self._path.is_file() or (
            not self._path.exists() and self._path.suffix == ".json"
        )
        self._knowledge = None if self._is_file else SnapshotKnowledge(self._path)
        self._header = Header()
        self._records: dict[str, dict[str, Any]] | None = None
        self._folders: dict[str, str] = {}
        self._changed = False

    @property
    def info(self) -> PlaceInfo:
        """Which path this is."""
        origin = str(self._header.source.get("base_url") or "")
        return PlaceInfo(self._name, NAME, str(self._path), origin=origin)

    @property
    def capabilities(self) -> Capabilities:
        """Everything fits."""
        return Capabilities(limits=None, remote=False)

    @property
    def knowledge(self) -> SnapshotKnowledge | None:
        """Its files and vector stores; a snapshot of one file holds none."""
        return self._knowledge

    @property
    def header(self) -> Header:
        """What the snapshot says of itself; raises SnapshotError when it cannot be read."""
        self._loaded()
        return self._header

    @property
    def environments(self) -> None:
        """None: it runs nothing."""
        return None

    async def list_page(self, *, after: str | None = None, newest_first: bool = False) -> Page:
        """Return everything after that id, in the order of creation as far as it is known."""
        records = list(self._loaded())
        if newest_first:
            records.reverse()
        start = records.index(after) + 1 if after in self._loaded() else 0
        return Page(tuple(self._assistant(i) for i in records[start:]), None)

    async def retrieve(self, assistant_id: str) -> Assistant:
        """Return one assistant or raise MissingError."""
        self._require(assistant_id)
        return self._assistant(assistant_id)

    async def create(self, payload: Mapping[str, Any]) -> Assistant:
        """Add an assistant whose identity is its folder's name."""
        folders = (*self._loaded(), *self._folders.values())
        taken = RESERVED | {key.casefold() for key in folders}
        assistant_id = unique(slug(str(payload.get("name") or "")), taken)
        self._put(assistant_id, dict(payload), folder=assistant_id)
        return self._assistant(assistant_id)

    async def update(self, assistant_id: str, fields: Mapping[str, Any]) -> Assistant:
        """Set the given fields."""
        self._require(assistant_id)
        self._put(assistant_id, {**self._loaded()[assistant_id], **fields})
        return self._assistant(assistant_id)

    async def delete(self, assistant_id: str) -> None:
        """Remove an assistant if it is there."""
        if assistant_id in self._loaded():
            self._remove(assistant_id)

    async def models(self) -> Mapping[str, str | None] | None:
        """Return None: it cannot tell."""
        return None

    def render(self, assistant: Assistant, marker: Marker) -> Rendered:
        """Return every field as it is."""
        return render_fields(assistant, marker)

    async def flush(self) -> None:
        """Write what has not been written yet."""
        if self._knowledge is not None and await asyncio.to_thread(self._knowledge.flush):
            self._loaded()  # the header says more than when it was written
            self._changed = True
        if self._changed:
            self._save()

    async def aclose(self) -> None:
        """Nothing to release."""

    def keep(self, assistants: Iterable[Assistant], source: PlaceInfo, *, prune: bool) -> int:
        """Make the snapshot hold these records as they are, under their own ids.

        With `prune`, records that an earlier export wrote and that are not among them go;
        folders written by hand stay. Returns how many went. May be repeated; raises OutputError,
        also when what would go is another place's export.
        """
        present = self._loaded() if self._path.exists() else self._start()
        kept = list(assistants)
        ids = {a.id for a in kept}
        gone = [i for i, r in present.items() if i not in ids and "id" in r] if prune else []
        if gone:
            self.require_export_of(source)
        for assistant_id in gone:
            self._remove(assistant_id)
        taken = RESERVED | {folder.casefold() for folder in self._folders.values()}
        for assistant in kept:
            folder = self._folders.get(assistant.id)
            if folder is None:
                folder = unique(slug(assistant.name), taken, hint=slug(assistant.id)[-8:])
            self._put(assistant.id, {**assistant.raw, "id": assistant.id}, folder=folder)
        self._header = Header(source=_source(source))
        self._save()
        return len(gone)

    def require_readable(self) -> None:
        """Read all records; raises SnapshotError for what is broken, or is no snapshot at all."""
        self._loaded()

    def require_export_of(self, source: PlaceInfo) -> None:
        """Raise OutputError when this is the export of another place, which pruning would wipe."""
        self._loaded()
        keys = ("base_url", "organization", "project")
        was, now = self._header.source, _source(source)
        if "base_url" in was and any(was.get(key) != now.get(key) for key in keys):
            raise OutputError(
                f"{self._path} holds an export of another place, {was['base_url']}: what is not "
                f"in {source.name} would go.",
                hint="Choose another path, or remove that one first.",
            )

    def _start(self) -> dict[str, dict[str, Any]]:
        self._records = {}
        return self._records

    def _loaded(self) -> dict[str, dict[str, Any]]:
        if self._records is None:
            self._records = self._load()
        return self._records

    def _load(self) -> dict[str, dict[str, Any]]:
        if not self._path.exists():
            if self._must_exist:
                raise SnapshotError(
                    f"{self._path} does not exist.",
                    hint="A place is a profile's name or the path of a snapshot.",
                )
            return {}
        if self._is_file:
            value = read_json(self._path)
            self._header = parse_header(value, str(self._path))
            return {record["id"]: record for record in records_of(value, str(self._path))}
        return self._load_folders()

    def _load_folders(self) -> dict[str, dict[str, Any]]:
        header = self._path / HEADER
        if header.exists():
            self._header = parse_header(read_json(header), str(header))
        records: dict[str, dict[str, Any]] = {}
        for folder, record in read_folders(self._path):
            assistant_id = record.get("id") or folder
            if assistant_id in records:
                raise SnapshotError(
                    f"{self._path / folder} and {self._path / self._folders[assistant_id]} have "
                    f"the same id {assistant_id}.",
                    hint="Remove the id from the copy: its folder's name is its identity then.",
                )
            records[assistant_id] = record
            self._folders[assistant_id] = folder
        if not records and not header.exists() and self._must_exist:
            raise SnapshotError(
                f"{self._path} is no snapshot: it holds neither {HEADER} nor a folder with an "
                "assistant.json."
            )
        return dict(sorted(records.items(), key=lambda item: _age(item[1])))

    def _put(self, assistant_id: str, record: dict[str, Any], *, folder: str = "") -> None:
        self._changed = True
        if self._is_file:
            record = {**record, "id": assistant_id}
        else:
            folder = folder or self._folders[assistant_id]
            write_folder(self._path, folder, record)
            self._folders[assistant_id] = folder
        self._loaded()[assistant_id] = record

    def _remove(self, assistant_id: str) -> None:
        self._changed = True
        del self._loaded()[assistant_id]
        if not self._is_file:
            remove_folder(self._path, self._folders.pop(assistant_id))

    def _save(self) -> None:
        now = self._clock().astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        self._header = Header(now, self._header.source)
        fields = header_fields(self._header)
        if self._is_file:
            fields["assistants"] = [in_order(record) for record in self._loaded().values()]
            write_whole(self._path, pretty(fields, sort_keys=False))
        else:
            folders = sorted(self._folders.values())
            write_whole(self._path / HEADER, pretty({**fields, "assistants": folders}))
        self._changed = False

    def _require(self, assistant_id: str) -> None:
        if assistant_id not in self._loaded():
            raise MissingError(f"{self._name} holds no assistant {assistant_id}.")

    def _assistant(self, assistant_id: str) -> Assistant:
        record = self._loaded()[assistant_id]
        return Assistant(assistant_id, {**record, "id": assistant_id})


def _age(record: Mapping[str, Any]) -> float:
    created = record.get("created_at")
    return created if isinstance(created, int | float) else float("inf")


def _source(info: PlaceInfo) -> dict[str, str]:
    fields = {
        "name": info.name,
        "platform": info.platform,
        "base_url": info.address,
        "organization": info.organization,
        "project": info.project,
    }
    return {key: value for key, value in fields.items() if value}
