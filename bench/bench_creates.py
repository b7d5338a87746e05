"""1,000 creates with 50 ms latency, 32 at a time, against the ideal for that concurrency.

The sandbox runs in a process of its own. The time is that of the whole clone: reading both
places, planning, asking for the models, creating.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import understudy
from support import process, show

COUNT = 1000
LATENCY = 0.05
CONCURRENCY = 32
BOUND = 1.25


async def clone(base_url: str, project: str) -> tuple[float, int]:
    source = understudy.Memory(
        {"name": f"Assistant {n}", "model": "gpt-4o", "instructions": "Be brief. " * 20}
        for n in range(COUNT)
    )
    environment = {"OPENAI_DST_BASE_URL": base_url, "OPENAI_DST_API_KEY": f"sk-bench-{project}"}
    settings = understudy.load_settings(environment, Path(__file__).parent)
    await understudy.list_assistants("dst", settings=settings)  # imports and connections
    started = time.perf_counter()
    report = await understudy.clone(source, "dst", settings=settings, concurrency=CONCURRENCY)
    seconds = time.perf_counter() - started
    created = sum(1 for o in report.outcomes if o.status is understudy.Status.CREATED)
    assert created == COUNT, report.result.stopped_by
    return seconds, COUNT + 2  # one empty list, one models


def main() -> None:
    with process("-m", "understudy", "--json", "sandbox", "--latency", str(LATENCY)) as sandbox:
        ratios = []
        for number in range(3):
            seconds, requests = asyncio.run(clone(sandbox["base_url"], f"creates-{number}"))
            ratios.append(seconds / (requests * LATENCY / CONCURRENCY))
    for ratio in ratios:
        show("time / (requests x latency / concurrency)", ratio, f"<= {BOUND}", ok=ratio <= BOUND)


if __name__ == "__main__":
    main()
