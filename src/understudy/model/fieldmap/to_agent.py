"""From an assistant's form to an agent of OpenAI's Agents API.

Shapes follow `openai.types.beta.agent_create_params` of openai 3.51.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from understudy.model.fieldmap.crossing import Crossing, Json, is_set
from understudy.model.fieldmap.nesting import format_of, reasoning, verbosity
from understudy.model.fieldmap.tools import (
    CALLS,
    KNOWN,
    converted,
    kind,
    parameters,
    parts,
    take,
)

#: Characters of an agent's name.
NAME = 128

#: Metadata keys that hold what an agent has no field for; a copy decides about them.
OWNED = frozenset({"description", "name"})

#: The metadata keys that lead to an agent's knowledge.
TEMPLATE = "environment_template_id"
STORES = "vector_store_ids"
LINKS = frozenset({TEMPLATE, STORES})

_OWN_TOOLS = frozenset(
    {"tool_search", "programmatic_tool_calling", "mcp", "web_search", "computer_use", "automations"}
)


def hub_to_agent(record: Json, crossing: Crossing) -> Json:
    """Return what an agent can hold."""
    metadata = record.get("metadata")
    agent: Json = {"metadata": dict(metadata) if isinstance(metadata, dict) else metadata}
    for name, value in record.items():
        if name in _FIELDS:
            _FIELDS[name](name, value, agent, crossing)
        elif is_set(value):
            crossing.dropped(name, "agents have no such field")
        else:
            crossing.exact(name)
    if "metadata" not in record and not agent["metadata"]:
        del agent["metadata"]
    return agent


def for_request(fields: Mapping[str, Any], crossing: Crossing) -> Json:
    """Return an agent's fields as a request takes them, without what leads into its project.

    Answers say null where requests may not.
    """
    sent = dict(fields)
    if isinstance(tools := sent.get("tools"), list):
        sent["tools"] = [_for_request(tool, crossing) for tool in tools]
    if isinstance(agents := sent.get("multi_agent"), dict):
        sent["multi_agent"] = {key: value for key, value in agents.items() if value is not None}
    return sent


def left_behind(links: Collection[str]) -> str:
    """Return why these metadata keys do not travel."""
    verb = "leads" if len(links) == 1 else "lead"
    return f"{', '.join(sorted(links))} {verb} into the agent's own project"


def _for_request(tool: Any, crossing: Crossing) -> Any:
    if not isinstance(tool, dict) or ("credential_id" not in tool and None not in tool.values()):
        return tool
    if tool.get("credential_id"):
        reason = "vaults stay in their project: create the credential there and name it"
        crossing.degraded("tools.mcp.credential_id", reason)
    return {key: v for key, v in tool.items() if v is not None and key != "credential_id"}


def _same(name: str, value: Any, agent: Json, crossing: Crossing) -> None:
    agent[name] = value
    crossing.exact(name)


def _metadata(name: str, value: Any, _agent: Json, crossing: Crossing) -> None:
    if isinstance(value, dict) and value.get("description") is not None:
        crossing.degraded(name, "metadata.description passes for the agent's own description")
    else:
        crossing.exact(name)


def _name(_: str, name: Any, agent: Json, crossing: Crossing) -> None:
    agent["name"] = name
    if not isinstance(name, str) or len(name) <= NAME:
        crossing.exact("name")
        return
    agent["name"] = name[:NAME]
    metadata = _writable(agent)
    if metadata is not None and metadata.get("name", name) == name:
        metadata["name"] = name
        where = "all of it stands in metadata.name"
    else:
        where = "metadata.name is taken, so the rest is lost"
    crossing.degraded("name", f"cut to {NAME} characters; {where}")


def _description(_: str, description: Any, agent: Json, crossing: Crossing) -> None:
    metadata = _writable(agent)
    if not is_set(description):
        crossing.exact("description")
    elif metadata is not None and metadata.get("description", description) == description:
        metadata["description"] = description
        crossing.mapped("description", "metadata.description")
    else:
        crossing.dropped("description", "metadata.description is taken")


def _writable(agent: Json) -> Json | None:
    """Return the copy's metadata to add to, None where it is no object."""
    if agent["metadata"] is None:
        agent["metadata"] = {}
    metadata = agent["metadata"]
    return metadata if isinstance(metadata, dict) else None


def _instructions(name: str, text: Any, agent: Json, crossing: Crossing) -> None:
    agent[name] = text
    if is_set(text):
        crossing.degraded(name, "an agent follows them after base instructions of its own")
    else:
        crossing.exact(name)


def _sampling(name: str, value: Any, _agent: Json, crossing: Crossing) -> None:
    if value is None or value == 1:
        crossing.exact(name)
    else:
        crossing.dropped(name, "an agent's sampling cannot be set")


def _format(field: str, form: Any, agent: Json, crossing: Crossing) -> None:
    said, schema = format_of(form)
    text = agent.setdefault("text", {})
    if said in (None, ""):
        crossing.exact(field)
    elif said in ("auto", "text"):
        text["format"] = {"type": "text"}
        crossing.mapped(field, "text.format: auto and text are one there")
    elif said == "json_schema" and schema is not None:
        text["format"] = {"type": "json_schema", "schema": schema["schema"]}
        if lost := sorted(key for key in schema if key != "schema" and schema[key] is not None):
            reason = f"text.format holds the schema alone, without its {', '.join(lost)}"
            crossing.degraded(field, reason)
        else:
            crossing.mapped(field, "text.format")
    else:
        crossing.dropped(field, "agents write text, or JSON by a schema that is given")
    if not text:
        del agent["text"]


def _tools(name: str, tools: Any, agent: Json, crossing: Crossing) -> None:
    if not isinstance(tools, list):
        _same(name, tools, agent, crossing)
        return
    agent[name] = converted(tools, crossing, _tool)
    if any(kind(tool) == "function" for tool in agent[name]):
        crossing.mapped(name, "functions are written flat")
    else:
        crossing.exact(name)


def _tool(tool: Any, crossing: Crossing, where: str) -> Any:
    function = parts(tool)
    if kind(tool) == "function" and function is not None:
        return _flat(function, crossing, where)
    if kind(tool) == "file_search":
        crossing.dropped(
            "tools.file_search",
            "agents search no vector stores; with --file-search-as function your program does it",
        )
    elif kind(tool) == "code_interpreter":
        reason = "agents run code in an environment that each session is given"
        crossing.degraded("tools.code_interpreter", reason)
    elif kind(tool) in _OWN_TOOLS and (
        kind(tool) != "mcp" or isinstance(tool.get("transport"), dict)
    ):
        return tool
    else:
        take(crossing, kind(tool), "agents")
    return None


def _flat(function: Json, crossing: Crossing, where: str) -> Json:
    flat = {
        "type": "function",
        "name": function.get("name"),
        "description": function.get("description"),
        "parameters": parameters(function, crossing, where),
        **{key: True for key in CALLS if function.get(key)},
    }
    if not isinstance(flat["description"], str):
        flat["description"] = str(flat["name"])
        reason = "agents insist on one: the function's name stands in for it"
        crossing.degraded("tools.function.description", reason)
    if function.get("strict"):
        crossing.degraded("tools.function.strict", "agents do not enforce a function's schema")
    for extra in sorted(function.keys() - KNOWN):
        crossing.dropped(f"tools.function.{extra}", "agents have no such option")
    return flat


_FIELDS: Mapping[str, Callable[[str, Any, Json, Crossing], None]] = {
    "name": _name,
    "description": _description,
    "instructions": _instructions,
    "model": _same,
    "service_tier": _same,
    "multi_agent": _same,
    "compaction": _same,
    "experimental": _same,
    "temperature": _sampling,
    "top_p": _sampling,
    "response_format": _format,
    "verbosity": verbosity,
    "reasoning_effort": reasoning,
    "reasoning_summary": reasoning,
    "tools": _tools,
    "metadata": _metadata,
}
