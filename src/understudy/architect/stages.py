"""Which prompts run together, and in which order. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple


class Slot(NamedTuple):
    """A prompt's place: its place in the list, its position, its group where groups count."""

    where: int
    position: int
    group: int | None = None


class Stage(NamedTuple):
    """Prompts that run at once, as indices into the document's list, in order of position."""

    prompts: tuple[int, ...]
    positions: tuple[int, int]  # first and last


def stages(slots: Sequence[Slot]) -> tuple[Stage, ...]:
    """Return the stages in their order.

    Prompts of one group run together, and so do prompts of one position (as real exports have
    them). Stages are ordered by their first position; `split` tells which overlap.
    """
    ordered = sorted(slots, key=_place)
    return _simple(ordered) or _joined(ordered)


def _simple(ordered: Sequence[Slot]) -> tuple[Stage, ...] | None:
    """Return the stages where each position is taken once and groups are not split, else None."""
    made: list[Stage] = []
    seen: set[int] = set()
    group: int | None = None
    last: int | None = None
    for where, position, mine in ordered:
        if position == last:
            return None
        last = position
        if mine is not None and mine == group:
            before = made[-1]
            made[-1] = Stage((*before[0], where), (before[1][0], position))
            continue
        if mine is not None:
            if mine in seen:
                return None
            seen.add(mine)
        group = mine
        made.append(Stage((where,), (position, position)))
    return tuple(made)


def _joined(ordered: Sequence[Slot]) -> tuple[Stage, ...]:
    leader = list(range(len(ordered)))
    first_of: dict[tuple[bool, int], int] = {}
    for i, slot in enumerate(ordered):
        keys = [(False, slot.position)]
        if slot.group is not None:
            keys.append((True, slot.group))
        for key in keys:
            leader[_first(leader, i)] = _first(leader, first_of.setdefault(key, i))
    members: dict[int, list[Slot]] = {}
    for i, slot in enumerate(ordered):
        members.setdefault(_first(leader, i), []).append(slot)
    made = [
        Stage(tuple([slot.where for slot in group]), (group[0].position, group[-1].position))
        for group in members.values()
    ]
    return tuple(sorted(made, key=lambda stage: (stage.positions, stage.prompts)))


def _place(slot: Slot) -> tuple[int, int]:
    return slot.position, slot.where


def _first(leader: list[int], one: int) -> int:
    """Return the representative of those that run together with this one."""
    while leader[one] != one:
        leader[one] = leader[leader[one]]
        one = leader[one]
    return one


def split(ordered: Sequence[Stage]) -> tuple[tuple[Stage, Stage], ...]:
    """Return pairs of stages where the second begins before the first has ended."""
    return tuple(
        (before, after)
        for before, after in pairwise(ordered)
        if after.positions[0] <= before.positions[1]
    )
