"""A bundle's file: exactly the arguments of `client.responses.create(**arguments, input=…)`. Pure.

In memory the ids of vector stores and files stand in `tool_resources`, as everywhere else; in
the file they stand in the tools that use them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, TypeAlias

from understudy.errors import RejectedError
from understudy.model.knowledge import LISTS, listed_ids

Json: TypeAlias = dict[str, Any]

#: Says that a directory is a bundle; no assistant's key begins with an underscore.
HEADER = "_bundle.json"


def folded(fields: Mapping[str, Any]) -> Json:
    """Return the arguments with the ids in the tools; a search without a store is left out.

    Tools that name ids of their own keep them.
    """
    arguments = {k: v for k, v in fields.items() if k not in _OURS and v is not None}
    resources = fields.get("tool_resources") or {}
    if isinstance(tools := arguments.get("tools"), list):
        made = [_folded(tool, resources) for tool in tools]
        arguments["tools"] = [tool for tool in made if tool is not None]
        if not arguments["tools"]:
            del arguments["tools"]
    return arguments


def lifted(arguments: Mapping[str, Any]) -> Json:
    """Return the arguments with the ids in `tool_resources`; `folded` undoes it.

    Where two tools of a kind name different ids, they stay where they are: one list cannot hold
    both.
    """
    fields = dict(arguments)
    tools = fields.get("tools")
    if not isinstance(tools, list):
        return fields
    resources: Json = {}
    for kind, key in LISTS.items():
        holders = [holder for tool in tools if (holder := _holder(tool, kind)) is not None]
        found = [holder.get(key) for holder in holders]
        one = found[0] if found else None
        if isinstance(one, list) and one and found.count(one) == len(found):
            resources[kind] = {key: one}
            tools = [_without(tool, kind, key) for tool in tools]
    if resources:
        fields |= {"tools": tools, "tool_resources": resources}
    return fields


def check_arguments(arguments: Mapping[str, Any]) -> None:
    """Raise RejectedError, naming the field, for what the package's own types do not allow."""
    from pydantic import ValidationError

    unknown = sorted(arguments.keys() - _names())
    if unknown:
        raise RejectedError(
            f"responses.create takes no {', '.join(unknown)}.", param=unknown[0], code="unknown"
        )
    try:
        whole, tool = _adapters()
        whole.validate_python({key: v for key, v in arguments.items() if key != "tools"})
        for index, one in enumerate(arguments.get("tools") or ()):
            where = f"tools[{index}]"
            tool.validate_python(one)
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join(map(str, first["loc"]))
        field = where if error.title.startswith(("union", "tagged")) else path
        raise RejectedError(
            f"responses.create does not take {field}: {first['msg'].lower()}.", param=field
        ) from error


_OURS = frozenset({"tool_resources", "name", "id", "object"})


@cache
def _names() -> frozenset[str]:
    from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming

    return frozenset(ResponseCreateParamsNonStreaming.__annotations__)


@cache
def _adapters() -> tuple[Any, Any]:
    """Return what checks arguments, and one of their tools; made once, which takes a second."""
    from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming
    from openai.types.responses.tool_param import ToolParam
    from pydantic import TypeAdapter

    return TypeAdapter(ResponseCreateParamsNonStreaming), TypeAdapter(ToolParam)


def _folded(tool: Any, resources: Mapping[str, Any]) -> Any:
    if (search := _holder(tool, "file_search")) is not None:
        stores = listed_ids(resources, "file_search")
        if "vector_store_ids" in search:
            return tool
        return {**tool, "vector_store_ids": stores} if stores else None
    if (container := _holder(tool, "code_interpreter")) is not None:
        files = listed_ids(resources, "code_interpreter")
        if files and "file_ids" not in container:
            return {**tool, "container": {**container, "file_ids": files}}
    return tool


def _holder(tool: Any, kind: str) -> Json | None:
    """Return what names the ids of a tool of that kind, None for another tool."""
    if not isinstance(tool, dict) or tool.get("type") != kind:
        return None
    holder = tool if kind == "file_search" else tool.get("container")
    return holder if isinstance(holder, dict) else None


def _without(tool: Any, kind: str, key: str) -> Any:
    if (holder := _holder(tool, kind)) is None:
        return tool
    rest = {name: value for name, value in holder.items() if name != key}
    return rest if holder is tool else {**tool, "container": rest}
