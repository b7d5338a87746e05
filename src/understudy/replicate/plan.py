"""The plan: what would be written, as data; `planning` makes it.

Display fields never steer what is done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from understudy.model.fidelity import Ledger
from understudy.model.findings import Findings
from understudy.platforms.base import PlaceInfo
from understudy.platforms.environments import Environment
from understudy.replicate.diff import FieldChange
from understudy.replicate.knowledge.needs import Needs
from understudy.replicate.knowledge.plan import KnowledgePlan, Lack
from understudy.replicate.prune import Deletion
from understudy.replicate.selection import Selection
from understudy.replicate.tailoring import Tailoring


class Action(StrEnum):
    """What is to be done about one source assistant."""

    CREATE = "create"
    UPDATE = "update"
    UNCHANGED = "unchanged"
    CONFLICT = "conflict"


class Identity(StrEnum):
    """Where a clone's identity is kept."""

    METADATA = "metadata"
    MAPPING = "mapping"


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """What shapes a plan. `known` maps source ids to destination ids of earlier runs.

    With `strict`, an assistant that would lose anything is not written. `environments` are the
    source's, None where they were not read.
    """

    selection: Selection = field(default_factory=Selection)
    identity: Identity = Identity.METADATA
    known: Mapping[str, str] = field(default_factory=dict)
    ignore: frozenset[str] = frozenset()
    check_models: bool = True
    same_place: bool = False
    tailoring: Tailoring = field(default_factory=Tailoring)
    strict: bool = False
    environments: Mapping[str, Environment] | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the plan.

    `payload` is what will be sent: the whole definition for a create, the fields that differ
    for an update, nothing otherwise; knowledge stands in it under the source's ids. `needs` is
    what has to be there first, `lacks` what will not be. `owned` are metadata keys that no
    others set, `others` those in the payload that are others' and only repeated. `fields` shows
    the differences; it steers nothing.
    """

    action: Action
    source_id: str
    name: str
    destination_id: str | None = None
    payload: Mapping[str, Any] = field(default_factory=dict)
    fields: tuple[FieldChange, ...] = ()
    ledger: Ledger = ()
    findings: Findings = ()
    rivals: tuple[str, ...] = ()
    model: str = ""
    functions: int = 0
    needs: Needs = field(default_factory=Needs)
    lacks: tuple[Lack, ...] = ()
    owned: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    @property
    def writes(self) -> bool:
        """Whether applying it sends anything."""
        return self.action in (Action.CREATE, Action.UPDATE)

    @property
    def blocked(self) -> bool:
        """Whether something keeps it from being written."""
        return any(finding.blocks for finding in self.findings)


@dataclass(frozen=True, slots=True, repr=False)
class Plan:
    """All changes in the order of the source's listing; `notes` are for people.

    `unread` says what of the source could not be read.
    """

    source: PlaceInfo
    destination: PlaceInfo
    changes: tuple[Change, ...]
    identity: Identity = Identity.METADATA
    notes: tuple[str, ...] = ()
    knowledge: KnowledgePlan | None = None
    deletions: tuple[Deletion, ...] = ()
    unread: Findings = ()

    def count(self, action: Action) -> int:
        """Return how many changes are of that kind."""
        return sum(1 for change in self.changes if change.action is action)

    @property
    def writes(self) -> tuple[Change, ...]:
        """The changes that send something."""
        return tuple(change for change in self.changes if change.writes)

    @property
    def pending(self) -> bool:
        """Whether the destination differs from the source: writes or conflicts."""
        return self.sends or any(change.action is Action.CONFLICT for change in self.changes)

    @property
    def sends(self) -> bool:
        """Whether applying it writes or deletes anything."""
        carries = self.knowledge is not None and self.knowledge.pending
        return bool(self.writes or self.deletions or carries)
