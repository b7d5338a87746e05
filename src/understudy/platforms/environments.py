"""Environment templates: where agents run code, and the files that lie there.

The Agents API gives each session an environment; a template says what is in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Environment:
    """A template; `files` are ids of uploaded files under their paths in the environment.

    `inline` counts the files whose content stands in the template and is never shown again;
    `besides` names the other settings that are not as they are by themselves.
    """

    id: str
    name: str
    files: Mapping[str, str]
    inline: int = 0
    besides: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EnvironmentPage:
    """Part of a listing; `after` continues it, None when this was the last page."""

    items: tuple[Environment, ...]
    after: str | None


class Environments(Protocol):
    """The environment templates of a project. Errors are `PlaceError`; one call is one request."""

    async def list_page(
        self, *, after: str | None = None, newest_first: bool = False
    ) -> EnvironmentPage:
        """Return the page that follows `after`. May be repeated."""
        ...

    async def create(self, name: str, files: Mapping[str, str]) -> Environment:
        """Create a template; must not be repeated after a LostAnswerError without looking."""
        ...

    async def update(self, environment_id: str, files: Mapping[str, str]) -> Environment:
        """Replace the files of a template. May be repeated."""
        ...

    async def delete(self, environment_id: str) -> None:
        """Delete one; one that is not there is fine. May be repeated."""
        ...
