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
    record["tools"] = [_TOOLS[kind(tool)](tool) if kind(tool) in _TOOLS else tool for tool in tools]
    if tools:
        crossing.mapped("tools", "options stand in an object of their own")


def _file_search(tool: Json) -> Json:
    options = {k: v for k, v in tool.items() if k not in ("type", "vector_store_ids")}
    return {"type": "file_search", **({"file_search": options} if options else {})}


def _code_interpreter(_: Json) -> Json:
    return {"type": "code_interpreter"}


def _mcp(tool: Json) -> Json:
    """Return it as an agent has it; by a connector, it stays as it is and nobody else takes it."""
    if not isinstance(tool.get("server_url"), str):
        return tool
    transport = {"type": "http", "server_url": tool["server_url"], "headers": tool.get("headers")}
    server = {
        "server_label": tool.get("server_label"),
        "transport": {key: value for key, value in transport.items() if value is not None},
        "allowed_tools": tool.get("allowed_tools"),
    }
    return {"type": "mcp", **{key: value for key, value in server.items() if value is not None}}


def _web_search(tool: Json) -> Json:
    filters, place = tool.get("filters"), tool.get("user_location")
    domains = filters.get("allowed_domains") if isinstance(filters, dict) else None
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
    if isinstance(text, dict) and is_set(text.get("verbosity")):
        record["verbosity"] = text["verbosity"]


def _reasoning(reasoning: Any, record: Json, crossing: Crossing) -> None:
    for key, value in reasoning.items() if isinstance(reasoning, dict) else ():
        if value is not None:
            record[f"reasoning_{key}"] = value
            crossing.mapped("reasoning", f"reasoning_{key}")


_TOOLS: Mapping[str, Callable[[Json], Any]] = {
    "function": nested,
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
