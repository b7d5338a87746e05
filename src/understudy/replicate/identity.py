"""Which destination assistant is the counterpart of which source assistant.

In this order, and never guessed:

1. the very same id (restoring a snapshot into the place it was taken from);
2. the clone: its `cloned_from` names the source; or the original: the source's `cloned_from`
   names it (copying back);
3. what an earlier mapping.json remembers, where metadata had no room or was lost;
4. a sibling: both are clones of the same original (A to B, A to C, now B to C).

What says that it is the clone of another source is that one's counterpart and nobody else's,
whatever its id: ids of snapshots are names, and two snapshots may use the same one. More than
one candidate is a conflict, and so are two sources with the same counterpart.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar


class Identified(Protocol):
    """An assistant or a vector store: it has an id, and may say whose clone it is."""

    @property
    def id(self) -> str:
        """The id that its place gave it."""
        ...

    @property
    def cloned_from(self) -> str | None:
        """The id of its original, if it says so."""
        ...


T = TypeVar("T", bound=Identified)


@dataclass(frozen=True, slots=True)
class Counterpart(Generic[T]):
    """`one` is the destination's; with more than one in `rivals` it is a conflict."""

    one: T | None = None
    rivals: tuple[T, ...] = ()
    reason: str = ""


def counterparts(
    sources: Sequence[T],
    destination: Iterable[T],
    *,
    known: Mapping[str, str],
    among: Collection[str] = (),
    same_place: bool = False,
    one_home: bool = True,
    what: str = "assistants",
) -> list[Counterpart[T]]:
    """Return a counterpart for each source, in order. `known` maps source to destination ids.

    `among` are the ids of all that the source holds, if `sources` are a selection. In the
    `same_place`, ids say nothing: only clones count. Without `one_home`, the ids of both come
    from different servers: only long ones, which are random, can mean the same assistant.
    """
    every = {*among, *(source.id for source in sources)}
    places = _Candidates(destination, known, every, same_place=same_place, one_home=one_home)
    matched = [places.of(source) for source in sources]
    claims = Counter(one.id for candidates in matched for one in candidates)
    return [_decide(candidates, claims, what) for candidates in matched]


#: Ids of that length are random: the same one twice is the same assistant.
RANDOM = 20


class _Candidates(Generic[T]):
    """What in the destination could be a source's counterpart."""

    def __init__(
        self,
        destination: Iterable[T],
        known: Mapping[str, str],
        sources: Collection[str],
        *,
        same_place: bool,
        one_home: bool,
    ) -> None:
        self._one_home = one_home
        self._known = known
        self._sources = sources
        self._same_place = same_place
        self._by_id: dict[str, T] = {}
        self._clones: dict[str, list[T]] = defaultdict(list)
        for one in destination:
            self._by_id[one.id] = one
            if one.cloned_from:
                self._clones[one.cloned_from].append(one)

    def of(self, source: T) -> list[T]:
        """Return all candidates for one source; more than one is a conflict."""
        found = {clone.id: clone for clone in self._clones.get(source.id, ())}
        if self._same_place:
            return list(found.values())
        telling = self._one_home or len(source.id) >= RANDOM
        if telling and (here := self._free(source.id, source)):
            return [here]
        # An original that the source holds itself is another assistant, with its own clone.
        origin = None if source.cloned_from in self._sources else source.cloned_from
        if here := self._free(origin, source):
            found[here.id] = here
        if not found and (here := self._free(self._known.get(source.id), source)):
            found[here.id] = here
        if not found and origin:
            found = {clone.id: clone for clone in self._clones.get(origin, ())}
        return list(found.values())

    def _free(self, wanted: str | None, source: T) -> T | None:
        """Return what has that id, unless it is the clone of another source."""
        here = self._by_id.get(wanted or "")
        if here is None or here.cloned_from in (source.id, source.cloned_from):
            return here
        return None if here.cloned_from in self._sources else here


def _decide(candidates: list[T], claims: Mapping[str, int], what: str) -> Counterpart[T]:
    if not candidates:
        return Counterpart()
    if len(candidates) > 1:
        ids = ", ".join(a.id for a in candidates)
        return Counterpart(
            rivals=tuple(candidates),
            reason=f"{len(candidates)} {what} in the destination could be its copy: {ids}",
        )
    (one,) = candidates
    if claims[one.id] > 1:
        return Counterpart(
            rivals=(one,),
            reason=f"{claims[one.id]} {what} of the source claim the same copy {one.id}",
        )
    return Counterpart(one=one)
