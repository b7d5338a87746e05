"""One file of 512 MB from place to place: throughput and memory, against a plain aiohttp pipe.

The sandbox runs in a process of its own, and so does each way of moving the file. The plain way
pipes a download into an upload and does nothing else; ours also keeps the bytes, hashes them,
journals, and makes the vector store and the assistant. Memory is the peak above that of the same
process after it planned the same run.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import understudy
from support import measured, median, process, show

SIZE = 512 * 1024 * 1024
PIECE = 1 << 20
ROUNDS = 6
LEAST_SPEED = 0.7
MOST_MEMORY = 64  # MB
SOURCE = "sk-bench-large-source"


async def furnish(base_url: str) -> str:
    """Put the file, a store and an assistant into the source; returns the file's id."""
    import aiohttp

    async def content() -> AsyncIterator[bytes]:
        piece = bytes(range(256)) * (PIECE // 256)
        for number in range(SIZE // PIECE):
            yield number.to_bytes(8, "big") + piece[8:]

    headers = {"Authorization": f"Bearer {SOURCE}"}
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session:
        form = aiohttp.FormData()
        form.add_field("purpose", "assistants")
        form.add_field("file", content(), filename="large.bin")
        async with session.post(f"{base_url}/files", data=form) as reply:
            file_id = (await reply.json())["id"]
        body = {
            "name": "Large",
            "model": "gpt-4o",
            "tools": [{"type": "code_interpreter"}],
            "tool_resources": {"code_interpreter": {"file_ids": [file_id]}},
        }
        beta = {"OpenAI-Beta": "assistants=v2"}
        async with session.post(f"{base_url}/assistants", json=body, headers=beta) as reply:
            assert reply.status == 200, await reply.text()
    return str(file_id)


async def plain(base_url: str, key: str, file_id: str) -> dict[str, float]:
    """Pipe a download into an upload."""
    import aiohttp

    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(timeout=timeout, read_bufsize=1 << 20) as session:
        began = time.perf_counter()
        source = {"Authorization": f"Bearer {SOURCE}"}
        async with session.get(f"{base_url}/files/{file_id}/content", headers=source) as reply:
            form = aiohttp.FormData()
            form.add_field("purpose", "assistants")
            form.add_field("file", reply.content, filename="large.bin")
            headers = {"Authorization": f"Bearer {key}"}
            async with session.post(f"{base_url}/files", data=form, headers=headers) as answer:
                assert (await answer.json())["bytes"] == SIZE
        return {"seconds": time.perf_counter() - began}


async def ours(base_url: str, key: str) -> dict[str, float]:
    """Clone the assistant with its file."""
    environment = {
        "OPENAI_SRC_BASE_URL": base_url,
        "OPENAI_SRC_API_KEY": SOURCE,
        "OPENAI_DST_BASE_URL": base_url,
        "OPENAI_DST_API_KEY": key,
    }
    settings = understudy.load_settings(environment, Path(__file__).parent)
    knowledge = understudy.KnowledgeOptions(code_interpreter=True)
    await understudy.plan("src", "dst", settings=settings, knowledge=knowledge)
    idle = peak()
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        report = await understudy.clone(
            "src", "dst", settings=settings, knowledge=knowledge, output_dir=folder
        )
        seconds = time.perf_counter() - began
    assert report.exit_code == 0, report.outcomes
    assert report.result.files[0].bytes == SIZE
    return {"seconds": seconds, "memory": peak() - idle}


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    arguments = ("-m", "understudy", "--json", "sandbox", "--no-purpose-rule")
    with process(*arguments) as sandbox:
        base_url = sandbox["base_url"]
        file_id = asyncio.run(furnish(base_url))
        ratios, rates, memories = [], [], []
        for number in range(ROUNDS):
            # Whoever comes second writes while the first one's bytes still go to the disk.
            turns = ["plain", "ours"] if number % 2 else ["ours", "plain"]
            found = {who: measured_round(who, number, base_url, file_id) for who in turns}
            ratios.append(found["plain"]["seconds"] / found["ours"]["seconds"])
            rates.append(SIZE / found["ours"]["seconds"] / 1e6)
            memories.append(found["ours"]["memory"] / 1024 / 1024)
    speed, memory = median(ratios), max(memories)
    name = f"throughput / plain aiohttp, median of {ROUNDS}"
    show(name, speed, f">= {LEAST_SPEED}", ok=speed >= LEAST_SPEED)
    print(
        f"  the rounds: {', '.join(f'{ratio:.2f}' for ratio in ratios)}; {median(rates):,.0f} MB/s"
    )
    show("peak memory above idle, MB", memory, f"<= {MOST_MEMORY}", ok=memory <= MOST_MEMORY)


def measured_round(who: str, number: int, base_url: str, file_id: str) -> dict[str, float]:
    extra = [file_id] if who == "plain" else []
    return measured(__file__, who, base_url, f"sk-bench-{who}-{number}", *extra)


if __name__ == "__main__":
    if sys.argv[1:2] == ["plain"]:
        print(json.dumps(asyncio.run(plain(*sys.argv[2:]))))
    elif sys.argv[1:2] == ["ours"]:
        print(json.dumps(asyncio.run(ours(*sys.argv[2:]))))
    else:
        main()
