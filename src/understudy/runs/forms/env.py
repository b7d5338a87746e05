"""What Alembic runs: the scripts, on the connection that `upgrade` was given."""

from alembic import context

from understudy.runs.forms import VERSION_TABLE
from understudy.runs.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=VERSION_TABLE,
)
with context.begin_transaction():
    context.run_migrations()
