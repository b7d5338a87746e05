"""Between an assistant and an Architect assistant of one prompt.

`instructions` is the prompt's `system_context`, `model` its `model_name`. What is asked stands in
the prompt's `content`, which an assistant does not have: there somebody writes a message.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from understudy.model.fieldmap.crossing import Crossing, Json, is_set
from understudy.model.fieldmap.tools import kind, parts

#: What the content is, and the form, where nobody wrote any: the message of whoever asks.
CONTENT = "{{message}}"
FORM: tuple[Mapping[str, Any], ...] = (
    MappingProxyType(
        {
            "name": "message",
            "label": "Message",
            "field_type": "long_text",
            "position": 0,
            "options": {"required": True},
        }
    ),
)

#: Fields that only Architect assistants have.
WORKFLOW = frozenset(
    {
        "content",
        "input_mapping",
        "input_fields",
        "image_path",
        "timeout_seconds",
        "repositoryIds",
        "enabledTools",
    }
)

#: Where a prompt's content goes that an assistant has no field for.
KEPT = "architect_content"

_LONGEST = 512  # characters of a metadata value
_SAME = frozenset({"name", "description", "model", "metadata"})
_REASONS: Mapping[str, str] = {
    "input_fields": "an assistant has no form; its messages are text",
    "input_mapping": "an assistant replaces no variables",
    "timeout_seconds": "an assistant has no time limit of its own",
    "image_path": "an assistant has no picture",
    "repositoryIds": "repositories are known to the system that the document comes from only",
    "enabledTools": "these names are not those of an assistant's tools",
}


def hub_to_architect(record: Json, crossing: Crossing) -> Json:
    """Return what an Architect assistant of one prompt can say."""
    fields: Json = {}
    for name, value in record.items():
        if name in ("name", "description", "model"):
            crossing.exact(name)
            fields[name] = value
        elif name == "instructions":
            crossing.mapped(name, "the prompt's system_context")
            fields[name] = value
        elif name in WORKFLOW:
            crossing.exact(name)
            fields[name] = value
        elif name == "tools":
            _tools(value, crossing)
        elif is_set(value):
            crossing.dropped(name, "an Architect document has no such field")
        else:
            crossing.exact(name)
    return fields


def _tools(tools: Any, crossing: Crossing) -> None:
    if not is_set(tools):
        crossing.exact("tools")
        return
    names = [_called(tool) for tool in tools] if isinstance(tools, list) else []
    crossing.dropped("tools", f"an Architect document has no tools: {', '.join(names)}"[:300])


def _called(tool: Any) -> str:
    function = parts(tool)
    name = function.get("name") if function else None
    return f"function {name}" if isinstance(name, str) else str(kind(tool))


def architect_to_hub(fields: Json, crossing: Crossing) -> Json:
    """Return an assistant's form; its content is kept in the metadata where that is possible."""
    record: Json = {}
    for name, value in fields.items():
        if name in _SAME:
            crossing.exact(name)
            record[name] = value
        elif name == "instructions":
            crossing.mapped(name, "from the prompt's system_context")
            record[name] = value
        elif name == "content":
            _content(value, fields, record, crossing)
        elif not is_set(value) or (name == "input_fields" and _is_plain(value)):
            crossing.exact(name)
        else:
            crossing.dropped(name, _REASONS.get(name, "an assistant has no such field"))
    return record


def _content(value: Any, fields: Json, record: Json, crossing: Crossing) -> None:
    if value == CONTENT:
        crossing.exact("content")
        return
    metadata = fields.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    if isinstance(value, str) and len(value) <= _LONGEST:
        record["metadata"] = {**metadata, KEPT: value}
        crossing.degraded("content", f"an assistant is sent messages; kept in metadata.{KEPT}")
    else:
        crossing.degraded("content", "an assistant is sent messages; too long for metadata")


def _is_plain(form: Any) -> bool:
    return isinstance(form, list) and form == [dict(one) for one in FORM]
