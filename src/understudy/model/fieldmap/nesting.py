"""Fields of an assistant that agents and requests both nest: under `reasoning` and `text`."""

from __future__ import annotations

from typing import Any

from understudy.model.fieldmap.crossing import Crossing, Json, is_set


def verbosity(field: str, value: Any, fields: Json, crossing: Crossing) -> None:
    """Put it under `text`."""
    fields.setdefault("text", {})["verbosity"] = value
    crossing.mapped(field, "text.verbosity")


def reasoning(field: str, value: Any, fields: Json, crossing: Crossing) -> None:
    """Put `reasoning_<key>` under `reasoning`, if it says anything."""
    key = field.removeprefix("reasoning_")
    if is_set(value):
        fields.setdefault("reasoning", {})[key] = value
        crossing.mapped(field, f"reasoning.{key}")
    else:
        crossing.exact(field)


def format_of(form: Any) -> tuple[Any, Json | None]:
    """Return a response format's type, and what it says of a JSON schema if that is given."""
    if not isinstance(form, dict):
        return form, None
    schema = form.get("json_schema")
    given = isinstance(schema, dict) and isinstance(schema.get("schema"), dict)
    return form.get("type"), schema if given else None
