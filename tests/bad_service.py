"""A service that answers as it likes: raw bytes over a real socket, one connection an answer."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import Any, Self, TypeAlias


@dataclass(frozen=True)
class Asked:
    """One request; header names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


#: Returns the bytes to send before the connection is closed.
Answering: TypeAlias = Callable[[Asked], bytes]


def http(
    status: int, body: bytes = b"", headers: Mapping[str, str] | None = None, *, length: int = -1
) -> bytes:
    """Return an answer; `length` lies about the body's."""
    head = {"Content-Length": str(len(body) if length < 0 else length), **(headers or {})}
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    return f"HTTP/1.1 {status} Said\r\n{lines}\r\n".encode() + body


def everything(entries: Mapping[str, Any], *, etag: str = "") -> bytes:
    """Return the answer to GET /api/assistants."""
    fields = {"success": True, "count": len(entries), "assistants": entries}
    headers = {"ETag": etag} if etag else {}
    return http(200, json.dumps(fields).encode(), headers)


def problem(status: int, code: str, headers: Mapping[str, str] | None = None) -> bytes:
    """Return an answer in the shape of the service's errors."""
    error = {"code": code, "message": f"said {code}"}
    body = json.dumps({"success": False, "error": error}).encode()
    return http(status, body, headers)


@dataclass
class BadService:
    """Listens on loopback; `answer` may be another one at any time."""

    answer: Answering
    asked: list[Asked] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        service = self

        class Handler(BaseRequestHandler):
            def handle(self) -> None:
                connection: socket.socket = self.request
                with connection.makefile("rb") as lines:
                    start = lines.readline().decode().split()
                    if len(start) < 2:
                        return
                    headers: dict[str, str] = {}
                    while line := lines.readline().decode("latin-1").strip():
                        name, _, value = line.partition(":")
                        headers[name.lower()] = value.strip()
                    body = lines.read(int(headers.get("content-length", 0)))
                asked = Asked(start[0], start[1], headers, body)
                service.asked.append(asked)
                with suppress(OSError):  # of a client that has heard enough
                    connection.sendall(service.answer(asked))

        class Listening(ThreadingTCPServer):
            daemon_threads = True
            block_on_close = False
            request_queue_size = 128

        self._server = Listening(("127.0.0.1", 0), Handler)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.01,), daemon=True
        )
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
