"""Serves two projects of 10,000 assistants of 8 KB as ready-made pages; prints its base URL.

The pages are rendered once, so that what is measured is the reader and not the server.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

from aiohttp import web

PAGE = 100
TEXT = "You answer politely, you look things up before you speak, and you never guess. "


def record(number: int, prefix: str, metadata: dict[str, str]) -> dict[str, Any]:
    functions = [
        {
            "type": "function",
            "function": {
                "name": f"look_up_{kind}",
                "description": f"Look up a {kind} by its number, for assistant {number}.",
                "strict": False,
                "parameters": {
                    "type": "object",
                    "properties": {
                        field: {"type": "string", "description": f"The {field} of the {kind}."}
                        for field in ("number", "customer", "country", "since")
                    },
                    "required": ["number"],
                },
            },
        }
        for kind in ("order", "invoice", "parcel")
    ]
    whole = {
        "id": f"asst_{prefix}{number:08d}",
        "object": "assistant",
        "created_at": 1_700_000_000 + number,
        "name": f"Assistant {number}",
        "description": f"Number {number} of many.",
        "model": "gpt-4o",
        "instructions": "",
        "tools": functions,
        "tool_resources": {},
        "metadata": metadata,
        "temperature": 1.0,
        "top_p": 1.0,
        "response_format": "auto",
        "reasoning_effort": None,
    }
    missing = 8192 - len(json.dumps(whole))
    text = f"Assistant {number}. " + TEXT * (missing // len(TEXT) + 1)
    return {**whole, "instructions": text[:missing]}


def pages(records: list[dict[str, Any]]) -> dict[str, bytes]:
    """Return the bytes of each page under the cursor that asks for it."""
    found = {}
    after = ""
    for start in range(0, len(records), PAGE):
        data = records[start : start + PAGE]
        page = {
            "object": "list",
            "data": data,
            "first_id": data[0]["id"],
            "last_id": data[-1]["id"],
            "has_more": start + PAGE < len(records),
        }
        found[after] = json.dumps(page, separators=(",", ":")).encode()
        after = data[-1]["id"]
    return found


async def main(count: int) -> None:
    source = [record(n, "src", {"team": f"t{n % 7}"}) for n in range(count)]
    copies = [
        record(n, "dst", {"team": f"t{n % 7}", "cloned_from": source[n]["id"]})
        for n in range(count)
    ]
    for one, copy in zip(source, copies, strict=True):
        copy["instructions"] = one["instructions"]
    served = {"Bearer sk-bench-src": pages(source), "Bearer sk-bench-dst": pages(copies)}
    del source, copies
    counts = {"list": 0, "other": 0}

    async def listing(request: web.Request) -> web.Response:
        counts["list"] += 1
        body = served[request.headers["Authorization"]][request.query.get("after", "")]
        return web.Response(body=body, content_type="application/json")

    async def other(request: web.Request) -> web.Response:
        if request.path == "/counts":
            return web.json_response(counts)
        counts["other"] += 1
        return web.json_response({"error": {"message": "not served here"}}, status=500)

    app = web.Application()
    app.router.add_get("/v1/assistants", listing)
    app.router.add_route("*", "/{path:.*}", other)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    print(json.dumps({"base_url": f"http://127.0.0.1:{port}/v1"}), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    if "--nice" in sys.argv:  # a source is another machine: it should not take this one's time
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    asyncio.run(main(int(sys.argv[1])))
