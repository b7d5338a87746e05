"""The parallel example of the format: three prompts at once, one that combines them; its model."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any
from zlib import crc32

from understudy.architect.definition import Definition
from understudy.architect.document import Document
from understudy.architect.engine import Engine, Play
from understudy.architect.flow import Flow
from understudy.architect.run_events import RunEvent
from understudy.providers.base import Delta, Message, Provider, Request, Usage

MODEL = "bench/model"
ANALYSES = ("technical", "business", "risk")
SYSTEMS = {
    "technical": "You are a senior technical architect.",
    "business": "You are a business strategist.",
    "risk": "You are a risk management expert.",
    "synthesis": "You are an executive advisor who balances multiple viewpoints.",
}
#: As `str.format` takes them, which is what the others use; our document has double braces.
TEXTS = {
    "technical": "Analyze this content from a technical perspective:\n\n{content}\n\n"
    "Focus on: technical accuracy, implementation feasibility, and technical risks.",
    "business": "Analyze this content from a business perspective:\n\n{content}\n\n"
    "Focus on: business value, ROI, market implications, and competitive advantage.",
    "risk": "Analyze this content from a risk perspective:\n\n{content}\n\n"
    "Focus on: potential risks, mitigation strategies, and worst-case scenarios.",
    "synthesis": "Synthesize these three analyses into a unified recommendation:\n\n"
    "Technical Analysis:\n{technical}\n\nBusiness Analysis:\n{business}\n\n"
    "Risk Analysis:\n{risk}\n\n"
    "Provide a balanced recommendation that considers all perspectives.",
}

#: Plays the example on a content, and returns the synthesis.
Player = Callable[[str], Awaitable[str]]


class Echo:
    """A model that answers in four pieces, which depend on all that it was asked.

    It takes `latency` seconds; without, it answers at once, and does not even let others run.
    """

    def __init__(self, latency: float = 0.0) -> None:
        self._latency = latency

    async def stream(self, request: Request) -> AsyncGenerator[Delta, None]:
        """Yield the pieces, then the usage."""
        if self._latency:
            await asyncio.sleep(self._latency)
        text = request.messages[-1].text
        mark = crc32(text.encode(), crc32(request.instructions.encode()))
        yield Delta("Considering ")
        yield Delta(text[:24])
        yield Delta(" and the rest, it comes to ")
        yield Delta(f"{mark:08x}.")
        yield Delta(usage=Usage(len(text), 4))

    async def aclose(self) -> None:
        """Do nothing: nothing is open."""


async def asked(provider: Provider, name: str, **values: str) -> str:
    """Return the model's answer to one prompt: what a node does in the other engines."""
    request = Request(
        model=MODEL,
        messages=(Message("user", TEXTS[name].format(**values)),),
        instructions=SYSTEMS[name],
    )
    return "".join([delta.text async for delta in provider.stream(request)])


async def plainly(provider: Provider, content: str) -> str:
    """Return the synthesis without any engine: what all of them must come to."""
    analyses = {name: await asked(provider, name, content=content) for name in ANALYSES}
    return await asked(provider, "synthesis", **analyses)


def ours(provider: Provider) -> Player:
    """Return how we play it: with all events told, to somebody who does nothing with them."""
    engine = Engine(lambda _: provider)
    definition, flow = parsed()
    last = len(definition.prompts) - 1

    def listen(_number: int, _event: RunEvent) -> None:
        pass

    async def play(content: str) -> str:
        one = Play(
            definition=definition,
            flow=flow,
            models={"gpt-4o": MODEL},
            inputs={"content": content},
        )
        return (await engine.run(one, listen)).answers[last].text

    return play


def parsed(names: tuple[str, ...] = (*ANALYSES, "synthesis")) -> tuple[Definition, Flow]:
    """Return the assistant with all of its prompts, or with some of its analyses alone."""
    document = Document.parse(json.dumps(_document(names)))
    assert document.valid, document.findings
    (definition,), (flow,) = document.assistants, document.flows
    return definition, flow


def _document(names: tuple[str, ...]) -> dict[str, Any]:
    outputs = {name: f"{{{{prompt_{n}_output}}}}" for n, name in enumerate(ANALYSES)}
    prompts = [
        {
            "name": name if name == "synthesis" else f"{name}_analysis",
            "content": TEXTS[name].format(content="{{content}}", **outputs),
            "system_context": SYSTEMS[name],
            "model_name": "gpt-4o",
            "position": position,
            "parallel_group": None if name == "synthesis" else 1,
        }
        for position, name in enumerate(names)
    ]
    field = {
        "name": "content",
        "label": "Content to Analyze",
        "field_type": "long_text",
        "position": 0,
        "options": {"required": True, "rows": 12},
    }
    assistant = {
        "name": "Multi-Perspective Analyzer",
        "is_parallel": True,
        "timeout_seconds": 300,
        "prompts": prompts,
        "input_fields": [field],
    }
    return {"version": "1.0", "assistants": [assistant]}
