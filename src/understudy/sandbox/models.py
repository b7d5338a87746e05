"""The models that a project knows unless told otherwise."""

import re
from types import MappingProxyType
from typing import TypedDict

SHUTDOWN_DATES = MappingProxyType(
    {
        "gpt-5.6-sol": None,
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


class ModelObject(TypedDict):
    """One entry of `GET /models`."""

    id: str
    object: str
    created: int
    owned_by: str
    shutdown_date: str | None


def model_object(model: str) -> ModelObject:
    """Return what `GET /models/{model}` says about `model`."""
    return {
        "id": model,
        "object": "model",
        "created": _CREATED,
        "owned_by": "system",
        "shutdown_date": SHUTDOWN_DATES.get(model),
    }


def reasons(model: str) -> bool:
    """Whether `model` is a reasoning model, which takes no temperature and no top_p."""
    return _REASONING.match(model) is not None
