"""Runs, their events, who plays them, and what they need."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the first tables."""
    op.create_table(
        "run_plays",
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("play", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_run_plays"),
    )
    op.create_table(
        "runs",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("play", sa.Text, nullable=False),
        sa.Column("assistant", sa.Text, nullable=False),
        sa.Column("version", sa.Integer),
        sa.Column("standing", sa.Text, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("attempt_from", sa.Integer, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("losses", sa.Integer, nullable=False),
        sa.Column("worker", sa.Text),
        sa.Column("cancelling", sa.Boolean, nullable=False),
        sa.Column("last_event", sa.Integer, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("updated_at", sa.Double, nullable=False),
        sa.Column("claimed_at", sa.Double),
        sa.Column("ended_at", sa.Double),
        sa.Column("caller", sa.Text),
        sa.Column("request_key", sa.Text),
        sa.Column("request_digest", sa.Text),
        sa.Column("batch", sa.Text),
        sa.Column("row", sa.Integer),
        sa.Column("inputs", sa.Text),
        sa.Column("ended", sa.Text),
        sa.Column("cost", sa.Double),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
        sa.UniqueConstraint("caller", "request_key", name="uq_runs_request"),
        sa.UniqueConstraint("batch", "row", name="uq_runs_row"),
    )
    op.create_table(
        "run_events",
        sa.Column("run", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("run", "number", name="pk_run_events"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "run_workers",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("places", sa.Integer, nullable=False),
        sa.Column("started_at", sa.Double, nullable=False),
        sa.Column("seen_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_run_workers"),
    )
    op.create_table(
        "run_files",
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_run_files"),
    )
    op.create_table(
        "run_uploads",
        sa.Column("run", sa.Text, nullable=False),
        sa.Column("field", sa.Text, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("run", "field", "position", name="pk_run_uploads"),
    )
    op.create_table(
        "run_batches",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("rows", sa.Integer, nullable=False),
        sa.Column("open", sa.Boolean, nullable=False),
        sa.Column("max_cost", sa.Double),
        sa.Column("guess", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_run_batches"),
    )
    op.create_table(
        "run_ticks",
        sa.Column("schedule", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("worker", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("schedule", "at", name="pk_run_ticks"),
    )
    op.create_index("ix_runs_queue", "runs", ["standing", "created_at", "row"])
    op.create_index("ix_runs_created_at", "runs", ["created_at"])
    op.create_index("ix_runs_worker", "runs", ["worker"])
    op.create_index("ix_runs_play", "runs", ["play"])
    op.create_index("ix_run_uploads_digest", "run_uploads", ["digest"])
