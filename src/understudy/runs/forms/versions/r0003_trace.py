"""The trace context of who asked for a run."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nobody traced who asked before."""
    op.add_column("runs", sa.Column("trace", sa.Text))
