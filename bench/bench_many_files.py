"""2,000 files of 20 KB in one vector store, 20 ms latency: against the ideal, and again.

The sandbox runs in a process of its own. The ideal is the time that the downloads and uploads
alone take for the concurrency, each at the latency; the measured time is that of the whole run.
The rerun has nothing to do. A second assistant, which leans on one of the files alone, shows the
overlap: it is there long before the last file is.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

import understudy
from support import process, show
from understudy.replicate.events import ChangeDone, Event, FileDone

COUNT = 2_000
SIZE = 20_000
LATENCY = 0.02
CONCURRENCY = 8
MOST = 1.3
MOST_AGAIN = 0.05
SOURCE = "sk-bench-many-source"
KNOWLEDGE = understudy.KnowledgeOptions(file_search=True, code_interpreter=True)


async def furnish(base_url: str) -> None:
    """Put the files, a store and two assistants into the source."""
    import aiohttp

    headers = {"Authorization": f"Bearer {SOURCE}", "OpenAI-Beta": "assistants=v2"}
    async with aiohttp.ClientSession(base_url.removesuffix("/v1"), headers=headers) as session:
        turns = asyncio.Semaphore(64)

        async def upload(number: int) -> str:
            form = aiohttp.FormData()
            form.add_field("purpose", "assistants")
            content = f"Document {number}\n".encode() * (SIZE // 16)
            form.add_field("file", content, filename=f"document-{number:04}.txt")
            async with turns, session.post("/v1/files", data=form) as reply:
                return str((await reply.json())["id"])

        async def post(path: str, body: object) -> str:
            async with session.post(f"/v1{path}", json=body) as reply:
                assert reply.status == 200, await reply.text()
                return str((await reply.json())["id"])

        ids = await asyncio.gather(*(upload(number) for number in range(COUNT)))
        store = await post("/vector_stores", {"name": "Library"})
        await post(f"/vector_stores/{store}/file_batches", {"file_ids": ids})
        for tool, resources in (
            ("file_search", {"vector_store_ids": [store]}),
            ("code_interpreter", {"file_ids": ids[:1]}),
        ):
            body = {"name": tool, "model": "gpt-4o", "tools": [{"type": tool}]}
            await post("/assistants", {**body, "tool_resources": {tool: resources}})


async def clone(base_url: str, folder: str) -> tuple[float, understudy.Report, list[Event]]:
    environment = {
        "OPENAI_SRC_BASE_URL": base_url,
        "OPENAI_SRC_API_KEY": SOURCE,
        "OPENAI_DST_BASE_URL": base_url,
        "OPENAI_DST_API_KEY": "sk-bench-many-destination",
    }
    settings = understudy.load_settings(environment, Path(__file__).parent)
    events: list[Event] = []
    began = time.perf_counter()
    report = await understudy.clone(
        "src",
        "dst",
        settings=settings,
        knowledge=KNOWLEDGE,
        concurrency=CONCURRENCY,
        output_dir=folder,
        listener=events.append,
    )
    return time.perf_counter() - began, report, events


def main() -> None:
    arguments = ("-m", "understudy", "--json", "sandbox", "--no-purpose-rule")
    with (
        process(*arguments, "--latency", str(LATENCY)) as sandbox,
        tempfile.TemporaryDirectory() as folder,
    ):
        asyncio.run(furnish(sandbox["base_url"]))
        seconds, report, events = asyncio.run(clone(sandbox["base_url"], folder))
        assert report.exit_code == 0, report.result.stopped_by
        assert len(report.result.files) == COUNT
        ideal = COUNT * 2 * LATENCY / CONCURRENCY
        show(
            f"time / ideal ({ideal:.1f} s)",
            seconds / ideal,
            f"<= {MOST}",
            ok=seconds <= ideal * MOST,
        )
        files = [n for n, event in enumerate(events) if isinstance(event, FileDone)]
        first = next(n for n, event in enumerate(events) if isinstance(event, ChangeDone))
        before = sum(n < first for n in files)
        show("files there when the first assistant came", before, f"< {COUNT}", ok=before < COUNT)
        again, report, _ = asyncio.run(clone(sandbox["base_url"], folder))
        assert not report.plan.sends
        share = again / seconds
        show("rerun / first run", share, f"<= {MOST_AGAIN}", ok=share <= MOST_AGAIN)


if __name__ == "__main__":
    main()
