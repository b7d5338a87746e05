"""What a schema must be like that answers are to follow strictly."""

from collections.abc import Iterator, Mapping
from typing import Any

_MAPS = ("properties", "$defs", "definitions")
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")


def flaw(schema: object) -> str | None:
    """Return what is wrong with a strict schema, as OpenAI words it; None if nothing is."""
    return next(_flaws(schema, ()), None)


def _flaws(schema: object, context: tuple[str, ...]) -> Iterator[str]:
    if not isinstance(schema, Mapping):
        return
    where = f"In context={context!r}, "
    properties = schema.get("properties")
    if schema.get("type") == "object" or properties is not None:
        if schema.get("additionalProperties") is not False:
            yield f"{where}'additionalProperties' is required to be supplied and to be false."
        for name in properties or ():
            if name not in schema.get("required", ()):
                yield (
                    f"{where}'required' is required to be supplied and to be an array including"
                    f" every key in properties. Missing '{name}'."
                )
    for key in _MAPS:
        for name, inner in _items(schema.get(key)):
            yield from _flaws(inner, (*context, key, name))
    for key in _LISTS:
        for index, inner in enumerate(schema.get(key) or ()):
            yield from _flaws(inner, (*context, key, str(index)))
    yield from _flaws(schema.get("items"), (*context, "items"))


def _items(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield from value.items()
