"""What PostgreSQL tells other processes of after a commit: whose events there are now.

It is told by a transaction of its own, which follows the commit. Transactions with notifications
commit one at a time in a whole server, waits for the disk included: eight processes that put them
into their own commits get a fifth of the commits. One that does nothing else waits for no disk.
A notice that is lost so costs a moment: who listens looks now and then by itself.
"""

from __future__ import annotations

import logging
from collections.abc import Collection

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

log = logging.getLogger("understudy.runs")

#: One for all schemas of a database: who hears of a run that it does not know does nothing.
CHANNEL = "understudy_runs"

#: Says that there may be news of any run.
ANY = ""

#: The option of a connection that holds the runs which its transaction has written of.
NEWS = "understudy_news"

_TELL = "SELECT pg_notify(%s, run) FROM unnest(%s::text[]) AS run"
_MOST = 32  # notices of one transaction that name a run


def news(connection: Connection, runs: Collection[str]) -> None:
    """Have others told of these runs' new events once the transaction is kept."""
    told: set[str] | None = connection.get_execution_options().get(NEWS)
    if told is not None:
        told.update(runs)


def payloads(runs: Collection[str]) -> list[str]:
    """Return what is told of runs: each one's id, or a single notice where there are many."""
    return sorted(runs) if len(runs) <= _MOST else [ANY]


def tell(connection: Connection, runs: Collection[str]) -> None:
    """Tell of runs what has just been committed. What fails is not of importance."""
    if not runs or connection.dialect.name != "postgresql":
        return
    try:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.exec_driver_sql(_TELL, (CHANNEL, payloads(runs)))
    except SQLAlchemyError as error:
        log.debug("Nobody was told of new events: %s", type(error).__name__)
