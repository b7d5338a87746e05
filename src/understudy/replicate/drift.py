"""How two places differ, read off a plan. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from understudy.model.assistant import Assistant
from understudy.platforms.base import PlaceInfo
from understudy.replicate.plan import Action, Change, Plan


class Sign(StrEnum):
    """What a comparison says of one assistant."""

    SAME = "="
    DIFFERS = "*"
    ONLY_FIRST = "+"
    ONLY_SECOND = "-"
    UNCLEAR = "!"


_SIGNS = {
    Action.UNCHANGED: Sign.SAME,
    Action.UPDATE: Sign.DIFFERS,
    Action.CREATE: Sign.ONLY_FIRST,
    Action.CONFLICT: Sign.UNCLEAR,
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One assistant in the first place, the second, or both; `change` tells the fields."""

    sign: Sign
    name: str
    first_id: str | None
    second_id: str | None
    change: Change | None = None


@dataclass(frozen=True, slots=True)
class Drift:
    """All assistants of both places, the first place's order, then what only the second has."""

    differences: tuple[Difference, ...]
    first: PlaceInfo
    second: PlaceInfo

    @property
    def found(self) -> bool:
        """Whether anything is not the same."""
        return any(item.sign is not Sign.SAME for item in self.differences)

    def count(self, sign: Sign) -> int:
        """Return how many assistants have that sign."""
        return sum(1 for item in self.differences if item.sign is sign)


def drift_of(plan: Plan, destination: Iterable[Assistant]) -> Drift:
    """Return the drift that a plan stands for; `destination` is everything the second holds."""
    first = [
        Difference(_SIGNS[c.action], c.name, c.source_id, c.destination_id, c) for c in plan.changes
    ]
    seen = {change.destination_id for change in plan.changes}
    seen |= {rival for change in plan.changes for rival in change.rivals}
    second = [
        Difference(Sign.ONLY_SECOND, a.name, None, a.id) for a in destination if a.id not in seen
    ]
    return Drift((*first, *second), plan.source, plan.destination)
