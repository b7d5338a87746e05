"""The ledger: what became of each field on its way, and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache


class Fidelity(StrEnum):
    """How well a field travelled, best first."""

    EXACT = "exact"  # same value, same meaning
    MAPPED = "mapped"  # another place or shape, nothing lost
    DEGRADED = "degraded"  # something is lost
    DROPPED = "dropped"  # it has no home there


#: What counts as a loss.
LOSSY = frozenset({Fidelity.DEGRADED, Fidelity.DROPPED})


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One field's fate; `reason` is empty only where the field travelled exactly."""

    field: str
    fidelity: Fidelity
    reason: str = ""


Ledger = tuple[LedgerEntry, ...]


@lru_cache(maxsize=256)
def exact(field: str) -> LedgerEntry:
    """Return the entry of a field that travelled exactly; one object serves every assistant."""
    return LedgerEntry(field, Fidelity.EXACT)
