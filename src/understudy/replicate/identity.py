"""Which destination assistant is the counterpart of which source assistant.

In this order, and never guessed:

1. the very same id (restoring a snapshot into the place it was taken from);
2. the clone: its `cloned_from` names the source; or the original: the source's `cloned_from`
   names it (copying back);
3. what an earlier mapping.json remembers, where metadata had no room or was lost;
4. a sibling: both are clones of the same original (A to B, A to C, now B to C).

More than one candidate is a conflict, and so are two sources with the same counterpart.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from understudy.model.assistant import Assistant


@dataclass(frozen=True, slots=True)
class Counterpart:
    """`one` is the destination's assistant; with more than one in `rivals` it is a conflict."""

    one: Assistant | None = None
    rivals: tuple[Assistant, ...] = ()
    reason: str = ""


def counterparts(
    sources: Sequence[Assistant],
    destination: Iterable[Assistant],
    *,
    known: Mapping[str, str],
    same_place: bool = False,
) -> list[Counterpart]:
    """Return a counterpart for each source, in order. `known` maps source to destination ids.

    In the `same_place`, ids say nothing: only clones count.
    """
    by_id: dict[str, Assistant] = {}
    clones: dict[str, list[Assistant]] = defaultdict(list)
    for assistant in destination:
        by_id[assistant.id] = assistant
        if assistant.cloned_from:
            clones[assistant.cloned_from].append(assistant)

    def candidates(source: Assistant) -> list[Assistant]:
        found = {clone.id: clone for clone in clones.get(source.id, ())}
        if same_place:
            return list(found.values())
        if source.id in by_id:
            return [by_id[source.id]]
        if source.cloned_from in by_id:
            found[source.cloned_from] = by_id[source.cloned_from]
        if not found and (remembered := by_id.get(known.get(source.id, ""))):
            found[remembered.id] = remembered
        if not found and source.cloned_from:
            found = {clone.id: clone for clone in clones.get(source.cloned_from, ())}
        return list(found.values())

    matched = [candidates(source) for source in sources]
    claims = Counter(assistant.id for candidate in matched for assistant in candidate)
    return [_decide(candidate, claims) for candidate in matched]


def _decide(candidates: list[Assistant], claims: Mapping[str, int]) -> Counterpart:
    if not candidates:
        return Counterpart()
    if len(candidates) > 1:
        ids = ", ".join(a.id for a in candidates)
        return Counterpart(
            rivals=tuple(candidates),
            reason=f"{len(candidates)} assistants in the destination could be its copy: {ids}",
        )
    (one,) = candidates
    if claims[one.id] > 1:
        return Counterpart(
            rivals=(one,),
            reason=f"{claims[one.id]} assistants of the source claim the same copy {one.id}",
        )
    return Counterpart(one=one)
