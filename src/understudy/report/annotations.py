"""JSON Schemas as Python annotations. Whatever cannot be said is `Any`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from understudy.model.canonical import is_utf8
from understudy.model.functions import properties_of
from understudy.report.python import camel, is_plain, literal, named

#: Beyond this many levels of lists and objects, or this many choices, a type is not spelt out.
_DEEPEST = 6
_MOST_CHOICES = 40
_LONGEST_CHOICE = 80
_MOST_FIELDS = 1000
_BIGGEST = 2**63

_PLAIN: Mapping[str, str] = {
    "string": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "null": "None",
}
#: Names that annotations use: a field called like one would hide it from the next.
_USED = frozenset({*_PLAIN.values(), "list", "dict", "Any", "Literal", "NotRequired", "TypedDict"})


@dataclass
class Annotations:
    """Turns schemas into annotations; collects the TypedDicts and imports that they need.

    `taken` are the names that a module holds already.
    """

    taken: set[str]
    classes: list[str] = field(default_factory=list)
    imports: set[str] = field(default_factory=set)

    def of(self, schema: Any, root: Any, *words: str) -> str:
        """Return the annotation; `words` say what it is called, `root` is where `$ref` begins."""
        return self._union(self._members(schema, root, words, ()))

    def any(self) -> str:
        """Return the annotation of what can be anything."""
        self.imports.add("Any")
        return "Any"

    def _members(
        self, schema: Any, root: Any, words: tuple[str, ...], above: tuple[str, ...]
    ) -> list[str]:
        """Return what is allowed, one alternative an entry."""
        if not isinstance(schema, dict) or len(above) > _DEEPEST:
            return ["Any"]
        if "$ref" in schema:
            target, reference = _resolved(schema["$ref"], root), str(schema["$ref"])
            known = target is not None and reference not in above
            return self._members(target, root, words, (*above, reference)) if known else ["Any"]
        found = self._alternatives(schema, root, words, (*above, ""))
        return [*found, "None"] if schema.get("nullable") is True else found

    def _alternatives(
        self, schema: Mapping[str, Any], root: Any, words: tuple[str, ...], above: tuple[str, ...]
    ) -> list[str]:
        if "const" in schema:
            return self._choices([schema["const"]], schema)
        if isinstance(choices := schema.get("enum"), list):
            return self._choices(choices, schema)
        for key in ("anyOf", "oneOf", "allOf"):
            if isinstance(parts := schema.get(key), list) and parts:
                if len(parts) > (1 if key == "allOf" else _MOST_CHOICES):
                    return ["Any"]
                return [one for part in parts for one in self._members(part, root, words, above)]
        said = schema.get("type")
        if said is None and isinstance(schema.get("properties"), dict):
            said = "object"
        kinds = said if isinstance(said, list) and said else [said]
        return [self._one(kind, schema, root, words, above) for kind in kinds]

    def _one(
        self,
        kind: Any,
        schema: Mapping[str, Any],
        root: Any,
        words: tuple[str, ...],
        above: tuple[str, ...],
    ) -> str:
        if kind == "array":
            items = self._members(schema.get("items"), root, (*words, "item"), above)
            return f"list[{self._union(items)}]"
        if kind == "object":
            return self._object(schema, root, words, above)
        return _PLAIN.get(kind, "Any") if isinstance(kind, str) else "Any"

    def _object(
        self, schema: Mapping[str, Any], root: Any, words: tuple[str, ...], above: tuple[str, ...]
    ) -> str:
        fields = properties_of(schema)
        more = schema.get("additionalProperties")
        if not fields and isinstance(more, dict):
            return f"dict[str, {self._union(self._members(more, root, words, above))}]"
        if not fields or len(fields) > _MOST_FIELDS or not all(map(is_utf8, fields)):
            return f"dict[str, {self.any()}]"
        required = schema.get("required")
        required = required if isinstance(required, list) else []
        typed = {}
        for key, value in fields.items():
            annotation = self._union(self._members(value, root, (*words, key), above))
            if key not in required:
                self.imports.add("NotRequired")
                annotation = f"NotRequired[{annotation}]"
            typed[key] = annotation
        name = named(camel(*words[-3:]) or "Arguments", self.taken)
        self.imports.add("TypedDict")
        self.classes.append("\n".join(_typed_dict(name, typed, self.taken)))
        return name

    def _choices(self, choices: list[Any], schema: Mapping[str, Any]) -> list[str]:
        """Return literals, or the types of what cannot be one."""
        spelt = [_choice(one) for one in choices]
        if not choices or len(choices) > _MOST_CHOICES or None in spelt:
            kinds = [_type_of(one) for one in choices] or [str(schema.get("type"))]
            return [_PLAIN.get(kind, "Any") for kind in kinds]
        values = list(dict.fromkeys(str(one) for one in spelt if one != "None"))
        found = []
        if values:
            self.imports.add("Literal")
            found.append(f"Literal[{', '.join(values)}]")
        return [*found, "None"] if "None" in spelt else found

    def _union(self, members: list[str]) -> str:
        """Return the alternatives as one annotation, None last."""
        found = list(dict.fromkeys(members))
        if "Any" in found or not found:
            return self.any()
        if "None" in found:
            found = [*(one for one in found if one != "None"), "None"]
        return " | ".join(found)


def _typed_dict(name: str, fields: Mapping[str, str], taken: set[str]) -> Iterator[str]:
    """Yield a class, or a call where a key can be no field of a class."""
    if all(is_plain(key) and key not in _USED and key not in taken for key in fields):
        yield f"class {name}(TypedDict):"
        yield from (f"    {key}: {annotation}" for key, annotation in fields.items())
        return
    yield f"{name} = TypedDict("
    yield f"    {literal(name)},"
    yield "    {"
    yield from (f"        {literal(key)}: {value}," for key, value in fields.items())
    yield "    },"
    yield ")"


def _choice(value: Any) -> str | None:
    """Return what stands in a Literal, None for what cannot stand there."""
    if isinstance(value, str):
        short = len(value) <= _LONGEST_CHOICE and is_utf8(value)
        return literal(value) if short else None
    if value is None or isinstance(value, bool):
        return str(value)
    if isinstance(value, int) and abs(value) < _BIGGEST:
        return str(value)
    return None


def _type_of(value: Any) -> str:
    if value is None:
        return "null"
    for kind, name in ((bool, "boolean"), (str, "string"), (int, "integer"), (float, "number")):
        if isinstance(value, kind):
            return name
    return ""


def _resolved(reference: Any, root: Any) -> Any:
    """Return what a `$ref` within the schema points to, None where it points to nothing there."""
    if not isinstance(reference, str) or not reference.startswith("#"):
        return None
    found = root
    for part in reference[1:].split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(found, dict) or key not in found:
            return None
        found = found[key]
    return found
