"""How a run came out."""

from __future__ import annotations

from dataclasses import dataclass

from understudy.errors import ExitCode, UnderstudyError
from understudy.model.assistant import Assistant
from understudy.model.findings import Findings
from understudy.platforms.base import PlaceInfo
from understudy.replicate.events import Deleted, FileOutcome, Outcome, Status, StoreOutcome


@dataclass(frozen=True, slots=True, repr=False)
class RunResult:
    """Outcomes in the plan's order. `stopped_by` is what ended the run early, if anything."""

    outcomes: tuple[Outcome, ...]
    stopped_by: UnderstudyError | None = None
    seconds: float = 0.0
    files: tuple[FileOutcome, ...] = ()
    stores: tuple[StoreOutcome, ...] = ()
    deleted: tuple[Deleted, ...] = ()

    def count(self, status: Status) -> int:
        """Return how many assistants came out that way."""
        return sum(1 for outcome in self.outcomes if outcome.status is status)


@dataclass(frozen=True, slots=True, repr=False)
class Exported:
    """What was written. `removed` counts assistants, files and stores that are gone.

    `problems` are stores that could not be read, in words; `unread` is what else of the place
    could not.
    """

    place: PlaceInfo
    assistants: tuple[Assistant, ...]
    removed: int = 0
    files: tuple[FileOutcome, ...] = ()
    stores: int = 0
    problems: tuple[str, ...] = ()
    unread: Findings = ()

    @property
    def exit_code(self) -> ExitCode:
        """What the process should tell its caller."""
        lacking = self.problems or not all(file.arrived for file in self.files)
        lacking = lacking or any(finding.blocks for finding in self.unread)
        return ExitCode.PARTLY if lacking else ExitCode.DONE
