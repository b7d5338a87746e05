"""The library: imported assistants, their versions, who approved them; one for each process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from understudy.architect.approval import State
from understudy.store import importing, moving, reading
from understudy.store.database import Database
from understudy.store.records import (
    Batch,
    Event,
    Incoming,
    Kept,
    Moved,
    Page,
    Version,
    VersionInfo,
    Which,
)

_AT_ONCE = 16_000_000  # bytes of contents that are in memory while many are read


def _now() -> datetime:
    return datetime.now(UTC)


class Library:
    """Imported assistants under their names; `open` gives one, which is a context manager.

    A `key` is an assistant's id or its exact name. Everything may raise StoreError; what takes
    a key, SelectionError. What changes something does it wholly or not at all.
    """

    def __init__(self, database: Database, *, clock: Callable[[], datetime] = _now) -> None:
        self._database = database
        self._clock = clock

    def __repr__(self) -> str:
        return f"Library({self._database.address.shown!r})"

    @classmethod
    async def open(cls, url: str, *, clock: Callable[[], datetime] = _now) -> Library:
        """Open a library by a path, sqlite:/// or postgresql:// URL; make or upgrade its tables.

        Raises UsageError for another URL, NewerStoreError, StoreError.
        """
        return cls(await Database.open(url), clock=clock)

    async def aclose(self) -> None:
        """Close all connections; may be repeated."""
        await self._database.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def add(
        self,
        items: Sequence[Incoming],
        *,
        actor: str,
        source: str,
        file_digest: str = "",
        failed: int = 0,
    ) -> Batch:
        """Store new assistants, and new versions of those that changed; all wait for approval.

        Unchanged is what has the content of its latest version, or of the one in force. May be
        repeated. A name may occur more than once: each is compared with the one before.
        """
        return await self._database.write(
            importing.add,
            items,
            actor=actor,
            source=source,
            file_digest=file_digest,
            failed=failed,
            clock=self._clock,
        )

    async def find(self, key: str) -> Kept:
        """Return an assistant."""
        return await self._database.read(reading.find, key)

    async def page(
        self,
        *,
        limit: int = 100,
        after: str = "",
        state: State | None = None,
        contains: str = "",
    ) -> Page:
        """Return assistants in the order of their names' code points, those after a name.

        `contains` is a piece of the name in any case. `state` is that of the latest version or of
        the one in force; pending_approval, that of any after the one in force. Raises UsageError
        for a limit over 1000.
        """
        return await self._database.read(
            reading.page, limit=limit, after=after, state=state, contains=contains
        )

    async def version(self, key: str, number: int | None = None) -> Version:
        """Return a version, the latest unless one is named."""
        return await self._database.read(reading.version, key, number)

    async def in_force(self, key: str) -> Version:
        """Return the approved version. Raises NotInForceError where none is, or it is disabled."""
        return await self._database.read(reading.in_force, key)

    async def versions(self, key: str, *, limit: int = 1000) -> tuple[VersionInfo, ...]:
        """Return the versions without their contents, the newest first."""
        return await self._database.read(reading.infos, key, limit)

    async def contents(
        self, keys: Sequence[str] | None = None, *, which: Which = Which.IN_FORCE_ELSE_LATEST
    ) -> AsyncIterator[Version]:
        """Yield a version of each of these assistants in that order, or of all in their names'.

        A few are read at a time, each few as they are then. Raises SelectionError at first.
        """
        async for few in self._few(keys, which):
            found = await self._database.read(reading.contents, few, which)
            for version in found:
                yield version

    async def _few(self, keys: Sequence[str] | None, which: Which) -> AsyncIterator[list[str]]:
        """Yield the ids of as many assistants as may be in memory at once."""
        if keys is None:
            after = ""
            while True:
                rows = await self._database.read(reading.outline, which, some=None, after=after)
                if not rows:
                    return
                for few in _packed((one, size) for one, _, size in rows):
                    yield few
                after = rows[-1][1]
        ids = await self._database.read(reading.ids, keys)
        for some in reading.chunks(ids):
            rows = await self._database.read(reading.outline, which, some=some, after="")
            sizes = {one: size for one, _, size in rows}
            for few in _packed((one, sizes[one]) for one in some if one in sizes):
                yield few

    async def move(
        self,
        key: str,
        to: State,
        *,
        actor: str,
        reason: str = "",
        number: int | None = None,
        expect_digest: str | None = None,
        four_eyes: bool = False,
    ) -> Moved:
        """Approve, reject, disable or enable a version; what it replaces is superseded.

        Without a `number`: what is approved or rejected is the newest pending version after the
        one in force; what is disabled, the one in force. Where none is pending and the one in
        force is disabled, approving enables it; to enable it in spite of a newer one, name it.
        Raises MoveError where its state does not allow that, StaleVersionError unless it has the
        digest expected, and with `four_eyes` FourEyesError for an actor who imported it.
        """
        return await self._database.write(
            moving.move,
            key,
            to,
            actor=actor,
            reason=reason,
            number=number,
            expect_digest=expect_digest,
            four_eyes=four_eyes,
            clock=self._clock,
        )

    async def history(self, key: str, *, limit: int = 100) -> tuple[Event, ...]:
        """Return what happened to an assistant, also to a deleted one, the newest first.

        By a name, that is what happened to all that ever had it.
        """
        return await self._database.read(reading.history, key, limit)

    async def batches(self, *, limit: int = 20) -> tuple[Batch, ...]:
        """Return the imports, the newest first, without their items."""
        return await self._database.read(reading.past, limit)

    async def delete(self, key: str, *, actor: str, reason: str = "") -> Kept:
        """Remove an assistant with all its versions, and return what it was."""
        return await self._database.write(
            moving.delete, key, actor=actor, reason=reason, clock=self._clock
        )


def _packed(sizes: Iterable[tuple[str, int]]) -> Iterator[list[str]]:
    """Yield ids in lists that stay within memory; one that is larger by itself comes alone."""
    few: list[str] = []
    room = _AT_ONCE
    for one, size in sizes:
        if few and (size > room or len(few) == reading.CHUNK):
            yield few
            few, room = [], _AT_ONCE
        few.append(one)
        room -= size
    if few:
        yield few
