"""Assistants, their versions, what happened to them, and the imports."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the first four tables."""
    ordered = sa.Text(collation="C").with_variant(sa.Text(), "sqlite")
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "architect_assistants",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("name", ordered, nullable=False),
        sa.Column("folded", ordered, nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("latest", sa.Integer, nullable=False),
        sa.Column("in_force", sa.Integer),
        sa.PrimaryKeyConstraint("id", name="pk_architect_assistants"),
        sa.UniqueConstraint("name", name="uq_architect_assistants_name"),
    )
    op.create_table(
        "architect_batches",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("file_digest", sa.Text, nullable=False),
        sa.Column("created", sa.Integer, nullable=False),
        sa.Column("updated", sa.Integer, nullable=False),
        sa.Column("unchanged", sa.Integer, nullable=False),
        sa.Column("failed", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_architect_batches"),
    )
    op.create_index("ix_architect_batches_at", "architect_batches", ["at"])
    op.create_table(
        "architect_versions",
        sa.Column("assistant_id", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("prompts", sa.Integer, nullable=False),
        sa.Column("inputs", sa.Integer, nullable=False),
        sa.Column("models", sa.Text, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("batch_id", sa.Text, nullable=False),
        sa.Column("imported_at", moment, nullable=False),
        sa.Column("imported_by", sa.Text, nullable=False),
        sa.Column("changed_at", moment, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("assistant_id", "number", name="pk_architect_versions"),
        sa.ForeignKeyConstraint(
            ["assistant_id"],
            ["architect_assistants.id"],
            name="fk_architect_versions_assistant_id",
        ),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["architect_batches.id"], name="fk_architect_versions_batch_id"
        ),
    )
    op.create_index(
        "ix_architect_versions_state", "architect_versions", ["assistant_id", "state", "number"]
    )
    op.create_index("ix_architect_versions_batch_id", "architect_versions", ["batch_id"])
    op.create_table(
        "architect_events",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            sa.Identity(),
            nullable=False,
        ),
        sa.Column("assistant_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("version", sa.Integer),
        sa.Column("at", moment, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("from_state", sa.Text),
        sa.Column("to_state", sa.Text),
        sa.Column("reason", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_architect_events"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_architect_events_assistant_id", "architect_events", ["assistant_id", "id"])
    op.create_index("ix_architect_events_name", "architect_events", ["name", "id"])
