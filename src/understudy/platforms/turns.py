"""Taking turns and trying again: the loop around every request to a remote place."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from understudy.errors import BusyError, ClosedError, InterruptedRunError, PlaceError
from understudy.platforms.base import Wait
from understudy.platforms.limiter import Limiter

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Times in seconds; `patience` bounds how long one call waits for a busy place."""

    attempts: int = 5
    base: float = 0.5
    longest: float = 20.0
    patience: float = 900.0

    def backoff(self, attempt: int) -> float:
        """Return a jittered delay that doubles with every attempt, the first being 0."""
        ceiling: float = min(self.longest, self.base * 2.0 ** min(attempt, 16))
        return ceiling * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not cryptography


class Turns:
    """Makes requests to one place wait their turn, and repeats them where that is safe."""

    def __init__(
        self,
        place: str,
        limiter: Limiter,
        *,
        policy: RetryPolicy | None = None,
        on_wait: Callable[[Wait], None] = lambda _: None,
        stoppable: bool = True,
    ) -> None:
        self._place = place
        self._limiter = limiter
        self._policy = policy or RetryPolicy()
        self._on_wait = on_wait
        self._stoppable = stoppable

    def unstoppable(self) -> Turns:
        """Return turns for requests that must be made even after a stop was asked for."""
        return Turns(
            self._place,
            self._limiter,
            policy=self._policy,
            on_wait=self._on_wait,
            stoppable=False,
        )

    async def call(self, send: Callable[[], Awaitable[T]], *, idempotent: bool = True) -> T:
        """Return what `send` returns, called again after passing faults.

        What is not idempotent is repeated only when it certainly was not carried out;
        LostAnswerError is left to the caller, who can look.
        """
        attempt = 0
        give_up = self._limiter.now() + self._policy.patience
        unknown: PlaceError | None = None
        while True:
            try:
                started = await self._limiter.acquire(stoppable=self._stoppable)
            except InterruptedRunError:
                if unknown is not None:  # it may have been carried out; "stopped" would hide that
                    raise unknown from None
                raise
            try:
                result = await send()
            except BusyError as error:
                self._pause(error, started, give_up)
            except PlaceError as error:
                self._limiter.accepted()
                attempt += 1
                if attempt >= self._policy.attempts or not self._repeatable(error, idempotent):
                    raise
                unknown = unknown if error.not_done else error
                await self._back_off(error, attempt - 1)
            else:
                self._limiter.accepted()
                return result

    def _repeatable(self, error: PlaceError, idempotent: bool) -> bool:
        if (error.retry_after or 0) > self._policy.patience:
            return False
        return error.transient and (idempotent or error.not_done)

    def _pause(self, error: BusyError, started: float, give_up: float) -> None:
        """Pause every worker on this key; the next acquire waits it out."""
        pause = error.retry_after
        if pause is None:
            pause = self._policy.backoff(self._limiter.streak)
        if self._limiter.now() + pause > give_up:
            raise ClosedError(
                f"{error.message} It asks to wait {pause:,.0f} s, which is too long to wait here.",
                hint="Run the same command again later; what is done stays done.",
                code=error.code,
                retry_after=pause,
            ) from error
        if self._limiter.refused(started, pause):
            self._on_wait(Wait(self._place, "rate limit", pause))

    async def _back_off(self, error: PlaceError, attempt: int) -> None:
        delay = error.retry_after
        if delay is None:
            delay = self._policy.backoff(attempt)
        self._on_wait(Wait(self._place, error.message, delay))
        await self._limiter.sleep(delay, stoppable=self._stoppable)
