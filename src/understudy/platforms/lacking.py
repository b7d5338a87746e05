"""What places without containers, parsed texts or uploads in parts say when asked for them."""
# ruff: noqa: ARG002 - the arguments are the contract's

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from understudy.errors import RejectedError
from understudy.model.knowledge import File
from understudy.platforms.knowledge import Content, FilePage, Sink, TextPage


def _lacking(what: str) -> NoReturn:
    raise RejectedError(f"This place has no {what}.", code="unsupported")


class NoContainers:
    """Refuses everything about containers."""

    async def create_container(self, name: str, file_ids: Sequence[str]) -> str:
        """Raise RejectedError."""
        _lacking("containers")

    async def list_container_files(
        self, container_id: str, *, after: str | None = None
    ) -> FilePage:
        """Raise RejectedError."""
        _lacking("containers")

    async def download_from_container(
        self, container_id: str, file_id: str, sink: Sink, *, size: int | None = None
    ) -> None:
        """Raise RejectedError."""
        _lacking("containers")

    async def delete_container(self, container_id: str) -> None:
        """Do nothing: there is none."""


class NoTexts:
    """Refuses parsed texts."""

    async def text_page(self, store_id: str, file_id: str, *, after: str | None = None) -> TextPage:
        """Raise RejectedError."""
        _lacking("parsed texts")


class NoParts:
    """Takes files of any size in one piece, and so refuses uploads in parts."""

    async def begin_upload(self, name: str, size: int, *, purpose: str = "assistants") -> str:
        """Raise RejectedError."""
        _lacking("uploads in parts: it takes any file in one piece")

    async def upload_part(self, upload_id: str, content: Content, start: int, length: int) -> str:
        """Raise RejectedError."""
        _lacking("uploads in parts")

    async def finish_upload(self, upload_id: str, parts: Sequence[str]) -> File:
        """Raise RejectedError."""
        _lacking("uploads in parts")

    async def cancel_upload(self, upload_id: str) -> None:
        """Do nothing: there is none."""
