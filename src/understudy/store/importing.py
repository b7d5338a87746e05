"""What an import does to the library, within one transaction that nobody else writes in."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from secrets import token_hex
from typing import Any

from sqlalchemy import and_, bindparam, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from understudy.architect.approval import Action, State
from understudy.errors import StoreError
from understudy.store.reading import chunks
from understudy.store.records import Batch, Change, Imported, Incoming
from understudy.store.spelling import cleaned, storable
from understudy.store.tables import assistants, batches, events, versions

_BYTES = 8  # of an id


@dataclass(frozen=True, slots=True)
class _Content:
    """What a version holds, as far as an import has to know."""

    number: int
    digest: str
    state: State


@dataclass(slots=True)
class _Known:
    """An assistant, as far as an import has come; `stored` is its latest version before it."""

    id: str
    stored: int = 0
    latest: _Content | None = None
    in_force: _Content | None = None

    def same(self, digest: str) -> _Content | None:
        """Return the version that makes an import of this content needless.

        A superseded one does not: importing its content again is the way to get it back.
        """
        if self.latest and self.latest.digest == digest:
            if self.latest.state is not State.SUPERSEDED:
                return self.latest
        elif self.in_force and self.in_force.digest == digest:
            return self.in_force
        return None


async def add(
    connection: AsyncConnection,
    items: Sequence[Incoming],
    *,
    actor: str,
    source: str,
    file_digest: str,
    failed: int,
    clock: Callable[[], datetime],
) -> Batch:
    """Store what is new of the items. Raises StoreError for text that cannot be stored."""
    for item in items:
        if not all(map(storable, (item.name, item.digest, item.content))):
            raise StoreError(
                f"{item.name!r} holds a NUL character or a half of a surrogate pair, "
                "which no library can hold; nothing was imported.",
                hint="Spell them as escapes of JSON.",
            )
    known = await _known(connection, {item.name for item in items})
    new: list[tuple[_Known, int, Incoming]] = []
    done = []
    for item in items:
        one = known.setdefault(item.name, _Known(f"aa_{token_hex(_BYTES)}"))
        version, change = one.same(item.digest), Change.UNCHANGED
        if version is None:
            number = one.latest.number + 1 if one.latest else 1
            one.latest = version = _Content(number, item.digest, State.PENDING)
            new.append((one, number, item))
            change = Change.CREATED if number == 1 else Change.UPDATED
        done.append(Imported(item.name, one.id, change, version.number, version.state))
    counts = Counter(one.change for one in done)
    batch = Batch(
        id=f"ab_{token_hex(_BYTES)}",
        at=clock(),
        actor=cleaned(actor),
        source=cleaned(source),
        file_digest=cleaned(file_digest),
        created=counts[Change.CREATED],
        updated=counts[Change.UPDATED],
        unchanged=counts[Change.UNCHANGED],
        failed=failed,
        items=tuple(done),
    )
    await _write(connection, batch, known, new)
    return batch


async def _known(connection: AsyncConnection, names: Iterable[str]) -> dict[str, _Known]:
    """Return the assistants of these names that are there."""
    counts = or_(
        versions.c.number == assistants.c.latest, versions.c.number == assistants.c.in_force
    )
    statement = select(
        assistants.c.name,
        assistants.c.id,
        assistants.c.latest,
        versions.c.number,
        versions.c.digest,
        versions.c.state,
    ).join(versions, and_(versions.c.assistant_id == assistants.c.id, counts))
    known: dict[str, _Known] = {}
    for some in chunks(names):
        for name, one, latest, number, digest, state in await connection.execute(
            statement.where(assistants.c.name.in_(some))
        ):
            found = known.setdefault(name, _Known(one, stored=latest))
            content = _Content(number, digest, State(state))
            if number == latest:
                found.latest = content
            else:
                found.in_force = content
    return known


async def _write(
    connection: AsyncConnection,
    batch: Batch,
    known: dict[str, _Known],
    new: Sequence[tuple[_Known, int, Incoming]],
) -> None:
    numbers = {name: one.latest.number for name, one in known.items() if one.latest}
    created = [
        {
            "id": one.id,
            "name": name,
            "folded": name.casefold(),
            "created_at": batch.at,
            "created_by": batch.actor,
            "latest": numbers[name],
        }
        for name, one in known.items()
        if not one.stored
    ]
    updated = [
        {"one": one.id, "newest": numbers[name]}
        for name, one in known.items()
        if 0 < one.stored < numbers[name]
    ]
    record = {column.name: getattr(batch, column.name) for column in batches.c}
    newest = update(assistants).where(assistants.c.id == bindparam("one"))
    for statement, rows in (
        (insert(batches), [record]),
        (insert(assistants), created),
        (newest.values(latest=bindparam("newest")), updated),
        (insert(versions), [_version(batch, *each) for each in new]),
        (insert(events), [_event(batch, *each) for each in new]),
    ):
        if rows:
            await connection.execute(statement, rows)


def _version(batch: Batch, one: _Known, number: int, item: Incoming) -> dict[str, Any]:
    return {
        "assistant_id": one.id,
        "number": number,
        "digest": item.digest,
        "state": State.PENDING.value,
        "description": cleaned(item.description),
        "prompts": item.prompts,
        "inputs": item.inputs,
        "models": json.dumps(item.models),
        "size": len(item.content.encode()),
        "batch_id": batch.id,
        "imported_at": batch.at,
        "imported_by": batch.actor,
        "changed_at": batch.at,
        "content": item.content,
    }


def _event(batch: Batch, one: _Known, number: int, item: Incoming) -> dict[str, Any]:
    return {
        "assistant_id": one.id,
        "name": item.name,
        "version": number,
        "at": batch.at,
        "actor": batch.actor,
        "action": Action.IMPORTED.value,
        "to_state": State.PENDING.value,
        "reason": "",
    }
