"""The shape of parameters, taken from the `openai` package's own parameter types.

Only shapes are judged here (names, types, allowed values); `limits` judges sizes.
"""

from collections.abc import Mapping, Sequence
from typing import Any, get_type_hints

from openai.types.beta.assistant_create_params import (
    AssistantCreateParams,
    ToolResourcesFileSearchVectorStore,
)
from openai.types.beta.assistant_update_params import AssistantUpdateParams
from openai.types.beta.code_interpreter_tool_param import CodeInterpreterToolParam
from openai.types.beta.file_search_tool_param import FileSearchToolParam
from openai.types.beta.function_tool_param import FunctionToolParam
from openai.types.shared_params.response_format_json_object import ResponseFormatJSONObject
from openai.types.shared_params.response_format_json_schema import ResponseFormatJSONSchema
from openai.types.shared_params.response_format_text import ResponseFormatText
from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from understudy.sandbox.wire import ApiError

Adapters = Mapping[str, TypeAdapter[Any]]


def _fields(params: type) -> Adapters:
    hints = get_type_hints(params)
    # A model's hint is a plain string united with all known names; the names add nothing.
    return {
        name: TypeAdapter(str if name == "model" else hint)
        for name, hint in hints.items()
        if name not in ("tools", "response_format")
    }


CREATE: Adapters = _fields(AssistantCreateParams)
UPDATE: Adapters = _fields(AssistantUpdateParams)

_TOOLS: Adapters = {
    "code_interpreter": TypeAdapter(CodeInterpreterToolParam),
    "function": TypeAdapter(FunctionToolParam),
    "file_search": TypeAdapter(FileSearchToolParam),
}
_FORMATS: Adapters = {
    "text": TypeAdapter(ResponseFormatText),
    "json_object": TypeAdapter(ResponseFormatJSONObject),
    "json_schema": TypeAdapter(ResponseFormatJSONSchema),
}
_VECTOR_STORE: TypeAdapter[Any] = TypeAdapter(ToolResourcesFileSearchVectorStore)

# What pydantic calls a mismatch, and what OpenAI says was expected.
_EXPECTED = {
    "string_type": "a string",
    "float_type": "a decimal",
    "int_type": "an integer",
    "bool_type": "a boolean",
    "dict_type": "an object",
    "list_type": "an array",
    "is_instance_of": "an array",
    "iterable_type": "an array",
}
_GOT = {
    "str": "a string",
    "float": "a decimal",
    "int": "an integer",
    "bool": "a boolean",
    "dict": "an object",
    "list": "an array",
    "NoneType": "null",
}


def check(fields: Adapters, body: Mapping[str, object], *, lenient: bool) -> None:
    """Refuse (`ApiError` 400) the first parameter in `body` that does not have its shape.

    `lenient` lets pass what nobody knows: parameters, tool types, keys inside of tools.
    """
    for name, value in body.items():
        if name == "tools":
            _check_tools(value, lenient=lenient)
        elif name == "response_format":
            _check_format(value, lenient=lenient)
        elif name in fields:
            check_value(fields[name], value, name, lenient=lenient)
        elif not lenient:
            raise unknown_parameter(name)
    _check_new_stores(body.get("tool_resources"), lenient=lenient)


def _check_tools(tools: object, *, lenient: bool) -> None:
    if not isinstance(tools, list):
        raise wrong_type("tools", "an array", tools)
    for index, tool in enumerate(tools):
        check_tagged(_TOOLS, tool, f"tools[{index}]", lenient=lenient)


def _check_format(value: object, *, lenient: bool) -> None:
    if value is None or value == "auto":
        return
    if isinstance(value, str):
        raise wrong_value("response_format", value, ["auto"])
    check_tagged(_FORMATS, value, "response_format", lenient=lenient)


def check_tagged(choices: Adapters, value: object, path: str, *, lenient: bool = False) -> None:
    """Refuse (`ApiError` 400) an object that does not have the shape that its `type` names."""
    if not isinstance(value, dict):
        raise wrong_type(path, "an object", value)
    if "type" not in value:
        raise missing_parameter(f"{path}.type")
    kind = value["type"]
    if isinstance(kind, str) and kind in choices:
        check_value(choices[kind], value, path, lenient=lenient)
    elif not (lenient and isinstance(kind, str)):
        raise wrong_value(f"{path}.type", kind, list(choices))


def _check_new_stores(resources: object, *, lenient: bool) -> None:
    """Check the list that the package's type leaves to a lazy iterator."""
    match resources:
        case {"file_search": {"vector_stores": list(stores)}}:
            for index, store in enumerate(stores):
                path = f"tool_resources.file_search.vector_stores[{index}]"
                check_value(_VECTOR_STORE, store, path, lenient=lenient)


def check_value(
    adapter: TypeAdapter[Any], value: object, path: str, *, lenient: bool = False
) -> None:
    """Refuse (`ApiError` 400) a value that does not have its shape."""
    try:
        adapter.validate_python(value, strict=True, extra="ignore" if lenient else "forbid")
    except ValidationError as error:
        detail = error.errors(include_url=False, include_context=True)[0]
        raise _translated(detail, path) from None


def check_either(value: object, kind: type, path: str) -> None:
    """Refuse (`ApiError` 400) what is neither a text nor of this kind. None may be left out."""
    if value is not None and not isinstance(value, (str, kind)):
        other = {"list": "an array", "dict": "an object"}[kind.__name__]
        raise wrong_type(path, f"one of a string or {other}", value)


def _translated(detail: ErrorDetails, path: str) -> ApiError:
    for step in detail["loc"]:
        path += f"[{step}]" if isinstance(step, int) else f".{step}"
    match detail["type"]:
        case "missing":
            return missing_parameter(path)
        case "extra_forbidden":
            return unknown_parameter(path)
        case "literal_error":
            expected = str(detail.get("ctx", {}).get("expected", ""))
            return wrong_value(path, detail["input"], [expected.replace("'", "")])
    return wrong_type(path, _EXPECTED.get(detail["type"], "another type"), detail["input"])


def missing_parameter(path: str) -> ApiError:
    """Say that a required parameter is absent."""
    message = f"Missing required parameter: '{path}'."
    return ApiError(400, message, param=path, code="missing_required_parameter")


def unknown_parameter(path: str) -> ApiError:
    """Say that the API does not know a parameter."""
    return ApiError(400, f"Unknown parameter: '{path}'.", param=path, code="unknown_parameter")


def wrong_type(path: str, expected: str, value: object) -> ApiError:
    """Say that a value is of another type than it should be."""
    got = _GOT.get(type(value).__name__, "something else")
    message = f"Invalid type for '{path}': expected {expected}, but got {got} instead."
    return ApiError(400, message, param=path, code="invalid_type")


def wrong_value(path: str, value: object, choices: Sequence[str]) -> ApiError:
    """Say that a value is none of those that are allowed."""
    shown = value if isinstance(value, str) else type(value).__name__
    message = f"Invalid value: '{shown}'. Supported values are: {', '.join(choices)}."
    return ApiError(400, message, param=path, code="invalid_value")
