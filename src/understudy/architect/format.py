"""The Architect format 1.0 as data: which fields each object has, and what they hold.

The checks, the JSON Schema and the reference in `docs/` are all made from these tables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from understudy.architect import limits


class Kind(StrEnum):
    """What a field holds."""

    TEXT = "text"
    NUMBER = "number"
    INTEGER = "whole number"
    FLAG = "true or false"
    LIST = "list"
    OBJECT = "object"
    ANY = "any value"


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `least` and `most` bound a number's value, or a text's or list's length.

    `above` is a bound that the number must exceed. `default` is what a missing or null one means.
    """

    name: str
    kind: Kind
    about: str
    required: bool = False
    default: Any = None
    least: int | None = None
    most: int | None = None
    above: int | None = None
    choices: tuple[str, ...] = ()
    items: str = ""  # the kind of object in a list, a key of OBJECTS, or a Kind's value
    example: Any = None
    advanced: bool = False


def _table(*fields: Field) -> Mapping[str, Field]:
    return {one.name: one for one in fields}


class FieldType(StrEnum):
    """What a form asks for."""

    SHORT_TEXT = "short_text"
    LONG_TEXT = "long_text"
    SELECT = "select"
    MULTI_SELECT = "multi_select"
    FILE_UPLOAD = "file_upload"


ROOT = _table(
    Field("version", Kind.TEXT, "The format's version.", required=True, choices=(limits.VERSION,)),
    Field(
        "exported_at",
        Kind.TEXT,
        "When it was exported, an ISO 8601 time.",
        example="2026-01-23T10:30:00.000Z",
    ),
    Field("export_source", Kind.TEXT, "Who wrote the file."),
    Field(
        "assistants",
        Kind.LIST,
        "The assistants; one a file is best.",
        required=True,
        least=1,
        items="assistant",
    ),
)

ASSISTANT = _table(
    Field(
        "name",
        Kind.TEXT,
        "Its name; the library keeps one assistant under each name.",
        required=True,
        least=limits.SHORTEST_NAME,
        most=limits.LONGEST_NAME,
    ),
    Field("description", Kind.TEXT, "What it is for.", default=""),
    Field("status", Kind.TEXT, "Ignored: every import waits for approval."),
    Field("image_path", Kind.TEXT, "Path of its icon."),
    Field("is_parallel", Kind.FLAG, "Whether `parallel_group` counts.", default=False),
    Field(
        "timeout_seconds",
        Kind.NUMBER,
        "For the whole run, in seconds.",
        above=0,
        most=limits.LONGEST_RUN,
    ),
    Field(
        "prompts",
        Kind.LIST,
        "What is asked of the models.",
        required=True,
        least=1,
        most=limits.MOST_PROMPTS,
        items="prompt",
    ),
    Field(
        "input_fields",
        Kind.LIST,
        "What its form asks for; may be empty.",
        required=True,
        items="input_field",
    ),
    Field(
        "repositoryIds",
        Kind.LIST,
        "Repositories of knowledge, by number.",
        items=Kind.INTEGER,
        advanced=True,
    ),
    Field(
        "enabledTools",
        Kind.LIST,
        "Vendors' tools that its models may use: `web_search`, `code_execution`, `web_fetch`.",
        items=Kind.TEXT,
        advanced=True,
    ),
)

PROMPT = _table(
    Field(
        "name",
        Kind.TEXT,
        "Its name; `{{its-slug}}` is its output.",
        required=True,
        least=1,
        most=limits.LONGEST_NAME,
    ),
    Field(
        "content",
        Kind.TEXT,
        "The text sent to the model, with `{{variables}}`; at most "
        f"{limits.MOST_CONTENT:,} UTF-16 units.",
        required=True,
        least=1,
    ),
    Field(
        "system_context", Kind.TEXT, "Instructions for the model; variables are not replaced here."
    ),
    Field(
        "model_name",
        Kind.TEXT,
        "A portable model name, mapped to a model that is there.",
        required=True,
        least=1,
    ),
    Field(
        "position",
        Kind.INTEGER,
        "Order of execution, from 0.",
        required=True,
        least=0,
        most=limits.LARGEST,
    ),
    Field(
        "parallel_group",
        Kind.INTEGER,
        "Prompts of one group run at once.",
        least=-limits.LARGEST,
        most=limits.LARGEST,
    ),
    Field(
        "input_mapping",
        Kind.OBJECT,
        "Variables of this prompt only: a name and a template, "
        'such as `"analysis": "{{prompt_0_output}}"`.',
    ),
    Field(
        "timeout_seconds",
        Kind.NUMBER,
        "For this prompt, in seconds.",
        above=0,
        most=limits.LARGEST,
    ),
)

INPUT_FIELD = _table(
    Field(
        "name",
        Kind.TEXT,
        "Its name; `{{name}}` is what was entered.",
        required=True,
        least=1,
        most=limits.LONGEST_NAME,
    ),
    Field("label", Kind.TEXT, "What people see.", required=True, least=1),
    Field("field_type", Kind.TEXT, "What kind of input.", required=True, choices=tuple(FieldType)),
    Field(
        "position",
        Kind.INTEGER,
        "Order in the form, from 0.",
        required=True,
        least=0,
        most=limits.LARGEST,
    ),
    Field("options", Kind.OBJECT, "Settings of its type.", default={}),
)

CHOICE = _table(
    Field("value", Kind.TEXT, "What the prompt gets.", required=True, least=1),
    Field("label", Kind.TEXT, "What people see; the value where it is missing."),
)

_REQUIRED = Field("required", Kind.FLAG, "Whether it must be filled in.", default=False)
_HOLDER = Field("placeholder", Kind.TEXT, "Shown while it is empty.")
_CHOICES = Field(
    "choices", Kind.LIST, "What can be chosen.", required=True, least=1, items="choice"
)

#: The options of each field type.
OPTIONS: Mapping[str, Mapping[str, Field]] = {
    FieldType.SHORT_TEXT: _table(
        _HOLDER,
        _REQUIRED,
        Field("maxLength", Kind.INTEGER, "Most characters.", least=1, most=limits.LARGEST),
    ),
    FieldType.LONG_TEXT: _table(
        _HOLDER,
        _REQUIRED,
        Field("rows", Kind.INTEGER, "Height of the text area.", least=1, most=limits.LARGEST),
        Field("maxLength", Kind.INTEGER, "Most characters.", least=1, most=limits.LARGEST),
    ),
    FieldType.SELECT: _table(
        _CHOICES,
        Field("default", Kind.TEXT, "The value chosen at first."),
        _REQUIRED,
        _HOLDER,
    ),
    FieldType.MULTI_SELECT: _table(
        _CHOICES,
        Field("minSelections", Kind.INTEGER, "Fewest choices.", least=0, most=limits.LARGEST),
        Field("maxSelections", Kind.INTEGER, "Most choices.", least=1, most=limits.LARGEST),
        _REQUIRED,
        _HOLDER,
    ),
    FieldType.FILE_UPLOAD: _table(
        Field(
            "accept",
            Kind.TEXT,
            "File name endings or MIME types, divided by commas.",
            least=1,
            example=".pdf,.docx,.txt",
        ),
        Field("maxSize", Kind.INTEGER, "Most bytes of one file.", least=1, most=limits.LARGEST),
        Field("multiple", Kind.FLAG, "Whether several files may be given.", default=False),
        _REQUIRED,
    ),
}

#: Every kind of object by its name; what is no table of the format has no entry.
OBJECTS: Mapping[str, Mapping[str, Field]] = {
    "document": ROOT,
    "assistant": ASSISTANT,
    "prompt": PROMPT,
    "input_field": INPUT_FIELD,
    "choice": CHOICE,
}

#: Root entries that begin so belong to editors and tools, not to the format.
TOLERATED = "$"


#: The Python types that a JSON value of each kind has.
TYPES: Mapping[Kind, tuple[type, ...]] = {
    Kind.TEXT: (str,),
    Kind.NUMBER: (int, float),
    Kind.INTEGER: (int, float),
    Kind.FLAG: (bool,),
    Kind.LIST: (list,),
    Kind.OBJECT: (dict,),
    Kind.ANY: (object,),
}


@dataclass(frozen=True, slots=True)
class Shape:
    """How to check one kind of object; made once from its table.

    `sound` tells quickly, by name, that a value is surely right; anything else is looked at
    closely.
    """

    what: str
    fields: Mapping[str, Field]
    required: frozenset[str]
    sound: Mapping[str, Callable[[Any], bool]]


def shape(what: str, fields: Mapping[str, Field]) -> Shape:
    """Return how to check objects of this table."""
    required = frozenset(name for name, one in fields.items() if one.required)
    return Shape(what, fields, required, {name: _sound(one) for name, one in fields.items()})


def _sound(one: Field) -> Callable[[Any], bool]:
    """Return a quick test that passes most right values, and no wrong one."""
    least, most = one.least or 0, limits.LARGEST if one.most is None else one.most
    if one.kind is Kind.TEXT and one.most is not None:
        return lambda value: (
            type(value) is str
            and least <= len(value) <= most
            and value.isascii()
            and value[0] > " "
            and value[-1] > " "
            and value.isprintable()
        )
    if one.kind is Kind.TEXT and one.least is not None:
        return lambda value: type(value) is str and " " < value[:1] < "\x7f"
    if one.kind is Kind.INTEGER or one.above is not None:
        lowest = one.least if one.above is None else one.above + 1
        floor = -limits.LARGEST if lowest is None else lowest
        return lambda value: type(value) is int and floor <= value <= most
    types = TYPES[one.kind]
    if len(types) == 1:
        kind = types[0]
        return lambda value: type(value) is kind
    return lambda value: type(value) in types


SHAPES: Mapping[str, Shape] = {what: shape(what, fields) for what, fields in OBJECTS.items()}
OPTION_SHAPES: Mapping[str, Shape] = {
    kind: shape(f"{kind} options", fields) for kind, fields in OPTIONS.items()
}
