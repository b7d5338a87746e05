"""The data flow of one assistant: its stages, what each prompt reads, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from understudy.architect.findings import Collector, Path
from understudy.architect.meaning import Names, Reading
from understudy.architect.order import check_order, outputs_of, plainly_ordered, slots_of
from understudy.architect.references import References
from understudy.architect.stages import Stage, stages


class Flow(NamedTuple):
    """Stages of prompt indices, and for each prompt what it reads."""

    stages: tuple[Stage, ...] = ()
    reads: tuple[tuple[Reading, ...], ...] = ()


def check_flow(
    assistant: Mapping[str, Any],
    path: Path,
    found: Collector,
    *,
    allow_unknown: bool = False,
    shaped: bool = False,
) -> Flow:
    """Return the data flow of an assistant whose objects were checked; problems go to `found`.

    A `shaped` one is known to have the types, sizes and names that it should have.

    With `allow_unknown` a variable that nobody knows stays as it is, with a warning.
    """
    prompts, fields = assistant.get("prompts"), assistant.get("input_fields")
    prompts = prompts if isinstance(prompts, list) else []
    fields = fields if isinstance(fields, list) else []
    at = (*path, "prompts")
    parallel = assistant.get("is_parallel") is True
    if shaped and (plain := plainly_ordered(prompts, parallel=parallel)) is not None:
        names = Names(prompts, fields, plain.slots, plain.stages, plain.outputs)
        ordered = plain.stages
    else:
        slots = slots_of(prompts, parallel=parallel)
        ordered = stages(slots)
        check_order(assistant, prompts, slots, ordered, at, found)
        names = Names(prompts, fields, slots, ordered, outputs_of(slots))
    texts = References(names, at, found, allow_unknown=allow_unknown)
    reads = tuple(
        [
            texts.prompt(i, prompt) if isinstance(prompt, dict) else ()
            for i, prompt in enumerate(prompts)
        ]
    )
    _slugs(names, at, found)
    _unused(names, path, found)
    return Flow(ordered, reads)


def _slugs(names: Names, at: Path, found: Collector) -> None:
    """Report outputs that cannot be named by slug; where somebody tried, that was an error."""
    if names.labels:
        return
    for index, short in names.slugs.items():
        title = names.title(index)
        if not title:
            continue
        first = names.by_slug[short][0]
        if not short:
            what = "has no letter or digit of ASCII, so that its slug is empty"
        elif first != index:
            what = f'has the slug of prompts[{first}], "{short}"'
        elif short in names.fields:
            what = f'has the slug "{short}", which is also an input field'
        else:
            continue
        if short and index in names.used_prompts:
            continue
        found.add(
            "unusable_slug",
            (*at, index, "name"),
            f'The prompt "{title[:80]}" {what}.',
            "Its output can be read as prompt_N_output; or rename it.",
        )


def _unused(names: Names, path: Path, found: Collector) -> None:
    if len(names.used_fields) == len(names.fields):
        return
    for name, indices in names.fields.items():
        if not names.used_fields.isdisjoint(indices):
            continue
        found.add(
            "unused_field",
            (*path, "input_fields", indices[0], "name"),
            f'No prompt reads the input field "{name[:80]}".',
            f"Write {{{{{name[:80]}}}}} in a prompt, or remove the field.",
        )
