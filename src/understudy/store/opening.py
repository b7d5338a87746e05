"""How databases are opened: options, transactions, files, and tables in their newest form."""

from __future__ import annotations

import logging
import os
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, func, inspect, select, text

from understudy.errors import NewerStoreError, StoreError
from understudy.store.address import Address
from understudy.store.failures import failure

_PATIENCE = 30  # seconds that a write waits for the writes of others
_CONNECT = 10  # seconds

#: What PostgreSQL's advisory lock is called; any number that nobody else takes.
_LOCK = 0x756E6465_72737475

WRITES = "understudy_writes"

_ALEMBIC = Lock()


@dataclass(frozen=True, slots=True)
class Forms:
    """The forms that tables have had, the oldest first; `folder` has the scripts between them."""

    version_table: str
    revisions: tuple[str, ...]
    folder: Path

    def upgrade(self, connection: Connection) -> None:
        """Bring tables into the newest form, within the transaction that the connection is in."""
        logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells of every plugin
        from alembic import command
        from alembic.config import Config

        config = Config()
        # Alembic reads it like an INI file, where a per cent sign has a meaning.
        config.set_main_option("script_location", str(self.folder).replace("%", "%%"))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def newest(connection: Connection, address: Address, forms: Forms) -> bool:
    """Tell whether the tables have the newest form. Raises NewerStoreError for one to come."""
    revision = _revision(connection, forms)
    if revision is not None and revision not in forms.revisions:
        raise NewerStoreError(
            f"The {address.what} {address.shown} was written by a newer version of understudy "
            f"(its form is {revision}, and this version knows those up to "
            f"{forms.revisions[-1]}).",
            hint="pip install --upgrade understudy",
        )
    return revision == forms.revisions[-1]


def _revision(connection: Connection, forms: Forms) -> str | None:
    """Return which form the tables have, None for a database without them."""
    if not inspect(connection).has_table(forms.version_table):
        return None
    statement = text(f"SELECT version_num FROM {forms.version_table}")  # noqa: S608 - ours
    found: str | None = connection.scalar(statement)
    return found


def alone(connection: Connection) -> None:
    """Wait for those who write; nobody else does until the transaction ends."""
    if connection.dialect.name == "postgresql":  # SQLite has one writer by itself
        connection.execute(select(func.set_config("lock_timeout", f"{_PATIENCE}s", True)))
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))


def migrate(address: Address, forms: Forms) -> None:
    """Bring the tables into their newest form, in a thread and on a connection of its own."""
    url = address.url
    if address.path is not None:
        url = url.set(drivername="sqlite")
    engine = hooked(create_engine(url, **options(address)))
    try:
        # Alembic keeps what it is about in variables of its module.
        with _ALEMBIC, engine.execution_options(**{WRITES: True}).begin() as connection:
            alone(connection)
            # Somebody else may have done it while this one waited.
            if not newest(connection, address, forms):
                forms.upgrade(connection)
    finally:
        engine.dispose()


def options(address: Address) -> dict[str, Any]:
    """Return the options of an engine."""
    # Parameters are the contents of assistants, which belong into no error and no log.
    if address.path is not None:
        return {"hide_parameters": True, "connect_args": {"timeout": _PATIENCE}}
    waits = {} if "connect_timeout" in address.url.query else {"connect_timeout": _CONNECT}
    return {
        "hide_parameters": True,
        "isolation_level": "READ COMMITTED",
        "pool_pre_ping": True,
        "connect_args": waits,
    }


def hooked(engine: Engine) -> Engine:
    """Return an engine whose SQLite transactions begin as they are meant."""
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _connected)
        event.listen(engine, "begin", _begun)
    return engine


def _connected(connection: Any, _: object) -> None:
    # Python's driver would begin transactions by itself, too late and of the wrong kind.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.close()


def _begun(connection: Connection) -> None:
    # A transaction that reads first and then writes fails at once when another one wrote between.
    writes = connection.get_execution_options().get(WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def prepare(path: Path, address: Address) -> None:
    """Make sure of a file that only its owner reads, with a write-ahead log.

    Only SQLite opens a file that is there: when anybody else in a process closes it, the locks of
    the connections that the process has are gone (sqlite.org/howtocorrupt.html, 2.2).
    """
    from filelock import FileLock

    path.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    if not path.is_file():
        raise StoreError(
            f"The {address.what} {address.shown} is no file.", hint="Name another path."
        )
    with closing(sqlite3.connect(path, timeout=_PATIENCE)) as connection:
        try:
            if connection.execute("PRAGMA journal_mode").fetchone() == ("wal",):
                return
            # SQLite does not wait for others while it changes this, so that only one may try.
            with FileLock(path.with_name(f".{path.name}.lock")):
                connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.Error as error:
            raise failure(str(error), address) from error
