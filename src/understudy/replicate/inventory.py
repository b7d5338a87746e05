"""What a place holds, read once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from understudy.model.assistant import Assistant
from understudy.model.canonical import digest
from understudy.model.findings import Findings
from understudy.model.retirement import Offered
from understudy.platforms.base import Capabilities, PlaceInfo


@dataclass(frozen=True, slots=True, repr=False)
class Inventory:
    """Every assistant of a place, oldest first; `models` is None until somebody asked.

    `findings` say what of the place could not be read.
    """

    info: PlaceInfo
    capabilities: Capabilities
    assistants: tuple[Assistant, ...]
    models: Offered | None = None
    findings: Findings = ()

    @property
    def whole(self) -> bool:
        """Whether all of it was read: only then what it does not hold is gone."""
        return not any(finding.blocks for finding in self.findings)

    def by_id(self) -> dict[str, Assistant]:
        """Return the assistants under their ids."""
        return {assistant.id: assistant for assistant in self.assistants}

    def state(self) -> dict[str, str]:
        """Return a fingerprint for each id: 32 hexadecimal digits of the record's digest."""
        return {a.id: digest(a.raw)[:32] for a in self.assistants}


def changed_since(
    before: Mapping[str, str], state: Mapping[str, str], now: Inventory, *, most: int = 5
) -> Iterable[str]:
    """Describe how a place differs from a saved state, at most `most` lines; empty if not.

    `state` is what it is now; ids that are no assistants' are those of files and vector stores.
    """
    by_id = now.by_id()

    def label(one: str) -> str:
        return f"{by_id[one].label} ({one})" if one in by_id else one

    lines = [f"gone: {i}" for i in before if i not in state]
    lines += [f"new: {label(i)}" for i in state if i not in before]
    lines += [f"changed: {label(i)}" for i in state if i in before and before[i] != state[i]]
    if len(lines) > most:
        lines[most:] = [f"and {len(lines) - most} more"]
    return lines
