"""What the benches share: servers in processes of their own, medians, one line a figure."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import aiohttp


@contextmanager
def process(*command: str) -> Iterator[dict[str, Any]]:
    """Start a Python program that prints one JSON line when it is ready; end it afterwards."""
    child = subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        yield json.loads(child.stdout.readline())
    finally:
        child.terminate()
        child.wait(timeout=10)


def measured(*command: str, env: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Run a Python program that prints one JSON line of figures, and return them."""
    done = subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **(env or {})},
    )
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


async def read_plainly(session: aiohttp.ClientSession, base_url: str, key: str) -> int:
    """Read a project's assistants page by page, do nothing else, and return how many there are."""
    seen, after = 0, ""
    headers = {"Authorization": f"Bearer {key}"}
    while True:
        query = {"limit": "100", "order": "asc", **({"after": after} if after else {})}
        async with session.get(f"{base_url}/assistants", params=query, headers=headers) as got:
            page = json.loads(await got.read())
        seen += len(page["data"])
        after = page["last_id"]
        if not page["has_more"]:
            return seen


def show(name: str, value: float, bound: str, *, ok: bool, unit: str = "") -> None:
    """Print one figure with its bound; a bound that does not hold is said, not hidden."""
    print(f"{name:<46} {value:>8.2f}{unit}   {bound:<12} {'ok' if ok else 'NOT MET'}")


def median(values: list[float]) -> float:
    """Return the median."""
    return statistics.median(values)
