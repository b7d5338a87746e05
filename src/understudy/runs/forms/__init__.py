"""The forms that the tables of runs have had, and the way from each to the next.

A form is never changed once released: a new one is added, as a script in `versions` and here.
"""

from __future__ import annotations

from pathlib import Path

from understudy.store.opening import Forms

#: Where the database says which form it has.
VERSION_TABLE = "run_schema"

FORMS = Forms(VERSION_TABLE, ("0001", "0002", "0003"), Path(__file__).parent)
