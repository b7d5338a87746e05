"""What storing knowledge costs, at the provider's list price; the table is dated."""

from __future__ import annotations

from dataclasses import dataclass

GB = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a GB (10^9 bytes) and day, as published at a date."""

    usd_per_gb_day: float
    as_of: str


#: Vector stores in OpenAI's price list of file search storage; plain files cost nothing.
VECTOR_STORES = Price(0.10, "2026-11")


@dataclass(frozen=True, slots=True)
class Cost:
    """US dollars a day for what is new; what the project stores already uses up what is free."""

    usd: float
    as_of: str


def daily_cost(size: int, price: Price = VECTOR_STORES) -> Cost:
    """Return what storing that many bytes more costs a day, at most: as if none of it were free."""
    return Cost(round(size / GB * price.usd_per_gb_day, 6), price.as_of)


def money(cost: Cost) -> str:
    """Return an amount for people."""
    return f"${cost.usd:.2f}" if cost.usd >= 0.01 else "less than $0.01"
