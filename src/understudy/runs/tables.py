"""The tables of runs. `forms` makes them; a test holds both equal.

A run's row says how it stands, its events say everything that happened: the answers are in those.
Moments are seconds since 1970.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)

METADATA = MetaData()

#: What is played: an assistant's content and who answers, by its digest.
PLAYS = Table(
    "run_plays",
    METADATA,
    Column("digest", Text, nullable=False),
    Column("play", Text, nullable=False),
    PrimaryKeyConstraint("digest", name="pk_run_plays"),
)

#: `epoch` goes up whenever a run changes hands; who has an older one cannot write any more.
#: `attempt_from` is the number of the last event before the present attempt. `played` are the
#: seconds for which this attempt was played by those who do not play it any more. `trace` is the
#: W3C trace context of who asked for it, as JSON, where somebody traces. A run without a `row` that
#: has a `batch` was taken out of it: anybody may play it, and what it costs is the batch's.
RUNS = Table(
    "runs",
    METADATA,
    Column("id", Text, nullable=False),
    Column("play", Text, nullable=False),
    Column("assistant", Text, nullable=False),
    Column("version", Integer),
    Column("standing", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("attempt_from", Integer, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("losses", Integer, nullable=False),
    Column("worker", Text),
    Column("cancelling", Boolean, nullable=False),
    Column("last_event", Integer, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    Column("claimed_at", Double),
    Column("ended_at", Double),
    Column("caller", Text),
    Column("request_key", Text),
    Column("request_digest", Text),
    Column("batch", Text),
    Column("row", Integer),
    Column("inputs", Text),
    Column("ended", Text),
    Column("cost", Double),
    Column("played", Double, nullable=False, server_default="0"),
    Column("trace", Text),
    PrimaryKeyConstraint("id", name="pk_runs"),
    UniqueConstraint("caller", "request_key", name="uq_runs_request"),
    UniqueConstraint("batch", "row", name="uq_runs_row"),
    Index("ix_runs_queue", "standing", "created_at", "row"),
    Index("ix_runs_created_at", "created_at"),
    Index("ix_runs_worker", "worker"),
    Index("ix_runs_play", "play"),
)

EVENTS = Table(
    "run_events",
    METADATA,
    Column("run", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("at", Double, nullable=False),
    Column("kind", Text, nullable=False),
    Column("event", Text, nullable=False),
    PrimaryKeyConstraint("run", "number", name="pk_run_events"),
    sqlite_with_rowid=False,
)

#: Processes that play runs, and when each was last heard of.
WORKERS = Table(
    "run_workers",
    METADATA,
    Column("id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("places", Integer, nullable=False),
    Column("started_at", Double, nullable=False),
    Column("seen_at", Double, nullable=False),
    PrimaryKeyConstraint("id", name="pk_run_workers"),
)

#: The bytes of uploads by their digests, for as long as a run needs them.
FILES = Table(
    "run_files",
    METADATA,
    Column("digest", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),
    PrimaryKeyConstraint("digest", name="pk_run_files"),
)

UPLOADS = Table(
    "run_uploads",
    METADATA,
    Column("run", Text, nullable=False),
    Column("field", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("digest", Text, nullable=False),
    PrimaryKeyConstraint("run", "field", "position", name="pk_run_uploads"),
    Index("ix_run_uploads_digest", "digest"),
)

#: `guess` is what a run is thought to cost before one has ended.
BATCHES = Table(
    "run_batches",
    METADATA,
    Column("id", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("open", Boolean, nullable=False),
    Column("max_cost", Double),
    Column("guess", Double, nullable=False),
    PrimaryKeyConstraint("id", name="pk_run_batches"),
)

#: Moments of schedules that somebody has taken on.
TICKS = Table(
    "run_ticks",
    METADATA,
    Column("schedule", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("worker", Text, nullable=False),
    PrimaryKeyConstraint("schedule", "at", name="pk_run_ticks"),
)
