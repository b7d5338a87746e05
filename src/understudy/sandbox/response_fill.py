"""What a response says of itself: what was asked for, and what the API fills in."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from understudy.sandbox import strict

Fields = Mapping[str, Any]

_SILENT: Fields = MappingProxyType(
    {
        "background": False,
        "instructions": None,
        "max_output_tokens": None,
        "max_tool_calls": None,
        "metadata": {},
        "model": None,
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "service_tier": "default",
        "store": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "top_logprobs": 0,
        "top_p": 1.0,
        "truncation": "disabled",
    }
)
_TOOLS: Mapping[str, Fields] = MappingProxyType(
    {
        "function": {"description": None, "parameters": None},
        "file_search": {
            "filters": None,
            "max_num_results": 20,
            "ranking_options": {"ranker": "auto", "score_threshold": 0.0},
        },
        "mcp": {"allowed_tools": None, "headers": None, "require_approval": "always"},
    }
)


def resolved(asked: Fields) -> dict[str, Any]:
    """Return what a response shows of its request."""
    fields = {name: _given(asked.get(name), silent) for name, silent in _SILENT.items()}
    fields |= {name: asked[name] for name in _ECHOED if asked.get(name) is not None}
    text = asked.get("text") or {}
    reasoning = asked.get("reasoning") or {}
    if fields["service_tier"] == "auto":
        fields["service_tier"] = "default"
    fields["tools"] = [_tool(tool) for tool in asked.get("tools") or ()]
    fields["reasoning"] = {
        name: reasoning.get(name) or reasoning.get(older) for name, older in _REASONING
    }
    fields["text"] = {
        "format": _format(text.get("format") or {"type": "text"}),
        "verbosity": text.get("verbosity") or "medium",
    }
    return fields


#: Shown only if they were sent.
_ECHOED = ("prompt_cache_key", "prompt_cache_retention", "safety_identifier", "user")
_REASONING = (("effort", ""), ("summary", "generate_summary"))


def _given(value: Any, silent: Any) -> Any:
    return silent if value is None else value


def _tool(given: Fields) -> dict[str, Any]:
    stated = {name: value for name, value in given.items() if value is not None}
    tool = {**_TOOLS.get(given["type"], {}), **stated}
    if tool["type"] == "function" and "strict" not in tool:
        # Strict unless its schema could not be followed strictly.
        tool["strict"] = tool["parameters"] is not None and strict.flaw(tool["parameters"]) is None
    return tool


def _format(given: Fields) -> dict[str, Any]:
    if given["type"] != "json_schema":
        return dict(given)
    stated = {name: value for name, value in given.items() if value is not None}
    return {"description": None, "strict": False, **stated}
