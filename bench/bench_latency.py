"""The parallel example with a model that takes 100 ms a prompt, against its critical path.

That is 200 ms: three prompts at once, then the one that combines them.
"""

from __future__ import annotations

import asyncio
import time

from parallel_example import Echo, ours, plainly
from support import median, show

LATENCY = 0.1
STAGES = 2
RUNS = 20
BOUND = 1.15


async def ratios() -> list[float]:
    play = ours(Echo(LATENCY))
    content = "What the run is about. " * 8
    expected = await plainly(Echo(), content)
    found = []
    for _ in range(RUNS + 1):
        started = time.perf_counter()
        answer = await play(content)
        found.append((time.perf_counter() - started) / (STAGES * LATENCY))
        assert answer == expected
    return found[1:]


def main() -> None:
    found = asyncio.run(ratios())
    for name, ratio in (("median", median(found)), ("worst", max(found))):
        show(
            f"a run / its critical path, {name} of {RUNS}", ratio, f"<= {BOUND}", ok=ratio <= BOUND
        )


if __name__ == "__main__":
    main()
