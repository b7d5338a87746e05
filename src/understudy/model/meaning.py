"""When two spellings of a field mean the same.

Places fill in defaults: what was created without `temperature` comes back with 1. Two values
are equal when they mean the same to the API, whatever they look like. The defaults are those
of OpenAI's published API description.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from understudy.model.canonical import identical

#: What an absent or null field means.
DEFAULTS: Mapping[str, Any] = {
    "name": None,
    "description": None,
    "instructions": None,
    "reasoning_effort": "medium",
    "temperature": 1,
    "top_p": 1,
    "response_format": "auto",
    "tools": [],
    "metadata": {},
}

#: What an update must send to put a field back to its default.
RESETS: Mapping[str, Any] = {**DEFAULTS, "reasoning_effort": None}

_NO_PARAMETERS: Mapping[str, Any] = {"type": "object", "properties": {}}
_RANKING = {"ranker": "default_2024_08_21", "score_threshold": 0}


def same(field: str, left: Any, right: Any) -> bool:
    """Tell whether two values of a top-level field mean the same."""
    return identical(left, right) or identical(meaning(field, left), meaning(field, right))


def meaning(field: str, value: Any) -> Any:
    """Return the value with every default spelt out; idempotent, never modifies its argument."""
    if value is None or value == "":
        return DEFAULTS.get(field)
    if field == "tools" and isinstance(value, list):
        return [_tool(tool) for tool in value]
    if field == "response_format":
        return _response_format(value)
    return value


def _tool(tool: Any) -> Any:
    if not isinstance(tool, dict):
        return tool
    if isinstance(function := tool.get("function"), dict):
        return {**tool, "function": _function(function)}
    if tool.get("type") == "file_search":
        return {**tool, "file_search": _file_search(tool.get("file_search"))}
    return tool


def _function(function: dict[str, Any]) -> dict[str, Any]:
    filled = {key: value for key, value in function.items() if value is not None}
    filled["strict"] = bool(filled.get("strict", False))
    filled["description"] = filled.get("description", "")
    filled["parameters"] = filled.get("parameters") or dict(_NO_PARAMETERS)
    return filled


def _file_search(options: Any) -> Any:
    if options is not None and not isinstance(options, dict):
        return options
    filled = {key: value for key, value in (options or {}).items() if value is not None}
    ranking = filled.get("ranking_options") or {}
    if isinstance(ranking, dict):
        ranking = {**_RANKING, **ranking}
        if ranking["ranker"] == "auto":
            ranking["ranker"] = _RANKING["ranker"]
        filled["ranking_options"] = ranking
    return filled


def _response_format(value: Any) -> Any:
    if not isinstance(value, dict) or not isinstance(schema := value.get("json_schema"), dict):
        return value
    filled = {key: item for key, item in schema.items() if item is not None}
    filled["strict"] = bool(filled.get("strict", False))
    return {**value, "json_schema": filled}
