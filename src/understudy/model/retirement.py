"""Which models are gone or going, what replaces them, and what a model refuses. Pure data.

What the place itself says comes first; the dated table beside this file is for places that say
nothing, and for what a dead model is replaced by. Days are ISO 8601 dates, compared as text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

#: Model to the day of its end as a place tells it: "" for none, None where it does not say.
Offered = Mapping[str, str | None]


class State(StrEnum):
    """Whether a model can be used."""

    ALIVE = "alive"
    DYING = "dying"  # the day of its end is known
    DEAD = "dead"  # that day has passed
    ABSENT = "absent"  # the place does not offer it, and nobody says why
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Fate:
    """What is known of a model; `by_place` tells whether the place itself said so."""

    model: str
    state: State
    shutdown: str = ""
    replacement: str = ""
    note: str = ""
    by_place: bool = False

    @property
    def usable(self) -> bool:
        """Whether requests for it can be answered today, as far as anybody knows."""
        return self.state not in (State.DEAD, State.ABSENT)

    @property
    def ends(self) -> bool:
        """Whether it is gone or will be."""
        return self.state in (State.DYING, State.DEAD, State.ABSENT)


@dataclass(frozen=True, slots=True)
class Traits:
    """What a model does with parameters: `samples` says that effort `none` allows sampling."""

    reasons: bool
    samples: bool = False
    refuses: frozenset[str] = frozenset()  # values of reasoning effort


def fate(model: str, today: str, offered: Offered | None = None) -> Fate:
    """Return what becomes of a model; `offered` is what the place offers, None if it is silent."""
    known = _retired().get(model, {})
    replacement = successor(model, today, offered)
    named = known.get("replacement")
    note = "" if named else known.get("note", "")
    if named and not replacement:
        note = f"{named} replaces it, which is not offered there"
    told = offered.get(model) if offered is not None else None
    if told is not None:
        state = State.ALIVE if not told else _state(told, today)
        return Fate(model, state, told, replacement, note, by_place=True)
    day = known.get("shutdown", "")
    if offered is not None and model not in offered:
        dead = bool(day) and day <= today
        return Fate(model, State.DEAD if dead else State.ABSENT, day, replacement, note, True)
    if day:
        return Fate(model, _state(day, today), day, replacement, note)
    return Fate(model, State.ALIVE if offered is not None else State.UNKNOWN)


def successor(model: str, today: str, offered: Offered | None = None) -> str:
    """Return the living model at the end of the chain of replacements, empty if there is none.

    One that will die itself is taken only where nothing lives longer.
    """
    dying, seen = "", {model}
    while model := _retired().get(model, {}).get("replacement", ""):
        if model in seen:
            break
        seen.add(model)
        told = offered.get(model) if offered is not None else None
        absent = offered is not None and model not in offered
        day = told if told is not None else _retired().get(model, {}).get("shutdown", "")
        if not day and not absent:
            return model
        if day > today and not absent:
            dying = model
    return dying


@lru_cache(maxsize=256)
def traits(model: str) -> Traits | None:
    """Return what a model does with parameters, None for one of which nothing is known."""
    for pattern, found in _families():
        if pattern.fullmatch(model):
            return found
    return None


def as_of() -> str:
    """Return the day of the table."""
    return str(_data()["as_of"])


def _state(day: str, today: str) -> State:
    return State.DYING if day > today else State.DEAD


@cache
def _data() -> dict[str, Any]:
    text = files("understudy.model").joinpath("models.json").read_text(encoding="utf-8")
    data: dict[str, Any] = json.loads(text)
    return data


@cache
def _retired() -> Mapping[str, Mapping[str, str]]:
    return {entry["model"]: entry for entry in _data()["retired"]}


@cache
def _families() -> tuple[tuple[re.Pattern[str], Traits], ...]:
    return tuple(
        (
            re.compile(one["match"]),
            Traits(one["reasons"], one.get("samples", False), frozenset(one.get("refuses", ()))),
        )
        for one in _data()["families"]
    )
