"""When two spellings of a field mean the same.

Places fill in defaults: what was created without `temperature` comes back with 1. Two values
are equal when they mean the same to the API, whatever they look like. The defaults are those
of OpenAI's published API description, for agents those of the openai package's types.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from understudy.model.canonical import identical

_TEXT: Mapping[str, Any] = {"format": {"type": "text"}, "verbosity": "medium"}
_REASONING: Mapping[str, Any] = {"effort": None, "summary": None}

#: What an absent or null field means; assistants first, then what agents and requests have.
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
    "text": _TEXT,
    "reasoning": _REASONING,
    "service_tier": "auto",
    "multi_agent": {"enabled": False},
    "compaction": {"async": True},
    "experimental": {"time_awareness": False},
}

#: What an update must send to put a field back to its default.
RESETS: Mapping[str, Any] = {
    **DEFAULTS,
    **dict.fromkeys(
        ("reasoning_effort", "text", "reasoning", "service_tier", "multi_agent", "compaction")
    ),
}

_NO_PARAMETERS: Mapping[str, Any] = {"type": "object", "properties": {}}
_NO_STRICT_PARAMETERS = {**_NO_PARAMETERS, "additionalProperties": False, "required": []}
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
    if field in _FILLED and isinstance(value, dict):
        return _filled(field, value)
    return value


#: Objects whose parts have defaults of their own.
_FILLED = frozenset({"text", "reasoning", "multi_agent", "compaction", "experimental"})

#: What the tools of agents and requests do unless told otherwise.
_TOOLS: Mapping[str, Mapping[str, Any]] = {
    "function": {"description": "", "defer_loading": False, "async": False},
    "mcp": {"connection_origin": "service", "request_metadata": {}, "required": False},
    "web_search": {"mode": "live", "context_size": "medium"},
    "programmatic_tool_calling": {"enabled": True},
    "computer_use": {"include_screenshots": False},
}


def _filled(field: str, value: dict[str, Any]) -> dict[str, Any]:
    filled = {**DEFAULTS[field], **{key: item for key, item in value.items() if item is not None}}
    if field == "multi_agent" and filled["enabled"]:
        filled.setdefault("max_concurrent_subagents", 6)
    return filled


def _tool(tool: Any) -> Any:
    if not isinstance(tool, dict):
        return tool
    if isinstance(function := tool.get("function"), dict):
        return {**tool, "function": _function(function)}
    if tool.get("type") == "file_search" and "vector_store_ids" not in tool:
        return {**tool, "file_search": _file_search(tool.get("file_search"))}
    if isinstance(defaults := _TOOLS.get(str(tool.get("type"))), dict):
        filled = {**defaults, **_told(tool)}
        if isinstance(transport := filled.get("transport"), dict):
            told = _told(transport)
            filled["transport"] = {key: v for key, v in told.items() if v not in ({}, [])}
        if isinstance(location := filled.get("location"), dict):
            filled["location"] = _told(location)
        return filled
    return tool


def _told(fields: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value is not None}


def _function(function: dict[str, Any]) -> dict[str, Any]:
    filled = {key: value for key, value in function.items() if value is not None}
    filled["strict"] = bool(filled.get("strict", False))
    filled["description"] = filled.get("description", "")
    filled["parameters"] = filled.get("parameters") or dict(_NO_PARAMETERS)
    if filled["strict"] and filled["parameters"] == _NO_STRICT_PARAMETERS:
        filled["parameters"] = dict(_NO_PARAMETERS)
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
