"""What a run says of its writes before and after each of them, so that a crash loses nothing."""

from __future__ import annotations

from typing import Protocol


class Recorder(Protocol):
    """Takes intents and results. An intent is durable before `intend` returns."""

    async def intend(self, what: str, source_id: str, /, **details: object) -> int:
        """Say what is about to be written for which of the source's things; return a ticket.

        Raises OutputError when it cannot be kept: then the write must not happen.
        """
        ...

    def record(self, ticket: int, /, **result: object) -> None:
        """Say what came of it: `id` is the destination's id, `error` why nothing came of it."""
        ...


class NoRecorder:
    """Keeps nothing: for runs without an output directory."""

    async def intend(self, _what: str, _source_id: str, /, **_details: object) -> int:
        """Return any ticket."""
        return 0

    def record(self, _ticket: int, /, **_result: object) -> None:
        """Forget it."""
