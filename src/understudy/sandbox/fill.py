"""What the API fills in where a request is silent."""

from collections.abc import Callable, Mapping
from typing import Any

_RANKING = {"ranker": "default_2024_08_21", "score_threshold": 0.0}


def defaults() -> dict[str, Any]:
    """Return an assistant of which nothing was said but its existence."""
    return {
        "name": None,
        "description": None,
        "model": "gpt-4o",
        "instructions": None,
        "tools": [],
        "top_p": 1.0,
        "temperature": 1.0,
        "reasoning_effort": None,
        "tool_resources": {},
        "metadata": {},
        "response_format": "auto",
    }


def changes(
    fields: Mapping[str, Any], new_store: Callable[[Mapping[str, Any]], str]
) -> dict[str, Any]:
    """Return `fields` as they are kept: null means the default, tools are complete.

    A vector store that is to be made along the way becomes the id of one, from `new_store`.
    """
    standard = defaults()
    kept = {name: standard.get(name) if value is None else value for name, value in fields.items()}
    if fields.get("tools"):
        kept["tools"] = [_tool(tool) for tool in fields["tools"]]
    if fields.get("tool_resources"):
        kept["tool_resources"] = _resources(fields["tool_resources"], new_store)
    return kept


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    match tool:
        case {"type": "function", "function": {"strict": bool()}}:
            return tool
        case {"type": "function", "function": dict(function)}:
            return tool | {"function": function | {"strict": False}}
        case {"type": "file_search"}:
            options = tool.get("file_search") or {}
            ranking = _RANKING | options.get("ranking_options", {})
            return tool | {"file_search": options | {"ranking_options": ranking}}
    return tool


def _resources(
    resources: dict[str, Any], new_store: Callable[[Mapping[str, Any]], str]
) -> dict[str, Any]:
    search = resources.get("file_search") or {}
    if "vector_stores" not in search:
        return resources
    ids = [*search.get("vector_store_ids", ()), *map(new_store, search["vector_stores"])]
    return resources | {"file_search": {"vector_store_ids": ids}}
