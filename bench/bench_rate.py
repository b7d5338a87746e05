"""Against a limit of 100 requests a second: how much of it is used, how much is wasted.

The sandbox counts refused requests against its limit too, in a sliding window of one second,
so what it accepts can never exceed the limit. The share is measured from the first create to
the last: the creates accepted in that time over the limit times that time.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import understudy
from support import show
from understudy.sandbox import ThreadedSandbox

COUNT = 3000
LIMIT = 100.0
SHARE = 95.0
WASTE = 5.0


async def clone(base_url: str) -> understudy.Report:
    source = understudy.Memory({"name": f"Assistant {n}", "model": "gpt-4o"} for n in range(COUNT))
    environment = {"OPENAI_DST_BASE_URL": base_url, "OPENAI_DST_API_KEY": "sk-bench-rate"}
    settings = understudy.load_settings(environment, Path(__file__).parent)
    return await understudy.clone(source, "dst", settings=settings, concurrency=32)


def main() -> None:
    with ThreadedSandbox(rate_limit=LIMIT) as sandbox:
        report = asyncio.run(clone(sandbox.base_url))
        creates = [request for request in sandbox.requests if request.kind == "create"]
    accepted = [request for request in creates if request.status == 200]
    seconds = accepted[-1].at - accepted[0].at
    share = 100 * len(accepted) / (LIMIT * seconds)
    waste = 100 * sum(1 for r in creates if r.status == 429) / len(creates)
    failed = sum(1 for outcome in report.outcomes if outcome.error)
    show("share of the limit", share, f">= {SHARE:.0f} %", ok=share >= SHARE, unit=" %")
    show("requests wasted on 429", waste, f"< {WASTE:.0f} %", ok=waste < WASTE, unit=" %")
    show("failed", failed, "= 0", ok=failed == 0)


if __name__ == "__main__":
    main()
