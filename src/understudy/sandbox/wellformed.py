"""Whether a JSON schema is one: what its words must be like."""

from collections.abc import Callable, Iterator, Mapping
from numbers import Real
from types import MappingProxyType
from typing import Any

_KINDS = ("string", "number", "integer", "boolean", "object", "array", "null")
_SCHEMAS = ("items", "not", "additionalProperties")
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_MAPS = ("properties", "$defs", "definitions", "patternProperties")


def flaw(schema: object) -> str | None:
    """Return what is wrong with a schema, None if nothing is."""
    return next(_flaws(schema), None)


def _flaws(schema: object) -> Iterator[str]:
    if isinstance(schema, bool):
        return
    if not isinstance(schema, Mapping):
        yield f"{_shown(schema)} is not of type 'object', 'boolean'."
        return
    for word, fits in _WORDS.items():
        if word in schema and not fits(schema[word]):
            yield f"{_shown(schema[word])} is not valid for '{word}'."
    for word in _SCHEMAS:
        if word in schema:
            yield from _flaws(schema[word])
    for word in (*_LISTS, *_MAPS):
        inner = schema.get(word, ())
        for one in inner.values() if isinstance(inner, Mapping) else inner:
            yield from _flaws(one)


def _shown(value: object) -> str:
    return repr(value)[:60]


def _kind(value: Any) -> bool:
    kinds = value if isinstance(value, list) else [value]
    return bool(kinds) and all(isinstance(kind, str) and kind in _KINDS for kind in kinds)


def _number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _step(value: Any) -> bool:
    return _number(value) and bool(value > 0)


def _count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _list(value: Any) -> bool:
    return isinstance(value, list) and bool(value)


_WORDS: Mapping[str, Callable[[Any], bool]] = MappingProxyType(
    {
        "type": _kind,
        "required": _names,
        "multipleOf": _step,
        **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), _number),
        **dict.fromkeys(("minItems", "maxItems", "minLength", "maxLength"), _count),
        **dict.fromkeys(("enum", *_LISTS), _list),
        **dict.fromkeys(("examples",), lambda value: isinstance(value, list)),
        **dict.fromkeys(_MAPS, lambda value: isinstance(value, Mapping)),
        **dict.fromkeys(
            ("pattern", "format", "$ref", "title", "description"),
            lambda value: isinstance(value, str),
        ),
    }
)
