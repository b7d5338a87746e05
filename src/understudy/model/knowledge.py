"""Knowledge: the files and vector stores that assistants lean on, as some place holds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from understudy.model.assistant import CLONED_FROM

#: Tool to the list of ids in `tool_resources` that it leans on.
LISTS: Mapping[str, str] = {"file_search": "vector_store_ids", "code_interpreter": "file_ids"}


def listed_ids(resources: Any, tool: str) -> list[Any]:
    """Return what `tool_resources` list for a tool, as it stands there; none where malformed."""
    part = resources.get(tool) if isinstance(resources, Mapping) else None
    ids = part.get(LISTS[tool]) if isinstance(part, Mapping) else None
    return list(ids) if isinstance(ids, list) else []


class Held(StrEnum):
    """What a place has of a file. Only snapshots hold less than all of it."""

    WHOLE = "whole"  # the very bytes
    TEXT = "text"  # its parsed text instead, under a name of its own
    NOTHING = "nothing"  # its name and size only


@dataclass(frozen=True, slots=True)
class File:
    """A file; `bytes` is its size, None where the place does not say, `created_at` in Unix seconds.

    `sha256` is set where the place knows it (64 hexadecimal digits); `name` may be empty, and may
    hold anything but NUL. Of a file held as text, name, size and digest are the text's own.
    """

    id: str
    name: str = ""
    bytes: int | None = None
    purpose: str = "assistants"
    created_at: int | None = None
    sha256: str = ""
    held: Held = Held.WHOLE


@dataclass(frozen=True, slots=True)
class StoreFile:
    """A file in a vector store: its attributes, how it is cut into chunks, how indexing went.

    `chunking` is the API's `chunking_strategy`; None leaves it to the place. `error` is the
    provider's reason for a failed one, `error_code` its word for it.
    """

    file_id: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    chunking: Mapping[str, Any] | None = None
    status: str = "completed"  # in_progress, completed, cancelled or failed
    error_code: str = ""
    error: str = ""

    @property
    def cloned_from(self) -> str | None:
        """The id of the file that this one is a copy of, if its attributes say so."""
        origin = self.attributes.get(CLONED_FROM)
        return origin if isinstance(origin, str) and origin else None

    @property
    def unsearchable(self) -> bool:
        """Whether the place gave up on making it searchable."""
        return self.status in ("failed", "cancelled")


#: The fields of a vector store that a copy carries over, in the order people read them.
STORE_FIELDS = ("name", "description", "expires_after", "metadata")


@dataclass(frozen=True, slots=True)
class Store:
    """A vector store; `raw` is the place's record of it and never modified."""

    id: str
    raw: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The name, or an empty string for a nameless one."""
        name = self.raw.get("name")
        return name if isinstance(name, str) else ""

    @property
    def label(self) -> str:
        """What to call it in front of people: its name, else its id in brackets."""
        return self.name.strip() or f"(nameless {self.id})"

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The metadata map; empty where there is none."""
        metadata = self.raw.get("metadata")
        return metadata if isinstance(metadata, dict) else {}

    @property
    def cloned_from(self) -> str | None:
        """The id of the store that this one is a clone of, if it says so."""
        origin = self.metadata.get(CLONED_FROM)
        return origin if isinstance(origin, str) and origin else None

    @property
    def expired(self) -> bool:
        """Whether the place has thrown its content away."""
        return self.raw.get("status") == "expired"

    @property
    def usage_bytes(self) -> int:
        """What it takes in storage, in bytes, as far as the place says so."""
        usage = self.raw.get("usage_bytes")
        return usage if isinstance(usage, int) and not isinstance(usage, bool) else 0

    def count(self, status: str) -> int:
        """Return how many of its files are in that state (`total` for all)."""
        counts = self.raw.get("file_counts")
        number = counts.get(status) if isinstance(counts, dict) else None
        return number if isinstance(number, int) and not isinstance(number, bool) else 0
