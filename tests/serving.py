"""The service as applications meet it: over real sockets, from a thread or from a process."""

from __future__ import annotations

import asyncio
import gzip
import http.client
import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from understudy.config import load, load_here
from understudy.ops.architect import Architect
from understudy.ops.keeping import Keeper
from understudy.ops.run_service import RunService
from understudy.registry.file import DEFAULT, RegistryFile, serialized
from understudy.service.app import Serving, create_app
from understudy.service.auth import parse_keys
from understudy.service.front import Limits
from understudy.service.server import Server, listen

PATIENCE = 30.0  # seconds


@dataclass(frozen=True)
class Got:
    """One answer as it came over the wire; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    raw: bytes

    @property
    def body(self) -> bytes:
        squeezed = self.headers.get("content-encoding") == "gzip"
        return gzip.decompress(self.raw) if squeezed else self.raw

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    def check(self, status: int) -> dict[str, Any]:
        """Return the body; fails unless it has this status and its shape."""
        assert self.status == status, (self.status, self.raw[:500])
        assert self.headers["content-type"] == "application/json"
        assert self.headers["x-request-id"]
        found = self.json
        assert found["success"] is (status < 300)
        assert found["timestamp"].endswith("Z")
        if status >= 300:
            assert set(found) == {"success", "error", "requestId", "timestamp"}
            assert found["requestId"] == self.headers["x-request-id"]
            assert found["error"]["code"]
            assert found["error"]["message"]
        return found

    def error(self, status: int, code: str) -> dict[str, Any]:
        """Return the error; fails unless it is this one."""
        found: dict[str, Any] = self.check(status)["error"]
        assert found["code"] == code, found
        return found


@dataclass
class Client:
    """Asks a service; every request by itself, on a connection of its own."""

    port: int
    host: str = "127.0.0.1"

    def ask(self, method: str, path: str, body: bytes | None = None, /, **headers: str) -> Got:
        """Send a request as it stands; underscores in header names are dashes."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, body, given)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Got(answer.status, found, answer.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Got:
        return self.ask("GET", path, None, **headers)

    def sync(self, body: object = None, **headers: str) -> Got:
        content = None if body is None else json.dumps(body).encode()
        if content is not None:
            headers = {"content_type": "application/json", **headers}
        return self.ask("POST", "/api/assistants/sync", content, **headers)


@contextmanager
def served(
    keys: str = "", source: str = "default", folder: Path | None = None, **options: Any
) -> Iterator[Client]:
    """Serve config/assistants.json of the working directory from a thread of this process.

    With another `folder` there is nothing in the environment, and nothing to sync with.
    """
    limits = Limits(rate=options.pop("rate", 100.0))
    settings = load_here() if folder is None else load({}, folder)
    places = options.pop("places", None)
    database = options.pop("database", str((folder or Path()) / "understudy.db"))
    architect = Architect(settings, database=database)
    keeper = Keeper(settings, path=(folder or Path()) / DEFAULT, source=source, **options)
    serving = Serving(
        keeper,
        parse_keys(SecretStr(keys) if keys else None),
        limits=limits,
        architect=architect,
        runs=RunService(architect, places=places, grace=0.2),
    )
    listening = listen("127.0.0.1", 0)
    port = listening.getsockname()[1]
    with running(serving, listening):
        yield Client(port)


@contextmanager
def origins_served(keys: str, *origins: str) -> Iterator[Client]:
    """Serve pages from elsewhere, too."""
    serving = Serving(Keeper(load_here()), parse_keys(SecretStr(keys)), origins=origins)
    listening = listen("127.0.0.1", 0)
    port = listening.getsockname()[1]
    with running(serving, listening):
        yield Client(port)


@contextmanager
def running(serving: Serving, listening: socket.socket) -> Iterator[None]:
    """Run a service until the block ends, and see that it ends."""
    loop = asyncio.new_event_loop()
    started, stop, failed = threading.Event(), asyncio.Event(), []

    server = Server(create_app(serving), serving.draining, grace=0.2)

    def run() -> None:
        try:
            loop.run_until_complete(server.run_until(stop, listening, started.set))
        except BaseException as error:
            failed.append(error)
        finally:
            started.set()
            loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    started.wait(PATIENCE)
    try:
        if failed:
            raise failed[0]
        yield
    finally:
        if not loop.is_closed():
            loop.call_soon_threadsafe(stop.set)
        thread.join(PATIENCE)
        assert not thread.is_alive(), "the service does not end"


def stored(entries: Mapping[str, Mapping[str, Any]], folder: Path | None = None) -> Path:
    """Write a registry's file as a sync does."""
    file = RegistryFile((folder or Path()) / DEFAULT)
    with file.locked():
        file.write({key: dict(entry) for key, entry in entries.items()}, file.read())
    return file.path


def entry(number: int = 1, **fields: Any) -> dict[str, Any]:
    """Return an entry as a sync stores it."""
    first: dict[str, Any] = {
        "id": f"asst_{number}",
        "name": f"Bot {number}",
        "instructions": None,
        "tools": [],
    }
    return {**first, "model": "gpt-4o", **fields}


def spelt(entries: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the file's text."""
    return serialized({key: dict(entry) for key, entry in entries.items()})
