"""OpenAI Assistants v2, and every server that speaks it (Foundry classic, self-hosted ones).

OpenAI's own endpoint was removed on 2026-08-26; `base_url` decides who answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar

from understudy.model.assistant import Assistant
from understudy.model.kinds import Kind
from understudy.model.limits import ASSISTANTS_V2
from understudy.platforms.base import Capabilities, Marker, Rendered
from understudy.platforms.knowledge import Knowledge
from understudy.platforms.openai_definitions import OpenAIDefinitions
from understudy.platforms.rendering import render_fields

NAME = "openai-assistants"
_CAPABILITIES = Capabilities(
    limits=ASSISTANTS_V2, remote=True, lists_models=True, kind=Kind.ASSISTANT, runs=True
)
_DEPLOYMENTS = replace(_CAPABILITIES, openai_models=False)


class AssistantsV2(OpenAIDefinitions):
    """Assistants in one project, over the v2 wire; `limits` are those of its knowledge."""

    platform = NAME
    collection = "/assistants"
    headers: ClassVar = {"OpenAI-Beta": "assistants=v2"}
    noun = "an assistant"

    @property
    def capabilities(self) -> Capabilities:
        """The published limits; models can be listed. With an API version, they are deployments."""
        return _DEPLOYMENTS if self._wire.api_version else _CAPABILITIES

    @cached_property
    def knowledge(self) -> Knowledge:
        """The project's files and vector stores."""
        from understudy.platforms.openai_knowledge import OpenAIKnowledge

        return OpenAIKnowledge(self._client, limits=self._limits)

    @property
    def environments(self) -> None:
        """None: code runs without one."""
        return None

    def render(self, assistant: Assistant, marker: Marker) -> Rendered:
        """Return every field of an assistant as it is, other kinds in an assistant's form."""
        return render_fields(assistant, marker, target=Kind.ASSISTANT)

    def _sent(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        tools = fields.get("tools")
        if not isinstance(tools, list) or not any(map(_says_null, tools)):
            return fields
        return {**fields, "tools": [*map(_for_request, tools)]}


def _says_null(tool: Any) -> bool:
    """Tell whether a function says null where a request may only leave out: saved JSON does."""
    function = tool.get("function") if isinstance(tool, dict) else None
    return isinstance(function, dict) and None in function.values()


def _for_request(tool: Any) -> Any:
    if not _says_null(tool):
        return tool
    function = {key: value for key, value in tool["function"].items() if value is not None}
    return {**tool, "function": function}
