"""How two places differ, read off a plan. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from understudy.model.assistant import Assistant
from understudy.model.findings import Findings
from understudy.platforms.base import PlaceInfo
from understudy.replicate.knowledge.plan import FileAction, KnowledgePlan
from understudy.replicate.knowledge.store_plan import StoreAction
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
    """One assistant in the first place, the second, or both; `change` tells the fields.

    `knowledge` says in words what is unlike in the files and vector stores that it leans on.
    """

    sign: Sign
    name: str
    first_id: str | None
    second_id: str | None
    change: Change | None = None
    knowledge: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class Drift:
    """All assistants of both places, the first place's order, then what only the second has.

    `unread` says what of them could not be read.
    """

    differences: tuple[Difference, ...]
    first: PlaceInfo
    second: PlaceInfo
    unread: Findings = ()

    @property
    def found(self) -> bool:
        """Whether anything is not the same."""
        return any(item.sign is not Sign.SAME for item in self.differences)

    def count(self, sign: Sign) -> int:
        """Return how many assistants have that sign."""
        return sum(1 for item in self.differences if item.sign is sign)


def drift_of(plan: Plan, destination: Iterable[Assistant]) -> Drift:
    """Return the drift that a plan stands for; `destination` is everything the second holds."""
    first = [_difference(change, plan.knowledge) for change in plan.changes]
    seen = {change.destination_id for change in plan.changes}
    seen |= {rival for change in plan.changes for rival in change.rivals}
    second = [
        Difference(Sign.ONLY_SECOND, a.name, None, a.id) for a in destination if a.id not in seen
    ]
    return Drift((*first, *second), plan.source, plan.destination)


def _difference(change: Change, knowledge: KnowledgePlan | None) -> Difference:
    sign = _SIGNS[change.action]
    unlike: tuple[str, ...] = ()
    if knowledge is not None and change.needs and sign in (Sign.SAME, Sign.DIFFERS):
        unlike = tuple(_unlike(change, knowledge))
        sign = Sign.DIFFERS if unlike else sign
    return Difference(sign, change.name, change.source_id, change.destination_id, change, unlike)


def _unlike(change: Change, knowledge: KnowledgePlan) -> Iterator[str]:
    """Yield what the second place has not, or not as the first, of what an assistant leans on."""
    stores = {step.source_id: step for step in knowledge.stores}
    files = {step.source_id: step for step in knowledge.files}
    wanted = list(change.needs.files)
    for one in change.needs.stores:
        step = stores[one]
        wanted += [*step.carried, *step.lacking]
        if step.action is not StoreAction.UNCHANGED:
            yield f"vector store {step.name or one}: {step.reason or step.action}"
    for one in dict.fromkeys(wanted):
        if files[one].action is not FileAction.THERE:
            yield f"{files[one].name or one}: only in A"
        elif files[one].text and not files[one].held_as_text:
            yield f"{files[one].name or one}: B has its parsed text only"
