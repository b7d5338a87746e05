"""File search: the chunks of a store that share words with a question."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from types import MappingProxyType
from typing import Any, NamedTuple

from understudy.sandbox.chunking import Chunks, is_text
from understudy.sandbox.members import Member
from understudy.sandbox.state import Project

_MOST_CHUNKS = 500
_QUOTE = 300
_WORD = re.compile(r"\w{3,}")


class Hit(NamedTuple):
    """A chunk that was found, with a score from 0 to 1."""

    member: Member
    score: float
    text: str

    def shown(self) -> dict[str, Any]:
        """Return what the API says about it."""
        return {
            "attributes": dict(self.member.attributes),
            "file_id": self.member.file.id,
            "filename": self.member.file.name,
            "score": self.score,
            "text": self.text,
        }

    def quote(self, question: str) -> str:
        """Return the line that has most to do with the question."""
        wanted = words(question)
        lines = [line.strip() for line in self.text.splitlines() if line.strip()] or [self.text]
        return max(lines, key=lambda line: len(wanted & words(line)))[:_QUOTE]


def words(text: str) -> set[str]:
    """Return the words of a text, of three letters at least, without a plural's s."""
    return {word.casefold().removesuffix("s") for word in _WORD.findall(text)}


def search(project: Project, tool: Mapping[str, Any], question: str) -> list[Hit]:
    """Return the best chunks for a question, as a `file_search` tool asks for them, best first."""
    desk = project.store_desk
    stores = [desk.find(store_id) for store_id in tool["vector_store_ids"]]
    for store in stores:
        store.check_alive()
        store.last_active_at = int(project.now())
    members = chain.from_iterable(store.files.all() for store in stores)
    fitting = (one for one in members if _fits(one.attributes, tool.get("filters")))
    wanted = words(question)
    hits = [hit for one in fitting for hit in _hits(project, one, wanted)]
    ranking = tool.get("ranking_options") or {}
    least = ranking.get("score_threshold") or 0
    hits = [hit for hit in hits if hit.score >= least]
    hits.sort(key=lambda hit: -hit.score)
    return hits[: tool.get("max_num_results") or 20]


def _hits(project: Project, member: Member, wanted: set[str]) -> Iterator[Hit]:
    if member.status(project.now()) != "completed" or not is_text(member.file.content):
        return
    for text in Chunks(member.file.content, member.chunking).read(0, _MOST_CHUNKS):
        shared = wanted & words(text)
        if shared:
            yield Hit(member, round(len(shared) / len(wanted), 4), text)


def _fits(attributes: Mapping[str, Any], condition: Mapping[str, Any] | None) -> bool:
    if condition is None:
        return True
    kind = condition["type"]
    if kind in _ALL:
        return _ALL[kind](_fits(attributes, one) for one in condition["filters"])
    if condition["key"] not in attributes:
        return kind in ("ne", "nin")
    try:
        return _COMPARE[kind](attributes[condition["key"]], condition["value"])
    except TypeError:
        return False


_ALL: Mapping[str, Callable[[Iterator[bool]], bool]] = MappingProxyType({"and": all, "or": any})
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = MappingProxyType(
    {
        "eq": lambda one, other: one == other,
        "ne": lambda one, other: one != other,
        "gt": lambda one, other: one > other,
        "gte": lambda one, other: one >= other,
        "lt": lambda one, other: one < other,
        "lte": lambda one, other: one <= other,
        "in": lambda one, others: one in others,
        "nin": lambda one, others: one not in others,
    }
)


def stores(tools: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the ids of the stores that tools search."""
    searching = (tool for tool in tools if tool["type"] == "file_search")
    return [store_id for tool in searching for store_id in tool["vector_store_ids"]]
