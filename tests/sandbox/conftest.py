import json
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pytest
from jsonschema import Draft202012Validator
from openai import AsyncOpenAI
from pydantic import BaseModel

from understudy.sandbox import Project, Sandbox

KEY = "sk-north-0123456789abcdef"
Connect = Callable[..., AsyncOpenAI]
Conforms = Callable[[str, object], None]


class Clock:
    """Time that stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Makes clients of the openai package that do not retry; closes them afterwards."""
    clients = []

    def connect(sandbox: Sandbox, key: str = KEY) -> AsyncOpenAI:
        client = AsyncOpenAI(api_key=key, base_url=sandbox.base_url, max_retries=0, timeout=20)
        clients.append(client)
        return client

    yield connect
    for client in clients:
        await client.close()


@pytest.fixture
async def client(sandbox: Sandbox, connect: Connect) -> AsyncOpenAI:
    return connect(sandbox)


@pytest.fixture
def project(sandbox: Sandbox) -> Project:
    """The project that both clients talk to."""
    return sandbox.project(KEY)


@pytest.fixture
async def raw() -> AsyncIterator[aiohttp.ClientSession]:
    """A bare HTTP client; a new connection per request, since aiohttp retries on reused ones."""
    headers = {"Authorization": f"Bearer {KEY}", "OpenAI-Beta": "assistants=v2, agents=v1"}
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(headers=headers, connector=connector) as session:
        yield session


@pytest.fixture(scope="session")
def conforms() -> Conforms:
    """Checks a value by a schema's name."""
    path = os.environ.get("UNDERSTUDY_OPENAPI")
    if not path:
        pytest.skip("set UNDERSTUDY_OPENAPI to OpenAI's API description in JSON to run this")
    document = json.loads(Path(path).read_text(encoding="utf-8"))

    def conforms(name: str, value: object) -> None:
        schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
        Draft202012Validator(schema).validate(value)

    return conforms


@pytest.fixture(scope="session")
def exactly() -> Callable[[type[BaseModel], object], None]:
    """Checks a document against a type of the package, which leaves no field over, at any depth."""

    def leftovers(value: object) -> None:
        if isinstance(value, list):
            for one in value:
                leftovers(one)
        if isinstance(value, BaseModel):
            assert not value.model_extra
            for name in type(value).model_fields:
                leftovers(getattr(value, name))

    return lambda model, document: leftovers(model.model_validate(document, strict=True))


@pytest.fixture
def on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put small files on the disk as well, where a test can see them."""
    monkeypatch.setattr("understudy.sandbox.disk.SMALL", 0)
