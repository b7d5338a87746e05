"""From an assistant's form to the arguments of `responses.create`.

Shapes follow `openai.types.responses.response_create_params` of openai 3.51. Ids of vector
stores and files stand in `tool_resources`; the adapter puts them into the tools.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from understudy.model.fieldmap.crossing import Crossing, Json, is_set
from understudy.model.fieldmap.nesting import format_of, reasoning, verbosity
from understudy.model.fieldmap.tools import (
    CALLS,
    KNOWN,
    converted,
    kind,
    parameters,
    parts,
    take,
)

_RANKERS = {"default_2024_08_21": "auto"}
_SEARCH = ("max_num_results", "ranking_options", "filters")


def hub_to_response(record: Json, crossing: Crossing) -> Json:
    """Return what a request can say."""
    fields: Json = {}
    for name, value in record.items():
        if name in _FIELDS:
            _FIELDS[name](name, value, fields, crossing)
        elif is_set(value):
            crossing.dropped(name, "a request has no such field")
        else:
            crossing.exact(name)
    return fields


def _same(name: str, value: Any, fields: Json, crossing: Crossing) -> None:
    crossing.exact(name)
    if value is not None:
        fields[name] = value


def _name(name: str, value: Any, _fields: Json, crossing: Crossing) -> None:
    if is_set(value):
        crossing.dropped(name, "a request has no name; its file in the bundle is called by it")
    else:
        crossing.exact(name)


def _format(field: str, form: Any, fields: Json, crossing: Crossing) -> None:
    said, schema = format_of(form)
    if said in (None, ""):
        crossing.exact(field)
    elif said == "auto":
        crossing.mapped(field, "left out: auto and text are one there")
    elif said in ("text", "json_object"):
        fields.setdefault("text", {})["format"] = {"type": said}
        crossing.mapped(field, "text.format")
    elif said == "json_schema" and schema is not None:
        flat = {key: value for key, value in schema.items() if value is not None}
        fields.setdefault("text", {})["format"] = {"type": said, **flat}
        crossing.mapped(field, "text.format")
    else:
        crossing.dropped(field, "a request takes text, JSON, or JSON by a schema that is given")


def _tools(name: str, tools: Any, fields: Json, crossing: Crossing) -> None:
    if not isinstance(tools, list):
        _same(name, tools, fields, crossing)
        return
    fields[name] = converted(tools, crossing, _tool)
    if fields[name]:
        crossing.mapped(name, "options stand beside a tool's type")
    else:
        crossing.exact(name)


def _tool(tool: Any, crossing: Crossing, where: str) -> Json | None:
    if kind(tool) == "function" and parts(tool) is None:
        take(crossing, "function without a function", "requests")
        return None
    if kind(tool) in _TOOLS:
        for extra in sorted(tool.keys() - _OPTIONS[kind(tool)]):
            if is_set(tool[extra]):
                field = f"tools.{kind(tool)}.{extra[:64]}"
                crossing.dropped(field, "a request has no such option")
        return _TOOLS[kind(tool)](tool, crossing, where)
    take(crossing, kind(tool), "requests")
    return None


def _function(tool: Json, crossing: Crossing, where: str) -> Json:
    function = tool["function"]
    # A request that does not say is taken to be strict.
    strict = bool(function.get("strict"))
    flat = {
        "type": "function",
        "name": function.get("name"),
        "description": function.get("description"),
        "parameters": parameters(function, crossing, where, strict=strict),
        "strict": strict,
        **{key: True for key in CALLS if function.get(key)},
    }
    for extra in sorted(function.keys() - KNOWN):
        crossing.dropped(f"tools.function.{extra}", "a request has no such option")
    return {key: value for key, value in flat.items() if value is not None}


def _file_search(tool: Json, crossing: Crossing, _where: str) -> Json:
    options = tool.get("file_search")
    options = options if isinstance(options, dict) else {}
    search = {key: options[key] for key in _SEARCH if options.get(key) is not None}
    if isinstance(ranking := search.get("ranking_options"), dict):
        kept = {key: value for key, value in ranking.items() if value is not None}
        if isinstance(ranker := kept.get("ranker"), str):
            kept["ranker"] = _RANKERS.get(ranker, ranker)
        search["ranking_options"] = kept
    for extra in sorted(options.keys() - set(_SEARCH)):
        crossing.dropped(f"tools.file_search.{extra}", "a request has no such option")
    return {"type": "file_search", **search}


def _code_interpreter(_tool: Json, _crossing: Crossing, _where: str) -> Json:
    return {"type": "code_interpreter", "container": {"type": "auto"}}


def _mcp(tool: Json, crossing: Crossing, _where: str) -> Json | None:
    transport = tool.get("transport")
    if not isinstance(transport, dict) or transport.get("type") != "http":
        crossing.dropped("tools.mcp", "a request reaches MCP servers by http only")
        return None
    for field in ("credential_id", "request_metadata", "required"):
        if tool.get(field):
            crossing.degraded(f"tools.mcp.{field}", "a request has no such option")
    if tool.get("connection_origin") not in (None, "service"):
        reason = "a request connects from OpenAI's own network"
        crossing.degraded("tools.mcp.connection_origin", reason)
    server = {
        "server_label": tool.get("server_label"),
        "server_url": transport.get("server_url"),
        "headers": transport.get("headers"),
        "allowed_tools": tool.get("allowed_tools"),
        # An agent calls its servers without asking; a request would ask unless told.
        "require_approval": "never",
    }
    return {"type": "mcp", **{key: value for key, value in server.items() if value is not None}}


def _web_search(tool: Json, crossing: Crossing, _where: str) -> Json | None:
    if tool.get("mode") == "disabled":
        crossing.mapped("tools.web_search", "left out: it is disabled")
        return None
    search: Json = {"type": "web_search"}
    if tool.get("mode") == "cached":
        search["external_web_access"] = False
    if tool.get("context_size"):
        search["search_context_size"] = tool["context_size"]
    if tool.get("allowed_domains"):
        search["filters"] = {"allowed_domains": tool["allowed_domains"]}
    if isinstance(location := tool.get("location"), dict):
        search["user_location"] = {"type": "approximate", **location}
    return search


#: What is taken from a tool, or told of where it is not.
_OPTIONS: Mapping[str, frozenset[str]] = {
    "function": frozenset({"type", "function"}),
    "file_search": frozenset({"type", "file_search"}),
    "code_interpreter": frozenset({"type"}),
    "mcp": frozenset(
        {"type", "server_label", "transport", "allowed_tools", "credential_id"}
        | {"request_metadata", "required", "connection_origin"}
    ),
    "web_search": frozenset({"type", "mode", "context_size", "allowed_domains", "location"}),
}


_TOOLS: Mapping[str, Callable[[Json, Crossing, str], Json | None]] = {
    "function": _function,
    "file_search": _file_search,
    "code_interpreter": _code_interpreter,
    "mcp": _mcp,
    "web_search": _web_search,
}
_FIELDS: Mapping[str, Callable[[str, Any, Json, Crossing], None]] = {
    "name": _name,
    "model": _same,
    "instructions": _same,
    "temperature": _same,
    "top_p": _same,
    "metadata": _same,
    "service_tier": _same,
    "response_format": _format,
    "verbosity": verbosity,
    "reasoning_effort": reasoning,
    "reasoning_summary": reasoning,
    "tools": _tools,
}
