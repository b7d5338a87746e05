"""A request in the words of the gateway's library, and what its events say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from understudy.providers.base import Request
from understudy.providers.vendors import CODE, FETCH, SEARCH

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage, ModelResponseStreamEvent
    from pydantic_ai.models import Model, ModelRequestParameters
    from pydantic_ai.native_tools import AbstractNativeTool
    from pydantic_ai.settings import ModelSettings

_SCHEMA = "answer"  # vendors want a name for it


def messages(request: Request) -> list[ModelMessage]:
    """Return what was said before, and what is asked."""
    from pydantic_ai.messages import ModelRequest, ModelResponse, TextPart, UserPromptPart

    told: list[ModelMessage] = [
        ModelRequest([UserPromptPart(message.text)], instructions=request.instructions or None)
        if message.role == "user"
        else ModelResponse([TextPart(message.text)])
        for message in request.messages
    ]
    return told


def parameters(model: Model, request: Request) -> ModelRequestParameters:
    """Return the vendor's tools, and how JSON is asked for.

    As the model can best, else as arguments of a function.
    """
    from pydantic_ai.models import ModelRequestParameters
    from pydantic_ai.output import OutputObjectDefinition
    from pydantic_ai.tools import ToolDefinition

    tools = _tools(request)
    if request.schema is None:
        return ModelRequestParameters(native_tools=tools)
    schema = dict(request.schema)
    native = model.profile.get("supports_json_schema_output", False)
    return ModelRequestParameters(
        native_tools=tools,
        output_mode="native" if native else "auto",
        output_object=OutputObjectDefinition(schema, name=_SCHEMA, strict=True),
        output_tools=[
            ToolDefinition(name=_SCHEMA, parameters_json_schema=schema, strict=True, kind="output")
        ],
    )


def settings(request: Request, always: Mapping[str, Any]) -> ModelSettings:
    """Return the limits of a request, over what always holds."""
    asked = {"max_tokens": request.max_tokens, "temperature": request.temperature}
    given = {name: value for name, value in asked.items() if value is not None}
    together: ModelSettings = {**always, **given}  # type: ignore[typeddict-item]
    return together


def _tools(request: Request) -> list[AbstractNativeTool]:
    from pydantic_ai.native_tools import CodeExecutionTool, WebFetchTool, WebSearchTool

    known: Mapping[str, type[AbstractNativeTool]] = {
        SEARCH: WebSearchTool,
        CODE: CodeExecutionTool,
        FETCH: WebFetchTool,
    }
    return [known[tool]() for tool in dict.fromkeys(request.tools)]


class Text:
    """The text among the events of an answer, which may come in several streams.

    Calls of tools and thoughts are none. What was said before and after them is kept apart by an
    empty line, as `ModelResponse.text` does it.
    """

    def __init__(self) -> None:
        self._said = self._between = False

    def of(self, event: ModelResponseStreamEvent) -> str:
        """Return the text that an event adds, which may be empty."""
        from pydantic_ai.messages import PartDeltaEvent, PartStartEvent, TextPart, TextPartDelta

        text = ""
        if isinstance(event, PartStartEvent):
            if isinstance(event.part, TextPart):
                text = event.part.content
            else:
                self._between = self._said
        elif isinstance(event, PartDeltaEvent) and isinstance(event.delta, TextPartDelta):
            text = event.delta.content_delta
        if not text:
            return ""
        apart = "\n\n" if self._between else ""
        self._said, self._between = True, False
        return apart + text
