"""Breaks Architect documents by chance for a while, and asks for every invariant each time.

    python tests/fuzz/fuzz_architect.py [--seconds 60] [--seed N]

A failure prints its seed, writes the document that shows it, and ends with exit code 1. With
`--seed` only the one document of that seed is looked at.
"""

from __future__ import annotations

import argparse
import json
import secrets
import sys
import tempfile
import time
import traceback
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parents[1]))

from architect.damaging import broken_bytes, broken_tree, spelt
from architect.examples import EXAMPLES
from architect.invariants import hold
from architect.writing import document

_SLOW = 2.0  # seconds of processor time for one small document, all invariants together


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def case(seed: int) -> bytes:
    """Return the document of a seed."""
    chance = Random(seed)  # noqa: S311 - to be repeated
    value = document(chance) if chance.random() < 0.7 else chance.choice([*EXAMPLES.values()])
    way = chance.random()
    if way < 0.75:
        value = broken_tree(value, chance)
    data = spelt(value, chance).encode("utf-8", "surrogatepass")
    return broken_bytes(data, chance) if way > 0.6 else data


def failure(data: bytes) -> str:
    """Return what is wrong with how a document is treated, empty where nothing is."""
    start = time.process_time()
    try:
        hold(data)
    except Exception:
        return traceback.format_exc()
    took = time.process_time() - start
    return f"It took {took:.1f} s.\n" if took > _SLOW else ""


def smaller(data: bytes) -> bytes:
    """Return a document that fails as well, with entries left out for as long as it does."""
    try:
        value = json.loads(data)
    except ValueError:
        return data
    end = time.monotonic() + 20
    changed = True
    while changed and time.monotonic() < end:
        changed = False
        for path in list(_paths(value)):
            candidate = json.loads(json.dumps(value))
            holder = candidate
            for part in path[:-1]:
                holder = holder[part]
            del holder[path[-1]]
            text = json.dumps(candidate).encode()
            if failure(text):
                value, data, changed = candidate, text, True
                break
    return data


def _paths(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    entries: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        entries = list(value.items())
    elif isinstance(value, list):
        entries = list(enumerate(value))
    found = [(*path, name) for name, _ in entries]
    return found + [each for name, one in entries for each in _paths(one, (*path, name))]


def main() -> int:
    """Return 0 where nothing failed in the time given."""
    parser = argparse.ArgumentParser(description="Break Architect documents by chance.")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int)
    given = parser.parse_args()
    if given.seed is not None:
        return _shown(given.seed)
    first = secrets.randbelow(2**48)
    end, count = time.monotonic() + given.seconds, 0
    say(f"fuzz: seeds from {first}, for {given.seconds:g} s")
    while time.monotonic() < end:
        if failure(case(first + count)):
            return _shown(first + count)
        count += 1
    say(f"fuzz: {count:,} documents, nothing found")
    return 0


def _shown(seed: int) -> int:
    problem = failure(case(seed))
    if not problem:
        say(f"fuzz: the document of seed {seed} is treated well")
        return 0
    least = smaller(case(seed))
    with tempfile.NamedTemporaryFile("wb", suffix=".json", prefix="fuzz-", delete=False) as file:
        file.write(least)
    say(failure(least) or problem)
    say(f"fuzz: seed {seed}; {len(least):,} bytes in {file.name}:")
    say(
        least[:2000]
        .decode("utf-8", "backslashreplace")
        .encode("ascii", "backslashreplace")
        .decode()
    )
    say(f"Again: {sys.executable} {Path(__file__)} --seed {seed}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
