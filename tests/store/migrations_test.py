"""The tables' form: made, brought up from every form there was, refused when it is newer."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from databases import ENGINES, PostgreSQL, incoming
from understudy.architect.approval import Action, State
from understudy.errors import NewerStoreError, StoreError
from understudy.store import migrations
from understudy.store.database import Database
from understudy.store.library import Library
from understudy.store.tables import METADATA

FORMS = Path(__file__).parent / "forms"


def run(url: str, script: str) -> None:
    """Run a script on a database beside the library."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            connection.executescript(script)
    else:
        import psycopg

        with psycopg.connect(url, autocommit=True) as server:
            server.execute(script.encode())


def differences(connection: Connection) -> list[Any]:
    """Return what Alembic would change so that the tables are as the code says."""

    def ours(name: str | None, kind: str, _: object) -> bool:
        return kind != "table" or name != migrations.VERSION_TABLE

    # Alembic looks for an identity where SQLite has none.
    defaults = connection.dialect.name == "postgresql"
    options = {"include_name": ours, "compare_type": True, "compare_server_default": defaults}
    context = MigrationContext.configure(connection, opts=options)
    return list(compare_metadata(context, METADATA))


SHAPES = {
    "sqlite": (
        "SELECT name, sql FROM sqlite_master WHERE name LIKE 'architect%' OR name LIKE 'ix%'",
    ),
    "postgresql": (
        (
            "SELECT table_name, column_name, ordinal_position, data_type, is_nullable, "
            "collation_name, column_default, is_identity, identity_generation "
            "FROM information_schema.columns WHERE table_schema = current_schema"
        ),
        (
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE connamespace = current_schema::regnamespace"
        ),
        "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema",
    ),
}


def shape(connection: Connection) -> set[str]:
    """Return how the database itself describes its tables, columns, constraints and indexes."""
    rows = [row for one in SHAPES[connection.dialect.name] for row in connection.execute(text(one))]
    said = [
        re.sub(r"\s+", " ", repr(tuple(row)).replace("\\n", " ").replace("\\t", " "))
        for row in rows
    ]
    # SQLite keeps a statement as it was written, and the order of constraints is no difference.
    return {"".join(sorted(one)) for one in said if migrations.VERSION_TABLE not in one}


async def test_migrations_make_what_the_code_expects(library: Library) -> None:
    async with library._database.reading() as connection:
        assert await connection.run_sync(differences) == []


async def test_migrations_make_it_to_the_letter(url: str) -> None:
    database = await Database.open(url)
    try:
        async with database.reading() as connection:
            migrated = await connection.run_sync(shape)
        async with database.writing() as connection:
            await connection.run_sync(METADATA.drop_all)
            assert await connection.run_sync(shape) == set()
            await connection.run_sync(METADATA.create_all)
            assert await connection.run_sync(shape) == migrated
    finally:
        await database.aclose()


def test_the_forms_that_the_code_names_are_those_that_have_a_script_and_a_specimen() -> None:
    scripts = ScriptDirectory(str(Path(migrations.__file__).parent))
    found = [script.revision for script in scripts.walk_revisions()][::-1]
    assert tuple(found) == migrations.REVISIONS
    specimens = {path.name for path in FORMS.iterdir()}
    assert specimens == {f"{one}.{name}.sql" for one in found for name in ENGINES}


@pytest.mark.parametrize("form", migrations.REVISIONS)
async def test_a_library_of_every_form_is_brought_up_with_what_it_holds(
    url: str, engine: str, form: str
) -> None:
    run(url, (FORMS / f"{form}.{engine}.sql").read_text(encoding="utf-8"))
    async with await Library.open(url) as library:
        async with library._database.reading() as connection:
            assert await connection.run_sync(differences) == []
        names = [kept.name for kept in (await library.page()).items]
        assert names == ["Bot", "日本 'quoted' %_"]
        states = [one.state for one in await library.versions("Bot")]
        assert states == [State.PENDING, State.DISABLED, State.SUPERSEDED]
        odd = await library.version("日本 'quoted' %_")
        assert odd.content == '{"content":"B\\\\u0000"}'
        assert (await library.history("Bot"))[1].reason == "it's wrong"
        assert (await library.history("Gone"))[0].action is Action.DELETED
        assert len(await library.batches()) == 3
        batch = await library.add([incoming("Bot", "E")], actor="ann", source="file")
        assert batch.items[0].version == 4
        assert (await library.history("Bot"))[0].version == 4


async def test_a_library_of_a_newer_version_is_refused_and_left_alone(url: str) -> None:
    async with await Library.open(url) as library:
        await library.add([incoming("Bot")], actor="ann", source="file")
    run(url, "UPDATE architect_schema SET version_num = '0999'")
    with pytest.raises(NewerStoreError, match="written by a newer version of understudy"):
        await Library.open(url)
    run(url, "UPDATE architect_schema SET version_num = '0001'")
    async with await Library.open(url) as library:
        await library.find("Bot")


async def test_a_migration_that_fails_leaves_the_database_as_it_was(url: str) -> None:
    run(url, "CREATE TABLE architect_events (mine TEXT)")  # the last one that is made
    with pytest.raises(StoreError, match="already exists"):
        await Library.open(url)
    run(url, "DROP TABLE architect_events")
    async with await Library.open(url) as library:
        assert (await library.page()).items == ()


async def test_tables_of_others_in_the_database_are_left_alone(url: str) -> None:
    run(url, "CREATE TABLE mine (a TEXT); INSERT INTO mine VALUES ('b')")
    async with await Library.open(url) as library, library._database.reading() as connection:
        assert await connection.scalar(text("SELECT a FROM mine")) == "b"


def test_a_library_in_its_newest_form_opens_without_alembic(tmp_path: Path) -> None:
    script = (
        "import asyncio, sys\n"
        "from understudy.store.library import Library\n"
        "async def main():\n"
        "    await (await Library.open(sys.argv[1])).aclose()\n"
        "asyncio.run(main())\n"
        "print('alembic' in sys.modules)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "library.db")]
    said = [subprocess.run(command, capture_output=True, check=True).stdout for _ in range(2)]
    assert said == [b"True\n", b"False\n"]


async def test_a_user_without_rights_is_told_so(postgresql: PostgreSQL) -> None:
    postgresql.run("DROP ROLE IF EXISTS visitor", "CREATE ROLE visitor LOGIN")
    with pytest.raises(StoreError, match="does not let this user do that"):
        await Library.open(postgresql.url("visitor"))
