"""Values that fit a JSON schema, made of the words of a question. The same each time."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from understudy.sandbox.patterns import sample

Schema = Mapping[str, Any]

_DEEP = 12
_MANY = 100
_VALUES = 10_000
_LONG = 100_000
_FORMATS: Mapping[str, str] = {
    "date": "2026-11-20",
    "date-time": "2026-11-20T09:00:00Z",
    "time": "09:00:00Z",
    "email": "ada@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "ipv4": "192.0.2.1",
    "hostname": "example.com",
    "duration": "PT1H",
}
_NUMBER = re.compile(r"(?<![\w.-])-?\d+(?:\.\d+)?(?!\w)")


def invent(schema: Schema, question: str) -> Any:
    """Return a value for a schema. It fits, unless a rule is too clever for this."""
    try:
        return _Inventor(schema, " ".join(question.split())).value(schema, 0)
    except ArithmeticError:  # bounds that no number keeps
        return None


class _Inventor:
    def __init__(self, root: Schema, question: str) -> None:
        self._root = root
        self._left = _VALUES
        self._question = question or "nothing"
        self._numbers = [float(found) for found in _NUMBER.findall(question)]

    def value(self, given: Any, depth: int) -> Any:
        self._left -= 1
        if depth > 2 * _DEEP or self._left < 0:  # a schema that no value fits
            return None
        schema = self._resolved(given, depth)
        for name in ("const", "default"):
            if name in schema:
                return schema[name]
        for name in ("enum", "examples"):
            if schema.get(name):
                return schema[name][0]
        makers = {
            "object": self._object,
            "array": self._array,
            "number": self._number,
            "integer": self._integer,
            "boolean": lambda *_: True,
            "null": lambda *_: None,
        }
        return makers.get(_kind(schema), self._string)(schema, depth)

    def _resolved(self, given: Any, depth: int) -> Schema:
        """Follow references and take the first choice that is not null."""
        schema: Schema = given if isinstance(given, Mapping) else {}
        for _ in range(_DEEP):
            if "$ref" in schema:
                rest = {name: one for name, one in schema.items() if name != "$ref"}
                schema = {**self._named(str(schema["$ref"])), **rest}
                continue
            choices = schema.get("anyOf") or schema.get("oneOf") or ()
            chosen = _first(choices, shallow=depth > _DEEP)
            parts = [*schema.get("allOf", ()), *chosen]
            if not parts:
                break
            rest = {
                name: one for name, one in schema.items() if name not in ("anyOf", "oneOf", "allOf")
            }
            schema = _merged([rest, *parts])
        return schema

    def _named(self, reference: str) -> Schema:
        found: Any = self._root
        for step in reference.removeprefix("#").strip("/").split("/"):
            name = step.replace("~1", "/").replace("~0", "~")
            found = found.get(name, {}) if isinstance(found, Mapping) and step else found
        return found if isinstance(found, Mapping) else {}

    def _object(self, schema: Schema, depth: int) -> dict[str, Any]:
        properties = schema.get("properties") or {}
        wanted = schema.get("required")
        if wanted is None:
            wanted = list(properties) if depth <= _DEEP else []
        return {name: self.value(properties.get(name), depth + 1) for name in wanted}

    def _array(self, schema: Schema, depth: int) -> list[Any]:
        least, most = min(schema.get("minItems", 0), _MANY), schema.get("maxItems", 1)
        count = max(least, min(1, most) if depth <= _DEEP else 0)
        items = schema.get("items")
        return [self.value(items, depth + 1) for _ in range(count) if self._left > 0]

    def _string(self, schema: Schema, _: int) -> str:
        text = _FORMATS.get(schema.get("format", ""), self._question)
        pattern = schema.get("pattern")
        if pattern is not None:
            text = self._matching(pattern, text)
        least = min(schema.get("minLength", 0), _LONG)
        return text[: schema.get("maxLength")].ljust(least, "x")

    def _matching(self, pattern: str, otherwise: str) -> str:
        """Return a word of the question that fits a pattern, else any text that does."""
        words = (word.strip(".,;:!?()\"'") for word in self._question.split())
        try:
            fitting = next((word for word in words if re.search(pattern, word)), None)
        except re.error:
            return otherwise
        made = sample(pattern) if fitting is None else fitting
        return otherwise if made is None else made

    def _number(self, schema: Schema, _: int) -> float:
        fitting = (one for one in self._numbers if _within(one, schema))
        return next(fitting, _bound(schema, 1))

    def _integer(self, schema: Schema, _: int) -> int:
        step = schema.get("multipleOf", 1)
        fitting = (one for one in self._numbers if one % step == 0 and _within(one, schema))
        return int(next(fitting, _bound(schema, step)))


def _first(choices: Sequence[Any], *, shallow: bool) -> Sequence[Any]:
    """Return a list with the choice to take: not null, or null when deep enough."""
    kinds = [(choice, _kind(choice) == "null") for choice in choices]
    return [choice for choice, null in kinds if null == shallow][:1] or list(choices[:1])


def _merged(parts: Sequence[Any]) -> Schema:
    merged: dict[str, Any] = {}
    for part in parts:
        if not isinstance(part, Mapping):
            continue
        properties = {**merged.get("properties", {}), **part.get("properties", {})}
        required = [*merged.get("required", ()), *part.get("required", ())]
        merged |= part
        if properties:
            merged["properties"] = properties
        if required:
            merged["required"] = required
    return merged


def _kind(schema: Any) -> str:
    if not isinstance(schema, Mapping):
        return "string"
    kind = schema.get("type")
    if isinstance(kind, list):
        return next((one for one in kind if one != "null"), "null")
    return kind or ("object" if "properties" in schema else "string")


def _within(number: float, schema: Schema) -> bool:
    return bool(
        schema.get("minimum", -math.inf) <= number <= schema.get("maximum", math.inf)
        and schema.get("exclusiveMinimum", -math.inf) < number
        and number < schema.get("exclusiveMaximum", math.inf)
    )


def _bound(schema: Schema, step: float) -> float:
    """Return a multiple of `step` within the bounds: 1 if it can be."""
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    start = step if low is None else math.ceil(low / step) * step
    if low is None and high is not None:
        start = min(step, math.floor(high / step) * step)
    candidates = (step, start, start + step, start - step)
    return next((one for one in candidates if _within(one, schema)), start)
