"""The sandbox, started for people: to rehearse against, and for the demo."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from understudy.errors import UsageError

if TYPE_CHECKING:
    from understudy.platforms.assistants_v2 import AssistantsV2

#: The keys of the two projects that a rehearsal starts with; they open nothing else.
SOURCE_KEY = "sk-sandbox-source"
DESTINATION_KEY = "sk-sandbox-destination"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """How the sandbox shall behave; times in seconds, `rate_limit` in requests a second.

    `indexing` is per file, `batch_limit` in files; with `purpose_rule`, as at OpenAI, the files of
    assistants cannot be downloaded. Without `assistants`, that endpoint is gone; with an
    `api_version`, requests must name it.
    """

    port: int = 0
    seed: int = 0
    latency: float = 0.0
    rate_limit: float | None = None
    list_lag: float = 0.0
    faults: Sequence[str] = ()
    purpose_rule: bool = True
    indexing: float = 0.0
    batch_limit: int = 2000
    containers: bool = True
    demo: bool = False
    agents: bool = False
    assistants: bool = True
    api_version: str | None = None


@asynccontextmanager
async def sandbox(stage: Stage) -> AsyncIterator[str]:
    """Yield the base URL of a running sandbox; raises UsageError for a fault it cannot read."""
    from understudy.sandbox import Sandbox, furnish_agents, furnish_demo, parse_fault

    try:
        faults = [parse_fault(text) for text in stage.faults]
    except ValueError as error:
        raise UsageError(str(error)) from error
    server = Sandbox(
        faults=faults,
        seed=stage.seed,
        latency=stage.latency,
        rate_limit=stage.rate_limit,
        list_lag=stage.list_lag,
        port=stage.port,
        purpose_rule=stage.purpose_rule,
        indexing=stage.indexing,
        batch_limit=stage.batch_limit,
        containers=stage.containers,
        assistants=stage.assistants,
        api_version=stage.api_version,
    )
    if stage.demo:
        furnish_demo(server.project(SOURCE_KEY))
    if stage.agents:
        furnish_agents(server.project(SOURCE_KEY))
    try:
        await server.start()
    except OSError as error:
        await server.aclose()
        raise UsageError(
            f"The sandbox cannot listen on port {stage.port}: {error.strerror or error}.",
            hint="Choose another --port, or none.",
        ) from error
    try:
        yield server.base_url
    finally:
        await server.aclose()


def write_originals(folder: Path) -> None:
    """Write the owner's originals of the demo's files into a folder: all but two of them."""
    from understudy.sandbox.seed_knowledge import demo_originals

    folder.mkdir()
    for name, content in demo_originals().items():
        (folder / name).write_bytes(content)


def write_script(path: Path) -> None:
    """Write what the demo's model says to the prompts of the skeleton `parallel`."""
    from understudy.files import write_whole
    from understudy.model.canonical import pretty

    lines = [
        {"when": "You look for benefits.", "say": "Spring brings buyers.", "pause": 0.1},
        {"when": "You look for risks.", "say": "The stock comes in June.", "pause": 0.1},
        {"say": "Not before the stock is there: June.", "pause": 0.05},
    ]
    write_whole(path, pretty(lines, sort_keys=False))


async def save_listing(base_url: str, path: Path) -> int:
    """Save the source project's assistants as the API lists them; return how many there are."""
    from understudy.files import write_whole
    from understudy.model.canonical import pretty

    place = _source(base_url)
    try:
        page = await place.list_page()
    finally:
        await place.aclose()
    data = [dict(assistant.raw) for assistant in page.assistants]
    write_whole(path, pretty({"object": "list", "data": data}, sort_keys=False))
    return len(data)


async def edit_one(base_url: str) -> str:
    """Change one assistant in the sandbox's source project as a person would; returns its name."""
    place = _source(base_url)
    try:
        page = await place.list_page()
        one = next(a for a in page.assistants if a.functions() and a.raw.get("instructions"))
        tools = copy.deepcopy(one.tools)
        function = next(tool["function"] for tool in tools if tool["type"] == "function")
        function["description"] = "Look an order up by its number; never by e-mail address."
        fields = {
            "instructions": one.raw["instructions"] + "\nNever promise a refund date.",
            "temperature": 0.55,
            "tools": tools,
        }
        await place.update(one.id, fields)
    finally:
        await place.aclose()
    return one.name


def _source(base_url: str) -> AssistantsV2:
    from pydantic import SecretStr

    from understudy.platforms.assistants_v2 import AssistantsV2
    from understudy.platforms.openai_wire import Wire

    return AssistantsV2(Wire("src", base_url, SecretStr(SOURCE_KEY)))
