"""A quick test for assistants whose shape is surely right, made from the tables of the format.

pydantic's validator in Rust looks at a whole assistant in the time in which Python looks at one
prompt. It is stricter than the rules: what it accepts has no finding of shape; what it does not
accept is looked at closely, which finds out what is wrong, or that nothing is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from pydantic_core import SchemaValidator, core_schema

from understudy.architect import limits
from understudy.architect.format import CHOICE, OBJECTS, OPTIONS, Field, FieldType, Kind

Schema = core_schema.CoreSchema

#: Letters and signs that are printable and the same in every normal form that composes: ASCII,
#: Latin, Cyrillic, kana, Chinese, Korean. Whether other names are right takes a closer look.
LETTERS = (
    r"!-~\u{a1}-\u{ac}\u{ae}-\u{24f}\u{400}-\u{481}\u{48a}-\u{52f}"
    r"\u{3041}-\u{3096}\u{30a1}-\u{30fa}\u{4e00}-\u{9fff}\u{ac00}-\u{d7a3}"
)
#: Such, without blanks around them.
_NAME = f"^[{LETTERS}](?:[ {LETTERS}]*[{LETTERS}])?$"
#: What Python's `strip` leaves something of.
_NOT_BLANK = r"[^\s\x1c-\x1f]"
_WIDE = 256  # mapped names; real ones have a few


def accepts(assistant: Mapping[str, Any]) -> bool:
    """Tell whether nothing is wrong with the types, sizes and names of an assistant's fields."""
    return _validator().isinstance_python(assistant)


def accepts_fields(fields: Sequence[Any]) -> bool:
    """Tell the same of the input fields alone."""
    return _fields_validator().isinstance_python(fields)


@lru_cache(maxsize=1)
def _validator() -> SchemaValidator:
    return SchemaValidator(_object(OBJECTS["assistant"]))


@lru_cache(maxsize=1)
def _fields_validator() -> SchemaValidator:
    return SchemaValidator(_field(OBJECTS["assistant"]["input_fields"]))


def _object(fields: Mapping[str, Field]) -> Schema:
    return core_schema.typed_dict_schema(
        {
            name: core_schema.typed_dict_field(
                _field(one) if one.required else core_schema.nullable_schema(_field(one)),
                required=one.required,
            )
            for name, one in fields.items()
        },
        extra_behavior="forbid",
        strict=True,
    )


def _field(one: Field) -> Schema:
    if one.choices:
        return core_schema.literal_schema(list(one.choices))
    return _MADE[one.kind](one)


def _text(one: Field) -> Schema:
    if one.most is not None:
        return core_schema.str_schema(
            strict=True, min_length=one.least, max_length=one.most, pattern=_NAME
        )
    return core_schema.str_schema(strict=True, pattern=_NOT_BLANK if one.least else None)


def _whole(one: Field) -> Schema:
    return core_schema.int_schema(strict=True, gt=one.above, ge=one.least, le=one.most)


def _number(one: Field) -> Schema:
    return core_schema.float_schema(
        strict=True, gt=one.above, ge=one.least, le=one.most, allow_inf_nan=False
    )


def _list(one: Field) -> Schema:
    inner: Schema = (
        _input_field()
        if one.items == "input_field"
        else _object(OBJECTS[one.items])
        if one.items in OBJECTS
        else _PLAIN[Kind(one.items)]
    )
    return core_schema.list_schema(
        inner, strict=True, fail_fast=True, min_length=one.least, max_length=one.most
    )


def _mapping(_: Field) -> Schema:
    return core_schema.dict_schema(
        core_schema.str_schema(), core_schema.str_schema(), strict=True, max_length=_WIDE
    )


def _input_field() -> Schema:
    """Return fields by their type: each has options of its own."""
    made: dict[str, Schema] = {}
    for kind in FieldType:
        fields = dict(OBJECTS["input_field"])
        options = _options(OPTIONS[kind])
        needed = any(one.required for one in OPTIONS[kind].values())
        schema = options if needed else core_schema.nullable_schema(options)
        parts = {
            name: core_schema.typed_dict_field(_field(one), required=one.required)
            for name, one in fields.items()
            if name != "options"
        }
        parts["options"] = core_schema.typed_dict_field(schema, required=needed)
        made[kind.value] = core_schema.typed_dict_schema(
            parts, extra_behavior="forbid", strict=True
        )
    return core_schema.tagged_union_schema(made, discriminator="field_type")


def _options(fields: Mapping[str, Field]) -> Schema:
    """Return the options; choices only in the format's own shape, with labels."""
    pair = {name: core_schema.typed_dict_field(_field(CHOICE[name])) for name in CHOICE}
    choice = core_schema.typed_dict_schema(pair, extra_behavior="forbid", strict=True)
    choices = core_schema.list_schema(choice, strict=True, fail_fast=True, min_length=1)
    return core_schema.typed_dict_schema(
        {
            name: core_schema.typed_dict_field(
                choices if name == "choices" else core_schema.nullable_schema(_field(one)),
                required=one.required,
            )
            for name, one in fields.items()
        },
        extra_behavior="forbid",
        strict=True,
    )


_PLAIN: Mapping[Kind, Schema] = {
    Kind.INTEGER: core_schema.int_schema(strict=True, ge=-limits.LARGEST, le=limits.LARGEST),
    Kind.TEXT: core_schema.str_schema(strict=True),
}
_MADE: Mapping[Kind, Callable[[Field], Schema]] = {
    Kind.TEXT: _text,
    Kind.INTEGER: _whole,
    Kind.NUMBER: _number,
    Kind.FLAG: lambda _: core_schema.bool_schema(strict=True),
    Kind.LIST: _list,
    Kind.OBJECT: _mapping,
}
