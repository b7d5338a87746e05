"""The forms that the library's tables have had, and the way from each to the next.

A form is never changed once released: a new one is added, as a script in `versions` and here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection

#: Where the database says which form it has.
VERSION_TABLE = "architect_schema"

#: All forms, the oldest first. They stand here since Alembic takes a quarter of a second to import.
REVISIONS = ("0001",)


def upgrade(connection: Connection) -> None:
    """Bring the tables into the newest form, within the transaction that the connection is in."""
    from pathlib import Path

    from alembic import command
    from alembic.config import Config

    config = Config()
    # Alembic reads it like an INI file, where a per cent sign has a meaning.
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
