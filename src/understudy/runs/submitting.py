"""Runs, asked for: written down once, with all that is needed to play them anywhere."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from secrets import token_hex
from typing import Any

from sqlalchemy import Connection, and_, select

from understudy.errors import IdempotencyError
from understudy.runs.database import insert_new, now
from understudy.runs.records import Asked, Order, Standing
from understudy.runs.tables import FILES, PLAYS, RUNS, UPLOADS


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a batch: its number, and what is entered."""

    number: int
    inputs: dict[str, str]


def submit(connection: Connection, order: Order, asked: Asked) -> str:
    """Queue a run, and return its id.

    The same key gives the same run. Raises IdempotencyError for a key that stood for another.
    """
    if found := earlier(connection, asked):
        return found
    run = f"run_{token_hex(8)}"
    values = {
        **_values(order, _play(connection, order), now(connection)),
        "id": run,
        "inputs": json.dumps(dict(order.inputs)),
        "caller": asked.caller,
        "request_key": asked.key,
        "request_digest": asked.digest,
        "trace": asked.trace,
    }
    made = insert_new(connection, RUNS).values(values).returning(RUNS.c.id)
    if connection.scalar(made) is None:  # somebody else sent the same at the same time
        return earlier(connection, asked) or run
    _keep(connection, run, order)
    return run


def submit_rows(
    connection: Connection, order: Order, batch: str, rows: Sequence[Row], asked: Asked
) -> None:
    """Queue the rows of a batch; those that are there already are left alone."""
    shared = {
        **_values(order, _play(connection, order), now(connection)),
        "batch": batch,
        "caller": asked.caller,
        "trace": asked.trace,
    }
    values = [
        {
            **shared,
            "id": f"run_{token_hex(8)}",
            "row": row.number,
            "inputs": json.dumps(row.inputs),
        }
        for row in rows
    ]
    if values:
        connection.execute(insert_new(connection, RUNS), values)


def earlier(connection: Connection, asked: Asked) -> str | None:
    """Return the run that a key stands for, None for a new key; raises IdempotencyError."""
    if asked.key is None:
        return None
    mine = and_(RUNS.c.caller == asked.caller, RUNS.c.request_key == asked.key)
    found = connection.execute(select(RUNS.c.id, RUNS.c.request_digest).where(mine)).first()
    if found is None:
        return None
    if found.request_digest != asked.digest:
        raise IdempotencyError(
            "This key stood for another request already.",
            hint="A key belongs to one request: send a new key with what is new.",
        )
    run: str = found.id
    return run


def _values(order: Order, play: str, moment: float) -> dict[str, Any]:
    return {
        "play": play,
        "assistant": order.assistant,
        "version": order.version,
        "standing": Standing.QUEUED,
        "attempt": 1,
        "attempt_from": 0,
        "epoch": 0,
        "losses": 0,
        "cancelling": False,
        "last_event": 0,
        "created_at": moment,
        "updated_at": moment,
    }


def _play(connection: Connection, order: Order) -> str:
    """Keep what many runs share, once; return its digest."""
    text = order.play
    digest = sha256(text.encode()).hexdigest()
    connection.execute(insert_new(connection, PLAYS).values(digest=digest, play=text))
    return digest


def _keep(connection: Connection, run: str, order: Order) -> None:
    """Keep the bytes of uploads, each once."""
    for position, one in enumerate(order.originals):
        connection.execute(
            insert_new(connection, FILES).values(digest=one.digest, content=one.content)
        )
        connection.execute(
            UPLOADS.insert().values(
                run=run,
                field=_plain(one.field),
                position=position,
                name=_plain(one.name),
                digest=one.digest,
            )
        )


def _plain(text: str) -> str:
    """Return a name that every database takes: files may be called what is no Unicode."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()
