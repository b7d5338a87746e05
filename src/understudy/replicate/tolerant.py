"""Sending a payload to a place that may know fewer fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from understudy.errors import RejectedError
from understudy.model.assistant import Assistant
from understudy.model.fidelity import Fidelity, LedgerEntry
from understudy.model.kinds import KNOWN


class Tolerant:
    """Sends a payload, leaving out fields nobody knows that the destination refuses by name."""

    def __init__(self, payload: Mapping[str, Any]) -> None:
        self.payload = dict(payload)
        self.dropped: list[LedgerEntry] = []

    async def send(self, write: Any) -> Assistant:
        """Return what `write(payload)` returns; raises what it raises."""
        while True:
            try:
                got: Assistant = await write(self.payload)
            except RejectedError as error:
                name = _refused_extra(error, self.payload)
                if name is None:
                    raise
                del self.payload[name]
                self.dropped.append(
                    LedgerEntry(name, Fidelity.DROPPED, "the destination does not know this field")
                )
            else:
                return got


def _refused_extra(error: RejectedError, payload: Mapping[str, Any]) -> str | None:
    """Return the field to leave out: refused by name, and none that everybody knows."""
    named = (error.param or "").split(".")[0].split("[")[0]
    candidates = [name for name in payload if name not in KNOWN]
    if named in candidates:
        return named
    quoted = [name for name in candidates if f"'{name}'" in error.message]
    return quoted[0] if quoted and not error.param else None
