"""What each webhook has been told: a place in the history, and a list of dead letters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from understudy.errors import SnapshotError
from understudy.files import read_json, sweep, write_whole, writing
from understudy.model.canonical import pretty

FORMAT_VERSION = 1

#: Dead letters that are kept of each webhook; older ones go.
MOST_DEAD = 200

#: Seconds: the state is written in milliseconds, so whoever waits longer waits for a dead disk.
_PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A change that a webhook will not be told of by itself; `at` is an ISO 8601 time in UTC."""

    id: str
    at: str
    reason: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a webhook is; records by their ids. `done` is the last one that was dealt with.

    `again` are earlier ones that are to be told once more. `trying` is the record that was
    attempted in vain, that many times, `reason` why, and `next` the Unix time of the next attempt.
    """

    done: str = ""
    again: tuple[str, ...] = ()
    trying: str = ""
    attempts: int = 0
    next: float = 0.0
    reason: str = ""
    dead: tuple[DeadLetter, ...] = ()

    def waiting(self, changes: Sequence[str]) -> list[str]:
        """Return which of the history's changes are still to be told, in order."""
        return sorted(self.again) + [one for one in changes if one > self.done]

    def tries(self, record: str) -> int:
        """Return how often a record was attempted in vain."""
        return self.attempts if self.trying == record else 0

    def settled(self, record: str, dead: DeadLetter | None = None) -> Progress:
        """Return the progress once a record was told, or has become a dead letter."""
        letters = self.dead if dead is None else (*self.dead, dead)[-MOST_DEAD:]
        again = tuple(one for one in self.again if one != record)
        return Progress(max(self.done, record), again, dead=letters)

    def failed(self, record: str, *, reason: str, due: float) -> Progress:
        """Return the progress after one more attempt in vain."""
        tries = self.tries(record) + 1
        return replace(self, trying=record, attempts=tries, next=due, reason=reason)

    def revived(self) -> Progress:
        """Return the progress with every dead letter to be told again, and nothing waiting."""
        again = sorted({*self.again, *(letter.id for letter in self.dead)})
        return replace(self, again=tuple(again), dead=(), trying="", attempts=0, next=0.0)


@dataclass(frozen=True, slots=True)
class HookState:
    """How a webhook stands: `url` without its query, `waiting` changes that are to be told."""

    url: str
    waiting: int
    progress: Progress


class Outbox:
    """The file beside the history, and two locks: who delivers, and who writes it down."""

    def __init__(self, registry: Path) -> None:
        self.path = registry.with_name(f"{registry.stem}.history") / "webhooks.json"
        self._lock = registry.with_name(f".{registry.name}.webhooks.lock")
        self._state = registry.with_name(f".{registry.name}.webhooks-state.lock")

    def read(self) -> dict[str, Progress]:
        """Return each webhook's progress; raises SnapshotError for a file that is damaged."""
        if not self.path.exists():
            return {}
        value = read_json(self.path)
        try:
            if value["format_version"] != FORMAT_VERSION:
                raise SnapshotError(
                    f"{self.path} has format_version {value['format_version']!r}; "
                    f"this version reads {FORMAT_VERSION}."
                )
            return {str(name): _progress(fields) for name, fields in value["hooks"].items()}
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise SnapshotError(
                f"{self.path} does not say how far the webhooks are.",
                hint="Move it away: the webhooks are then told of what changes from now on.",
            ) from error

    def change(self, change: Callable[[Mapping[str, Progress]], Mapping[str, Progress]]) -> None:
        """Replace the progress by what the function makes of it; raises OutputError.

        Others who do so at the same time lose nothing. Without a difference nothing is written.
        """
        with self._locked(self._state, _PATIENCE):
            before = self.read()
            after = dict(change(before))
            if after == before:
                return
            hooks = {name: asdict(progress) for name, progress in sorted(after.items())}
            with writing(self.path):
                self.path.parent.mkdir(parents=True, exist_ok=True)
            sweep(self.path.parent)
            write_whole(self.path, pretty({"format_version": FORMAT_VERSION, "hooks": hooks}))

    @contextmanager
    def delivering(self) -> Iterator[bool]:
        """Hold the right to deliver, unless another process has it: then False is yielded."""
        with self._locked(self._lock, 0.0) as held:
            yield held

    @contextmanager
    def _locked(self, path: Path, patience: float) -> Iterator[bool]:
        from filelock import FileLock, Timeout

        lock = FileLock(path)
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                lock.acquire(timeout=patience)
            except Timeout:
                if patience:
                    raise  # an OSError: the state cannot be written
        try:
            yield lock.is_locked
        finally:
            lock.release()


def _progress(value: Any) -> Progress:
    return Progress(
        done=str(value["done"]),
        again=tuple(map(str, value["again"])),
        trying=str(value["trying"]),
        attempts=int(value["attempts"]),
        next=float(value["next"]),
        reason=str(value["reason"]),
        dead=tuple(
            DeadLetter(str(one["id"]), str(one["at"]), str(one["reason"]), int(one["attempts"]))
            for one in value["dead"]
        ),
    )
