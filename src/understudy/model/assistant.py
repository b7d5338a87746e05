"""One assistant, as some place holds it.

The record is kept as raw JSON: fields that nobody knows yet must survive a copy, and SDK
models of 10,000 assistants cost five times the time and twice the memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]

#: The definition's fields in the order people read them.
FIELDS: tuple[str, ...] = (
    "name",
    "description",
    "model",
    "instructions",
    "reasoning_effort",
    "temperature",
    "top_p",
    "response_format",
    "tools",
    "tool_resources",
    "metadata",
)

#: Set by the place, never copied.
READ_ONLY = frozenset({"id", "object", "created_at", "updated_at"})

#: The metadata key that says of which assistant this one is a clone.
CLONED_FROM = "cloned_from"

#: What an earlier tool wrote for the same purpose; read, never written.
_IMPORTED_FROM = "imported_from"


@dataclass(frozen=True)
class Assistant:
    """A record and its identity; `raw` is never modified."""

    id: str
    raw: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The name, or an empty string for a nameless one."""
        name = self.raw.get("name")
        return name if isinstance(name, str) else ""

    @property
    def label(self) -> str:
        """What to call it in front of people: its name, else its id in brackets."""
        return self.name.strip() or f"(nameless {self.id})"

    @property
    def model(self) -> str:
        """The model's id, or an empty string."""
        model = self.raw.get("model")
        return model if isinstance(model, str) else ""

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The metadata map; empty where there is none."""
        metadata = self.raw.get("metadata")
        return metadata if isinstance(metadata, dict) else {}

    @cached_property
    def cloned_from(self) -> str | None:
        """The id of the assistant that this one is a clone of, if it says so."""
        metadata = self.raw.get("metadata")
        if not isinstance(metadata, dict):
            return None
        origin = metadata.get(CLONED_FROM) or metadata.get(_IMPORTED_FROM)
        return str(origin) if origin else None

    @property
    def tools(self) -> list[Any]:
        """The tools, in order; empty where there are none."""
        tools = self.raw.get("tools")
        return tools if isinstance(tools, list) else []

    def functions(self) -> list[Json]:
        """Return the function definitions among the tools, nested or flat, in order."""
        found = (_function(tool) for tool in self.tools)
        return [function for function in found if function is not None]


def _function(tool: Any) -> Json | None:
    if not isinstance(tool, dict) or tool.get("type", "function") != "function":
        return None
    if "function" not in tool:
        return {k: v for k, v in tool.items() if k != "type"} if "name" in tool else None
    function = tool["function"]
    return function if isinstance(function, dict) else None


def definition(raw: Mapping[str, Any]) -> Json:
    """Return what a copy carries over: every field but those that the place itself sets."""
    return {key: value for key, value in raw.items() if key not in READ_ONLY}
