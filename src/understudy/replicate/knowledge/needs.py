"""Which knowledge an assistant leans on, and how a plan speaks of ids that are not there yet.

Pure. A plan's payload names knowledge by the source's ids behind a prefix; they are replaced by
the destination's ids when the assistant is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from understudy.model.knowledge import LISTS, listed_ids

PREFIX = "knowledge:"


@dataclass(frozen=True, slots=True)
class KnowledgeOptions:
    """What to carry. `require`: an assistant that would lack something is not written.

    `max_bytes` bounds what one run moves, in bytes; `containers` and `texts` open the routes of
    those names; `index_seconds` is how long indexing is awaited.
    """

    file_search: bool = False
    code_interpreter: bool = False
    require: bool = False
    max_bytes: int | None = None
    containers: bool = False
    texts: bool = False
    index_seconds: float = 600.0

    @property
    def wanted(self) -> bool:
        """Whether anything is to be carried at all."""
        return self.file_search or self.code_interpreter

    @property
    def tools(self) -> tuple[str, ...]:
        """The tools whose knowledge is carried."""
        wanted = {"file_search": self.file_search, "code_interpreter": self.code_interpreter}
        return tuple(tool for tool in LISTS if wanted[tool])


@dataclass(frozen=True, slots=True)
class Needs:
    """The source's ids of what one assistant leans on, in its order."""

    stores: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.stores or self.files)


def needs_of(raw: Mapping[str, Any], options: KnowledgeOptions) -> Needs:
    """Return what of an assistant's knowledge is to be carried."""
    stores = tuple(ids_of(raw, "file_search")) if options.file_search else ()
    files = tuple(ids_of(raw, "code_interpreter")) if options.code_interpreter else ()
    return Needs(stores, files)


def ids_of(raw: Mapping[str, Any], tool: str) -> Iterator[str]:
    """Yield the ids in one tool's resources, each once; nothing for what is malformed."""
    seen = set()
    for one in listed_ids(raw.get("tool_resources"), tool):
        if isinstance(one, str) and one and one not in seen:
            seen.add(one)
            yield one


def placeholders(
    needs: Needs, options: KnowledgeOptions, *, there: Mapping[str, Any], keep: frozenset[str]
) -> dict[str, Any]:
    """Return `tool_resources` for a copy, ids as placeholders; `keep` are those to be had.

    What is `there` of tools that are not carried stays as it is: an update replaces the whole.
    """
    carried = {"file_search": needs.stores, "code_interpreter": needs.files}
    resources: dict[str, Any] = {
        tool: part for tool, part in there.items() if tool not in options.tools
    }
    held = plain(there)
    for tool in options.tools:
        ids = [PREFIX + one for one in carried[tool] if one in keep]
        if ids or tool in held:  # an empty list clears what is there
            resources[tool] = {LISTS[tool]: ids}
    return resources


def resolved(resources: Mapping[str, Any], ids: Mapping[str, str]) -> dict[str, Any]:
    """Return `tool_resources` with the destination's ids; what never arrived is left out."""
    result: dict[str, Any] = {}
    for tool, part in resources.items():
        key = LISTS.get(tool, "")
        if not isinstance(part, Mapping) or not isinstance(part.get(key), list):
            result[tool] = part
            continue
        found = [_resolve(one, ids) for one in part[key]]
        result[tool] = {**part, key: [one for one in found if one is not None]}
    return result


def plain(resources: Any) -> dict[str, dict[str, list[Any]]]:
    """Return the ids of `tool_resources` that are any, to compare two of them."""
    found = {tool: {key: listed_ids(resources, tool)} for tool, key in LISTS.items()}
    return {tool: part for tool, part in found.items() if part[LISTS[tool]]}


def _resolve(one: Any, ids: Mapping[str, str]) -> Any:
    if isinstance(one, str) and one.startswith(PREFIX):
        return ids.get(one.removeprefix(PREFIX))
    return one
