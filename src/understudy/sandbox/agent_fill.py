"""What the API fills in where a request about an agent is silent."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

Fields = Mapping[str, Any]

_SUBAGENTS = 6
_TOOLS: Mapping[str, Fields] = MappingProxyType(
    {
        "function": {"defer_loading": False},
        "programmatic_tool_calling": {"enabled": True},
        "mcp": {
            "allowed_tools": None,
            "connection_origin": "service",
            "credential_id": None,
            "request_metadata": {},
            "required": False,
        },
        "web_search": {
            "allowed_domains": None,
            "context_size": "medium",
            "location": None,
            "mode": "live",
        },
        "computer_use": {"include_screenshots": False},
    }
)
_TRANSPORTS: Mapping[str, Fields] = MappingProxyType(
    {"http": {"headers": {}}, "stdio": {"args": [], "env_vars": []}}
)


def created(fields: Fields) -> dict[str, Any]:
    """Return an agent as it is shown after a create with these fields."""
    silent = dict.fromkeys(_RESOLVED) | {"name": None, "instructions": None}
    return {
        name: _RESOLVED.get(name, _same)(value)
        for name, value in (silent | {"experimental": {}} | dict(fields)).items()
    }


def updated(old: Fields, fields: Fields) -> dict[str, Any]:
    """Return an agent as it is shown after an update: null resets, what is absent stays."""
    new = {name: _RESOLVED.get(name, _same)(value) for name, value in fields.items()}
    if "experimental" in fields:
        new["experimental"] = {**old["experimental"], **fields["experimental"]}
    return {**old, **new}


def _same(value: Any) -> Any:
    return value


def _over(silent: Fields, given: Fields | None) -> dict[str, Any]:
    """Return `given` with `silent` in place of what is absent or null."""
    return {**silent, **{name: one for name, one in (given or {}).items() if one is not None}}


def _multi_agent(given: Fields | None) -> dict[str, Any]:
    if not (given or {}).get("enabled"):
        return {"enabled": False, "max_concurrent_subagents": None}
    return _over({"max_concurrent_subagents": _SUBAGENTS}, given)


def _text(given: Fields | None) -> dict[str, Any]:
    return _over({"format": {"type": "text"}, "verbosity": "medium"}, given)


def _tool(given: Fields) -> dict[str, Any]:
    tool = _over(_TOOLS.get(given["type"], {}), given)
    if tool.get("type") == "mcp":
        transport = given["transport"]
        tool["transport"] = _over(_TRANSPORTS.get(transport["type"], {}), transport)
    if tool.get("location"):
        places = ("city", "country", "region", "timezone")
        tool["location"] = {**dict.fromkeys(places), **tool["location"]}
    return tool


_RESOLVED: Mapping[str, Callable[[Any], Any]] = MappingProxyType(
    {
        "metadata": lambda given: given or {},
        "tools": lambda given: [_tool(tool) for tool in given or ()],
        "multi_agent": _multi_agent,
        "reasoning": lambda given: {"effort": None, "summary": None, **(given or {})},
        "service_tier": lambda given: given or "auto",
        "text": _text,
        "compaction": lambda given: _over({"async": True}, given),
        "experimental": lambda given: {"time_awareness": False, **(given or {})},
    }
)
