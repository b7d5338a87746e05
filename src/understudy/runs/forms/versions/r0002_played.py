"""For how long a run was played by those who do not play it any more."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Count from now on: of what was played before, nobody kept it."""
    played = sa.Column("played", sa.Double, nullable=False, server_default="0")
    op.add_column("runs", played)
