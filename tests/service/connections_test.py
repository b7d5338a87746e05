"""Connections as nobody well-behaved makes them: slow, endless, silent, and not HTTP."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from serving import PATIENCE, Client, Got, entry, served, stored
from understudy.service import connections, server

REQUEST = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST /api/assistants/sync HTTP/1.1\r\nHost: localhost\r\n"
ODD = b"Transfer-Encoding: identity\r\n\r\n"


@pytest.fixture
def client(folder: Path) -> Iterator[Client]:
    stored({"BOT": entry()})
    with served() as client:
        yield client


@contextmanager
def connected(client: Client) -> Iterator[socket.socket]:
    with socket.create_connection((client.host, client.port), timeout=PATIENCE) as connection:
        yield connection


def answer(connection: socket.socket) -> Got:
    """Read until the end of the connection."""
    found = b""
    while piece := connection.recv(1 << 16):
        found += piece
    head, _, body = found.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.split(": ", 1) for line in lines)
    return Got(int(status.split()[1]), {name.lower(): value for name, value in pairs}, body)


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
        b"GET /\xc3\xa9 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        REQUEST + b"X: a\x01b\r\n\r\n",
        REQUEST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        REQUEST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\na",
        REQUEST + b"Transfer-Encoding: identity\r\n\r\n",
        REQUEST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: identity\r\n\r\n",
        POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\nno size\r\n",
    ],
    ids=[
        *("tls", "not ascii", "control", "smuggled", "two lengths"),
        *("identity", "xchunked", "identity sent", "xchunked sent", "no size"),
    ],
)
def test_what_is_not_http_is_refused_in_the_one_shape(client: Client, sent: bytes) -> None:
    with connected(client) as connection:
        connection.sendall(sent)
        got = answer(connection)
    got.error(400, "bad_request")
    assert got.headers["connection"] == "close"
    assert got.headers["x-content-type-options"] == "nosniff"


def test_what_is_wrong_with_a_later_request_is_no_answer_to_an_earlier_one(
    client: Client,
) -> None:
    with connected(client) as connection:
        connection.sendall(REQUEST + b"\r\n" + REQUEST + ODD)
        found = b""
        while piece := connection.recv(1 << 16):
            found += piece
    assert b"bad_request" not in found
    client.get("/healthz").check(200)


def test_what_goes_wrong_once_an_answer_has_begun_adds_none(client: Client) -> None:
    begun = b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n"
    with connected(client) as connection:
        connection.sendall(REQUEST + begun)
        found = connection.recv(1 << 16)
        assert found.startswith(b"HTTP/1.1 200 OK")
        connection.sendall(b"no size\r\n")
        with suppress(ConnectionError):
            while piece := connection.recv(1 << 16):
                found += piece
    assert found.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("line", [b"\r\nX: " + b"a" * 1000, b"a" * 1000])
def test_headers_without_an_end_are_refused(client: Client, line: bytes) -> None:
    sent = 0
    with connected(client) as connection:
        connection.sendall(REQUEST + b"X: ")
        with suppress(ConnectionError):
            while sent < 1 << 24:
                connection.sendall(line * 50)
                sent += len(line) * 50
    assert sent < 1 << 24
    client.get("/healthz").check(200)


def test_headers_that_are_a_little_too_long_are_told_so(client: Client) -> None:
    with connected(client) as connection:
        connection.sendall(REQUEST + b"X: " + b"a" * (connections.MOST_HEAD + 1))
        answer(connection).error(431, "headers_too_large")


def test_a_body_is_no_header_however_it_arrives(client: Client) -> None:
    length = connections.MOST_HEAD + 1000
    line = b"POST /api/assistants/sync HTTP/1.1\r\nHost: localhost\r\n"
    with connected(client) as connection:
        connection.sendall(line + b"Content-Length: %d\r\n\r\n" % length)
        time.sleep(0.2)  # the head must arrive by itself: nothing tells when it was read
        connection.sendall(b"a" * length)
        answer(connection).error(413, "too_large")


@pytest.mark.parametrize("sent", [b"", REQUEST])
def test_who_never_asks_to_the_end_is_left(
    client: Client, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(connections, "SILENT", 0.3)
    monkeypatch.setattr(connections, "HEAD", 0.3)
    with connected(client) as connection:
        connection.sendall(sent)
        began = time.monotonic()
        while connection.recv(1 << 16):
            pass
        assert time.monotonic() - began < PATIENCE / 2


def test_who_asks_again_is_not_left(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "SILENT", 0.3)
    monkeypatch.setattr(connections, "HEAD", 0.3)
    with connected(client) as connection:
        for _ in range(3):
            connection.sendall(REQUEST[:30])
            time.sleep(0.1)  # slow, and within the bound: time itself is what is tried here
            connection.sendall(REQUEST[30:] + b"\r\n")
            found = b""
            while not found.endswith(b'Z"}') and (piece := connection.recv(1 << 16)):
                found += piece
            assert b" 200 OK" in found
            time.sleep(0.4)  # silent for longer than the bound for who never asked


def _unread(client: Client) -> socket.socket:
    """Ask for more than any buffer holds, and read nothing."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect((client.host, client.port))
    connection.sendall(b"GET /api/assistants HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert connection.recv(8) == b"HTTP/1.1"
    return connection


LARGE = {f"BOT_{n}": entry(n, instructions="x" * 256_000) for n in range(64)}


def test_who_reads_nothing_is_left(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "STALLED", 0.3)
    stored(LARGE)
    with served() as client, _unread(client) as connection:
        time.sleep(1.0)  # reading would end what is tried: that nobody reads for so long
        read = 0
        with suppress(ConnectionError):
            while piece := connection.recv(1 << 16):
                read += len(piece)
        assert read < 10_000_000


def test_who_reads_slowly_is_waited_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "STALLED", 1.0)
    stored(LARGE)
    with served() as client, connected(client) as connection:
        connection.sendall(b"GET /api/assistants HTTP/1.1\r\nHost: localhost\r\n\r\n")
        found = b""
        until = time.monotonic() + 2.5
        while time.monotonic() < until:
            found += connection.recv(1 << 16)
            time.sleep(0.02)  # a reader that is slow on purpose
        while not found.endswith(b'Z"}') and (piece := connection.recv(1 << 20)):
            found += piece
    assert json.loads(found.partition(b"\r\n\r\n")[2])["count"] == len(LARGE)


def test_the_service_waits_for_who_reads_slowly(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_LAST", 0.5)
    stored(LARGE)
    found = bytearray()

    def read() -> None:
        with connection:
            until = time.monotonic() + 2.5
            while time.monotonic() < until:
                found.extend(connection.recv(1 << 16))
                time.sleep(0.05)  # a reader that is slow on purpose
            while piece := connection.recv(1 << 20):
                found.extend(piece)

    with served() as client:
        connection = _unread(client)
        reading = threading.Thread(target=read)
        reading.start()
    reading.join(PATIENCE)
    assert json.loads(bytes(found).partition(b"\r\n\r\n")[2])["count"] == len(LARGE)


def test_the_service_does_not_wait_for_ever_for_who_reads(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_LAST", 0.1)
    monkeypatch.setattr(server, "_ALL", 0.5)
    stored(LARGE)
    ended = threading.Event()

    def read() -> None:
        with connection, suppress(ConnectionError):
            while not ended.is_set() and connection.recv(1 << 12):
                time.sleep(0.02)  # a reader that is too slow on purpose

    with served() as client:
        connection = _unread(client)
        reading = threading.Thread(target=read)
        reading.start()
    assert reading.is_alive()  # it had not read all
    ended.set()
    reading.join(PATIENCE)


def test_the_service_ends_whoever_reads_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_LAST", 0.3)
    stored(LARGE)
    with served() as client:
        connection = _unread(client)
        began = time.monotonic()
    assert time.monotonic() - began < connections.STALLED / 2
    connection.close()
