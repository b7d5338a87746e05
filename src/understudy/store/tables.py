"""The tables of the library. `migrations` makes them; a test holds both equal."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import TypeDecorator

#: Constraints have names, so that a migration can find them.
NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_name)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}

METADATA = MetaData(naming_convention=NAMING)


class Moment(TypeDecorator[datetime]):
    """A time that is aware and in UTC; SQLite, which has no zones, holds UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the time as the database takes it; a naive one is a mistake of the caller."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone cannot be stored")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the time in UTC, whatever zone the connection is in."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


#: Text in the order of its code points, which is SQLite's own, whatever the server's language is.
_ORDERED = Text(collation="C").with_variant(Text(), "sqlite")
#: SQLite counts for itself only in a column of this very type.
_COUNTER = BigInteger().with_variant(Integer(), "sqlite")


def _required(name: str, kind: Any, *more: Any, **options: Any) -> Column[Any]:
    return Column(name, kind, *more, nullable=False, **options)


assistants = Table(
    "architect_assistants",
    METADATA,
    Column("id", Text, primary_key=True),
    _required("name", _ORDERED),
    _required("folded", _ORDERED),
    _required("created_at", Moment),
    _required("created_by", Text),
    _required("latest", Integer),
    Column("in_force", Integer),
    UniqueConstraint("name"),
)

batches = Table(
    "architect_batches",
    METADATA,
    Column("id", Text, primary_key=True),
    _required("at", Moment),
    _required("actor", Text),
    _required("source", Text),
    _required("file_digest", Text),
    _required("created", Integer),
    _required("updated", Integer),
    _required("unchanged", Integer),
    _required("failed", Integer),
    Index(None, "at"),
)

versions = Table(
    "architect_versions",
    METADATA,
    Column("assistant_id", Text, ForeignKey(assistants.c.id), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    _required("digest", Text),
    _required("state", Text),
    _required("description", Text),
    _required("prompts", Integer),
    _required("inputs", Integer),
    _required("models", Text),
    _required("size", Integer),
    _required("batch_id", Text, ForeignKey(batches.c.id)),
    _required("imported_at", Moment),
    _required("imported_by", Text),
    _required("changed_at", Moment),
    # The last one: SQLite passes over whatever stands before what is asked for.
    _required("content", Text),
    Index("ix_architect_versions_state", "assistant_id", "state", "number"),
    Index(None, "batch_id"),
)

events = Table(
    "architect_events",
    METADATA,
    Column("id", _COUNTER, Identity(), primary_key=True),
    # No foreign key: what was done to an assistant outlives it.
    _required("assistant_id", Text),
    _required("name", Text),
    Column("version", Integer),
    _required("at", Moment),
    _required("actor", Text),
    _required("action", Text),
    Column("from_state", Text),
    Column("to_state", Text),
    _required("reason", Text),
    Index("ix_architect_events_assistant_id", "assistant_id", "id"),
    Index("ix_architect_events_name", "name", "id"),
    sqlite_autoincrement=True,
)
