"""Replies against OpenAI's own description of them, and against the package's types."""

from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from openai import types
from openai.types import beta
from pydantic import BaseModel

from understudy.sandbox import Fault, Sandbox, demo_assistants
from understudy.sandbox.faults import KINDS

Conforms = Callable[[str, object], None]
JSON_ERRORS = ["429", "429-ms", "429-bare", "quota", "401", "403", "500", "503", "gone"]


@pytest.fixture
async def filled(sandbox: Sandbox, raw: aiohttp.ClientSession) -> list[str]:
    """Ids of the demonstration assistants, created through the API."""
    ids = []
    for fields in demo_assistants():
        async with raw.post(f"{sandbox.base_url}/assistants", json=fields) as reply:
            ids.append((await reply.json())["id"])
    return ids


CALLS: list[tuple[str, str, dict[str, Any] | None, str, type[BaseModel] | None]] = [
    ("POST", "assistants", {"model": "gpt-4o"}, "AssistantObject", beta.Assistant),
    ("POST", "assistants/{id}", {"name": "New"}, "AssistantObject", beta.Assistant),
    ("GET", "assistants/{id}", None, "AssistantObject", beta.Assistant),
    ("DELETE", "assistants/{id}", None, "DeleteAssistantResponse", beta.AssistantDeleted),
    ("GET", "assistants?limit=100", None, "ListAssistantsResponse", None),
    ("GET", "assistants?before={id}&order=asc", None, "ListAssistantsResponse", None),
    ("GET", "models", None, "ListModelsResponse", None),
    ("GET", "models/o3", None, "Model", types.Model),
]


@pytest.mark.parametrize(("method", "path", "body", "schema", "model"), CALLS)
async def test_every_reply_is_what_the_description_promises(
    sandbox: Sandbox,
    raw: aiohttp.ClientSession,
    conforms: Conforms,
    filled: list[str],
    method: str,
    path: str,
    body: dict[str, Any] | None,
    schema: str,
    model: type[BaseModel] | None,
) -> None:
    url = f"{sandbox.base_url}/{path.format(id=filled[0])}"
    async with raw.request(method, url, json=body) as reply:
        assert reply.status == 200
        document = await reply.json()
    conforms(schema, document)
    if model is not None:
        model.model_validate(document, strict=True)


async def test_an_empty_list_is_what_the_description_promises(
    sandbox: Sandbox, raw: aiohttp.ClientSession, conforms: Conforms
) -> None:
    async with raw.get(f"{sandbox.base_url}/assistants") as reply:
        conforms("ListAssistantsResponse", await reply.json())


async def test_every_demonstration_assistant_is_what_the_description_promises(
    sandbox: Sandbox, raw: aiohttp.ClientSession, conforms: Conforms, filled: list[str]
) -> None:
    for assistant in sandbox.project("sk-north-0123456789abcdef").assistants.values():
        conforms("AssistantObject", assistant)
        beta.Assistant.model_validate(assistant, strict=True)
    for fields in demo_assistants():
        conforms("CreateAssistantRequest", fields)


@pytest.mark.parametrize("kind", JSON_ERRORS)
async def test_every_injected_error_is_what_the_description_promises(
    sandbox: Sandbox, raw: aiohttp.ClientSession, conforms: Conforms, kind: str
) -> None:
    sandbox.faults = (Fault(kind),)
    async with raw.get(f"{sandbox.base_url}/assistants") as reply:
        conforms("ErrorResponse", await reply.json())


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "assistants", {}),
        ("POST", "assistants", {"model": "gpt-4o", "foo": 1}),
        ("GET", "assistants/asst_x", None),
        ("GET", "nowhere", None),
        ("PUT", "assistants", None),
    ],
)
async def test_every_refusal_is_what_the_description_promises(
    sandbox: Sandbox,
    raw: aiohttp.ClientSession,
    conforms: Conforms,
    method: str,
    path: str,
    body: dict[str, Any] | None,
) -> None:
    async with raw.request(method, f"{sandbox.base_url}/{path}", json=body) as reply:
        assert reply.status >= 400
        conforms("ErrorResponse", await reply.json())


def test_no_kind_of_fault_is_forgotten_here() -> None:
    without_json = {"latency", "502", "drop-before", "drop-after", "hang", "hang-after"}
    assert set(JSON_ERRORS) | without_json | {"truncated", "html"} == set(KINDS)
