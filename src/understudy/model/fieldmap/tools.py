"""Function tools, nested as assistants have them and flat as agents and responses do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from understudy.model.fieldmap.crossing import Crossing, Json

#: How a function may be called, where that can be said; off unless it says so.
CALLS = ("defer_loading", "async")

#: What of a function is written flat; the rest has no home there.
KNOWN = frozenset({"name", "description", "parameters", "strict", *CALLS})

#: A function without arguments, spelt out for those who insist.
NO_PARAMETERS: Json = {"type": "object", "properties": {}}
NO_STRICT_PARAMETERS: Json = {**NO_PARAMETERS, "additionalProperties": False, "required": []}


def nested(tool: Json) -> Json:
    """Return a flat function tool as an assistant has it."""
    function = {key: value for key, value in tool.items() if key != "type" and value is not None}
    return {"type": "function", "function": function}


def parts(tool: Any) -> Json | None:
    """Return what a nested function tool says of its function, None where it is none."""
    function = tool.get("function") if isinstance(tool, dict) else None
    return function if isinstance(function, dict) else None


def kind(tool: Any) -> str:
    """Return a tool's type, or an empty string."""
    said = tool.get("type") if isinstance(tool, dict) else None
    return said if isinstance(said, str) else ""


def parameters(function: Json, crossing: Crossing, where: str, *, strict: bool = False) -> Json:
    """Return a function's schema, an empty one where it has none; refuses what is no object."""
    found = function.get("parameters")
    if found is None:
        return dict(NO_STRICT_PARAMETERS if strict else NO_PARAMETERS)
    if not isinstance(found, dict):
        name = function.get("name")
        crossing.refuse(
            "bad-parameters",
            f"{where}: the parameters of {str(name)[:64]!r} are no JSON Schema object.",
            field=f"{where}.parameters",
            hint='Give it a schema of type object, or leave "parameters" out.',
        )
        return dict(NO_PARAMETERS)
    return found


def converted(
    tools: list[Any], crossing: Crossing, convert: Callable[[Any, Crossing, str], Any]
) -> list[Any]:
    """Return what becomes of each tool; `convert` is told where it stands, None leaves it out."""
    made = (convert(tool, crossing, f"tools[{index}]") for index, tool in enumerate(tools))
    return [tool for tool in made if tool is not None]


def take(crossing: Crossing, tool: str, place: str) -> None:
    """Note that a type of tool has no home in a place."""
    crossing.dropped(f"tools.{tool[:64] or '(no type)'}", f"{place} have no tool of this type")
