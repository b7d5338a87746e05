"""Unions of the `openai` package's parameter types, taken apart by the `type` that they name."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, get_args, get_type_hints

from pydantic import TypeAdapter
from typing_extensions import TypedDict


class Tagged(Mapping[str, TypeAdapter[Any]]):
    """An adapter for each `type` in a union, made upon first use: some unions are vast.

    `instead` gives other types for fields.
    """

    def __init__(self, union: Any, **instead: Any) -> None:
        self._union = union
        self._instead = instead
        self._made: dict[str, TypeAdapter[Any]] = {}

    def __getitem__(self, tag: str) -> TypeAdapter[Any]:
        if tag not in self._made:
            self._made[tag] = TypeAdapter(self._swapped(self._members[tag]))
        return self._made[tag]

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    @cached_property
    def _members(self) -> Mapping[str, Any]:
        return {
            tag: member
            for member in get_args(self._union)
            for tag in _strings(get_type_hints(member)["type"])
        }

    def _swapped(self, member: Any) -> Any:
        hints = get_type_hints(member, include_extras=True)
        swapped = {name: hint for name, hint in self._instead.items() if name in hints}
        if not swapped:
            return member
        return TypedDict(member.__name__, {**hints, **swapped}, total=False)  # type: ignore[operator]


def _strings(hint: Any) -> list[str]:
    """Return the strings that a literal allows, which may be within a union."""
    if isinstance(hint, str):
        return [hint]
    return [tag for part in get_args(hint) for tag in _strings(part)]
