"""Checking a document of 10 MB, against `json.loads` of it, in one process, alternating.

Valid: everything is checked, variables are resolved, and the line of every prompt is told. Then the
same document with 10,000 mistakes, each told with its line, its column and the nearest right name.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import understudy
from documents import document, filled
from support import median, show

SIZE = 10 * 1024 * 1024
ROUNDS = 15
MISTAKES = 10_000


def valid(data: bytes) -> None:
    found = understudy.Document.parse(data)
    assert found.valid
    assert not found.findings
    assert sum(len(reads) for flow in found.flows for reads in flow.reads) > MISTAKES


def with_lines(data: bytes) -> None:
    found = understudy.Document.parse(data)
    for i, flow in enumerate(found.flows):
        for j in range(len(flow.reads)):
            found.where("assistants", i, "prompts", j)


def wrong(data: bytes) -> None:
    found = understudy.Document.parse(data)
    assert len(found.findings) >= MISTAKES
    assert all(one.line for one in found.findings)


def ratio(data: bytes, work: Callable[[bytes], None]) -> float:
    """Return the median of rounds, each of ours over its neighbour of `json.loads`."""
    rounds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        json.loads(data)
        between = time.perf_counter()
        work(data)
        rounds.append((time.perf_counter() - between) / (between - started))
    return median(rounds)


def main() -> None:
    assistants = filled(SIZE)
    data = document(assistants)
    prompts = [prompt for one in assistants for prompt in one["prompts"]]
    print(f"{len(data):,} bytes, {len(assistants):,} assistants, {len(prompts):,} prompts")
    found = ratio(data, valid)
    show("valid: checked, variables / json.loads", found, "<= 4", ok=found <= 4)
    found = ratio(data, with_lines)
    show("the same and each prompt's line / json.loads", found, "<= 4", ok=found <= 4)
    assistants = filled(SIZE - 12 * MISTAKES)
    prompts = [prompt for one in assistants for prompt in one["prompts"]]
    for prompt in prompts[:MISTAKES]:
        prompt["content"] += " {{contnt}}"
    data = document(assistants)
    assert len(data) <= SIZE
    found = ratio(data, wrong)
    show("10,000 findings / json.loads", found, "<= 8", ok=found <= 8)


if __name__ == "__main__":
    main()
