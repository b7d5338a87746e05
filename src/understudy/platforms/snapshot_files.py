"""The files of a directory snapshot: their bytes, each once, and the list of them.

- `files/<sha256>` holds bytes. They are written to a neighbour, `files/.part-*`, and renamed
  when they are complete, so a blob is whole or absent. What a killed process left of a
  neighbour goes when the next one starts to write and nobody has written to it for an hour.
- `files.json` lists the files, sorted by id. It is written by `flush`; until then each change
  is a line in `files/.added.jsonl`, which a process that was killed leaves for the next one.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType, UnionType
from typing import Any, Self

from understudy.errors import SnapshotError
from understudy.files import parse_json, read_json, read_text, reading, write_whole, writing
from understudy.model.canonical import pretty
from understudy.model.knowledge import File, Held
from understudy.platforms.snapshot_form import inside

FOLDER = "files"
LIST = "files.json"
_ADDED = ".added.jsonl"
_PART = ".part-"
_STALE = 3600.0  # seconds without a byte: no transfer waits that long
_DIGEST = re.compile(r"[0-9a-f]{64}")
_RANKS = {Held.NOTHING: 0, Held.TEXT: 1, Held.WHOLE: 2}


class Incoming:
    """Bytes on their way to becoming a blob, hashed as they come; a `Sink`.

    What was not taken by the end of the `with` is thrown away.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / f"{_PART}{secrets.token_hex(8)}"
        with writing(self._path):
            self._file = self._path.open("xb")
        self.size = 0
        self._hash = hashlib.sha256()

    def restart(self) -> None:
        """Forget what was written."""
        with writing(self._path):
            self._file.seek(0)
            self._file.truncate()
        self.size = 0
        self._hash = hashlib.sha256()

    async def room(self) -> None:
        """Return at once: there is room until the disk is full."""

    def write(self, chunk: bytes) -> None:
        """Take the next bytes; raises OutputError."""
        with writing(self._path):
            self._file.write(chunk)
        self._hash.update(chunk)
        self.size += len(chunk)

    @property
    def digest(self) -> str:
        """The sha256 of what has come so far."""
        return self._hash.hexdigest()

    def take(self) -> str:
        """Make it a blob and return its sha256."""
        digest = self.digest
        with writing(self._folder / digest):
            self._file.close()
            # Also over one that is there already: that one may be damaged.
            self._path.replace(self._folder / digest)
        return digest

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with writing(self._path):
            try:
                self._file.close()
            finally:
                self._path.unlink(missing_ok=True)


class Files:
    """The list of a snapshot's files, and their bytes. One process writes at a time."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folder = root / FOLDER
        self._changed = False
        self._prepared = False
        self._fresh: set[str] = set()  # blobs that the disk may not have yet
        self._files = self._load()
        self._uses = Counter(file.sha256 for file in self._files.values())

    def __getitem__(self, file_id: str) -> File:
        return self._files[file_id]

    def __contains__(self, file_id: str) -> bool:
        return file_id in self._files

    def __iter__(self) -> Iterator[File]:
        return iter(tuple(self._files.values()))

    def blob(self, digest: str) -> Path:
        """Return where the bytes with that digest lie, or would."""
        path = self._folder / digest
        inside(self._root, path)
        return path

    def exists(self, file: File) -> bool:
        """Tell whether there are bytes under its digest, of whatever size."""
        return file.held is not Held.NOTHING and self.blob(file.sha256).is_file()

    def present(self, file: File) -> bool:
        """Tell whether its bytes seem to be there: as many as there should be."""
        if not self.exists(file):
            return False
        return file.bytes in (None, self.blob(file.sha256).stat().st_size)

    def incoming(self) -> Incoming:
        """Return a sink for bytes that are to become a blob; raises OutputError."""
        self._prepare()
        return Incoming(self._folder)

    def put(self, file: File) -> File:
        """Add a file, or replace the one with its id; return what is held now.

        The bytes behind an id never change: what is held already is not given up for less.
        """
        there = self._files.get(file.id)
        if there and _RANKS[file.held] < _RANKS[there.held] and self.present(there):
            return there
        self._fresh.add(file.sha256)
        if there != file:
            self._note(_record(file))
            self._uses.update([file.sha256])
            self._uses.subtract([there.sha256] if there else [])
            self._files[file.id] = file
        return file

    def drop(self, file_id: str) -> None:
        """Remove a file, and its bytes unless another one has the same."""
        file = self._files.get(file_id)
        if file is None:
            return
        self._note({"id": file_id, "gone": True})
        del self._files[file_id]
        self._uses.subtract([file.sha256])
        if self._uses[file.sha256] <= 0:
            self.drop_blob(file.sha256)

    def drop_blob(self, digest: str) -> None:
        """Remove bytes."""
        if _DIGEST.fullmatch(digest):
            path = self.blob(digest)
            with writing(path):
                path.unlink(missing_ok=True)

    def blobs(self) -> list[str]:
        """Return the digests under which bytes lie there."""
        if not self._folder.is_dir():
            return []
        with reading(self._folder):
            found = [path for path in self._folder.iterdir() if _DIGEST.fullmatch(path.name)]
            return sorted(path.name for path in found if path.is_file())

    def flush(self) -> bool:
        """Write the list and make the bytes durable; tell whether there was anything to do."""
        if not self._changed:
            return False
        for digest in sorted(self._fresh):
            path = self._folder / digest
            if path.is_file():
                with writing(path), path.open("rb") as file:
                    os.fsync(file.fileno())
        self._fresh.clear()
        files = sorted(self._files.values(), key=lambda file: file.id)
        inside(self._root, self._root / LIST)
        write_whole(self._root / LIST, pretty([_record(file) for file in files]))
        added = self._folder / _ADDED
        with writing(added):
            added.unlink(missing_ok=True)
        self._changed = False
        return True

    def _prepare(self) -> None:
        """Before the first write: make the folder, remove what killed processes left in it."""
        if self._prepared:
            return
        inside(self._root, self._folder)
        inside(self._root, self._folder / _ADDED)
        with writing(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            oldest = time.time() - _STALE
            for part in self._folder.glob(f"{_PART}*"):
                if part.lstat().st_mtime < oldest:
                    part.unlink(missing_ok=True)
            _drop_torn_line(self._folder / _ADDED)
        self._prepared = True

    def _note(self, record: Mapping[str, Any]) -> None:
        """Append a line that survives the process; written in one go."""
        self._prepare()
        path = self._folder / _ADDED
        with writing(path), path.open("ab") as file:
            file.write(json.dumps(record).encode() + b"\n")
        self._changed = True

    def _load(self) -> dict[str, File]:
        files: dict[str, File] = {}
        path = self._root / LIST
        inside(self._root, path)
        if path.exists():
            records = read_json(path)
            if not isinstance(records, list):
                raise SnapshotError(f"{path} must hold a list of files.")
            for index, record in enumerate(records):
                file = _file(record, f"{path}: [{index}]")
                if file.id in files:
                    raise SnapshotError(f"{path}: [{index}] has the id of one before it.")
                files[file.id] = file
        self._merge(files)
        return dict(sorted(files.items(), key=_age))

    def _merge(self, files: dict[str, File]) -> None:
        """Add what a process that was killed had added."""
        path = self._folder / _ADDED
        inside(self._root, path)
        if not path.exists():
            return
        *lines, _ = read_text(path).split("\n")  # the last one is empty, or torn
        for number, line in enumerate(lines):
            where = f"{path}, line {number + 1}"
            # Empty lines before it, so that an error names the right one.
            record = parse_json("\n" * number + line if _broken(line) else line, str(path))
            if isinstance(record, dict) and record.get("gone") is True:
                files.pop(str(record.get("id")), None)
                continue
            file = _file(record, where)
            # After a power failure there may be a line without its bytes.
            if file.held is Held.NOTHING or self.present(file):
                files[file.id] = file
        self._changed = True


def _broken(line: str) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return True
    return False


def _drop_torn_line(path: Path) -> None:
    """Cut off what a killed process left of its last line."""
    if path.exists():
        content = path.read_bytes()
        if not content.endswith(b"\n"):
            os.truncate(path, content.rfind(b"\n") + 1)


def _record(file: File) -> dict[str, Any]:
    """Return a file as the list holds it: nothing that changes by itself, nothing unknown."""
    fields = {
        "id": file.id,
        "name": file.name,
        "bytes": file.bytes,
        "purpose": file.purpose,
        "created_at": file.created_at,
        "sha256": file.sha256 or None,
        "held": None if file.held is Held.WHOLE else file.held.value,
    }
    return {key: value for key, value in fields.items() if value is not None}


_FIELDS: Mapping[str, type | UnionType] = {
    "id": str,
    "name": str,
    "bytes": int | None,
    "purpose": str,
    "created_at": int | None,
    "sha256": str,
}


def _file(record: Any, where: str) -> File:
    """Return a file from its record; raises SnapshotError naming the place."""
    if not isinstance(record, dict):
        raise SnapshotError(f"{where} must be an object: a file with an id.")
    fields = {key: record[key] for key in _FIELDS if key in record}
    for key, value in fields.items():
        if not isinstance(value, _FIELDS[key]) or isinstance(value, bool):
            raise SnapshotError(f"{where}: {key} is {json.dumps(value)[:100]}.")
    if not fields.get("id"):
        raise SnapshotError(f"{where} has no id.")
    if (fields.get("bytes") or 0) < 0:
        raise SnapshotError(f"{where}: bytes is {fields['bytes']}.")
    held = record.get("held", Held.WHOLE)
    if held not in list(Held):
        raise SnapshotError(f"{where}: held is neither {', '.join(Held)}.")
    file = File(**fields, held=Held(held))
    if not _DIGEST.fullmatch(file.sha256) and (file.sha256 or file.held is not Held.NOTHING):
        raise SnapshotError(f"{where}: sha256 must be 64 hexadecimal digits in lower case.")
    return file


def _age(item: tuple[str, File]) -> tuple[float, str]:
    created = item[1].created_at
    return (float("inf") if created is None else created, item[0])
