"""From an agent of OpenAI's Agents API to an assistant's form.

Shapes follow `openai.types.beta.agent` of openai 3.51.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from understudy.model.fieldmap.crossing import Crossing, Json, is_set
from understudy.model.fieldmap.to_agent import LINKS, NAME, left_behind
from understudy.model.fieldmap.tools import CALLS, kind, nested

#: What an agent does unless told otherwise, in each spelling.
_DEFAULTS: Mapping[str, tuple[Any, ...]] = {
    "service_tier": ("auto",),
    "multi_agent": ({"enabled": False}, {"enabled": False, "max_concurrent_subagents": None}),
    "compaction": ({"async": True}, {"async": None}),
    "experimental": ({"time_awareness": False},),
}


def agent_to_hub(agent: Json, crossing: Crossing) -> Json:
    """Return an agent in an assistant's form; what only agents have rides along."""
    metadata = agent.get("metadata")
    record: Json = {}
    if "metadata" in agent:
        record["metadata"] = dict(metadata) if isinstance(metadata, dict) else metadata
        crossing.exact("metadata")
    for name, value in agent.items():
        if name in _FIELDS:
            _FIELDS[name](name, value, record, crossing)
        elif name in _DEFAULTS and (not is_set(value) or value in _DEFAULTS[name]):
            crossing.exact(name)
        elif name != "metadata":
            record[name] = value
            crossing.exact(name)
    if isinstance(kept := record.get("metadata"), dict):
        if links := sorted(LINKS & kept.keys()):
            for link in links:
                del kept[link]
            crossing.mapped("metadata", left_behind(links))
        if isinstance(kept.get("description"), str):
            record["description"] = kept.pop("description")
            crossing.mapped("metadata", "metadata.description is the description there")
    return record


def _name(field: str, name: Any, record: Json, crossing: Crossing) -> None:
    metadata = record.get("metadata")
    whole = metadata.get("name") if isinstance(metadata, dict) else None
    if isinstance(whole, str) and len(whole) > NAME and whole[:NAME] == name:
        record[field] = whole
        del record["metadata"]["name"]
        crossing.mapped(field, "the whole name stood in metadata.name")
    else:
        record[field] = name
        crossing.exact(field)


def _instructions(field: str, text: Any, record: Json, crossing: Crossing) -> None:
    record[field] = text
    if is_set(text):
        reason = "the agent followed them after base instructions of its own"
        crossing.degraded(field, reason)
    else:
        crossing.exact(field)


def _reasoning(field: str, reasoning: Any, record: Json, crossing: Crossing) -> None:
    crossing.exact(field)
    for key, value in reasoning.items() if isinstance(reasoning, dict) else ():
        if value is not None:
            record[f"reasoning_{key}"] = value
            crossing.mapped(field, f"reasoning_{key}")


def _text(field: str, text: Any, record: Json, crossing: Crossing) -> None:
    crossing.exact(field)
    if not isinstance(text, dict):
        return
    for extra in sorted(text.keys() - {"format", "verbosity"}):
        if is_set(text[extra]):
            crossing.dropped(f"text.{extra}", "nobody else has such an option")
    form = text.get("format")
    if isinstance(form, dict) and form.get("type") == "json_schema":
        # Others insist on a name for the schema; agents do as it says, which is being strict.
        named = {"name": "answer", "schema": form.get("schema"), "strict": True}
        record["response_format"] = {"type": "json_schema", "json_schema": named}
        crossing.mapped(field, "response_format")
    elif is_set(form) and form != {"type": "text"}:
        crossing.dropped("text.format", "nobody else has such a format")
    if text.get("verbosity") not in (None, "medium"):
        record["verbosity"] = text["verbosity"]
        crossing.mapped(field, "verbosity")


def _tools(field: str, tools: Any, record: Json, crossing: Crossing) -> None:
    crossing.exact(field)
    record[field] = tools
    if not isinstance(tools, list):
        return
    record[field] = [_tool(tool) for tool in tools]
    if any(kind(tool) == "function" for tool in tools):
        crossing.mapped(field, "functions are written nested")


def _tool(tool: Any) -> Any:
    if kind(tool) != "function":
        return tool
    return nested({key: value for key, value in tool.items() if key not in CALLS or value})


_FIELDS: Mapping[str, Callable[[str, Any, Json, Crossing], None]] = {
    "name": _name,
    "instructions": _instructions,
    "reasoning": _reasoning,
    "text": _text,
    "tools": _tools,
}
