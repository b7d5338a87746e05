"""Checks of the prompts' order: positions and groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from understudy.architect import limits
from understudy.architect.findings import Collector, Path
from understudy.architect.shapes import briefly, whole
from understudy.architect.stages import Slot, Stage, split, stages

_NUMBERS = list(range(limits.MOST_PROMPTS))


class Plain(NamedTuple):
    """An order in which nothing is amiss; `outputs` are the variables of outputs by position."""

    slots: tuple[Slot, ...]
    stages: tuple[Stage, ...]
    outputs: Mapping[str, int]


def plainly_ordered(prompts: list[Any], *, parallel: bool) -> Plain | None:
    """Return the order of well-formed prompts at positions 0, 1, 2, with whole groups, if any.

    None for prompts whose order is to be looked at closely.
    """
    count = len(prompts)
    if [prompt["position"] for prompt in prompts] != _NUMBERS[:count]:
        return None
    groups = tuple([prompt.get("parallel_group") for prompt in prompts])
    grouped = groups.count(None) < count
    if grouped is not parallel and (grouped or count > 1):
        return None
    return _plain(groups)


@lru_cache(maxsize=1024)
def _plain(groups: tuple[int | None, ...]) -> Plain | None:
    """Return the order of prompts with these groups; most assistants share a few."""
    slots = tuple(Slot(i, i, group) for i, group in enumerate(groups))
    ordered = stages(slots)
    if split(ordered):
        return None
    return Plain(slots, ordered, _outputs(len(groups)))


@lru_cache(maxsize=limits.MOST_PROMPTS + 1)
def _outputs(count: int) -> Mapping[str, int]:
    return {f"prompt_{i}_output": i for i in range(count)}


def outputs_of(slots: Sequence[Slot]) -> Mapping[str, int]:
    """Return the variables of outputs where positions are places in the list, else none."""
    if len(slots) > limits.MOST_PROMPTS:
        return {}
    for i, slot in enumerate(slots):
        if not slot.where == slot.position == i:
            return {}
    return _outputs(len(slots))


def slots_of(prompts: list[Any], *, parallel: bool) -> list[Slot]:
    """Return each prompt's place; one without a position gets that of its place in the list."""
    slots = []
    for i, prompt in enumerate(prompts):
        if isinstance(prompt, dict):
            position = prompt.get("position")
            if type(position) is not int:
                position = whole(position)
            group = prompt.get("parallel_group") if parallel else None
            if group is not None and type(group) is not int:
                group = whole(group)
            slots.append(Slot(i, i if position is None else position, group))
    return slots


def check_order(
    assistant: Mapping[str, Any],
    prompts: list[Any],
    slots: list[Slot],
    ordered: tuple[Stage, ...],
    at: Path,
    found: Collector,
) -> None:
    """Report positions and groups that do not fit together."""
    for before, after in split(ordered):
        low, high = before.positions
        found.add(
            "split_group",
            (*at, after.prompts[0], "position"),
            f"Position {briefly(after.positions[0])} stands between prompts that run together "
            f"(positions {briefly(low)} to {briefly(high)}), and is not one of them.",
            "Give the prompts of a group positions that follow each other.",
        )
    _positions(prompts, slots, at, found)
    _groups(assistant, prompts, at, found)


def _positions(prompts: list[Any], slots: list[Slot], at: Path, found: Collector) -> None:
    if all(slot.position == i for i, slot in enumerate(slots)):
        return
    taken: dict[int, int] = {}
    for slot in slots:
        first = taken.setdefault(slot.position, slot.where)
        if first != slot.where and whole(prompts[slot.where].get("position")) is not None:
            found.add(
                "duplicate_position",
                (*at, slot.where, "position"),
                f"Position {briefly(slot.position)} is also that of prompts[{first}]; both run in "
                "one stage.",
                "Number the prompts 0, 1, 2 and so on; prompts of one parallel_group run together.",
            )
    sane = [position for position in sorted(taken) if position >= 0]
    for expected, position in enumerate(sane):
        if position != expected:
            found.add(
                "position_gap",
                (*at, taken[position], "position"),
                f"Positions should go on with {expected}, not {briefly(position)}; "
                "the order counts.",
                "Number the prompts 0, 1, 2 and so on.",
            )
            break


def _groups(assistant: Mapping[str, Any], prompts: list[Any], at: Path, found: Collector) -> None:
    grouped = [
        i
        for i, prompt in enumerate(prompts)
        if isinstance(prompt, dict) and prompt.get("parallel_group") is not None
    ]
    if assistant.get("is_parallel") is True:
        if not grouped and len(prompts) > 1:
            found.add(
                "no_groups",
                (*at[:-1], "is_parallel"),
                '"is_parallel" is true, but no prompt has a "parallel_group"; all run one '
                "after the other.",
                'Set "parallel_group" where prompts shall run at once.',
            )
    elif grouped:
        found.add(
            "groups_ignored",
            (*at, grouped[0], "parallel_group"),
            '"parallel_group" is ignored, because "is_parallel" is not true; all prompts run '
            "one after the other.",
            'Set "is_parallel": true, or remove the groups.',
        )
