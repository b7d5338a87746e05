"""The kinds of definitions that places hold, told apart by what the record says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from understudy.model.assistant import FIELDS


class Kind(StrEnum):
    """Which API a definition is written for."""

    ASSISTANT = "assistant"  # Assistants v2
    AGENT = "agent"  # Agents API
    RESPONSE = "response.arguments"  # arguments of one call of the Responses API
    ARCHITECT = "architect.assistant"  # an Architect assistant of one prompt


#: Each kind's fields in the order people read them, knowledge among them under one name.
FIELDS_OF: Mapping[Kind, tuple[str, ...]] = {
    Kind.ASSISTANT: FIELDS,
    Kind.AGENT: (
        "name",
        "model",
        "instructions",
        "reasoning",
        "text",
        "service_tier",
        "multi_agent",
        "compaction",
        "experimental",
        "tools",
        "tool_resources",
        "metadata",
    ),
    Kind.RESPONSE: (
        "model",
        "instructions",
        "reasoning",
        "temperature",
        "top_p",
        "text",
        "service_tier",
        "tools",
        "tool_resources",
        "metadata",
    ),
    Kind.ARCHITECT: (
        "name",
        "description",
        "model",
        "instructions",
        "content",
        "input_mapping",
        "input_fields",
        "image_path",
        "timeout_seconds",
        "repositoryIds",
        "enabledTools",
        "metadata",
    ),
}

#: Every field that some kind knows: one that a place refuses is not just a field of tomorrow.
KNOWN = frozenset(name for fields in FIELDS_OF.values() for name in fields)


def kind_of(raw: Mapping[str, Any]) -> Kind:
    """Return the kind of a record; what does not say otherwise is an assistant."""
    said = raw.get("object")
    return _KINDS.get(said, Kind.ASSISTANT) if isinstance(said, str) else Kind.ASSISTANT


_KINDS: Mapping[str, Kind] = {str(kind): kind for kind in Kind}
