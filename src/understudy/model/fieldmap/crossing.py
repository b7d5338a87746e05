"""Keeping the ledger while a definition changes its form."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, TypeAlias

from understudy.model.fidelity import Fidelity, Ledger, LedgerEntry
from understudy.model.findings import Finding, Findings, error

Json: TypeAlias = dict[str, Any]

_ORDER = list(Fidelity)


class Crossing:
    """One entry for each field, the worst that was said; findings that keep it from crossing."""

    def __init__(self) -> None:
        self._entries: dict[str, LedgerEntry] = {}
        self._findings: list[Finding] = []

    @property
    def ledger(self) -> Ledger:
        """What became of each field."""
        return tuple(self._entries.values())

    @property
    def findings(self) -> Findings:
        """What keeps it from being written."""
        return tuple(self._findings)

    def exact(self, field: str) -> None:
        """Note that a field travels as it is."""
        self._note(field, Fidelity.EXACT, "")

    def mapped(self, field: str, reason: str) -> None:
        """Note that a field takes another place or shape, and loses nothing."""
        self._note(field, Fidelity.MAPPED, reason)

    def degraded(self, field: str, reason: str) -> None:
        """Note that something of a field is lost."""
        self._note(field, Fidelity.DEGRADED, reason)

    def dropped(self, field: str, reason: str) -> None:
        """Note that a field has no home there."""
        self._note(field, Fidelity.DROPPED, reason)

    def refuse(self, code: str, message: str, *, field: str, hint: str = "") -> None:
        """Note what the platform cannot take at all."""
        self._findings.append(error(code, message, field=field, hint=hint))

    def _note(self, field: str, fidelity: Fidelity, reason: str) -> None:
        before = self._entries.get(field)
        if before is not None:
            if fidelity is Fidelity.EXACT:
                return
            reasons = [one for one in (before.reason, reason) if one]
            reason = "; ".join(dict.fromkeys(reasons))
            fidelity = max(before.fidelity, fidelity, key=_ORDER.index)
        self._entries[field] = _entry(field, fidelity, reason)


@lru_cache(maxsize=1024)
def _entry(field: str, fidelity: Fidelity, reason: str) -> LedgerEntry:
    """Return one object for the same fate: thousands of assistants share it."""
    return LedgerEntry(field, fidelity, reason)


def is_set(value: Any) -> bool:
    """Tell whether a field says anything: null, empty text and empty containers do not."""
    return value not in (None, "", [], {})
