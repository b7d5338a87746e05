"""The models that a project knows unless told otherwise."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypedDict

SHUTDOWN_DATES = MappingProxyType(
    {
        "gpt-6-luna": None,
        "gpt-5.6-sol": None,
        "gpt-5.6-terra": None,
        "gpt-5.6-luna": None,
        "gpt-5.5": None,
        "gpt-5.4": None,
        "gpt-5.4-mini": None,
        "gpt-5.1": "2027-04-01",
        "gpt-5": "2026-12-11",
        "gpt-5-mini": "2026-12-11",
        "gpt-4.1": "2027-01-14",
        "gpt-4.1-mini": "2027-01-14",
        "gpt-4o": "2027-01-14",
        "gpt-4o-mini": "2027-01-14",
        "o3": "2026-12-11",
        "o4-mini": "2026-10-23",
    }
)
DEFAULT_MODELS = tuple(SHUTDOWN_DATES)

_REASONING = re.compile(r"o[134](-|$)|gpt-[5-9]")
_CREATED = 1_745_000_000


@dataclass(frozen=True, slots=True)
class Model:
    """What there is to know of a model: its last day as YYYY-MM-DD, and whether it reasons."""

    shutdown_date: str | None = None
    reasoning: bool = False


Models = Mapping[str, Model]


class ModelObject(TypedDict):
    """One entry of `GET /models`."""

    id: str
    object: str
    created: int
    owned_by: str
    shutdown_date: str | None


def table(models: Models | Iterable[str], today: str | None = None) -> Models:
    """Return a table of models; of a name alone, what is known of it, or what it sounds like.

    Models whose last day has come by `today`, a date as YYYY-MM-DD, are not in it.
    """
    entries = (
        models
        if isinstance(models, Mapping)
        else {name: Model(SHUTDOWN_DATES.get(name), reasons(name)) for name in models}
    )
    return MappingProxyType(
        {
            name: model
            for name, model in entries.items()
            if today is None or model.shutdown_date is None or model.shutdown_date > today
        }
    )


def model_object(name: str, model: Model) -> ModelObject:
    """Return what `GET /models/{model}` says about a model."""
    return {
        "id": name,
        "object": "model",
        "created": _CREATED,
        "owned_by": "system",
        "shutdown_date": model.shutdown_date,
    }


def reasons(model: str) -> bool:
    """Whether `model` sounds like a reasoning model, which takes no temperature and no top_p."""
    return _REASONING.match(model) is not None
