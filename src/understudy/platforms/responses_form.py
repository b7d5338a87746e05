"""A bundle's file: exactly the arguments of `client.responses.create(**arguments, input=…)`. Pure.

In memory the ids of vector stores and files stand in `tool_resources`, as everywhere else; in
the file they stand in the tools that use them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from understudy.errors import RejectedError

Json: TypeAlias = dict[str, Any]


def folded(fields: Mapping[str, Any]) -> Json:
    """Return the arguments with the ids in the tools; a search without a store is left out."""
    arguments = {k: v for k, v in fields.items() if k not in _OURS and v is not None}
    resources = fields.get("tool_resources") or {}
    if isinstance(tools := arguments.get("tools"), list):
        made = [_folded(tool, resources) for tool in tools]
        arguments["tools"] = [tool for tool in made if tool is not None]
        if not arguments["tools"]:
            del arguments["tools"]
    return arguments


def lifted(arguments: Mapping[str, Any]) -> Json:
    """Return the arguments with the ids in `tool_resources`; the inverse of `folded`."""
    fields = dict(arguments)
    resources: Json = {}
    if isinstance(tools := fields.get("tools"), list):
        fields["tools"] = [_lifted(tool, resources) for tool in tools]
    if resources:
        fields["tool_resources"] = resources
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


def _names() -> frozenset[str]:
    from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming

    return frozenset(ResponseCreateParamsNonStreaming.__annotations__)


def _adapters() -> tuple[Any, Any]:
    global _ADAPTERS  # noqa: PLW0603 - building them takes a second
    if _ADAPTERS is None:
        from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming
        from openai.types.responses.tool_param import ToolParam
        from pydantic import TypeAdapter

        _ADAPTERS = TypeAdapter(ResponseCreateParamsNonStreaming), TypeAdapter(ToolParam)
    return _ADAPTERS


_ADAPTERS: tuple[Any, Any] | None = None


def _folded(tool: Any, resources: Mapping[str, Any]) -> Any:
    kind = tool.get("type") if isinstance(tool, dict) else None
    if kind == "file_search":
        stores = _ids(resources, "file_search", "vector_store_ids")
        return {**tool, "vector_store_ids": stores} if stores else None
    if kind == "code_interpreter" and isinstance(tool.get("container"), dict):
        files = _ids(resources, "code_interpreter", "file_ids")
        return {
            **tool,
            "container": {**tool["container"], **({"file_ids": files} if files else {})},
        }
    return tool


def _ids(resources: Mapping[str, Any], tool: str, key: str) -> list[Any]:
    part = resources.get(tool)
    ids = part.get(key) if isinstance(part, Mapping) else None
    return list(ids) if isinstance(ids, list) else []


def _lifted(tool: Any, resources: Json) -> Any:
    kind = tool.get("type") if isinstance(tool, dict) else None
    if kind == "file_search" and "vector_store_ids" in tool:
        resources.setdefault("file_search", {"vector_store_ids": tool["vector_store_ids"]})
        return {key: value for key, value in tool.items() if key != "vector_store_ids"}
    container = tool.get("container") if kind == "code_interpreter" else None
    if isinstance(container, dict) and container.get("file_ids"):
        resources.setdefault("code_interpreter", {"file_ids": container["file_ids"]})
        rest = {key: value for key, value in container.items() if key != "file_ids"}
        return {**tool, "container": rest}
    return tool
