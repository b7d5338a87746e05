"""The forms that the library's tables have had, and the way from each to the next.

A form is never changed once released: a new one is added, as a script in `versions` and here.
"""

from __future__ import annotations

from pathlib import Path

from understudy.store.opening import Forms

#: Where the database says which form it has.
VERSION_TABLE = "architect_schema"

#: All forms, the oldest first. They stand here since Alembic takes a quarter of a second to import.
REVISIONS = ("0001",)

FORMS = Forms(VERSION_TABLE, REVISIONS, Path(__file__).parent)
