"""Checking a document of 10 MB, against `json.loads` of it, in one process, alternating.

Valid: everything is checked, findings, stages and variables are asked for. Lines are looked for
where something is told; what it costs to ask for that of every prompt of a valid document has no
bound. Then the same document with 10,000 mistakes of one kind, each told with its line and its
column. Each figure comes from a process of its own, since what one leaves in memory slows
`json.loads` for the next.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import understudy
from documents import document, filled
from support import measured, median, show

SIZE = 10 * 1024 * 1024
ROUNDS = 15
MISTAKES = 10_000
ROOM = 30  # bytes that a mistake may add


def valid(data: bytes) -> None:
    found = understudy.Document.parse(data)
    assert found.valid
    assert not found.findings
    assert len(found.stages) == len(found.flows)
    reads = [prompt for prompts in found.variables.values() for prompt in prompts]
    assert sum(map(len, reads)) > MISTAKES


def with_lines(data: bytes) -> None:
    found = understudy.Document.parse(data)
    places = found.places(
        ("assistants", i, "prompts", j)
        for i, flow in enumerate(found.flows)
        for j in range(len(flow.reads))
    )
    assert len(places) > MISTAKES


def wrong(data: bytes) -> None:
    found = understudy.Document.parse(data)
    assert len(found.findings) >= MISTAKES
    assert all(one.line for one in found.findings)


def unknown_variable(prompt: dict[str, Any]) -> None:
    prompt["content"] += " {{contnt}}"


def quoted_position(prompt: dict[str, Any]) -> None:
    prompt["position"] = str(prompt["position"])


def misspelt_field(prompt: dict[str, Any]) -> None:
    prompt["sytem_context"] = "c"


KINDS: Mapping[str, Callable[[dict[str, Any]], None]] = {
    "unknown variables": unknown_variable,
    "positions in quotes": quoted_position,
    "misspelt fields": misspelt_field,
}


def mistaken(kind: str) -> bytes:
    """Return a document in which so many prompts have a mistake of that kind."""
    assistants = filled(SIZE - ROOM * MISTAKES)
    for prompt in [prompt for one in assistants for prompt in one["prompts"]][:MISTAKES]:
        KINDS[kind](prompt)
    return document(assistants)


def ratio(data: bytes, work: Callable[[bytes], None]) -> float:
    """Return the median of rounds, each of ours over its neighbour of `json.loads`."""
    assert len(data) <= SIZE
    rounds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        json.loads(data)
        between = time.perf_counter()
        work(data)
        rounds.append((time.perf_counter() - between) / (between - started))
    return median(rounds)


def one(name: str) -> float:
    """Return one figure."""
    if name in KINDS:
        return ratio(mistaken(name), wrong)
    return ratio(document(filled(SIZE)), {"valid": valid, "lines": with_lines}[name])


def main() -> None:
    def ask(name: str) -> float:
        return float(measured(__file__, name)["ratio"])

    found = ask("valid")
    show("valid: checked, stages, variables / json.loads", found, "<= 4", ok=found <= 4)
    show("the same and each prompt's line, asked for", ask("lines"), "(no bound)", ok=True)
    for kind in KINDS:
        found = ask(kind)
        show(f"10,000 findings, {kind} / json.loads", found, "<= 8", ok=found <= 8)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps({"ratio": one(sys.argv[1])}))
    else:
        main()
