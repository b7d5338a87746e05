"""What goes wrong with a database is said in words, and never with a password."""

from __future__ import annotations

import logging
import os
import socket
import sqlite3
import sys
import traceback
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event

from databases import GUARDED, PostgreSQL, incoming
from understudy.errors import StoreError, UnderstudyError, UsageError
from understudy.store import opening
from understudy.store.address import parse
from understudy.store.library import Library

SECRET = "c4n@ry/p:w?d%"
SPELT = "c4n%40ry%2Fp%3Aw%3Fd%25"


async def refused(url: str) -> StoreError:
    with pytest.raises(StoreError) as caught:
        await Library.open(url)
    return caught.value


async def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("my notes, which are longer than the head of a database")
    assert "is no SQLite database" in str(await refused(str(path)))
    assert path.read_text().startswith("my notes")
    assert [one.name for one in sorted(tmp_path.iterdir())] == ["notes.txt"]  # noqa: ASYNC240


async def test_a_folder_and_a_path_through_a_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "is no file" in str(await refused(str(tmp_path)))
    assert (await refused(str(tmp_path / "file" / "library.db"))).hint


async def test_a_damaged_database_is_called_so(tmp_path: Path) -> None:
    path = tmp_path / "library.db"
    async with await Library.open(str(path)) as library:
        await library.add([incoming("Bot")], actor="ann", source="file")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = path.read_bytes()
    path.write_bytes(content[:100] + b"\xff" * (len(content) - 100))
    assert "is damaged" in str(await refused(str(path)))


async def test_a_full_disk_leaves_what_was_there(tmp_path: Path) -> None:
    async with await Library.open(str(tmp_path / "library.db")) as library:
        await library.add([incoming("Bot")], actor="ann", source="file")
        await library.aclose()  # so that new connections are made, for which the disk is small

        @event.listens_for(library._database._engine.sync_engine, "connect")
        def small(connection: sqlite3.Connection, _: object) -> None:
            connection.cursor().execute("PRAGMA max_page_count = 40")

        with pytest.raises(StoreError, match="the disk is full"):
            await library.add([incoming("Large", "x" * 1_000_000)], actor="ann", source="file")
        assert [kept.name for kept in (await library.page()).items] == ["Bot"]


async def test_a_writer_that_does_not_end_is_named(
    url: str, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with await Library.open(url) as other:
        monkeypatch.setattr(opening, "_PATIENCE", 1 if engine == "postgresql" else 0.05)
        async with await Library.open(url) as library, other._database.writing():
            with pytest.raises(StoreError, match="held by another process"):
                await library.add([incoming("Bot")], actor="ann", source="file")
            assert (await library.page()).items == ()


async def test_a_connection_that_broke_is_made_again(
    postgresql: PostgreSQL, url: str, engine: str
) -> None:
    if engine == "sqlite":
        pytest.skip("SQLite has no connections that break")
    async with await Library.open(url) as library:
        await library.page()
        postgresql.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        assert (await library.page()).items == ()


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_no_password_is_in_any_error_or_log(
    postgresql: PostgreSQL, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    postgresql.run(
        f"DROP ROLE IF EXISTS {GUARDED}", f"CREATE ROLE {GUARDED} LOGIN PASSWORD 'other'"
    )
    folder = postgresql.url().partition("host=")[2]
    cases = {
        f"postgresql://{GUARDED}:{SPELT}@/postgres?host={folder}": "refused user or password",
        f"postgresql://{GUARDED}@/postgres?host={folder}&password={SPELT}": "refused user",
        f"postgresql://{GUARDED}@/postgres?host={folder}": "wants a password",
        f"postgres://postgres:{SPELT}@/absent?host={folder}": "does not exist",
        f"postgresql://nobody:{SPELT}@/postgres?host={folder}": "does not know the user",
        f"postgresql+psycopg://u:{SPELT}@127.0.0.1:{unused_port()}/d": "nobody answers there",
        f"postgresql://u:{SPELT}@/d?host={tmp_path}": "no such socket",
        f"postgresql://u:{SPELT}@host.invalid/d?nonsense={SPELT}": "",
    }
    for url, said in cases.items():
        error = await refused(url)
        assert said in str(error)
        for text in (str(error), repr(error), *traceback.format_exception(error), caplog.text):
            assert SECRET not in text
            assert SPELT not in text
    async with await Library.open(postgresql.new().replace("@", f":{SPELT}@")) as library:
        assert SECRET not in repr(library) + repr(library._database) + repr(vars(library))
        assert SPELT not in repr(library)


@pytest.mark.parametrize(
    "url",
    [
        "",
        " ",
        ":memory:",
        "sqlite://",
        "sqlite:///",
        "sqlite://host/path",
        "sqlite:///library.db?mode=ro",
        f"mysql://user:{SPELT}@host/database",
        f"{SECRET}://host",
        f"postgresql://user:{SPELT}@host:{SECRET}/database",
        f"postgresql://user:{SECRET}@host:port/database",
        f"postgresql://user:half@{SECRET}@host/database",
        f"postgresql:user:{SECRET}@host/database",
        f"Postgres//user:{SECRET}@host/database",
        f"postgresql+psycopg:/user:{SECRET}@host/database",
        f"host=127.0.0.1 password={SECRET}",
        f"password = {SECRET}",
        "sqlite:library.db",
    ],
)
def test_a_url_that_names_no_library_is_refused_with_what_would(url: str) -> None:
    with pytest.raises(UsageError, match="postgresql://user:password@host") as caught:
        parse(url)
    said = "".join(traceback.format_exception(caught.value))
    assert SECRET not in said
    assert SPELT not in said


@given(st.text(), st.text(max_size=20), st.text(max_size=20))
def test_no_text_does_more_to_the_parser_than_being_refused(
    text: str, user: str, host: str
) -> None:
    for url in (text, f"sqlite:///{text}", f"postgresql://{user}:{text}@{host}/db"):
        try:
            shown = repr(parse(url))
        except UnderstudyError:
            continue
        assert shown


def test_paths_mean_what_they_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    here = tmp_path / "library.db"
    for url in ("library.db", "sqlite:///library.db", f"sqlite:///{here}", str(here)):
        assert parse(url).path == here
    monkeypatch.setenv("HOME", str(tmp_path))
    assert parse("~/library.db").path == here
    assert parse("sqlite/library.db").path == tmp_path / "sqlite" / "library.db"
    odd = parse("file:50%25 ? #.db").path
    assert odd == tmp_path / "file:50%25 ? #.db"


async def test_an_odd_path_is_the_file_that_is_made(tmp_path: Path) -> None:
    path = tmp_path / "file:50%25 ? # é.db"
    await (await Library.open(str(path))).aclose()
    assert path.is_file()


async def test_without_the_driver_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    error = await refused(f"postgresql://user:{SPELT}@host/database")
    assert "psycopg" in error.message
    assert error.hint == "pip install 'understudy[postgres]'"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write all")
async def test_a_file_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    path = tmp_path / "library.db"
    async with await Library.open(str(path)):
        pass
    path.chmod(0o400)
    async with await Library.open(str(path)) as library:
        with pytest.raises(StoreError, match="may not be written"):
            await library.add([incoming("Bot")], actor="ann", source="file")
