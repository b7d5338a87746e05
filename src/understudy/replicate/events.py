"""What happens during a run, as frozen events.

The progress bar, the JSON lines and the log are listeners; nothing flows back from them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from understudy.model.fidelity import Ledger
from understudy.platforms.base import PlaceInfo, Wait
from understudy.replicate.knowledge.plan import Lack
from understudy.replicate.knowledge.route import Route
from understudy.replicate.prune import Deletion


class Status(StrEnum):
    """How one assistant came out of a run."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    PARTIAL = "partial"  # it is there, and lacks some of its knowledge
    CONFLICT = "conflict"
    FAILED = "failed"
    SKIPPED = "skipped"


class FileStatus(StrEnum):
    """How one file came out of a run."""

    MOVED = "moved"
    THERE = "there"
    MISSING = "missing"
    LEFT_OUT = "left-out"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """What became of one file; `bytes` is the size of what arrived, else of the source's file.

    `text`: the destination has the parsed text only. `reason` says why it is missing, or came by
    a lesser route than the best; `users` are the source ids of the assistants that lean on it.
    `unsure`: it may be there, but no answer said so.
    """

    source_id: str
    name: str
    status: FileStatus
    destination_id: str | None = None
    bytes: int | None = None
    route: Route | None = None
    text: bool = False
    sha256: str = ""
    reason: str = ""
    users: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    error: str = ""
    by_name: bool = False
    unsure: bool = False

    @property
    def arrived(self) -> bool:
        """Whether the destination has it, if only as text."""
        return self.status in (FileStatus.MOVED, FileStatus.THERE)


@dataclass(frozen=True, slots=True)
class StoreOutcome:
    """What became of one vector store; `files` is how many the destination's one holds of it.

    `failed` are the source ids of files that it holds and cannot search, with the provider's
    reason. `error` is empty unless something went wrong.
    """

    source_id: str
    name: str
    status: Status
    destination_id: str | None = None
    files: int = 0
    failed: tuple[tuple[str, str], ...] = ()
    operations: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one change.

    `operations` are the steps that were carried out, in words; `lacks` is the knowledge that it
    should have and has not; `error` is empty unless something went wrong.
    """

    source_id: str
    name: str
    status: Status
    destination_id: str | None = None
    operations: tuple[str, ...] = ()
    ledger: Ledger = ()
    error: str = ""
    lacks: tuple[Lack, ...] = ()


@dataclass(frozen=True, slots=True)
class Deleted:
    """A deletion that was carried out, or why it was not."""

    deletion: Deletion
    error: str = ""


@dataclass(frozen=True, slots=True)
class Read:
    """A page was read; `count` assistants (or `what`) of that place are known now."""

    place: str
    count: int
    what: str = "assistants"


@dataclass(frozen=True, slots=True)
class RunStarted:
    """Writing begins; `total` assistants have something to be written, `files` have to move."""

    source: PlaceInfo
    destination: PlaceInfo
    total: int
    files: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class FilePassed:
    """So many bytes of a large file were sent so far; once every few megabytes."""

    source_id: str
    bytes: int


@dataclass(frozen=True, slots=True)
class FileDone:
    """One file that had to move is through."""

    outcome: FileOutcome


@dataclass(frozen=True, slots=True)
class StoreDone:
    """One vector store is through, its indexing included."""

    outcome: StoreOutcome


@dataclass(frozen=True, slots=True)
class Indexing:
    """The destination makes a store's files searchable: `done` of `total` so far."""

    store: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class ChangeDone:
    """One assistant that had something to be written is through."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Stopping:
    """No new write is begun any more; `reason` is for people."""

    reason: str


@dataclass(frozen=True, slots=True)
class RunFinished:
    """Everything has ended and was recorded; `seconds` is the time spent writing."""

    seconds: float


Event = (
    Read
    | RunStarted
    | ChangeDone
    | FilePassed
    | FileDone
    | StoreDone
    | Indexing
    | Wait
    | Stopping
    | RunFinished
)
Listener = Callable[[Event], None]


def silent(_: Event) -> None:
    """Listen to nothing."""
