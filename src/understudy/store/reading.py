"""What is read from the library, in one transaction each."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, FromClause, Row, Select, and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from understudy.architect.approval import Action, State
from understudy.errors import NotInForceError, SelectionError, UsageError
from understudy.store.records import Batch, Event, Kept, Page, Version, VersionInfo, Which
from understudy.store.spelling import storable
from understudy.store.tables import assistants, batches, events, versions

#: No page, history or list is longer.
MOST = 1000

#: How many values one statement names.
CHUNK = 500

_NEAR = 2000  # names on either side that are looked at for one that was misspelt
_LONGEST = 256  # characters: comparing longer names would cost too much

_latest = versions.alias("latest")
_force = versions.alias("in_force")
_waiting = versions.alias("waiting")

_INFO = tuple(column.name for column in versions.c)[1:-1]  # as the fields of VersionInfo

_PENDING = (
    select(func.max(_waiting.c.number))
    .where(
        _waiting.c.assistant_id == assistants.c.id,
        _waiting.c.state == State.PENDING,
        _waiting.c.number > func.coalesce(assistants.c.in_force, 0),
    )
    .scalar_subquery()
)


def _is(table: FromClause, number: ColumnElement[Any]) -> ColumnElement[bool]:
    return and_(table.c.assistant_id == assistants.c.id, table.c.number == number)


_KEPT = (
    select(
        assistants.c.id,
        assistants.c.name,
        assistants.c.created_at,
        assistants.c.created_by,
        _PENDING,
        *(_latest.c[name].label(f"latest_{name}") for name in _INFO),
        *(_force.c[name].label(f"force_{name}") for name in _INFO),
    )
    .join(_latest, _is(_latest, assistants.c.latest))
    .outerjoin(_force, _is(_force, assistants.c.in_force))
)
_FIRST = 5  # columns of _KEPT before those of the versions

#: Which assistants are in a state.
_IN_STATE: dict[State, ColumnElement[bool]] = {
    State.PENDING: _PENDING.is_not(None),
    **{
        state: or_(_latest.c.state == state, _force.c.state == state)
        for state in State
        if state is not State.PENDING
    },
}

_T = TypeVar("_T")


def chunks(values: Iterable[_T], size: int = CHUNK) -> Iterator[list[_T]]:
    """Yield lists of up to `size` of the values."""
    iterator = iter(values)
    while chunk := list(islice(iterator, size)):
        yield chunk


def bounded(limit: int) -> int:
    """Return a limit that is one. Raises UsageError."""
    if not 1 <= limit <= MOST:
        raise UsageError(f"A limit of {limit} is none: from 1 to {MOST} are listed at a time.")
    return limit


def info(values: Sequence[Any]) -> VersionInfo:
    """Return a version from its columns."""
    number, digest, state, description, prompts, inputs, models, *rest = values
    names = tuple(json.loads(models))
    return VersionInfo(number, digest, State(state), description, prompts, inputs, names, *rest)


def _kept(row: Row[Any]) -> Kept:
    one, name, at, by, pending = row[:_FIRST]
    latest, force = row[_FIRST : _FIRST + len(_INFO)], row[_FIRST + len(_INFO) :]
    in_force = None if force[0] is None else info(force)
    return Kept(one, name, at, by, info(latest), in_force, pending)


def _named(key: str) -> ColumnElement[bool]:
    return or_(assistants.c.id == key, assistants.c.name == key)


async def find(connection: AsyncConnection, key: str) -> Kept:
    """Return an assistant by its id, or else its exact name. Raises SelectionError."""
    if storable(key):
        found = [_kept(row) for row in await connection.execute(_KEPT.where(_named(key)))]
        if found:
            return next((one for one in found if one.id == key), found[0])
    raise await unknown(connection, key)


async def unknown(connection: AsyncConnection, key: str) -> SelectionError:
    """Return the error for a key that nobody has; it names what is near."""
    near: list[str] = []
    if storable(key) and len(key) <= _LONGEST:
        name = assistants.c.name
        for side, order in ((name < key, name.desc()), (name > key, name.asc())):
            near += await connection.scalars(select(name).where(side).order_by(order).limit(_NEAR))
    folded = {one.casefold(): one for one in near if len(one) <= _LONGEST}
    close = difflib.get_close_matches(key.casefold(), folded, n=5)
    shown = key if len(key) <= _LONGEST else f"{key[:_LONGEST]}…"
    hint = f"Near: {', '.join(folded[one] for one in close)}." if close else ""
    return SelectionError(f"The library has no assistant {shown!r}.", hint=hint)


async def page(
    connection: AsyncConnection, *, limit: int, after: str, state: State | None, contains: str
) -> Page:
    """Return the assistants whose names come after `after`, up to a limit."""
    if not storable(contains) or not storable(after) or len(contains) > MOST:
        return Page(())
    statement = _KEPT.order_by(assistants.c.name).limit(bounded(limit) + 1)
    if after:
        statement = statement.where(assistants.c.name > after)
    if contains:
        folded = assistants.c.folded
        statement = statement.where(folded.contains(contains.casefold(), autoescape=True))
    if state is not None:
        statement = statement.where(_IN_STATE[state])
    found = [_kept(row) for row in await connection.execute(statement)]
    more = len(found) > limit
    return Page(tuple(found[:limit]), found[limit - 1].name if more else "")


async def version(connection: AsyncConnection, key: str, number: int | None) -> Version:
    """Return a version with its content, the latest for None. Raises SelectionError."""
    kept = await find(connection, key)
    return await _whole(connection, kept, kept.latest.number if number is None else number)


async def in_force(connection: AsyncConnection, key: str) -> Version:
    """Return the version that may be used. Raises SelectionError, NotInForceError."""
    kept = await find(connection, key)
    if kept.in_force is None:
        raise NotInForceError(
            f"No version of {kept.name} is approved.",
            hint=f"Approve version {kept.pending}." if kept.pending else "Import a changed one.",
        )
    number = kept.in_force.number
    if kept.in_force.state is not State.APPROVED:
        raise NotInForceError(
            f"{kept.name} is disabled (version {number}).",
            hint=f"Enable version {number}, or approve another one.",
        )
    return await _whole(connection, kept, number)


async def one_info(connection: AsyncConnection, kept: Kept, number: int) -> VersionInfo:
    """Return a version of an assistant without its content. Raises SelectionError."""
    columns = [versions.c[name] for name in _INFO]
    statement = select(*columns).where(
        versions.c.assistant_id == kept.id, versions.c.number == number
    )
    row = (
        (await connection.execute(statement)).one_or_none()
        if number <= kept.latest.number
        else None
    )
    if row is None:
        raise _no_version(kept, number)
    return info(row)


async def infos(connection: AsyncConnection, key: str, limit: int) -> tuple[VersionInfo, ...]:
    """Return an assistant's versions without their contents, the newest first."""
    kept = await find(connection, key)
    statement = select(*(versions.c[name] for name in _INFO))
    statement = statement.where(versions.c.assistant_id == kept.id)
    statement = statement.order_by(versions.c.number.desc()).limit(bounded(limit))
    return tuple(info(row) for row in await connection.execute(statement))


async def _whole(connection: AsyncConnection, kept: Kept, number: int) -> Version:
    if 1 <= number <= kept.latest.number:
        chosen = versions.c.assistant_id == kept.id, versions.c.number == number
        statement = select(*(versions.c[name] for name in _INFO), versions.c.content)
        row = (await connection.execute(statement.where(*chosen))).one()
        return _version(kept.id, kept.name, row)
    raise _no_version(kept, number)


def _no_version(kept: Kept, number: int) -> SelectionError:
    last = kept.latest.number
    return SelectionError(
        f"{kept.name} has no version {number}.",
        hint="It has version 1 only." if last == 1 else f"It has the versions 1 to {last}.",
    )


def _version(one: str, name: str, row: Sequence[Any]) -> Version:
    known = info(row[:-1])
    fields = {field: getattr(known, field) for field in _INFO}
    return Version(**fields, id=one, name=name, content=row[-1])


#: The number of the version that is meant, NULL where an assistant has none.
_APPROVED = case((_force.c.state == State.APPROVED, _force.c.number))
_NUMBER = {
    Which.LATEST: assistants.c.latest,
    Which.IN_FORCE: _APPROVED,
    Which.IN_FORCE_ELSE_LATEST: func.coalesce(_APPROVED, assistants.c.latest),
}


async def ids(connection: AsyncConnection, keys: Sequence[str]) -> list[str]:
    """Return the ids that ids or exact names stand for, each once. Raises SelectionError."""
    found: dict[str, str] = {}
    for some in chunks(key for key in dict.fromkeys(keys) if storable(key)):
        wanted = or_(assistants.c.id.in_(some), assistants.c.name.in_(some))
        rows = await connection.execute(select(assistants.c.id, assistants.c.name).where(wanted))
        pairs = rows.all()
        found.update((name, one) for one, name in pairs if name in some)
        found.update((one, one) for one, _ in pairs)
    for key in keys:
        if key not in found:
            raise await unknown(connection, key)
    return list(dict.fromkeys(found[key] for key in keys))


async def outline(
    connection: AsyncConnection, which: Which, *, some: Sequence[str] | None, after: str
) -> list[Row[str, str, int]]:
    """Return id, name and size of what `contents` gives for these ids, or after a name."""
    statement = _chosen(which, assistants.c.id, assistants.c.name, _latest.c.size)
    if some is not None:
        statement = statement.where(assistants.c.id.in_(some))
    else:
        later = statement.where(assistants.c.name > after)
        statement = later.order_by(assistants.c.name).limit(MOST)
    return list(await connection.execute(statement))


async def contents(connection: AsyncConnection, some: Sequence[str], which: Which) -> list[Version]:
    """Return a version of each of a few assistants, by ids and in their order."""
    columns = (_latest.c[name] for name in _INFO)
    statement = _chosen(
        which, assistants.c.id, assistants.c.name, *columns, _latest.c.content
    ).where(assistants.c.id.in_(some))
    rows = await connection.execute(statement)
    found = {row[0]: _version(row[0], row[1], row[2:]) for row in rows}
    return [found[one] for one in some if one in found]


def _chosen(which: Which, *columns: ColumnElement[Any]) -> Select[*tuple[Any, ...]]:
    return (
        select(*columns)
        .select_from(assistants)
        .outerjoin(_force, _is(_force, assistants.c.in_force))
        .join(_latest, _is(_latest, _NUMBER[which]))
    )


async def history(connection: AsyncConnection, key: str, limit: int) -> tuple[Event, ...]:
    """Return what happened to an id or a name, the newest first. Raises SelectionError."""
    columns = events.c
    statement = (
        select(*columns)
        .where(or_(columns.assistant_id == key, columns.name == key))
        .order_by(columns.id.desc())
        .limit(bounded(limit))
    )
    found = (await connection.execute(statement)).all() if storable(key) else []
    if not found:
        raise await unknown(connection, key)
    return tuple(_event(row) for row in found)


def _event(row: Sequence[Any]) -> Event:
    one, assistant, name, number, at, actor, action, before, after, reason = row
    first, last = (None if state is None else State(state) for state in (before, after))
    return Event(one, assistant, name, number, at, actor, Action(action), first, last, reason)


async def past(connection: AsyncConnection, limit: int) -> tuple[Batch, ...]:
    """Return the imports, the newest first."""
    order = batches.c.at.desc(), batches.c.id
    statement = select(*batches.c).order_by(*order).limit(bounded(limit))
    return tuple(Batch(*row) for row in await connection.execute(statement))
