"""Into an assistant's form, from definitions that were none."""

from __future__ import annotations

from typing import Any

from understudy.model.assistant import FIELDS
from understudy.model.fieldmap.crossing import Crossing, Json, is_set
from understudy.model.fieldmap.tools import kind, parts, take

_TOOLS = ("function", "file_search", "code_interpreter")
_FUNCTION = frozenset({"name", "description", "parameters", "strict"})


def hub_to_assistant(record: Json, crossing: Crossing) -> Json:
    """Return what an assistant can hold."""
    fields: Json = {}
    for name, value in record.items():
        if name == "tools":
            fields[name] = _tools(value, crossing)
        elif name in FIELDS:
            fields[name] = value
        elif is_set(value):
            crossing.dropped(name, "assistants have no such field")
    return fields


def _tools(tools: Any, crossing: Crossing) -> Any:
    if not isinstance(tools, list):
        return tools
    kept = []
    for tool in tools:
        function = parts(tool)
        if function is not None and kind(tool) == "function":
            for extra in sorted(function.keys() - _FUNCTION):
                crossing.degraded(f"tools.function.{extra}", "assistants have no such option")
            known = {key: value for key, value in function.items() if key in _FUNCTION}
            kept.append({"type": "function", "function": known})
        elif kind(tool) in _TOOLS:
            kept.append(tool)
        else:
            take(crossing, kind(tool), "assistants")
    return kept
