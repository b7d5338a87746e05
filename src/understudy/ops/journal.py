"""The journal of a run: `journal/RUN_ID.jsonl` beside the reports, fsynced.

First the run itself, then an intent before each write and its result after it, at last the end.
A run that is killed leaves what the next one needs: what exists, and what may exist.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from understudy.errors import OutputError
from understudy.files import writing
from understudy.redact import hide

FORMAT_VERSION = 1
FOLDER = "journal"

#: Journals of ended runs that are kept, the newest first; their results are in mapping.json.
KEPT = 20


class Journal:
    """A Recorder; the file appears with the first intent. One fsync serves all who wait for it."""

    def __init__(self, directory: Path, run_id: str, header: Mapping[str, Any]) -> None:
        self._path = directory / FOLDER / f"{run_id}.jsonl"
        self._header = {"run_id": run_id, **header}
        self._handle: int | None = None
        self._tickets = 0
        self._written = 0
        self._synced = 0
        self._syncing: asyncio.Task[None] | None = None
        self._failure: OutputError | None = None

    async def intend(self, what: str, source_id: str, /, **details: object) -> int:
        """Write an intent, durable when this returns; raises OutputError."""
        self._tickets += 1
        ticket = self._tickets
        if self._handle is None:
            self._open()
        self._append({"type": "intent", "n": ticket, "what": what, "srcId": source_id, **details})
        await self._durable()
        return ticket

    def record(self, ticket: int, /, **result: object) -> None:
        """Write a result; when that fails, the next intent raises and the run ends."""
        try:
            self._append({"type": "result", "n": ticket, **_named(result)})
        except OutputError as error:
            self._failure = self._failure or error

    async def end(self, exit_code: int) -> None:
        """Say that the run is over and its reports are written; raises OutputError."""
        if self._handle is not None:
            self._append({"type": "end", "exit_code": exit_code})
            await self._durable()
            _forget_old(self._path.parent)

    async def aclose(self) -> None:
        """Release the file; may be called twice."""
        if self._syncing is not None:
            await asyncio.gather(self._syncing, return_exceptions=True)
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)

    def _open(self) -> None:
        with writing(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL
            self._handle = os.open(self._path, flags, 0o600)
            folder = os.open(self._path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)  # the file's name, not only its bytes
            finally:
                os.close(folder)
        self._append({"type": "run", "format_version": FORMAT_VERSION, **self._header})

    def _append(self, record: Mapping[str, Any]) -> None:
        if self._failure is not None:
            raise self._failure
        assert self._handle is not None  # noqa: S101 - _open() comes first
        moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        data = (hide(json.dumps({**record, "time": moment})) + "\n").encode()
        with writing(self._path):
            while data:
                data = data[os.write(self._handle, data) :]
        self._written += 1

    async def _durable(self) -> None:
        mine = self._written
        while self._synced < mine:
            if self._syncing is None or self._syncing.done():
                self._syncing = asyncio.create_task(self._sync())
            await asyncio.shield(self._syncing)

    async def _sync(self) -> None:
        written, handle = self._written, self._handle
        assert handle is not None  # noqa: S101 - what was written went through it
        with writing(self._path):
            await asyncio.to_thread(os.fsync, handle)
        self._synced = max(self._synced, written)


def supersede(path: Path, run_id: str) -> None:
    """Say in the journal of a killed run that a later one knows all of it; raises OutputError."""
    with writing(path), path.open("ab") as file:
        # A line that a crash tore must not spoil this one.
        line = json.dumps({"type": "end", "continued_by": run_id})
        file.write(f"\n{line}\n".encode())


def _named(result: Mapping[str, object]) -> dict[str, object]:
    """Return a result under the names that mapping.json uses."""
    return {"dstId" if key == "id" else key: value for key, value in result.items()}


def _forget_old(folder: Path) -> None:
    """Remove the oldest journals of ended runs; what is unfinished stays."""
    ended = [path for path in sorted(folder.glob("*.jsonl"), reverse=True) if _ended(path)]
    for path in ended[KEPT:]:
        with writing(path):
            path.unlink(missing_ok=True)


def _ended(path: Path) -> bool:
    with writing(path), path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 4096))
        last = file.read().rstrip(b"\n").rsplit(b"\n", 1)[-1]
    return last.startswith(b'{"type": "end"')
