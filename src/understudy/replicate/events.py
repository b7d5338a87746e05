"""What happens during a run, as frozen events.

The progress bar, the JSON lines and the log are listeners; nothing flows back from them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from understudy.model.fidelity import Ledger
from understudy.platforms.base import PlaceInfo, Wait


class Status(StrEnum):
    """How one assistant came out of a run."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    CONFLICT = "conflict"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one change.

    `operations` are the steps that were carried out, in words; `error` is empty unless
    something went wrong.
    """

    source_id: str
    name: str
    status: Status
    destination_id: str | None = None
    operations: tuple[str, ...] = ()
    ledger: Ledger = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class Read:
    """A page was read; `count` assistants of that place are known now."""

    place: str
    count: int


@dataclass(frozen=True, slots=True)
class RunStarted:
    """Writing begins; `total` assistants have something to be written."""

    source: PlaceInfo
    destination: PlaceInfo
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


Event = Read | RunStarted | ChangeDone | Wait | Stopping | RunFinished
Listener = Callable[[Event], None]


def silent(_: Event) -> None:
    """Listen to nothing."""
