"""Saved JSON as a place to copy from: whatever shape it was saved in, whatever is broken."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from understudy.errors import MissingError, SnapshotError, UsageError
from understudy.model.assistant import Assistant
from understudy.model.findings import Finding, Findings, error
from understudy.platforms.base import (
    Capabilities,
    Marker,
    Page,
    PlaceInfo,
    Rendered,
)
from understudy.platforms.dump_files import (
    STANDARD_INPUT,
    Folder,
    read_file,
    standard_input,
)
from understudy.platforms.dump_form import Reading, read_content
from understudy.platforms.dump_records import Record, identify
from understudy.platforms.rendering import render_fields

NAME = "dump"
_SHAPES = (
    "A dump is a listing of the API, one assistant or several, a line each or one after another, "
    "an export file, or a registry's assistants.json."
)


class Dump:
    """A file, a folder or standard input (`-`) with assistants in it; nothing is written there.

    It is read once, when somebody first asks. What cannot be read is in the page's findings.
    """

    def __init__(self, path: str | Path, *, name: str = "") -> None:
        self._path = Path(path)
        self._is_input = str(path) == STANDARD_INPUT
        self._called = "standard input" if self._is_input else str(path)
        self._name = self._called if self._is_input else name or str(path)
        self._records: dict[str, dict[str, Any]] | None = None
        self._findings: Findings = ()
        self._loading = asyncio.Lock()

    @property
    def info(self) -> PlaceInfo:
        """Which path this is."""
        return PlaceInfo(self._name, NAME, str(self._path))

    @property
    def capabilities(self) -> Capabilities:
        """It can only be copied from."""
        return Capabilities(limits=None, remote=False, read_only=True)

    @property
    def knowledge(self) -> None:
        """It holds definitions only."""
        return

    @property
    def environments(self) -> None:
        """It runs nothing."""
        return

    async def list_page(self, *, after: str | None = None, newest_first: bool = False) -> Page:
        """Return everything after that id, in the order of creation as far as it is known."""
        records = await self._loaded()
        order = list(records)
        if newest_first:
            order.reverse()
        start = order.index(after) + 1 if after in records else 0
        return Page(tuple(Assistant(i, records[i]) for i in order[start:]), None, self._findings)

    async def retrieve(self, assistant_id: str) -> Assistant:
        """Return one assistant or raise MissingError."""
        records = await self._loaded()
        if assistant_id not in records:
            raise MissingError(f"{self._name} holds no assistant {assistant_id}.")
        return Assistant(assistant_id, records[assistant_id])

    async def create(self, payload: Mapping[str, Any]) -> Assistant:  # noqa: ARG002
        """Refuse: raises UsageError."""
        self._refuse()

    async def update(self, assistant_id: str, fields: Mapping[str, Any]) -> Assistant:  # noqa: ARG002
        """Refuse: raises UsageError."""
        self._refuse()

    async def delete(self, assistant_id: str) -> None:  # noqa: ARG002
        """Refuse: raises UsageError."""
        self._refuse()

    async def models(self) -> None:
        """Return None: it cannot tell."""
        return

    def render(self, assistant: Assistant, marker: Marker) -> Rendered:
        """Return every field as it is."""
        return render_fields(assistant, marker)

    async def flush(self) -> None:
        """Nothing is ever written."""

    async def aclose(self) -> None:
        """Nothing to release."""

    def _refuse(self) -> NoReturn:
        raise UsageError(
            f"{self._name} is a dump, which can only be copied from.", hint="Give another path."
        )

    async def _loaded(self) -> dict[str, dict[str, Any]]:
        async with self._loading:  # standard input can be read only once
            if self._records is None:
                self._records = await self._load()
            return self._records

    async def _load(self) -> dict[str, dict[str, Any]]:
        findings: list[Finding] = []
        if self._is_input:
            readings = [read_content(await standard_input(), self._called)]
        elif self._path.is_dir():
            folder = Folder(self._path)
            readings = [read_content(data, str(path)) for path, data in folder.contents()]
            findings += folder.findings
        else:
            readings = [read_content(read_file(self._path), self._called)]
        records: list[Record] = []
        for reading in readings:
            records += reading.records
            findings += reading.findings
        findings += _open_end(readings)
        found, doubts = identify(records)
        findings += doubts
        self._require_some(readings, bool(found), findings)
        self._findings = tuple(findings)
        return dict(sorted(found.items(), key=lambda item: _age(item[1])))

    def _require_some(self, readings: list[Reading], found: bool, findings: list[Finding]) -> None:
        """Raise SnapshotError when there is nothing in it that anybody could use."""
        if found:
            return
        if findings:
            first, more = max(findings, key=lambda one: one.blocks), len(findings) - 1
            and_more = f" And {more} more." if more else ""
            raise SnapshotError(
                f"{self._called} holds no assistant that can be read. {first.message}{and_more}",
                hint=first.hint or _SHAPES,
            )
        if not any(reading.recognised for reading in readings):
            what = "no assistant" if readings else "no JSON file"
            raise SnapshotError(f"{self._called} holds {what}: it is empty.", hint=_SHAPES)


def _open_end(readings: list[Reading]) -> list[Finding]:
    """Return a finding when every page of a listing says that another one follows."""
    ends = [reading.open_end for reading in readings if reading.open_end]
    if not ends or any(reading.closed for reading in readings):
        return []
    said = f"{ends[-1]}: this page of a listing says that more follow (has_more), and none does."
    hint = "Add the other pages, as further files or behind it."
    return [error("incomplete-listing", said, hint=hint)]


def _age(record: Mapping[str, Any]) -> float:
    created = record.get("created_at")
    return created if isinstance(created, int | float) else float("inf")
