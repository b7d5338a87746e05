"""From each kind of definition to each other: where a field goes, and what is lost. Pure.

Every pair goes over the assistant's form, which is the widest of all; fields and tools
that it does not have ride along under their own names, and whoever has no home for them says so.
The table is in docs/platforms.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from understudy.model.fieldmap.architect import WORKFLOW, architect_to_hub, hub_to_architect
from understudy.model.fieldmap.crossing import Crossing, Json
from understudy.model.fieldmap.from_agent import agent_to_hub
from understudy.model.fieldmap.from_response import response_to_hub
from understudy.model.fieldmap.to_agent import hub_to_agent
from understudy.model.fieldmap.to_assistant import hub_to_assistant
from understudy.model.fieldmap.to_response import hub_to_response
from understudy.model.kinds import FIELDS_OF, Kind

__all__ = ["Crossing", "cross", "governed"]

_TO_HUB: Mapping[Kind, Callable[[Json, Crossing], Json]] = {
    Kind.AGENT: agent_to_hub,
    Kind.RESPONSE: response_to_hub,
    Kind.ARCHITECT: architect_to_hub,
}
_FROM_HUB: Mapping[Kind, Callable[[Json, Crossing], Json]] = {
    Kind.ASSISTANT: hub_to_assistant,
    Kind.AGENT: hub_to_agent,
    Kind.RESPONSE: hub_to_response,
    Kind.ARCHITECT: hub_to_architect,
}


def cross(definition: Mapping[str, Any], origin: Kind, target: Kind) -> tuple[Json, Crossing]:
    """Return a definition in another kind's form, and what became of each field.

    `definition` holds no read-only fields. One of the same kind is returned as it is, all of it
    exact, fields that nobody knows included.
    """
    crossing = Crossing()
    record = dict(definition)
    if origin is target:
        for name in record:
            crossing.exact(name)
        return record, crossing
    if origin in _TO_HUB:
        record = _TO_HUB[origin](record, crossing)
    return _FROM_HUB[target](record, crossing), crossing


def governed(origin: Kind, target: Kind) -> tuple[str, ...]:
    """Return the target's fields that a source of that kind decides about.

    What it cannot express is left as somebody set it there.
    """
    if origin is target:
        return FIELDS_OF[target]
    own = {"service_tier", "multi_agent", "compaction", "experimental", *WORKFLOW}
    free = own if origin is Kind.ASSISTANT else own - set(FIELDS_OF[origin])
    return tuple(name for name in FIELDS_OF[target] if name not in free)
