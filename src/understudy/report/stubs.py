"""A Python module with one stub for each function that assistants call."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from understudy.model.functions import PortedFunction, properties_of
from understudy.report.annotations import Annotations
from understudy.report.python import docstring, is_plain, literal, named

_MARK = "# Stubs written by understudy. sha256 of what follows: "
_ABOUT = '''"""Functions that assistants call.

Their schemas travelled, their code did not: put it in the place of each `raise`. A function may
be async. `HANDLERS` holds them under the names that the model calls them by:

    understudy ask BUNDLE/NAME "question" --handlers THIS_FILE.py
"""
'''
_RENAMED = '''
def _renamed(function: Callable[..., Any], names: dict[str, str]) -> Callable[..., Any]:
    """Return a function that takes its arguments under the names that the schema gives them."""

    def call(**arguments: Any) -> Any:
        return function(**{names.get(key, key): value for key, value in arguments.items()})

    return call

'''
#: Where a schema says by these what its arguments are, a signature cannot.
_COMBINED = frozenset({"$ref", "anyOf", "oneOf", "allOf", "patternProperties"})
_SHOWN = 10  # users named in a docstring
_TAKEN = frozenset({"HANDLERS", "Any", "Callable", "Literal", "NotRequired", "TypedDict"})


def stubs(functions: Sequence[PortedFunction]) -> str:
    """Return the module: it compiles, and is typed, whatever the schemas are.

    Functions that share a name share a stub, which takes the arguments of each.
    """
    module = _Module()
    groups = groupby(sorted(functions, key=lambda one: one.name), key=lambda one: one.name)
    for name, group in groups:
        module.add(name, list(group))
    body = module.text()
    return f"{_MARK}{_digest(body)}\n{body}"


def is_untouched(text: str) -> bool:
    """Tell whether a module was written by `stubs` and by nobody after."""
    first, _, rest = text.partition("\n")
    return first.startswith(_MARK) and first.removeprefix(_MARK).strip() == _digest(rest)


@dataclass(frozen=True, slots=True)
class _Argument:
    """One argument: its name in the schema, its name in Python, its annotation."""

    key: str
    name: str
    annotation: str
    required: bool

    def __str__(self) -> str:
        return f"    {self.name}: {self.annotation}{'' if self.required else ' = None'},"


class _Module:
    """The module while stubs are being added."""

    def __init__(self) -> None:
        self._annotations = Annotations({*_TAKEN, "_renamed", "annotations"})
        self._parts: list[str] = []
        self._handlers: list[str] = []
        self._renames = False

    def add(self, name: str, group: Sequence[PortedFunction]) -> None:
        """Add the stub for all functions of a name."""
        python = named(name, self._annotations.taken)
        arguments, open_ended = self._signature(name, group)
        signature = [f"def {python}() -> Any:"]
        if arguments or open_ended:
            stars = ["    *,"] if arguments else []
            rest = [f"    **{_rest(arguments)}: Any,"] if open_ended else []
            signature = [f"def {python}(", *stars, *map(str, arguments), *rest, ") -> Any:"]
        lines = [*self._before(), *signature, *docstring(_said(group), "    ")]
        lines.append(f"    raise NotImplementedError({literal(name)})")
        self._parts.append("\n".join(lines))
        renamed = {one.key: one.name for one in arguments if one.key != one.name}
        self._handlers += self._entry(name, python, renamed)

    def text(self) -> str:
        """Return the module's text without its first line."""
        self._annotations.imports.add("Any")
        names = ", ".join(sorted(self._annotations.imports, key=str.lower))
        head = (
            f"{_ABOUT}\nfrom __future__ import annotations\n\n"
            f"from collections.abc import Callable\nfrom typing import {names}\n"
        )
        parts = [*([_RENAMED.strip("\n")] if self._renames else []), *self._parts]
        handlers = ["HANDLERS: dict[str, Callable[..., Any]] = {", *self._handlers, "}"]
        if not self._handlers:
            handlers = ["HANDLERS: dict[str, Callable[..., Any]] = {}"]
        return "\n\n".join([head, *(f"{part}\n" for part in parts), "\n".join(handlers) + "\n"])

    def _before(self) -> list[str]:
        """Return the TypedDicts that the next stub needs, each with two empty lines below."""
        classes, self._annotations.classes = self._annotations.classes, []
        return [f"{one}\n\n" for one in classes]

    def _signature(
        self, name: str, group: Sequence[PortedFunction]
    ) -> tuple[list[_Argument], bool]:
        """Return the arguments, required ones first, and whether there may be others."""
        schemas = [_schema(one.parameters) for one in group]
        fields = [properties_of(schema) for schema in schemas]
        if any(one is None for one in fields):
            return [], True
        required = set.intersection(*(set(_required(schema)) for schema in schemas))
        keys = dict.fromkeys(key for one in fields for key in one or ())
        keys |= dict.fromkeys(key for schema in schemas for key in _required(schema))
        taken: set[str] = {key for key in keys if is_plain(key)}
        found = []
        for key in keys:
            spelt = {
                self._annotations.of(one[key], schema, name, key)
                for schema, one in zip(schemas, fields, strict=True)
                if one and key in one
            }
            annotation = spelt.pop() if len(spelt) == 1 else self._annotations.any()
            if key not in required and annotation != "Any" and not annotation.endswith("None"):
                annotation = f"{annotation} | None"
            python = key if is_plain(key) else named(key, taken, fallback="argument")
            found.append(_Argument(key, python, annotation, key in required))
        found.sort(key=lambda one: not one.required)
        return found, any(bool(schema.get("additionalProperties")) for schema in schemas)

    def _entry(self, name: str, python: str, renamed: Mapping[str, str]) -> list[str]:
        if not renamed:
            return [f"    {literal(name)}: {python},"]
        self._renames = True
        pairs = [f"            {literal(key)}: {literal(one)}," for key, one in renamed.items()]
        return [
            f"    {literal(name)}: _renamed(",
            f"        {python},",
            "        {",
            *pairs,
            "        },",
            "    ),",
        ]


def _schema(parameters: Any) -> dict[str, Any]:
    """Return a function's schema; without one it takes no arguments."""
    if parameters is None or parameters == {}:
        return {"type": "object", "properties": {}}
    told = isinstance(parameters, dict) and not parameters.keys() & _COMBINED
    return parameters if told else {"additionalProperties": True}


def _required(schema: Mapping[str, Any]) -> list[str]:
    found = schema.get("required")
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []


def _rest(arguments: Sequence[_Argument]) -> str:
    return named("more" if arguments else "arguments", {one.name for one in arguments})


def _said(group: Sequence[PortedFunction]) -> str:
    """Return the text of a stub's docstring."""
    return "\n\n".join(part for part in _paragraphs(group) if part)


def _paragraphs(group: Sequence[PortedFunction]) -> Iterator[str]:
    yield from dict.fromkeys(one.description.strip() for one in group)
    if len(group) > 1:
        yield f"{len(group)} functions of different schemas have this name."
    if any(one.searches for one in group):
        yield (
            "It stands in for file search: answer it with client.vector_stores.search(STORE_ID, "
            "query=query)."
        )
    users = dict.fromkeys(user.name.strip() or user.id for one in group for user in one.users)
    names = ", ".join(list(users)[:_SHOWN])
    more = f" and {len(users) - _SHOWN} more" if len(users) > _SHOWN else ""
    yield f"Used by {names}{more}." if users else ""


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()
