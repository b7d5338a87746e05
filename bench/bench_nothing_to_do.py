"""Nothing to do for 10,000 assistants of 8 KB each, against reading the same pages plainly.

Ours and the plain reader run in fresh processes, alternating, against one server in a process
of its own; both read both projects at the same time. Times are taken after the imports, peak
memory is that of the whole process.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
import urllib.request
from pathlib import Path

from support import measured, median, process, read_plainly, show

COUNT = 10_000
ROUNDS = 3
TIME_BOUND = 1.5
MEMORY_BOUND = 250.0


async def plain(base_url: str) -> float:
    import aiohttp

    async with aiohttp.ClientSession() as session:
        started = time.perf_counter()
        counts = await asyncio.gather(
            *(read_plainly(session, base_url, key) for key in ("sk-bench-src", "sk-bench-dst"))
        )
        seconds = time.perf_counter() - started
    assert list(counts) == [COUNT, COUNT]
    return seconds


async def ours(base_url: str) -> float:
    # Imported before the clock starts, as aiohttp is for the plain reader.
    import aiohttp  # noqa: F401

    import understudy
    import understudy.ops.api
    import understudy.platforms.assistants_v2

    environment = {
        "OPENAI_SRC_BASE_URL": base_url,
        "OPENAI_SRC_API_KEY": "sk-bench-src",
        "OPENAI_DST_BASE_URL": base_url,
        "OPENAI_DST_API_KEY": "sk-bench-dst",
    }
    settings = understudy.load_settings(environment, Path(__file__).parent)
    started = time.perf_counter()
    report = await understudy.clone("src", "dst", settings=settings)
    seconds = time.perf_counter() - started
    assert [o.status for o in report.outcomes] == [understudy.Status.UNCHANGED] * COUNT
    return seconds


def child(which: str, base_url: str) -> None:
    seconds = asyncio.run({"plain": plain, "ours": ours}[which](base_url))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak_mb": peak}))


def main() -> None:
    script = str(Path(__file__).resolve())
    with process(str(Path(script).parent / "pages_server.py"), str(COUNT)) as server:
        rounds = []
        for _ in range(ROUNDS + 1):
            one = measured(script, "ours", server["base_url"])
            other = measured(script, "plain", server["base_url"])
            rounds.append((one["seconds"] / other["seconds"], one["peak_mb"]))
        counts_url = server["base_url"].removesuffix("/v1") + "/counts"
        with urllib.request.urlopen(counts_url) as got:  # noqa: S310 - loopback
            counts = json.load(got)
    lists = 2 * COUNT // 100
    ratio = median([r for r, _ in rounds[1:]])
    peak = max(p for _, p in rounds)
    show("time / plain aiohttp + json.loads", ratio, f"<= {TIME_BOUND}", ok=ratio <= TIME_BOUND)
    show("peak memory", peak, f"< {MEMORY_BOUND:.0f} MB", ok=peak < MEMORY_BOUND, unit=" MB")
    each = counts["list"] / (2 * (ROUNDS + 1))
    show("list calls a run", each, f"= {lists}", ok=each == lists)
    show("other calls", counts["other"], "= 0", ok=counts["other"] == 0)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        child(*sys.argv[1:])
    else:
        main()
