"""Telling webhooks what changed in the registry: signed, in order, until it is heard."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from understudy.config import Settings
from understudy.errors import SnapshotError, UnderstudyError
from understudy.ops.hooks import Hook, hooks
from understudy.ops.registry import PREFIX
from understudy.redact import hide
from understudy.registry.history import History
from understudy.registry.notify import DELIVERY, SIGNATURE, TOLD, body_of, signature
from understudy.registry.outbox import DeadLetter, HookState, Outbox, Progress

if TYPE_CHECKING:
    from aiohttp.abc import AbstractResolver

    from understudy.ops.posting import Outcome

log = logging.getLogger("understudy.registry")

#: Attempts before a change becomes a dead letter.
ATTEMPTS = 8

#: Seconds before the second attempt; each further wait is three times as long.
FIRST = 1.0
LONGEST = 600.0
#: Seconds that a receiver may ask for at most.
LONGEST_ASKED = 3600.0

#: Seconds in which one pass begins attempts; with one that times out it ends within 15.
_PASS = 5.0

#: Seconds: a running notifier looks that often for what other processes have synced.
_LOOK = 30.0
#: And that often where another one is delivering.
_ELSEWHERE = 2.0


@dataclass(frozen=True, slots=True)
class Delivered:
    """What became of the deliveries; each is a webhook's name and a record's id.

    `waiting` are to be tried again, `dead` became dead letters now. `reasons` tells for each
    webhook what its last attempt failed at. `elsewhere`: another process is delivering.
    """

    sent: tuple[tuple[str, str], ...] = ()
    waiting: tuple[tuple[str, str], ...] = ()
    dead: tuple[tuple[str, str], ...] = ()
    reasons: Mapping[str, str] = field(default_factory=dict)
    elsewhere: bool = False


class Notifier:
    """Tells the configured webhooks of every change that the history holds, at least once.

    Raises UsageError when a webhook lacks its secret or may not go where it wants to.
    `pause` sleeps for some seconds, `resolver` finds a name's addresses.
    """

    def __init__(
        self,
        path: str | Path,
        settings: Settings,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._hooks = hooks(settings)
        self._history = History(Path(path))
        self._outbox = Outbox(Path(path))
        self._clock = clock
        self._pause = pause
        self._chance = chance
        self._resolver = resolver
        self._woken = asyncio.Event()

    @property
    def configured(self) -> bool:
        """Whether there is anybody to tell."""
        return bool(self._hooks)

    def prepare(self) -> None:
        """Let webhooks that are new begin here: to be called before a sync. May be repeated.

        Raises SnapshotError, OutputError.
        """
        if not self._hooks.keys() - self._outbox.read().keys():
            return
        newest = self._history.newest()  # none: the first sync will be told
        begun = {name: Progress(newest) for name in self._hooks}
        self._outbox.change(lambda known: {**begun, **known})

    def wake(self) -> None:
        """Let `run` look at once for what is to be told; from the thread of its event loop."""
        self._woken.set()

    def state(self) -> dict[str, HookState]:
        """Return how each configured webhook stands; raises SnapshotError, OutputError."""
        progress = self._outbox.read() if self._hooks else {}
        changes = self._history.changes() if self._hooks else []
        newest = Progress(self._history.newest())
        return {
            name: HookState(
                hook.target.shown,
                len((found := progress.get(name, newest)).waiting(changes)),
                found,
            )
            for name, hook in sorted(self._hooks.items())
        }

    def revive(self) -> None:
        """Put all dead letters back, to be told again; raises SnapshotError, OutputError."""
        if self._hooks:
            self._outbox.change(
                lambda known: {n: p.revived() if n in self._hooks else p for n, p in known.items()}
            )

    async def deliver(self, *, patiently: bool = False) -> Delivered:
        """Make the attempts that are due, and return what came of them. May be repeated.

        Begins none after 5 seconds, so it ends within 15. With `patiently` it waits and tries
        again until everything is told or dead, or another process delivers. Raises
        SnapshotError, OutputError.
        """
        total = await self._pass()
        while patiently and total.waiting and not total.elsewhere:
            await self._pause(self._until_due())
            more = await self._pass()
            total = replace(more, sent=total.sent + more.sent, dead=total.dead + more.dead)
        return total

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver when woken, when a retry is due, and what others have synced, until `stop`.

        An attempt in flight is completed. Raises nothing: what goes wrong is logged.
        """
        stopping = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set() and self._hooks:
                self._woken.clear()
                wait = _LOOK
                try:
                    done = await self._pass(stop)
                    wait = max(self._until_due(), _ELSEWHERE if done.elsewhere else 0.0)
                except UnderstudyError as error:
                    log.warning("%s webhooks: %s", PREFIX, error.message)
                except Exception:  # nobody else would hear of it before the process ends
                    log.exception("%s webhooks: internal error", PREFIX)
                await self._rest(wait, stopping)
        finally:
            stopping.cancel()

    async def _rest(self, seconds: float, stopping: asyncio.Task[bool]) -> None:
        async def pause() -> None:
            await self._pause(seconds)

        waits = [asyncio.create_task(pause()), asyncio.create_task(self._woken.wait())]
        try:
            await asyncio.wait([*waits, stopping], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    def _until_due(self) -> float:
        """Return the seconds to the next attempt that is due, at most those to the next look."""
        now = self._clock().timestamp()
        states = [state for state in self.state().values() if state.waiting]
        return min([_LOOK, *(max(0.05, _left(state.progress, now)) for state in states)])

    async def _pass(self, stop: asyncio.Event | None = None) -> Delivered:
        if not self._hooks:
            return Delivered()
        self.prepare()
        changes = self._history.changes()
        before = self._outbox.read()
        if not any(before[name].waiting(changes) for name in self._hooks):
            return Delivered()
        with self._outbox.delivering() as mine:
            if not mine:
                return replace(self._left(), elsewhere=True)
            tasks = [self._serve(hook, stop) for hook in self._hooks.values()]
            ended = await asyncio.gather(*tasks, return_exceptions=True)
        done = [one for one in ended if isinstance(one, Delivered)]
        if broken := [one for one in ended if isinstance(one, BaseException)]:
            raise broken[0]
        return replace(
            self._left(),
            sent=tuple(pair for one in done for pair in one.sent),
            dead=tuple(pair for one in done for pair in one.dead),
        )

    async def _serve(self, hook: Hook, stop: asyncio.Event | None) -> Delivered:
        """Tell one webhook all that is due, in order, until an attempt fails or time is up."""
        sent: list[tuple[str, str]] = []
        dead: list[tuple[str, str]] = []
        end = asyncio.get_running_loop().time() + _PASS
        while asyncio.get_running_loop().time() < end and not (stop and stop.is_set()):
            progress = self._outbox.read().get(hook.name, Progress(self._history.newest()))
            waiting = progress.waiting(self._history.changes())
            if not waiting or _left(progress, self._clock().timestamp()) > 0:
                break
            outcome = await self._attempt(hook, waiting[0])
            letter = self._note(hook.name, waiting[0], outcome, progress)
            if outcome.sent:
                sent.append((hook.name, waiting[0]))
            elif letter:
                dead.append((hook.name, waiting[0]))
            else:
                break
        return Delivered(tuple(sent), dead=tuple(dead))

    async def _attempt(self, hook: Hook, record: str) -> Outcome:
        from understudy.ops.posting import Outcome, post

        try:
            found = self._history.record(record)
        except SnapshotError:
            return Outcome(False, "its record is gone from the history or damaged", final=True)
        if found.result not in TOLD:
            return Outcome(True)
        body = hide(body_of(found).decode("ascii")).encode("ascii")
        secret = hook.secret.get_secret_value()
        signed = signature(secret, body, at=self._clock().timestamp())
        headers = {SIGNATURE: signed, DELIVERY: record}
        return await post(hook.target, body, headers, resolver=self._resolver)

    def _note(self, name: str, record: str, outcome: Outcome, before: Progress) -> bool:
        """Write down how an attempt ended; tell whether the change became a dead letter."""
        tries = before.tries(record) + 1
        dead = not outcome.sent and (outcome.final or tries >= ATTEMPTS)
        now = self._clock().astimezone(UTC)
        wait = max(self._backoff(tries), min(outcome.after, LONGEST_ASKED))
        at = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        letter = DeadLetter(record, at, outcome.reason, tries) if dead else None

        def change(known: Mapping[str, Progress]) -> Mapping[str, Progress]:
            found = known.get(name, before)
            if outcome.sent or dead:
                return {**known, name: found.settled(record, letter)}
            due = now.timestamp() + wait
            return {**known, name: found.failed(record, reason=outcome.reason, due=due)}

        self._outbox.change(change)
        if outcome.sent:
            log.info("%s webhook %s: told of %s", PREFIX, name, record)
        elif dead:
            log.warning("%s webhook %s: gave up %s: %s", PREFIX, name, record, outcome.reason)
        else:
            text = "%s webhook %s: attempt %d at %s: %s; again in %.0f s"
            log.warning(text, PREFIX, name, tries, record, outcome.reason, wait)
        return dead

    def _left(self) -> Delivered:
        states = self.state()
        changes = self._history.changes()
        waiting = [(n, one) for n, s in states.items() for one in s.progress.waiting(changes)]
        reasons = {n: s.progress.reason for n, s in states.items() if s.progress.reason}
        return Delivered(waiting=tuple(waiting), reasons=reasons)

    def _backoff(self, tries: int) -> float:
        return min(LONGEST, FIRST * 3.0 ** (tries - 1)) * (0.5 + self._chance() / 2)


def _left(progress: Progress, now: float) -> float:
    """Return the seconds to the next attempt; a clock that was put back delays nothing for long."""
    left = progress.next - now
    return left if 0 < left <= LONGEST_ASKED else 0.0
