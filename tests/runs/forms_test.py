"""The form of the tables of runs: made by scripts, and what the code expects."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, select, text

from understudy.errors import NewerStoreError
from understudy.runs.database import Database
from understudy.runs.forms import FORMS
from understudy.runs.tables import EVENTS, METADATA, RUNS
from understudy.store.address import for_runs, parse
from understudy.store.library import Library


def differences(connection: Connection) -> list[Any]:
    """Return what Alembic would change so that the tables are as the code says."""

    def ours(name: str | None, kind: str, _: object) -> bool:
        return kind != "table" or name in METADATA.tables

    options = {"include_name": ours, "compare_type": True}
    context = MigrationContext.configure(connection, opts=options)
    return list(compare_metadata(context, METADATA))


def test_scripts_make_what_the_code_expects(url: str) -> None:
    for _ in range(2):  # opening it again changes nothing
        database = Database(for_runs(parse(url)))
        try:
            with database.reading() as connection:
                assert differences(connection) == []
        finally:
            database.close()


def test_the_forms_that_the_code_names_are_those_that_have_a_script() -> None:
    scripts = ScriptDirectory(str(FORMS.folder))
    found = [script.revision for script in scripts.walk_revisions()][::-1]
    assert tuple(found) == FORMS.revisions


def in_form(database: Database, revision: str) -> None:
    """Make the tables of an empty database as they were in an earlier form."""
    config = Config()
    config.set_main_option("script_location", str(FORMS.folder))
    config.set_main_option("path_separator", "os")
    with database._writer.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def before(url: str, revision: str, monkeypatch: pytest.MonkeyPatch) -> Database:
    """Return an empty database in an earlier form."""
    monkeypatch.setattr("understudy.runs.database.newest", lambda *_: True)
    database = Database(for_runs(parse(url)))
    monkeypatch.undo()
    in_form(database, revision)
    return database


_RUN = (
    "INSERT INTO runs (id, play, assistant, standing, attempt, attempt_from, epoch, losses, "
    "cancelling, last_event, created_at, updated_at, inputs) VALUES "
    "('run_1', 'p', 'Council', 'queued', 2, 1, 3, 1, false, 1, 1.5, 2.5, '{\"route\": \"north\"}')"
)
_EVENT = "INSERT INTO run_events VALUES ('run_1', 1, 1.5, 'run.cancelled', '{}')"


def test_tables_of_the_first_form_become_todays_with_all_that_is_in_them(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = before(url, FORMS.revisions[0], monkeypatch)
    with database.writing() as connection:
        for statement in (_RUN, _EVENT):
            connection.execute(text(statement.replace(":", "\\:")))
    database.close()
    for _ in range(2):
        database = Database(for_runs(parse(url)))
        with database.reading() as connection:
            assert differences(connection) == []
            (run,) = connection.execute(select(RUNS)).mappings()
            (event,) = connection.execute(select(EVENTS)).all()
        database.close()
        assert (run["id"], run["attempt"], run["inputs"]) == ("run_1", 2, '{"route": "north"}')
        assert (run["cancelling"], run["cost"], run["played"]) == (False, None, 0.0)
        assert tuple(event) == ("run_1", 1, 1.5, "run.cancelled", "{}")


async def test_runs_and_the_library_live_side_by_side(url: str) -> None:
    Database(for_runs(parse(url))).close()
    async with await Library.open(url) as library:
        assert (await library.page()).items == ()
    Database(for_runs(parse(url))).close()


def test_runs_of_a_newer_version_are_refused_and_left_alone(url: str) -> None:
    address = for_runs(parse(url))
    database = Database(address)
    with database.writing() as connection:
        connection.execute(text("UPDATE run_schema SET version_num = '0999'"))
    database.close()
    with pytest.raises(NewerStoreError, match="database of runs"):
        Database(address)


def test_opening_a_file_again_leaves_the_locks_of_this_process_alone(tmp_path: Path) -> None:
    address = for_runs(parse(str(tmp_path / "library.db")))
    database = Database(address)
    take = (
        "import sqlite3, sys\n"
        "connection = sqlite3.connect(sys.argv[1], timeout=0)\n"
        "try: connection.execute('BEGIN IMMEDIATE')\n"
        "except sqlite3.OperationalError as error: print(error)\n"
    )
    with database.writing():
        Database(address).close()
        asking = [sys.executable, "-c", take, str(address.path)]
        said = subprocess.run(asking, capture_output=True, check=True, text=True).stdout
    database.close()
    assert said == "database is locked\n"
