"""The format as JSON Schema (2020-12), made from the tables of `format`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from understudy.architect.format import OBJECTS, OPTIONS, TOLERATED, Field, FieldType, Kind

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_TYPES: Mapping[Kind, str] = {
    Kind.TEXT: "string",
    Kind.NUMBER: "number",
    Kind.INTEGER: "integer",
    Kind.FLAG: "boolean",
    Kind.LIST: "array",
    Kind.OBJECT: "object",
}


def json_schema() -> dict[str, Any]:
    """Return the schema of a document, in which nothing is left to find but what needs thought.

    What refers to something else (variables, groups, models) and what counts across a document is
    not in it: `understudy architect validate` finds that.
    """
    return {
        "$schema": DIALECT,
        "title": "Assistant Architect document, version 1.0",
        "$ref": "#/$defs/document",
        "$defs": {
            **{what: _object(what, fields) for what, fields in OBJECTS.items()},
            **{
                f"{kind}_options": _object(f"{kind}_options", fields)
                for kind, fields in OPTIONS.items()
            },
        },
    }


def _object(what: str, fields: Mapping[str, Field]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "type": "object",
        "properties": {name: _field(one) for name, one in fields.items()},
        "required": [name for name, one in fields.items() if one.required],
        "additionalProperties": False,
    }
    if what == "document":
        made["patternProperties"] = {rf"^\{TOLERATED}": True}
    if what == "input_field":
        made["allOf"] = [_with_options(kind) for kind in FieldType]
    return made


def _with_options(kind: FieldType) -> dict[str, Any]:
    """Return which options go with a field type; those that choose must have them."""
    then: dict[str, Any] = {"properties": {"options": {"$ref": f"#/$defs/{kind}_options"}}}
    if any(one.required for one in OPTIONS[kind].values()):
        then["required"] = ["options"]
    else:
        then["properties"]["options"] = {
            "anyOf": [{"$ref": f"#/$defs/{kind}_options"}, {"type": "null"}]
        }
    fits = {"properties": {"field_type": {"const": kind.value}}, "required": ["field_type"]}
    return {"if": fits, "then": then}


def _field(one: Field) -> dict[str, Any]:
    made: dict[str, Any] = {"description": one.about}
    kind = _TYPES[one.kind]
    made["type"] = kind if one.required else [kind, "null"]
    if one.choices:
        made["enum"] = list(one.choices)
    if one.default not in (None, {}):
        made["default"] = one.default
    if one.example is not None:
        made["examples"] = [one.example]
    made |= _bounds(one)
    if one.name == "choices":
        return _choices(made)
    if one.name == "input_mapping":
        made["additionalProperties"] = {"type": "string"}
    if one.items:
        made["items"] = (
            {"$ref": f"#/$defs/{one.items}"}
            if one.items in OBJECTS
            else {"type": _TYPES[Kind(one.items)]}
        )
    return made


def _bounds(one: Field) -> dict[str, Any]:
    least, most = {
        Kind.TEXT: ("minLength", "maxLength"),
        Kind.LIST: ("minItems", "maxItems"),
    }.get(one.kind, ("minimum", "maximum"))
    bounds = {least: one.least, most: one.most, "exclusiveMinimum": one.above}
    found: dict[str, Any] = {name: value for name, value in bounds.items() if value is not None}
    if one.kind is Kind.TEXT and one.least:
        found["pattern"] = r"\S"
    return found


def _choices(made: dict[str, Any]) -> dict[str, Any]:
    """Return the format's shape of choices, and the three others that are read with a warning."""
    right = {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/choice"}}
    texts = {"type": "array", "minItems": 1, "items": {"type": "string"}, "deprecated": True}
    values = {
        "type": "object",
        "properties": {"values": {"anyOf": [right, texts]}},
        "required": ["values"],
        "deprecated": True,
    }
    text = {"type": "string", "pattern": r"\S", "deprecated": True}
    return {"description": made["description"], "anyOf": [right, texts, values, text]}
