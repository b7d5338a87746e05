"""Pacing and retry, wrapped around a place's environment templates from outside."""

from __future__ import annotations

from collections.abc import Mapping

from understudy.platforms.environments import Environment, EnvironmentPage, Environments
from understudy.platforms.turns import Turns


class PacedEnvironments:
    """Templates whose requests wait their turn; a create is never repeated after a lost answer."""

    def __init__(self, inner: Environments, turns: Turns) -> None:
        self._inner = inner
        self._turns = turns

    async def list_page(
        self, *, after: str | None = None, newest_first: bool = False
    ) -> EnvironmentPage:
        """Return one page, repeated until it comes."""
        return await self._turns.call(
            lambda: self._inner.list_page(after=after, newest_first=newest_first)
        )

    async def create(self, name: str, files: Mapping[str, str]) -> Environment:
        """Create, repeated only after answers that say that nothing was done."""
        return await self._turns.call(lambda: self._inner.create(name, files), idempotent=False)

    async def update(self, environment_id: str, files: Mapping[str, str]) -> Environment:
        """Update, repeated until it is confirmed."""
        return await self._turns.call(lambda: self._inner.update(environment_id, files))

    async def delete(self, environment_id: str) -> None:
        """Delete, repeated until it is confirmed."""
        await self._turns.call(lambda: self._inner.delete(environment_id))
