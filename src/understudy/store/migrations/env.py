"""What Alembic runs: the scripts, on the connection that `upgrade` was given."""

from alembic import context

from understudy.store.migrations import VERSION_TABLE
from understudy.store.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=VERSION_TABLE,
)
with context.begin_transaction():
    context.run_migrations()
