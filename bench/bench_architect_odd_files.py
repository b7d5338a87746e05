"""Huge, deep and odd files: what the slowest of them takes to be told, and to be mended.

The files are those of the tests, which hold each to its findings and to its memory. Seconds are of
processor time; beside them stands how often `json.loads` reads a valid 10 MB document meanwhile.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from documents import document, filled
from support import measured, median, show

FILES = Path(__file__).parents[1] / "tests" / "architect" / "heavy.py"
SIZE = 10 * 1024 * 1024
SECONDS = 2.0
MEGABYTES = 400


def plain() -> float:
    """Return the seconds that `json.loads` takes for a valid document."""
    data = document(filled(SIZE))
    rounds = []
    for _ in range(9):
        started = time.process_time()
        json.loads(data)
        rounds.append(time.process_time() - started)
    return median(rounds)


def main() -> None:
    if sys.argv[1:] == ["plain"]:
        print(json.dumps({"seconds": plain()}))
        return
    names = json.loads(subprocess.check_output([sys.executable, FILES, "--names"]))
    asked = "".join(f"{json.dumps(name)}\n" for name in names)
    done = subprocess.run(
        [sys.executable, FILES], input=asked, capture_output=True, text=True, check=True
    )
    took: dict[str, dict[str, Any]] = {
        name: json.loads(line) for name, line in zip(names, done.stdout.splitlines(), strict=True)
    }
    reading = measured(__file__, "plain")["seconds"]
    for what, unit, bound in (
        ("seconds", " s", SECONDS),
        ("mending", " s", SECONDS),
        ("megabytes", " MB", MEGABYTES),
    ):
        name = max(took, key=lambda one: took[one][what])
        worst = took[name][what]
        show(f"most {what}, of {len(names)} files", worst, f"<= {bound:g}", ok=worst <= bound)
        times = "" if unit == " MB" else f", {worst / reading:.0f} x json.loads"
        print(f"  {name}{times}")


if __name__ == "__main__":
    main()
