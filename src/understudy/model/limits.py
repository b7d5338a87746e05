"""The limits of a platform, as data, and what breaks them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from understudy.model.findings import Finding, Findings, Severity, error

_DEEP = 20  # levels of a schema that are looked into
_FUNCTION_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Limits:
    """Lengths are in characters (code points), `tools` and `metadata_pairs` are counts.

    `tools_bytes` bounds their compact JSON, in bytes of UTF-8. `depth` is ours, in levels of
    objects and lists: nobody documents one, and parsers differ.
    """

    text: Mapping[str, int]
    numbers: Mapping[str, tuple[float, float]]
    tools: int | None
    metadata_pairs: int
    metadata_key: int
    metadata_value: int
    tools_bytes: int | None = None
    depth: int = 100


#: Assistants API v2; lengths from OpenAI's API description, counts from its documentation.
ASSISTANTS_V2 = Limits(
    text={"name": 256, "description": 512, "instructions": 256_000},
    numbers={"temperature": (0, 2), "top_p": (0, 1)},
    tools=128,
    metadata_pairs=16,
    metadata_key=64,
    metadata_value=512,
)


#: Agents API, from the openai package's docstrings and the documentation.
AGENTS = Limits(
    text={"name": 128, "instructions": 1_048_576},
    numbers={},
    tools=None,
    metadata_pairs=16,
    metadata_key=64,
    metadata_value=512,
    tools_bytes=3_145_728,
)

#: Arguments of the Responses API.
RESPONSES = Limits(
    text={},
    numbers={"temperature": (0, 2), "top_p": (0, 1)},
    tools=128,
    metadata_pairs=16,
    metadata_key=64,
    metadata_value=512,
)

#: An Architect document; the length of a name is ours.
ARCHITECT = Limits(
    text={"name": 255},
    numbers={},
    tools=0,
    metadata_pairs=16,
    metadata_key=64,
    metadata_value=512,
)


def check(payload: Mapping[str, Any], limits: Limits) -> Findings:
    """Return everything in the payload that the limits forbid; empty when it can be written."""
    checks = (_model, _texts, _numbers, _tools, _metadata, _depth)
    return tuple(finding for one in checks for finding in one(payload, limits))


def _model(payload: Mapping[str, Any], _: Limits) -> Iterator[Finding]:
    if not (isinstance(model := payload.get("model"), str) and model):
        yield error("model-missing", "It names no model.", field="model")


def _texts(payload: Mapping[str, Any], limits: Limits) -> Iterator[Finding]:
    for field, most in limits.text.items():
        value = payload.get(field)
        if value is None:
            continue
        if not isinstance(value, str):
            yield error("not-text", f"{field} must be text, it is {_kind(value)}.", field=field)
        elif len(value) > most:
            yield error(
                "text-too-long",
                f"{field} has {len(value):,} characters, {most:,} are allowed there.",
                field=field,
                hint="Shorten it in the source; nothing is cut silently.",
            )


def _numbers(payload: Mapping[str, Any], limits: Limits) -> Iterator[Finding]:
    for field, (least, most) in limits.numbers.items():
        value = payload.get(field)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float):
            yield error(
                "not-a-number", f"{field} must be a number, it is {_kind(value)}.", field=field
            )
        elif not least <= value <= most:
            yield error(
                "out-of-range", f"{field} is {value}, allowed is {least} to {most}.", field=field
            )


def _tools(payload: Mapping[str, Any], limits: Limits) -> Iterator[Finding]:
    tools = payload.get("tools")
    if tools is None:
        return
    if not isinstance(tools, list):
        yield error("not-a-list", f"tools must be a list, it is {_kind(tools)}.", field="tools")
        return
    if limits.tools is not None and len(tools) > limits.tools:
        yield error(
            "too-many-tools",
            f"It has {len(tools)} tools, {limits.tools} are allowed.",
            field="tools",
        )
    if limits.tools_bytes is not None and (size := _size(tools)) > limits.tools_bytes:
        yield error(
            "tools-too-large",
            f"Its tools take {size:,} bytes, {limits.tools_bytes:,} are allowed.",
            field="tools",
        )
    for index, tool in enumerate(tools):
        yield from _tool(f"tools[{index}]", tool)


def _tool(path: str, tool: Any) -> Iterator[Finding]:
    if not isinstance(tool, dict) or not isinstance(tool.get("type"), str):
        yield error("bad-tool", f"{path} is not an object with a type.", field=path)
    elif tool["type"] == "function":
        nested = "function" in tool
        function = tool["function"] if nested else tool if "name" in tool else None
        name = function.get("name") if isinstance(function, dict) else None
        if not (isinstance(name, str) and _FUNCTION_NAME.fullmatch(name)):
            yield error(
                "bad-function-name",
                f"{path}: a function's name must be 1 to 64 letters, digits, '_' or '-'; "
                f"this one is {_shorten(name)}.",
                field=f"{path}.function.name" if nested else f"{path}.name",
            )
        if isinstance(function, dict):
            yield from _schema(f"{path}.function" if nested else path, function)


def _schema(path: str, function: dict[str, Any]) -> Iterator[Finding]:
    """Find parameters that no platform takes, or none with `strict`."""
    parameters, name = function.get("parameters"), _shorten(function.get("name"))
    if parameters is not None and not isinstance(parameters, dict):
        yield error(
            "bad-parameters",
            f"{path}: the parameters of {name} are no JSON Schema object, they are "
            f"{_kind(parameters)}.",
            field=f"{path}.parameters",
            hint='Give it a schema of type object, or leave "parameters" out.',
        )
    elif function.get("strict") and parameters and (why := _not_strict(parameters)):
        yield Finding(
            "not-strict",
            Severity.WARNING,
            f"{name} is strict, and its schema is not: {why}.",
            f"{path}.parameters",
            "OpenAI refuses it; mend the schema, or take strict away.",
        )


def _not_strict(schema: Any, depth: int = 0) -> str:
    """Return what keeps a schema from being strict, as OpenAI has it; empty if nothing does."""
    if not isinstance(schema, dict) or depth > _DEEP:
        return ""
    properties = schema.get("properties")
    if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
        return "an object does not say additionalProperties: false"
    if isinstance(properties, dict):
        required = schema.get("required")
        wanting = sorted(properties.keys() - set(required if isinstance(required, list) else ()))
        if wanting:
            return f"{_shorten(wanting[0])} is not required"
    inner = [*properties.values()] if isinstance(properties, dict) else []
    inner += [schema.get("items")]
    return next((why for one in inner if (why := _not_strict(one, depth + 1))), "")


def _size(tools: list[Any]) -> int:
    try:
        text = json.dumps(tools, ensure_ascii=False, separators=(",", ":"))
    except RecursionError:  # `_depth` tells
        return 0
    return len(text.encode("utf-8", "surrogatepass"))


def _depth(payload: Mapping[str, Any], limits: Limits) -> Iterator[Finding]:
    """Find what is nested so deeply that parsers on the way give up. Without recursion."""
    for field, whole in payload.items():
        level, depth = [whole], 0
        while level and depth <= limits.depth:
            inside = [
                v.values() if isinstance(v, dict) else v
                for v in level
                if isinstance(v, dict | list)
            ]
            level, depth = [item for values in inside for item in values], depth + 1
        if level:
            yield error(
                "nested-too-deeply",
                f"{field} is nested more than {limits.depth} levels deep.",
                field=field,
                hint="No model and few parsers follow that far; flatten it in the source.",
            )


def _metadata(payload: Mapping[str, Any], limits: Limits) -> Iterator[Finding]:
    metadata = payload.get("metadata")
    if metadata is None:
        return
    if not isinstance(metadata, Mapping):
        yield error(
            "bad-metadata",
            f"metadata must be an object, it is {_kind(metadata)}.",
            field="metadata",
        )
        return
    if len(metadata) > limits.metadata_pairs:
        yield error(
            "metadata-full",
            f"metadata would hold {len(metadata)} pairs, {limits.metadata_pairs} are allowed "
            "(one is needed to recognise the clone).",
            field="metadata",
            hint="Remove a pair, or use --identity mapping to keep identity in mapping.json.",
        )
    for key, value in metadata.items():
        yield from _pair(key, value, limits)


def _pair(key: str, value: Any, limits: Limits) -> Iterator[Finding]:
    path = f"metadata.{_shorten(key)}"
    if len(key) > limits.metadata_key:
        yield error(
            "metadata-key-too-long",
            f"a metadata key has {len(key)} characters, {limits.metadata_key} are allowed.",
            field=path,
        )
    if not isinstance(value, str):
        yield error("metadata-not-text", f"{path} must be text, it is {_kind(value)}.", field=path)
    elif len(value) > limits.metadata_value:
        yield error(
            "metadata-value-too-long",
            f"{path} has {len(value)} characters, {limits.metadata_value} are allowed.",
            field=path,
        )


def _kind(value: Any) -> str:
    names = {
        dict: "an object",
        list: "a list",
        str: "text",
        bool: "true or false",
        int: "a number",
        float: "a number",
        type(None): "null",
    }
    return names.get(type(value), type(value).__name__)


def _shorten(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 40 else text[:37] + "..."
