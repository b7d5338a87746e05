"""What tokens cost: a dated table, and what the owner of the models says instead."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files

_MILLION = 1_000_000

#: US dollars for a million tokens: of input, of output.
Price = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices by PROVIDER/NAME, and the day they are from."""

    as_of: str
    models: Mapping[str, Price] = field(default_factory=dict)

    def cost(self, model: str, input_tokens: int, output_tokens: int) -> float | None:
        """Return US dollars, None for a model whose price nobody told."""
        price = self.models.get(model)
        if price is None:
            return None
        return (price[0] * input_tokens + price[1] * output_tokens) / _MILLION

    def also(self, models: Mapping[str, Price]) -> Prices:
        """Return the same with other prices for some models."""
        return Prices(self.as_of, {**self.models, **models})


@lru_cache(maxsize=1)
def shipped() -> Prices:
    """Return the table that ships."""
    table = json.loads(files("understudy.providers").joinpath("prices.json").read_bytes())
    return Prices(table["as_of"], {name: (one[0], one[1]) for name, one in table["models"].items()})
