"""An assistant as rows of boxes and what flows between them, for drawing. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from understudy.architect.definition import Definition
from understudy.architect.flow import Flow
from understudy.architect.meaning import Reading, Source
from understudy.architect.models import Mapped


@dataclass(frozen=True, slots=True)
class Box:
    """An input field or a prompt."""

    id: str
    title: str
    lines: tuple[str, ...] = ()
    field: bool = False


@dataclass(frozen=True, slots=True)
class Arrow:
    """What flows from one box into another; `name` is the variable that carries it."""

    start: str
    end: str
    name: str


@dataclass(frozen=True, slots=True)
class Picture:
    """The form's row first (if it has fields), then a row for each stage."""

    title: str
    note: str
    rows: tuple[tuple[Box, ...], ...]
    labels: tuple[str, ...]
    arrows: tuple[Arrow, ...]


@dataclass(frozen=True, slots=True)
class Explained:
    """What one prompt reads and who reads its output, by names."""

    name: str
    position: int
    stage: int
    model: str
    answered_by: str
    why: str
    reads: tuple[tuple[str, str, str, int], ...]  # variable, source, what, times
    read_by: tuple[str, ...]


def picture(one: Definition, flow: Flow, models: Mapping[str, Mapped]) -> Picture:
    """Return how an assistant is drawn."""
    rows: list[tuple[Box, ...]] = []
    labels: list[str] = []
    if one.input_fields:
        ordered = sorted(enumerate(one.input_fields), key=lambda pair: (pair[1].position, pair[0]))
        rows.append(
            tuple(
                Box(
                    f"f{i}",
                    each.name + ("*" if each.options.get("required") else ""),
                    (each.field_type.value,),
                    field=True,
                )
                for i, each in ordered
            )
        )
        labels.append("form")
    for number, stage in enumerate(flow.stages, 1):
        rows.append(tuple(_prompt_box(one, flow, i, models) for i in stage.prompts))
        many = len(stage.prompts)
        labels.append(f"stage {number}" + (f": {many} at once" if many > 1 else ""))
    note = f"{len(one.prompts)} prompt{'s' if len(one.prompts) != 1 else ''}"
    if one.timeout is not None:
        note += f", {one.timeout:g} s at most"
    arrows = tuple(
        Arrow(source_id(reading), f"p{i}", reading.via or reading.name)
        for i, reads in enumerate(flow.reads)
        for reading in reads
        if reading.source is not Source.MAPPING
    )
    return Picture(one.name, note, tuple(rows), tuple(labels), tuple(dict.fromkeys(arrows)))


def source_id(reading: Reading) -> str:
    """Return the id of the box that a variable comes from."""
    return f"{'f' if reading.source is Source.FIELD else 'p'}{reading.target}"


def _prompt_box(one: Definition, flow: Flow, index: int, models: Mapping[str, Mapped]) -> Box:
    prompt = one.prompts[index]
    mapped = models.get(prompt.model_name)
    model = prompt.model_name
    if mapped is not None and mapped.model is not None and mapped.model.id != model:
        model += f" → {mapped.model.id}"
    reads = dict.fromkeys(
        _read_name(one, reading)
        for reading in flow.reads[index]
        if reading.source is not Source.MAPPING
    )
    lines = [model]
    if reads:
        lines.append(f"reads {', '.join(reads)}")
    return Box(f"p{index}", f"{prompt.position} {prompt.name}", tuple(lines))


def _read_name(one: Definition, reading: Reading) -> str:
    if reading.source is Source.FIELD:
        return one.input_fields[reading.target].name
    return one.prompts[reading.target].name


def explain(one: Definition, flow: Flow, models: Mapping[str, Mapped]) -> tuple[Explained, ...]:
    """Return for every prompt, in order of execution, what it reads and who reads it."""
    readers: dict[int, list[str]] = {}
    for i, reads in enumerate(flow.reads):
        for reading in reads:
            if reading.source is Source.OUTPUT:
                names = readers.setdefault(reading.target, [])
                if one.prompts[i].name not in names:
                    names.append(one.prompts[i].name)
    made = []
    for number, stage in enumerate(flow.stages, 1):
        for i in stage.prompts:
            prompt, mapped = one.prompts[i], models.get(one.prompts[i].model_name)
            made.append(
                Explained(
                    prompt.name,
                    prompt.position,
                    number,
                    prompt.model_name,
                    mapped.model.id if mapped and mapped.model else "",
                    mapped.why if mapped else "",
                    tuple(
                        _row(one, reading)
                        for reading in flow.reads[i]
                        if reading.source is not Source.MAPPING
                    ),
                    tuple(readers.get(i, ())),
                )
            )
    return tuple(made)


def _row(one: Definition, reading: Reading) -> tuple[str, str, str, int]:
    what = _read_name(one, reading)
    name = f"{reading.via} ({reading.name})" if reading.via else reading.name
    return name, reading.source.value, what, reading.times
