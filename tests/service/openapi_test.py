"""The service against its own document, by a tool that nobody here wrote."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from command import until
from serving import Client, served
from understudy.sandbox import Project

READER = "key-of-a-reader-0123"
ADMIN = "key-of-an-admin-0123"
KEYS = f"r:read:{READER} a:admin:{ADMIN}"

#: Whether a document is valid depends on more than a schema can say, so an import refuses some.
_CONFIG = """
[[operations]]
include-name = "POST /api/architect/import"
checks.positive_data_acceptance.enabled = false

[[operations]]
include-name = "POST /api/architect/assistants/{key}/runs"
checks.positive_data_acceptance.enabled = false
"""

#: The same few examples in every run; others, and so many, where somebody looks for new ones.
_MOST = os.environ.get("UNDERSTUDY_EXAMPLES")
_EXAMPLES = ("--max-examples", _MOST) if _MOST else ("--max-examples", "5", "--seed", "1")


def look(client: Client, folder: Path, *more: str) -> str:
    """Let schemathesis look at a running service; fails with what it found."""
    (folder / "schemathesis.toml").write_text(_CONFIG)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", "--no-color"),
            *("--suppress-health-check", "all", *_EXAMPLES, *more),
            f"http://127.0.0.1:{client.port}/openapi.json",
        ],
        check=False,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    return done.stdout


@pytest.mark.parametrize("key", [READER, ADMIN], ids=["reader", "admin"])
def test_schemathesis_finds_nothing(source: Project, folder: Path, key: str) -> None:
    source.add(name="Arcanos Runtime Companion", model="gpt-4o")
    header = ("--header", f"X-API-Key: {key}")
    with served(KEYS, rate=0.0) as client:
        until(lambda: client.get("/readyz").status == 200, "the first sync")
        assert "25 selected / 25 total" in look(client, folder, *header)
