"""DBOS keeps its tables in a schema of its own, so each test has a database of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from command import stage
from databases import PostgreSQL, engine, postgresql

__all__ = ["engine", "postgresql", "stage"]


@pytest.fixture
def url(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an empty database."""
    if engine == "sqlite":
        return f"sqlite:///{tmp_path / 'library.db'}"
    server: PostgreSQL = request.getfixturevalue("postgresql")
    return server.database()
