"""A project's files."""

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from understudy.sandbox.disk import Content
from understudy.sandbox.ground import Ground
from understudy.sandbox.shelf import Page, Shelf
from understudy.sandbox.wire import ApiError, encode

PURPOSES = ("assistants", "batch", "fine-tune", "vision", "user_data", "evals")
SEALED = ("assistants", "user_data", "fine-tune", "evals")
BATCH_LIFETIME = 30 * 24 * 3600


@dataclass(frozen=True, slots=True)
class File:
    """One file: what the API says about it, also ready to send, and its bytes."""

    fields: Mapping[str, Any]
    encoded: bytes
    content: Content

    @property
    def id(self) -> str:
        """The file's id."""
        return str(self.fields["id"])

    @property
    def name(self) -> str:
        """The file's name."""
        return str(self.fields["filename"])

    @property
    def purpose(self) -> str:
        """What the file was uploaded for."""
        return str(self.fields["purpose"])


class Files:
    """The files of a project. One that has expired is gone upon the next look."""

    def __init__(self, ground: Ground) -> None:
        self.gone: list[Callable[[str], None]] = []
        self._ground = ground
        self._ids = ground.ids("files")
        self._shelf: Shelf[File] = ground.shelf("file")
        self._ends: list[tuple[int, str]] = []

    @property
    def shelf(self) -> Shelf[File]:
        """The files that there are."""
        while self._ends and self._ends[0][0] <= self._ground.clock():
            _, file_id = heapq.heappop(self._ends)
            if file_id in self._shelf:
                self._remove(file_id)
        return self._shelf

    def add(
        self,
        name: str,
        content: Content,
        *,
        purpose: str,
        lifetime: int | None = None,
        created_at: int | None = None,
        at_once: bool = False,
    ) -> File:
        """Add a file, which disappears `lifetime` seconds after its creation."""
        made = self._ground.now() if created_at is None else created_at
        if lifetime is None and purpose == "batch":
            lifetime = BATCH_LIFETIME
        fields: dict[str, Any] = {
            "object": "file",
            "id": self._ids.new("file-"),
            "purpose": purpose,
            "filename": name,
            "bytes": content.size,
            "created_at": made,
            "status": "processed",
        }
        if lifetime is not None:
            fields["expires_at"] = made + lifetime
            heapq.heappush(self._ends, (made + lifetime, fields["id"]))
        file = File(fields, encode(fields), content)
        self._shelf.add(file.id, file, at_once=at_once)
        return file

    def find(self, file_id: str) -> File:
        """Return a file. Raises `UnknownIdError`."""
        return self.shelf[file_id]

    def named(self, file_ids: list[str]) -> list[File]:
        """Return the files with these ids, each once. Raises `ApiError` (404) for all absent."""
        shelf = self.shelf
        absent = [file_id for file_id in file_ids if file_id not in shelf]
        if absent:
            raise ApiError(404, f"Files [{', '.join(absent)}] were not found")
        return [shelf[file_id] for file_id in dict.fromkeys(file_ids)]

    def remove(self, file_id: str) -> None:
        """Delete a file, here and wherever it is attached. Raises `UnknownIdError`."""
        self.find(file_id)
        self._remove(file_id)

    def page(self, *, purpose: str | None = None, **paging: Any) -> Page[File]:
        """Return one page of the files of a purpose. Raises `UnknownIdError` for the cursor."""
        keep = None if purpose is None else (lambda file: file.purpose == purpose)
        return self.shelf.page(keep=keep, **paging)

    def download(self, file_id: str) -> Content:
        """Return the bytes, unless the file's purpose seals them. Raises `ApiError` (400)."""
        file = self.find(file_id)
        if self._ground.rules.purpose_rule and file.purpose in SEALED:
            raise ApiError(400, f"Not allowed to download files of purpose: {file.purpose}")
        return file.content

    def _remove(self, file_id: str) -> None:
        self._shelf.remove(file_id)
        for tell in self.gone:
            tell(file_id)
