"""What parameters of agents must be like."""

from collections.abc import Mapping
from typing import Any, Required, get_type_hints

from openai.types.beta.agent_create_params import AgentCreateParams
from openai.types.beta.agent_text_param import AgentTextParam
from openai.types.beta.agent_update_params import AgentUpdateParams
from openai.types.beta.persisted_agent_tool_param import PersistedAgentToolParam
from openai.types.beta.persisted_mcp_transport_param import PersistedMcpTransportParam
from openai.types.beta.text_format_param import TextFormatParam
from pydantic import TypeAdapter
from typing_extensions import TypedDict

from understudy.sandbox import limits, shapes
from understudy.sandbox.shapes import Adapters
from understudy.sandbox.tagged import Tagged
from understudy.sandbox.wire import ApiError, encode_readable

MAX_NAME = 128
MAX_INSTRUCTIONS = 1_048_576
MAX_TOOLS_BYTES = 3 * 1024 * 1024

Body = Mapping[str, Any]
# The package calls the key of this one `async_`, which no program sends.
_Compaction = TypedDict("_Compaction", {"async": bool | None}, total=False)
_INSTEAD: Adapters = {
    "model": TypeAdapter(str),
    "compaction": TypeAdapter(_Compaction | None),
    "tools": TypeAdapter(list[Any] | None),
    "text": TypeAdapter(dict[str, Any] | None),
}


def _fields(params: type) -> Adapters:
    hints = get_type_hints(params)
    return {name: _INSTEAD.get(name) or TypeAdapter(hint) for name, hint in hints.items()}


CREATE = _fields(AgentCreateParams)
UPDATE = _fields(AgentUpdateParams)
_TOOLS = Tagged(PersistedAgentToolParam, transport=Required[dict[str, Any]])
_TRANSPORTS = Tagged(PersistedMcpTransportParam)
_FORMATS = Tagged(TextFormatParam)
_VERBOSITY: TypeAdapter[Any] = TypeAdapter(get_type_hints(AgentTextParam)["verbosity"])


def check(fields: Adapters, body: Body, *, lenient: bool = False) -> None:
    """Refuse (`ApiError` 400) the first parameter that is unknown, ill-formed or too large."""
    for name, value in body.items():
        if name in fields:
            shapes.check_value(fields[name], value, name, lenient=lenient)
        elif not lenient:
            raise shapes.unknown_parameter(name)
    limits.check_text("name", body.get("name"), MAX_NAME)
    limits.check_text("instructions", body.get("instructions"), MAX_INSTRUCTIONS)
    limits.check_metadata(body.get("metadata") or {})
    subagents = (body.get("multi_agent") or {}).get("max_concurrent_subagents")
    limits.check_range("multi_agent.max_concurrent_subagents", subagents, 1, 2**31)
    _check_text(body.get("text") or {}, lenient=lenient)
    _check_tools(body.get("tools") or (), lenient=lenient)


def _check_text(text: Body, *, lenient: bool) -> None:
    for name, value in text.items():
        if name == "format" and value is not None:
            shapes.check_tagged(_FORMATS, value, "text.format", lenient=lenient)
        elif name == "verbosity":
            shapes.check_value(_VERBOSITY, value, "text.verbosity")
        elif name != "format" and not lenient:
            raise shapes.unknown_parameter(f"text.{name}")


def _check_tools(tools: Any, *, lenient: bool) -> None:
    for index, tool in enumerate(tools):
        path = f"tools[{index}]"
        shapes.check_tagged(_TOOLS, tool, path, lenient=lenient)
        if tool["type"] == "mcp":
            shapes.check_tagged(_TRANSPORTS, tool["transport"], f"{path}.transport")
        if tool["type"] == "function":
            limits.check_name(f"{path}.name", tool["name"])
    size = len(encode_readable(list(tools)))
    if size > MAX_TOOLS_BYTES:
        raise ApiError(
            400,
            f"Invalid 'tools': too large. Expected at most {MAX_TOOLS_BYTES} bytes of compact"
            f" JSON, but got {size} bytes instead.",
            param="tools",
            code="invalid_value",
        )
