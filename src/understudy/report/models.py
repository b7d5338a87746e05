"""Which models are used, and what becomes of them: text and JSON lines."""

from __future__ import annotations

from collections.abc import Iterator

import click

from understudy.model.retirement import Fate, State, as_of
from understudy.replicate.survey import ModelSurvey, ModelUse
from understudy.report.clean import clean, fit, width
from understudy.report.jsonlines import line, place_fields
from understudy.report.text import counted

_COLORS = {State.DEAD: "red", State.ABSENT: "red", State.DYING: "yellow"}
_NAMES = 3  # names shown behind a model
_LEAST = 8  # columns for them


def models_text(
    survey: ModelSurvey, *, quiet: bool = False, columns: int | None = None
) -> Iterator[str]:
    """Yield one line a model with who uses it, then where the dates come from, then the counts.

    With `columns` of a terminal, the names are cut to what room there is.
    """
    if not quiet:
        fates = [use.fate for use in survey.uses]
        column = min(40, max([len("(none)"), *(width(clean(one.model)) for one in fates)]))
        told = min(44, max([0, *(width(_said(one)) for one in fates)]))
        for use in survey.uses:
            yield _line(use, column, told, columns)
        if survey.uses:
            yield ""
            yield _origin(survey)
        if advice := _advice(survey):
            yield advice
    yield _counts(survey)


def models_lines(survey: ModelSurvey) -> Iterator[str]:
    """Yield a line for each model, then the summary."""
    for use in survey.uses:
        end = use.fate
        fields = {
            "model": end.model,
            "state": str(end.state),
            "shutdown": end.shutdown or None,
            "replacement": end.replacement or None,
            "note": end.note or None,
            "told_by": "place" if end.by_place else "table" if end.shutdown else None,
            "assistants": [{"id": one.id, "name": one.name} for one in use.assistants],
        }
        yield line("model", {key: value for key, value in fields.items() if value is not None})
    counts = {str(state): survey.count(state) for state in State}
    about = {"place": place_fields(survey.place), "table_as_of": as_of(), "told": survey.told}
    yield line("models", {**about, "assistants": counts})


def _line(use: ModelUse, column: int, said: int, columns: int | None) -> str:
    count = len(use.assistants)
    names = ", ".join(clean(one.label) for one in use.assistants[:_NAMES])
    more = f" and {count - _NAMES} more" if count > _NAMES else ""
    model = fit(clean(use.fate.model) or "(none)", column)
    told = click.style(fit(_said(use.fate), said), fg=_COLORS.get(use.fate.state))
    users = f"{names}{more}"
    if columns is not None:
        users = fit(users, max(_LEAST, columns - column - said - 10))
    return f"{model}  {count:>4}  {told}  {users}".rstrip()


def _said(end: Fate) -> str:
    instead = f" → {end.replacement}" if end.replacement else ""
    if end.state is State.DEAD:
        return f"dead since {end.shutdown}{instead}" if end.shutdown else f"dead{instead}"
    if end.state is State.DYING:
        return f"dies on {end.shutdown}{instead}"
    if end.state is State.ABSENT:
        return f"not offered by this place{instead}"
    return "alive" if end.state is State.ALIVE else "no end is known"


def _origin(survey: ModelSurvey) -> str:
    table = f"the table of {as_of()}"
    if survey.told:
        return f"Dates: from the place itself, else from {table}."
    return f"Dates: from {table}; {clean(survey.place.name)} does not list its models."


def _advice(survey: ModelSurvey) -> str:
    ends = [use.fate for use in survey.uses if use.fate.ends]
    if any(end.replacement for end in ends):
        return "To swap them on the way: --map-model recommended, or --map-model OLD=NEW."
    return "To swap them on the way: --map-model OLD=NEW." if ends else ""


def _counts(survey: ModelSurvey) -> str:
    dead = survey.count(State.DEAD, State.ABSENT)
    total, number = sum(len(use.assistants) for use in survey.uses), len(survey.uses)
    return (
        f"{counted(total)}, {number} model{'s' * (number != 1)}: {dead} on dead ones, "
        f"{survey.count(State.DYING)} on dying ones"
    )
