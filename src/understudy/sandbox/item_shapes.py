"""What items in an input or in a conversation must be like."""

from collections.abc import Mapping, Sequence
from typing import Any, get_type_hints

from openai.types.responses.easy_input_message_param import EasyInputMessageParam
from openai.types.responses.response_input_item_param import ResponseInputItemParam
from openai.types.responses.response_input_message_content_list_param import (
    ResponseInputContentParam,
)
from openai.types.responses.response_output_message_param import (
    Content,
    ResponseOutputMessageParam,
)
from pydantic import TypeAdapter

from understudy.sandbox import shapes
from understudy.sandbox.shapes import Adapters
from understudy.sandbox.tagged import Tagged

_ITEMS = Tagged(ResponseInputItemParam)
_EASY = get_type_hints(EasyInputMessageParam)
_MESSAGE: Adapters = {
    "id": TypeAdapter(str),
    "type": TypeAdapter(str),
    "status": TypeAdapter(get_type_hints(ResponseOutputMessageParam)["status"]),
    "role": TypeAdapter(_EASY["role"]),
    "content": TypeAdapter(Any),
    "phase": TypeAdapter(_EASY["phase"]),
}
_HEARD = Tagged(ResponseInputContentParam)
_SPOKEN = Tagged(Content)


def check(items: Sequence[Any], path: str, *, lenient: bool = False) -> None:
    """Refuse (`ApiError` 400) the first item that is ill-formed."""
    for index, item in enumerate(items):
        where = f"{path}[{index}]"
        if not isinstance(item, dict):
            raise shapes.wrong_type(where, "an object", item)
        if item.get("type", "message") == "message":
            _check_message(item, where, lenient=lenient)
            continue
        given = {name: value for name, value in item.items() if value is not None}
        shapes.check_tagged(_ITEMS, given, where, lenient=lenient)
        if item["type"] == "function_call_output" and "call_id" not in given:
            raise shapes.missing_parameter(f"{where}.call_id")


def _check_message(item: Mapping[str, Any], path: str, *, lenient: bool) -> None:
    for name in ("role", "content"):
        if item.get(name) is None:
            raise shapes.missing_parameter(f"{path}.{name}")
    shapes.check_either(item["content"], list, f"{path}.content")
    for name, value in item.items():
        if name in _MESSAGE:
            if value is not None:
                shapes.check_value(_MESSAGE[name], value, f"{path}.{name}")
        elif not lenient:
            raise shapes.unknown_parameter(f"{path}.{name}")
    if isinstance(item["content"], str):
        return
    choices = _SPOKEN if item["role"] == "assistant" else _HEARD
    for index, part in enumerate(item["content"]):
        silent = _SILENT.get(str(part.get("type")), {}) if isinstance(part, dict) else {}
        whole = {**silent, **part} if silent else part
        shapes.check_tagged(choices, whole, f"{path}.content[{index}]", lenient=lenient)


_SILENT: Mapping[str, Mapping[str, Any]] = {
    "output_text": {"annotations": []},
    "input_image": {"detail": "auto"},
}
