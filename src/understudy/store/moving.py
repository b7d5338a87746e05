"""Approving, rejecting, disabling and deleting, within a transaction that nobody else writes in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from types import MappingProxyType

from sqlalchemy import delete as delete_from
from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from understudy.architect.approval import Action, State, check, check_eyes
from understudy.errors import StaleVersionError
from understudy.store.reading import find, one_info
from understudy.store.records import Kept, Moved
from understudy.store.spelling import cleaned
from understudy.store.tables import assistants, events, versions


def _to_approve(kept: Kept) -> int:
    if kept.in_force and kept.in_force.state is State.DISABLED:
        return kept.pending or kept.in_force.number
    return kept.pending or kept.latest.number


def _to_disable(kept: Kept) -> int:
    return kept.in_force.number if kept.in_force else kept.latest.number


def _to_reject(kept: Kept) -> int:
    return kept.pending or kept.latest.number


#: Which version is meant when none is named; where none can move, one whose state says why.
_MEANT: MappingProxyType[State, Callable[[Kept], int]] = MappingProxyType(
    {
        State.APPROVED: _to_approve,
        State.DISABLED: _to_disable,
        State.REJECTED: _to_reject,
    }
)


async def move(
    connection: AsyncConnection,
    key: str,
    to: State,
    *,
    actor: str,
    reason: str,
    number: int | None,
    expect_digest: str | None,
    four_eyes: bool,
    clock: Callable[[], datetime],
) -> Moved:
    """Move a version, and the one that gives way to it. Raises SelectionError, MoveError."""
    kept = await find(connection, key)
    if number is None:
        number = _MEANT[to](kept) if to in _MEANT else kept.latest.number
    version = await one_info(connection, kept, number)
    what = f"Version {number} of {kept.name}"
    action = check(version.state, to, what=what)
    if expect_digest is not None and version.digest != expect_digest:
        raise StaleVersionError(
            f"{what} is not what was reviewed: its digest is {version.digest}.",
            hint="Look at it again.",
        )
    if four_eyes and to is State.APPROVED:
        check_eyes(version.imported_by, actor, what=what)
    log = _Log(connection, kept, cleaned(actor), clock())
    gives_way = None
    if to is State.APPROVED and kept.in_force and kept.in_force.number != number:
        gives_way = kept.in_force.number
        await log.move(
            gives_way,
            kept.in_force.state,
            State.SUPERSEDED,
            Action.SUPERSEDED,
            f"{what} was approved.",
        )
    await log.move(number, version.state, to, action, cleaned(reason))
    if to is State.APPROVED:
        chosen = assistants.c.id == kept.id
        await connection.execute(update(assistants).where(chosen).values(in_force=number))
    moved = await one_info(connection, kept, number)
    return Moved(await find(connection, kept.id), moved, action, version.state, gives_way)


async def delete(
    connection: AsyncConnection, key: str, *, actor: str, reason: str, clock: Callable[[], datetime]
) -> Kept:
    """Remove an assistant and all its versions; what happened to it is kept."""
    kept = await find(connection, key)
    await connection.execute(delete_from(versions).where(versions.c.assistant_id == kept.id))
    await connection.execute(delete_from(assistants).where(assistants.c.id == kept.id))
    log = _Log(connection, kept, cleaned(actor), clock())
    await log.note(None, None, None, Action.DELETED, cleaned(reason))
    return kept


class _Log:
    """Writes down what one actor does to one assistant at one time."""

    def __init__(self, connection: AsyncConnection, kept: Kept, actor: str, at: datetime) -> None:
        self._connection = connection
        self._kept = kept
        self._actor = actor
        self._at = at

    async def move(
        self, number: int, before: State, after: State, action: Action, reason: str
    ) -> None:
        """Give a version a new state, and note that."""
        chosen = versions.c.assistant_id == self._kept.id, versions.c.number == number
        changed = update(versions).where(*chosen).values(state=after.value, changed_at=self._at)
        await self._connection.execute(changed)
        await self.note(number, before, after, action, reason)

    async def note(
        self,
        number: int | None,
        before: State | None,
        after: State | None,
        action: Action,
        reason: str,
    ) -> None:
        """Write down what happened."""
        row = {
            "assistant_id": self._kept.id,
            "name": self._kept.name,
            "version": number,
            "at": self._at,
            "actor": self._actor,
            "action": action.value,
            "from_state": before.value if before else None,
            "to_state": after.value if after else None,
            "reason": reason,
        }
        await self._connection.execute(insert(events), [row])
