"""Approval: what a gate is asked about a sync, and what it may answer. Pure."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from understudy.registry.entries import Entries
from understudy.registry.sync import Proposal

FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a sync may be stored, and why or why not, in words."""

    approved: bool
    reason: str = ""


#: Asked before a difference is stored; whatever it raises is a denial.
Gate: TypeAlias = Callable[[Mapping[str, Any]], Awaitable[Decision] | Decision | bool]


def question(proposal: Proposal, before: Entries, source: str) -> dict[str, Any]:
    """Return the difference as a gate gets it: whole entries, and both values of changed fields."""
    after, found = proposal.entries, proposal.difference
    return {
        "type": "registry_difference",
        "format_version": FORMAT_VERSION,
        "source": source,
        "before": len(before),
        "after": len(after),
        "added": {key: after[key] for key in found.added},
        "changed": {
            key: {
                name: {"before": before[key].get(name), "after": after[key].get(name)}
                for name in names
            }
            for key, names in found.changed.items()
        },
        "removed": {key: before[key] for key in found.removed},
    }
