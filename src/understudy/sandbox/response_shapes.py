"""What parameters of responses must be like."""

from collections.abc import Mapping
from typing import Any, Literal, NotRequired, Required, get_type_hints

from openai.types.responses.response_create_params import ResponseCreateParamsBase
from openai.types.responses.response_format_text_config_param import ResponseFormatTextConfigParam
from openai.types.responses.tool_param import ToolParam
from openai.types.shared_params.comparison_filter import ComparisonFilter
from openai.types.shared_params.compound_filter import CompoundFilter
from pydantic import TypeAdapter

from understudy.sandbox import item_shapes, limits, shapes, strict, wellformed
from understudy.sandbox.shapes import Adapters
from understudy.sandbox.tagged import Tagged
from understudy.sandbox.wire import ApiError

Body = Mapping[str, Any]

_INSTEAD: Mapping[str, Any] = {
    "model": str,
    "input": Any,
    "tools": list[Any] | None,
    "text": dict[str, Any] | None,
    "context_management": list[Any] | None,
    "tool_choice": Any,
    "conversation": Any,
}
_FIELDS: Adapters = {
    name: TypeAdapter(_INSTEAD.get(name, hint))
    for name, hint in {**get_type_hints(ResponseCreateParamsBase), "stream": bool | None}.items()
}
# The package demands both of these; the API fills them in.
_TOOLS = Tagged(
    ToolParam,
    strict=NotRequired[bool | None],
    parameters=NotRequired[dict[str, Any] | None],
    filters=NotRequired[dict[str, Any] | None],
)
_EITHER = {"input": list, "tool_choice": dict, "conversation": dict}
_FILTERS = Tagged(ComparisonFilter | CompoundFilter, filters=Required[list[Any]])
_FORMATS = Tagged(ResponseFormatTextConfigParam)
_VERBOSITY: TypeAdapter[Any] = TypeAdapter(Literal["low", "medium", "high"] | None)
_RANGES: Mapping[str, tuple[int, int]] = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "top_logprobs": (0, 20),
    "max_output_tokens": (16, 2**31),
    "max_tool_calls": (1, 2**31),
}


def check(body: Body, *, lenient: bool = False) -> None:
    """Refuse (`ApiError` 400) the first parameter that is absent, unknown or ill-formed."""
    for name, value in body.items():
        if name in _FIELDS:
            shapes.check_value(_FIELDS[name], value, name, lenient=lenient)
        elif not lenient:
            raise shapes.unknown_parameter(name)
    for name, kind in _EITHER.items():
        shapes.check_either(body.get(name), kind, name)
    if "model" not in body:
        raise shapes.missing_parameter("model")
    if all(body.get(name) is None for name in _SOURCES):
        raise ApiError(
            400,
            'Missing required parameter: "One of \\"input\\" or \'previous_response_id\' or'
            " 'prompt' or 'conversation' must be provided.\".",
            param="input",
            code="missing_required_parameter",
        )
    for name, bounds in _RANGES.items():
        limits.check_range(name, body.get(name), *bounds)
    limits.check_metadata(body.get("metadata") or {})
    if isinstance(body.get("input"), list):
        item_shapes.check(body["input"], "input", lenient=lenient)
    _check_tools(body.get("tools") or (), lenient=lenient)
    _check_text(body.get("text") or {}, lenient=lenient)
    _check_choice(body)


_SOURCES = ("input", "previous_response_id", "prompt", "conversation")


def _check_tools(tools: Any, *, lenient: bool) -> None:
    for index, tool in enumerate(tools):
        path = f"tools[{index}]"
        shapes.check_tagged(_TOOLS, tool, path, lenient=lenient)
        if tool["type"] == "function":
            limits.check_name(f"{path}.name", tool["name"])
            problem = _flaw(tool.get("parameters") or {}, tool.get("strict"))
            if problem is not None:
                raise ApiError(
                    400,
                    f"Invalid schema for function '{tool['name']}': {problem}",
                    param=f"{path}.parameters",
                    code="invalid_function_parameters",
                )
        if tool.get("filters") is not None:
            _check_filter(tool["filters"], f"{path}.filters")
        limits.check_range(f"{path}.max_num_results", tool.get("max_num_results"), 1, 50)


def _flaw(schema: object, strictly: bool | None) -> str | None:
    problem = wellformed.flaw(schema)
    return strict.flaw(schema) if problem is None and strictly else problem


def _check_filter(condition: Any, path: str) -> None:
    """Check what the package's type leaves to a lazy iterator."""
    shapes.check_tagged(_FILTERS, condition, path)
    for index, inner in enumerate(condition.get("filters", ())):
        _check_filter(inner, f"{path}.filters[{index}]")


def _check_text(text: Body, *, lenient: bool) -> None:
    for name, value in text.items():
        if name == "verbosity":
            shapes.check_value(_VERBOSITY, value, "text.verbosity")
        elif name != "format" and not lenient:
            raise shapes.unknown_parameter(f"text.{name}")
    form = text.get("format")
    if form is None:
        return
    shapes.check_tagged(_FORMATS, form, "text.format", lenient=lenient)
    if form["type"] != "json_schema":
        return
    limits.check_name("text.format.name", form["name"])
    problem = _flaw(form["schema"], form.get("strict"))
    if problem is not None:
        raise ApiError(
            400,
            f"Invalid schema for response_format '{form['name']}': {problem}",
            param="text.format.schema",
            code="invalid_json_schema",
        )


def _check_choice(body: Body) -> None:
    """Refuse (`ApiError` 400) to choose a tool that is not among the tools."""
    match body.get("tool_choice"):
        case str(choice) if choice not in ("none", "auto", "required"):
            raise shapes.wrong_value("tool_choice", choice, ["none", "auto", "required"])
        case "required" if not body.get("tools"):
            message = "Tool choice 'required' must be specified with 'tools' parameter."
            raise ApiError(400, message, param="tool_choice")
        case {"type": "function", "name": name}:
            names = [tool.get("name") for tool in body.get("tools") or ()]
            if name not in names:
                message = f"Tool choice 'function' with name '{name}' not found in 'tools'."
                raise ApiError(400, message, param="tool_choice")
