"""A listener of server-sent events that was written from the standard, not from the service."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from serving import PATIENCE, Client


@dataclass(frozen=True)
class Told:
    """One event as it was dispatched."""

    id: str
    type: str
    data: dict[str, Any]


def told(answer: http.client.HTTPResponse) -> Iterator[Told]:
    """Yield the events of an answer until it ends (WHATWG HTML, 9.2.6)."""
    event_id, kind = "", ""
    data: list[str] = []
    for raw in answer:
        line = raw.decode("utf-8").rstrip("\r\n")
        if not line:
            if data:
                yield Told(event_id, kind or "message", json.loads("\n".join(data)))
            kind, data = "", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "id":
            event_id = value
        elif field == "event":
            kind = value
        elif field == "data":
            data.append(value)


@contextmanager
def listening(
    client: Client, method: str, path: str, body: bytes | None = None, /, **headers: str
) -> Iterator[Iterator[Told]]:
    """Open a stream; yields its events. Underscores in header names are dashes."""
    connection = http.client.HTTPConnection(client.host, client.port, timeout=PATIENCE)
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request(method, path, body, {"accept": "text/event-stream", **given})
        answer = connection.getresponse()
        assert answer.status == 200, (answer.status, answer.read()[:500])
        assert answer.getheader("content-type", "").startswith("text/event-stream")
        yield told(answer)
    finally:
        connection.close()
