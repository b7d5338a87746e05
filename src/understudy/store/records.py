"""What goes into the library and what comes out of it: values, without a database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from understudy.architect.approval import Action, State


class Change(StrEnum):
    """What an import did with one assistant."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


class Which(StrEnum):
    """Which version of each assistant is meant where many are read."""

    LATEST = "latest"
    #: Only approved ones; assistants without one, and disabled ones, are left out.
    IN_FORCE = "in_force"
    #: The approved one, else the latest.
    IN_FORCE_ELSE_LATEST = "in_force_else_latest"


@dataclass(frozen=True, slots=True)
class Incoming:
    """One assistant to import. `content` is its canonical JSON, `digest` that one's SHA-256.

    `name` is NFC-normalised and has no control characters; `prompts` and `inputs` are counts.
    """

    name: str
    description: str
    digest: str
    content: str
    prompts: int = 0
    inputs: int = 0
    models: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VersionInfo:
    """One version, without its content, which has `size` bytes.

    Times are in UTC; `changed_at` is that of its last move.
    """

    number: int
    digest: str
    state: State
    description: str
    prompts: int
    inputs: int
    models: tuple[str, ...]
    size: int
    batch_id: str
    imported_at: datetime
    imported_by: str
    changed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Version(VersionInfo):
    """One version of the assistant `id`, with its content."""

    id: str
    name: str
    content: str


@dataclass(frozen=True, slots=True)
class Kept:
    """An assistant in the library.

    `in_force` is the version that was approved last, which may be disabled since; `pending` is
    the number of the newest version after it that waits for approval. Either may be None.
    """

    id: str
    name: str
    created_at: datetime
    created_by: str
    latest: VersionInfo
    in_force: VersionInfo | None
    pending: int | None


@dataclass(frozen=True, slots=True)
class Page:
    """Assistants in the order of their names; `next` is the `after` of the next page, or empty."""

    items: tuple[Kept, ...]
    next: str = ""


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did with one assistant. `version` is its number, `state` that one's.

    For an unchanged one that is the version which has the same content already.
    """

    name: str
    id: str
    change: Change
    version: int
    state: State


@dataclass(frozen=True, slots=True)
class Batch:
    """One import: how many assistants of a file were created, updated, unchanged, and failed.

    `items` says so for each, in the order given, and is empty for batches of the past.
    """

    id: str
    at: datetime
    actor: str
    source: str
    file_digest: str
    created: int
    updated: int
    unchanged: int
    failed: int
    items: tuple[Imported, ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """What happened once to an assistant; a deletion has no version, an import no `from_state`."""

    id: int
    assistant_id: str
    name: str
    version: int | None
    at: datetime
    actor: str
    action: Action
    from_state: State | None
    to_state: State | None
    reason: str


@dataclass(frozen=True, slots=True)
class Moved:
    """A move that was made. `superseded` is the version that gave way to it, or None."""

    kept: Kept
    version: VersionInfo
    action: Action
    from_state: State
    superseded: int | None = None
