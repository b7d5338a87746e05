"""The models that ship, which need no key and no network: an echo, and one with a script."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

from understudy.errors import UsageError
from understudy.providers.base import Delta, Request
from understudy.providers.echo import Echo
from understudy.providers.script import SCRIPTED, VARIABLE, Script


class Demo:
    """The provider `demo`. Raises UsageError for a script that cannot be read."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._echo = Echo()
        path = environment.get(VARIABLE, "")
        self._script = Script.load(path) if path else None

    async def stream(self, request: Request) -> AsyncGenerator[Delta, None]:
        """Yield the pieces of the model's answer; raises ProviderError, UsageError."""
        chosen = self._scripted() if request.model == SCRIPTED else self._echo
        async with aclosing(chosen.stream(request)) as pieces:
            async for piece in pieces:
                yield piece

    async def aclose(self) -> None:
        """Do nothing: nothing is open."""

    def _scripted(self) -> Script:
        if self._script is None:
            raise UsageError(f"{SCRIPTED} needs a script.", hint=f"Set {VARIABLE} to a JSON file.")
        return self._script
