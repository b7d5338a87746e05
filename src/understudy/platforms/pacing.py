"""Pacing and retry, wrapped around a platform from outside."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from understudy.model.assistant import Assistant
from understudy.platforms.base import (
    Capabilities,
    Marker,
    Page,
    PlaceInfo,
    Platform,
    Rendered,
    Wait,
)
from understudy.platforms.environments import Environments
from understudy.platforms.knowledge import Knowledge
from understudy.platforms.limiter import Limiter
from understudy.platforms.paced_environments import PacedEnvironments
from understudy.platforms.paced_knowledge import PacedKnowledge
from understudy.platforms.turns import RetryPolicy, Turns

__all__ = ["Paced", "RetryPolicy"]


class Paced:
    """A platform whose requests wait their turn and are repeated where that is safe.

    Reads and idempotent writes are repeated after any passing fault. A create is repeated only
    when it certainly was not carried out; LostAnswerError is left to the caller, who can look.
    """

    def __init__(
        self,
        inner: Platform,
        limiter: Limiter,
        *,
        policy: RetryPolicy | None = None,
        on_wait: Callable[[Wait], None] = lambda _: None,
    ) -> None:
        self._inner = inner
        self._turns = Turns(inner.info.name, limiter, policy=policy, on_wait=on_wait)
        self._knowledge: Knowledge | None = None

    def unstoppable(self) -> Paced:
        """Return the same place for requests that must be made even after a stop was asked for."""
        place = copy.copy(self)
        place._turns = self._turns.unstoppable()  # noqa: SLF001 - another of this class
        place._knowledge = None  # noqa: SLF001
        return place

    @property
    def info(self) -> PlaceInfo:
        """Which place this is."""
        return self._inner.info

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""
        return self._inner.capabilities

    @property
    def knowledge(self) -> Knowledge | None:
        """Its files and vector stores on the same limiter; None where it holds none."""
        if self._knowledge is None and (inner := self._inner.knowledge) is not None:
            self._knowledge = PacedKnowledge(inner, self._turns)
        return self._knowledge

    @property
    def environments(self) -> Environments | None:
        """Its environment templates on the same limiter; None where it has none."""
        inner = self._inner.environments
        return None if inner is None else PacedEnvironments(inner, self._turns)

    async def list_page(self, *, after: str | None = None, newest_first: bool = False) -> Page:
        """Return one page, repeated until it comes."""
        return await self._turns.call(
            lambda: self._inner.list_page(after=after, newest_first=newest_first)
        )

    async def retrieve(self, assistant_id: str) -> Assistant:
        """Return one assistant, repeated until it comes."""
        return await self._turns.call(lambda: self._inner.retrieve(assistant_id))

    async def create(self, payload: Mapping[str, Any]) -> Assistant:
        """Create, repeated only after answers that say that nothing was done."""
        return await self._turns.call(lambda: self._inner.create(payload), idempotent=False)

    async def update(self, assistant_id: str, fields: Mapping[str, Any]) -> Assistant:
        """Update, repeated until it is confirmed."""
        return await self._turns.call(lambda: self._inner.update(assistant_id, fields))

    async def delete(self, assistant_id: str) -> None:
        """Delete, repeated until it is confirmed."""
        await self._turns.call(lambda: self._inner.delete(assistant_id))

    async def models(self) -> Mapping[str, str | None] | None:
        """Return the models, repeated until they come."""
        return await self._turns.call(self._inner.models)

    def render(self, assistant: Assistant, marker: Marker) -> Rendered:
        """Return the assistant in the platform's form."""
        return self._inner.render(assistant, marker)

    async def flush(self) -> None:
        """Make all writes durable."""
        await self._inner.flush()

    async def aclose(self) -> None:
        """Release what the platform holds."""
        await self._inner.aclose()
