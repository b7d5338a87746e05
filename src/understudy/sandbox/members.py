"""A file in a vector store, and a batch of them; their state follows from the time."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from understudy.sandbox.files import File
from understudy.sandbox.ground import Rules

STATUSES = ("in_progress", "completed", "failed", "cancelled")


@dataclass(slots=True)
class Member:
    """A file in a store. It is indexed once `ready_at` has come, unless it was cancelled."""

    file: File
    store_id: str
    created_at: int
    attributes: Mapping[str, Any]
    chunking: Mapping[str, Any]
    ready_at: float
    error: tuple[str, str] | None
    cancelled: bool = False

    def status(self, now: float) -> str:
        """Return one of `STATUSES`."""
        if self.cancelled:
            return "cancelled"
        if now < self.ready_at:
            return "in_progress"
        return "completed" if self.error is None else "failed"

    def usage(self, now: float) -> int:
        """Return how many bytes the store needs for it."""
        return self.file.content.size if self.status(now) == "completed" else 0

    def shown(self, now: float) -> dict[str, Any]:
        """Return what the API says about it."""
        status = self.status(now)
        error = None
        if status == "failed" and self.error is not None:
            error = {"code": self.error[0], "message": self.error[1]}
        return {
            "id": self.file.id,
            "object": "vector_store.file",
            "usage_bytes": self.usage(now),
            "created_at": self.created_at,
            "vector_store_id": self.store_id,
            "status": status,
            "last_error": error,
            "chunking_strategy": dict(self.chunking),
            "attributes": dict(self.attributes),
        }


def failure(file: File, rules: Rules) -> tuple[str, str] | None:
    """Return the code and the message of what indexing this file ends with, None for success."""
    for pattern, error in rules.indexing_failures.items():
        if fnmatchcase(file.name, pattern):
            return error
    return ("invalid_file", "The file is empty.") if file.content.size == 0 else None


def counts(members: Iterable[Member], now: float) -> dict[str, int]:
    """Return how many are in which state, and how many there are."""
    found = Counter(member.status(now) for member in members)
    return {status: found[status] for status in STATUSES} | {"total": found.total()}


@dataclass(slots=True)
class Batch:
    """Files that were put into a store together."""

    id: str
    store_id: str
    created_at: int
    members: tuple[Member, ...]
    cancelled: bool = False

    def cancel(self, now: float) -> None:
        """Stop indexing; nothing happens to a batch that is done."""
        waiting = [one for one in self.members if one.status(now) == "in_progress"]
        self.cancelled = self.cancelled or bool(waiting)
        for member in waiting:
            member.cancelled = True

    def shown(self, now: float) -> dict[str, Any]:
        """Return what the API says about it."""
        found = counts(self.members, now)
        status = "in_progress" if found["in_progress"] else "completed"
        return {
            "id": self.id,
            "object": "vector_store.files_batch",
            "created_at": self.created_at,
            "vector_store_id": self.store_id,
            "status": "cancelled" if self.cancelled else status,
            "file_counts": found,
        }
