"""From the arguments of `responses.create` to an assistant's form.

Shapes follow `openai.types.responses.response_create_params` of openai 3.51.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from understudy.model.fieldmap.crossing import Crossing, Json, is_set
from understudy.model.fieldmap.tools import kind, nested


def response_to_hub(fields: Json, crossing: Crossing) -> Json:
    """Return a request's arguments in an assistant's form; what only requests have rides along."""
    record: Json = {}
    for name, value in fields.items():
        crossing.exact(name)
        if name in _FIELDS and isinstance(value, dict | list):
            _FIELDS[name](value, record, crossing)
        else:
            record[name] = value
    return record


def _tools(tools: Any, record: Json, crossing: Crossing) -> None:
    if not isinstance(tools, list):
        record["tools"] = tools
        return
    record["tools"] = [
        _TOOLS[kind(tool)](tool, crossing) if kind(tool) in _TOOLS else tool for tool in tools
    ]
    if tools:
        crossing.mapped("tools", "options stand in an object of their own")


def _function(tool: Json, _: Crossing) -> Json:
    return nested(tool)


def _lose(tool: Json, known: frozenset[str], crossing: Crossing) -> None:
    """Say what of a tool nobody else has."""
    for extra in sorted(tool.keys() - known):
        if tool[extra] is not None:
            crossing.dropped(f"tools.{tool['type']}.{extra}", "only requests have such an option")


def _file_search(tool: Json, _: Crossing) -> Json:
    options = {k: v for k, v in tool.items() if k not in ("type", "vector_store_ids")}
    return {"type": "file_search", **({"file_search": options} if options else {})}


def _code_interpreter(tool: Json, crossing: Crossing) -> Json:
    container = tool.get("container")
    if isinstance(container, str):
        reason = "a container lives for minutes; code runs in a new one"
        crossing.degraded("tools.code_interpreter.container", reason)
    elif isinstance(container, dict):
        rest = {**container, "type": "code_interpreter"}
        _lose(rest, frozenset({"type", "file_ids"}), crossing)
    _lose(tool, frozenset({"type", "container"}), crossing)
    return {"type": "code_interpreter"}


def _mcp(tool: Json, crossing: Crossing) -> Json:
    """Return it as an agent has it; by a connector, it stays as it is and nobody else takes it."""
    if not isinstance(tool.get("server_url"), str):
        return tool
    _lose(tool, _MCP, crossing)
    if tool.get("require_approval") != "never":
        reason = "nobody is asked before a call"
        crossing.degraded("tools.mcp.require_approval", reason)
    transport = {"type": "http", "server_url": tool["server_url"], "headers": tool.get("headers")}
    server = {
        "server_label": tool.get("server_label"),
        "transport": {key: value for key, value in transport.items() if value is not None},
        "allowed_tools": tool.get("allowed_tools"),
    }
    return {"type": "mcp", **{key: value for key, value in server.items() if value is not None}}


def _web_search(tool: Json, crossing: Crossing) -> Json:
    _lose(tool, _WEB, crossing)
    filters, place = tool.get("filters"), tool.get("user_location")
    filters = filters if isinstance(filters, dict) else {}
    _lose({"type": "web_search", **filters}, frozenset({"type", "allowed_domains"}), crossing)
    domains = filters.get("allowed_domains")
    location = {k: v for k, v in place.items() if k != "type"} if isinstance(place, dict) else None
    search = {
        "mode": "cached" if tool.get("external_web_access") is False else None,
        "context_size": tool.get("search_context_size"),
        "allowed_domains": domains,
        "location": location,
    }
    found = {key: value for key, value in search.items() if value is not None}
    return {"type": "web_search", **found}


def _text(text: Any, record: Json, crossing: Crossing) -> None:
    form = text.get("format") if isinstance(text, dict) else None
    if isinstance(form, dict):
        crossing.mapped("text", "response_format")
        record["response_format"] = form
        if form.get("type") == "json_schema":
            schema = {key: value for key, value in form.items() if key != "type"}
            record["response_format"] = {"type": "json_schema", "json_schema": schema}
    for extra in sorted(text.keys() - {"format", "verbosity"}) if isinstance(text, dict) else ():
        if text[extra] is not None:
            crossing.dropped(f"text.{extra}", "only requests have such an option")
    if isinstance(text, dict) and is_set(text.get("verbosity")):
        record["verbosity"] = text["verbosity"]
        crossing.mapped("text", "verbosity")


def _reasoning(reasoning: Any, record: Json, crossing: Crossing) -> None:
    for key, value in reasoning.items() if isinstance(reasoning, dict) else ():
        if value is not None:
            record[f"reasoning_{key}"] = value
            crossing.mapped("reasoning", f"reasoning_{key}")


_MCP = frozenset(
    {"type", "server_label", "server_url", "headers", "allowed_tools", "require_approval"}
)
_WEB = frozenset({"type", "filters", "user_location", "external_web_access", "search_context_size"})
_TOOLS: Mapping[str, Callable[[Json, Crossing], Any]] = {
    "function": _function,
    "file_search": _file_search,
    "code_interpreter": _code_interpreter,
    "mcp": _mcp,
    "web_search": _web_search,
}
_FIELDS: Mapping[str, Callable[[Any, Json, Crossing], None]] = {
    "tools": _tools,
    "text": _text,
    "reasoning": _reasoning,
}
