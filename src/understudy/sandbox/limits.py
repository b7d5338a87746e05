"""Documented limits of assistants: sizes, ranges, patterns. Shapes were checked before."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from understudy.sandbox.wire import ApiError

MAX_TEXT = {"name": 256, "description": 512, "instructions": 256_000}
MAX_TOOLS = 128
MAX_METADATA_PAIRS = 16
MAX_METADATA_KEY = 64
MAX_METADATA_VALUE = 512
RANGES = {"temperature": (0, 2), "top_p": (0, 1)}
# How many ids `tool_resources` may hold, by the path to them.
MAX_RESOURCES = {
    ("code_interpreter", "file_ids"): 20,
    ("file_search", "vector_store_ids"): 1,
    ("file_search", "vector_stores"): 1,
}
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def check(body: Mapping[str, Any]) -> None:
    """Refuse (`ApiError` 400) the first value in `body` that exceeds a limit."""
    for name, limit in MAX_TEXT.items():
        check_text(name, body.get(name), limit)
    for name, bounds in RANGES.items():
        check_range(name, body.get(name), *bounds)
    check_metadata(body.get("metadata") or {})
    check_array("tools", body.get("tools") or (), MAX_TOOLS)
    for index, tool in enumerate(body.get("tools") or ()):
        check_tool = _TOOL_CHECKS.get(tool["type"])
        if check_tool is not None:
            check_tool(tool, f"tools[{index}]")
    _check_resources(body.get("tool_resources") or {})
    match body.get("response_format"):
        case {"json_schema": {"name": str(name)}}:
            check_name("response_format.json_schema.name", name)


def check_text(path: str, text: str | None, limit: int) -> None:
    """Refuse (`ApiError` 400) a text of more than `limit` characters."""
    if text is not None and len(text) > limit:
        raise ApiError(
            400,
            f"Invalid '{path}': string too long. Expected a string with maximum length {limit},"
            f" but got a string with length {len(text)} instead.",
            param=path,
            code="string_above_max_length",
        )


def check_range(path: str, value: float | None, low: float, high: float) -> None:
    """Refuse (`ApiError` 400) a value outside of the bounds, both of which are allowed."""
    if value is None or low <= value <= high:
        return
    kind = "integer" if isinstance(value, int) else "decimal"
    side, sign, bound = ("above", "<=", high) if value > high else ("below", ">=", low)
    extreme = "maximum" if side == "above" else "minimum"
    raise ApiError(
        400,
        f"Invalid '{path}': {kind} {side} {extreme} value. Expected a value {sign} {bound}, but"
        f" got {value} instead.",
        param=path,
        code=f"{kind}_{side}_{extreme[:3]}_value",
    )


def check_array(path: str, items: Sequence[object], limit: int, least: int = 0) -> None:
    """Refuse (`ApiError` 400) a list of more than `limit` items, or less than `least`."""
    if len(items) < least:
        raise ApiError(
            400,
            f"Invalid '{path}': empty array. Expected an array with minimum length {least}, but"
            " got an empty array instead.",
            param=path,
            code="empty_array",
        )
    if len(items) > limit:
        raise ApiError(
            400,
            f"Invalid '{path}': array too long. Expected an array with maximum length {limit},"
            f" but got an array with length {len(items)} instead.",
            param=path,
            code="array_above_max_length",
        )


def check_metadata(metadata: Mapping[str, object], path: str = "metadata") -> None:
    """Refuse (`ApiError` 400) too many pairs, too long keys and too long texts."""
    if len(metadata) > MAX_METADATA_PAIRS:
        raise ApiError(
            400,
            f"Invalid '{path}': too many properties. Expected an object with at most"
            f" {MAX_METADATA_PAIRS} properties, but got an object with {len(metadata)}"
            " properties instead.",
            param=path,
            code="object_above_max_properties",
        )
    for key, value in metadata.items():
        if len(key) > MAX_METADATA_KEY:
            raise ApiError(
                400,
                f"Invalid property name in '{path}': string too long. Expected a property name"
                f" with maximum length {MAX_METADATA_KEY}, but got one with length {len(key)}"
                " instead.",
                param=path,
                code="property_name_above_max_length",
            )
        if isinstance(value, str):
            check_text(f"{path}.{key}", value, MAX_METADATA_VALUE)


def _check_resources(resources: Mapping[str, Any]) -> None:
    for (tool, ids), limit in MAX_RESOURCES.items():
        check_array(f"tool_resources.{tool}.{ids}", resources.get(tool, {}).get(ids, ()), limit)


def check_name(path: str, name: str) -> None:
    """Refuse (`ApiError` 400) a name with other characters, or with too many of them."""
    check_text(path, name, 64)
    if _NAME.fullmatch(name) is None:
        raise ApiError(
            400,
            f"Invalid '{path}': string does not match pattern. Expected a string that matches"
            " the pattern '^[a-zA-Z0-9_-]+$'.",
            param=path,
            code="invalid_value",
        )


def _check_function(tool: Mapping[str, Any], path: str) -> None:
    function = tool["function"]
    name = function["name"]
    check_name(f"{path}.function.name", name)
    schema = function.get("parameters")
    if function.get("strict") and schema is not None:
        if schema.get("additionalProperties") is False:
            return
        raise ApiError(
            400,
            f"Invalid schema for function '{name}': In context=(), 'additionalProperties' is"
            " required to be supplied and to be false.",
            param=f"{path}.function.parameters",
            code="invalid_function_parameters",
        )


def _check_file_search(tool: Mapping[str, Any], path: str) -> None:
    options = tool.get("file_search", {})
    check_range(f"{path}.file_search.max_num_results", options.get("max_num_results"), 1, 50)
    threshold = options.get("ranking_options", {}).get("score_threshold")
    check_range(f"{path}.file_search.ranking_options.score_threshold", threshold, 0, 1)


_TOOL_CHECKS: Mapping[str, Callable[[Mapping[str, Any], str], None]] = {
    "function": _check_function,
    "file_search": _check_file_search,
}
