"""`understudy --help` against `python -c "import click"`, alternating, medians of 15."""

from __future__ import annotations

import subprocess
import sys
import time

from support import median, show

RUNS = 15
BOUND = 3.0


def timed(*command: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, *command], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def main() -> None:
    ours, click = [], []
    for _ in range(RUNS + 1):
        click.append(timed("-c", "import click"))
        ours.append(timed("-m", "understudy", "--help"))
    ratio = median(ours[1:]) / median(click[1:])
    show("help / import click", ratio, f"<= {BOUND}", ok=ratio <= BOUND, unit=" x")


if __name__ == "__main__":
    main()
