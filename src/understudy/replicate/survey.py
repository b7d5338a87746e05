"""What a place's assistants use, and what would become of them elsewhere, as data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from understudy.errors import ExitCode
from understudy.model.assistant import Assistant
from understudy.model.fidelity import LOSSY
from understudy.model.findings import Findings
from understudy.model.retirement import Fate, Offered, State, fate
from understudy.platforms.base import PlaceInfo
from understudy.replicate.plan import Change

_ORDER = (State.DEAD, State.ABSENT, State.DYING, State.UNKNOWN, State.ALIVE)


@dataclass(frozen=True, slots=True, repr=False)
class ModelUse:
    """A model, what becomes of it, and who uses it."""

    fate: Fate
    assistants: tuple[Assistant, ...]


@dataclass(frozen=True, slots=True, repr=False)
class ModelSurvey:
    """The models that a place's assistants use, what needs attention first.

    `told` is whether the place itself said which models it has.
    """

    place: PlaceInfo
    uses: tuple[ModelUse, ...]
    told: bool
    unread: Findings = ()

    def count(self, *states: State) -> int:
        """Return how many assistants use a model in one of these states."""
        return sum(len(use.assistants) for use in self.uses if use.fate.state in states)


def survey_models(
    place: PlaceInfo,
    assistants: Iterable[Assistant],
    offered: Offered | None,
    today: str,
    unread: Findings = (),
) -> ModelSurvey:
    """Return who uses which model; `today` is an ISO 8601 date. Pure."""
    users: dict[str, list[Assistant]] = {}
    for assistant in assistants:
        users.setdefault(assistant.model, []).append(assistant)
    uses = [
        ModelUse(fate(model, today, offered) if model else Fate("", State.UNKNOWN), tuple(found))
        for model, found in users.items()
    ]
    uses.sort(key=lambda use: (_ORDER.index(use.fate.state), use.fate.shutdown, use.fate.model))
    return ModelSurvey(place, tuple(uses), offered is not None, unread)


@dataclass(frozen=True, slots=True, repr=False)
class FidelityTable:
    """What would become of each field of each assistant on its way to another place."""

    source: PlaceInfo
    destination: PlaceInfo
    changes: tuple[Change, ...]
    unread: Findings = ()

    def losses(self) -> Iterator[Change]:
        """Yield the assistants that would lose anything, or could not be written at all."""
        for change in self.changes:
            if any(entry.fidelity in LOSSY for entry in change.ledger) or change.blocked:
                yield change

    @property
    def exit_code(self) -> ExitCode:
        """What the process should tell its caller: parts that could not be read."""
        lacking = any(finding.blocks for finding in self.unread)
        return ExitCode.PARTLY if lacking else ExitCode.DONE
