"""Who may do what, how often and how much; nothing of a key ever comes back."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from command import until
from serving import PATIENCE, Client, entry, origins_served, served, stored
from understudy.errors import UsageError
from understudy.sandbox import Project
from understudy.service.auth import SCOPES, parse_keys
from understudy.service.rates import Buckets

READER, FULL, SYNCER, ADMIN = (f"canary-key-of-{who}-0123456789" for who in "rfsa")
KEYS = f"r:read:{READER},f:read:full:{FULL} s:sync:{SYNCER}\n a:admin:{ADMIN}"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("home")
    stored({"BOT": entry(instructions="canary-instructions")}, folder)
    with served(KEYS, folder=folder, rate=1000.0) as client:
        yield client


@pytest.mark.parametrize("path", ["/api/assistants", "/api/status", "/metrics", "/nowhere"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer wrong"},
        {"authorization": f"Basic {READER}"},
        {"authorization": READER},
        {"x_api_key": "ü"},
        {"x_api_key": READER[:-1]},
    ],
    ids=["none", "wrong", "basic", "bare", "not ascii", "cut"],
)
def test_nobody_gets_in_without_a_key(client: Client, path: str, headers: dict[str, str]) -> None:
    got = client.get(path, **headers)
    if got.status == 429:  # all these come from one address
        got.error(429, "too_many_requests")
        return
    got.error(401, "unauthorized")
    assert got.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/openapi.json"])
def test_what_says_nothing_secret_needs_no_key(client: Client, path: str) -> None:
    got = client.get(path)
    assert got.status == 200
    assert b"canary" not in got.body


@pytest.mark.parametrize(
    ("key", "path", "status"),
    [
        (READER, "/api/assistants", 200),
        (READER, "/api/assistants/BOT/responses", 403),
        (READER, "/api/syncs", 200),
        (FULL, "/api/assistants/BOT/responses", 200),
        (SYNCER, "/api/assistants/BOT", 200),
        (ADMIN, "/api/assistants/BOT/responses", 200),
    ],
)
def test_a_scope_opens_what_it_names(client: Client, key: str, path: str, status: int) -> None:
    by_bearer = client.get(path, authorization=f"bearer {key}")
    by_header = client.get(path, x_api_key=key)
    assert by_bearer.check(status).keys() == by_header.check(status).keys()


def test_who_may_read_gets_names_and_ids_and_nothing_else(client: Client) -> None:
    for key, full in ((READER, False), (SYNCER, False), (FULL, True), (ADMIN, True)):
        every = client.get("/api/assistants", x_api_key=key).json["assistants"]["BOT"]
        one = client.get("/api/assistants/bot%201", x_api_key=key).json["assistant"]
        assert every == one
        assert ("canary-instructions" in str(one)) is full
        assert full or one == {"id": "asst_1", "name": "Bot 1"}
    tags = {client.get("/api/assistants/BOT", x_api_key=k).headers["etag"] for k in (READER, FULL)}
    assert len(tags) == 2


def test_a_reader_may_not_sync(client: Client) -> None:
    for key in (READER, FULL):
        assert client.sync(x_api_key=key).error(403, "forbidden")["scope"] == "sync"
    client.sync(x_api_key=SYNCER).error(503, "limited_mode")


def test_a_key_may_ask_so_often_and_another_one_still_may(folder: Path) -> None:
    stored({"BOT": entry()})
    with served(KEYS, rate=0.5) as client:
        found = [client.get("/api/assistants/BOT", x_api_key=READER) for _ in range(3)]
        refused = found[-1]
        assert found[0].status == 200
        refused.error(429, "too_many_requests")
        assert int(refused.headers["retry-after"]) >= 1
        assert client.get("/api/assistants/BOT", x_api_key=FULL).status == 200


def test_whoever_guesses_keys_is_slowed_down(folder: Path) -> None:
    stored({"BOT": entry()})
    with served(KEYS) as client:
        statuses = [client.get("/api/status", x_api_key=f"guess-{n}").status for n in range(30)]
        assert statuses[0] == 401
        assert statuses[-1] == 429
        assert client.get("/api/status", x_api_key=READER).status == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "[::1", "\xff", "\xbd"],
)
def test_without_keys_other_names_of_this_machine_are_refused(folder: Path, host: str) -> None:
    stored({"BOT": entry()})
    with served() as client:
        client.get("/api/assistants", host=host).error(421, "wrong_host")
        for fine in ("localhost", f"LOCALHOST:{client.port}", "[::1]:1"):
            assert client.get("/api/assistants", host=fine).status == 200


def test_a_page_from_elsewhere_cannot_make_a_browser_sync(folder: Path) -> None:
    stored({"BOT": entry()})
    with served() as client:
        client.sync(origin="https://evil.example").error(403, "foreign_origin")
        client.sync(origin="http://[").error(403, "foreign_origin")
        client.sync(sec_fetch_site="cross-site").error(403, "foreign_origin")
        client.sync(origin=f"http://127.0.0.1:{client.port}").error(503, "limited_mode")
        assert (
            "access-control-allow-origin"
            not in client.get("/api/assistants", origin="https://evil.example").headers
        )


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 422),
        (b"[]", 422),
        (b'{"allowRemoval": "yes"}', 422),
        (b'{"more": 1}', 422),
        (b"\xff", 400),
        (b"null", 503),
        (b"{}", 503),
        (b" " * 70_000, 413),
        (b"[" * 60_000, 400),
    ],
)
def test_a_body_that_does_not_fit_is_refused_in_the_one_shape(
    client: Client, body: bytes, status: int
) -> None:
    path, kind = "/api/assistants/sync", "application/json"
    got = client.ask("POST", path, body, content_type=kind, x_api_key=ADMIN)
    got.check(status)


def test_a_body_without_an_end_is_cut_off(client: Client) -> None:
    with socket.create_connection(("127.0.0.1", client.port), timeout=PATIENCE) as connection:
        head = "POST /api/assistants/sync HTTP/1.1\r\nHost: localhost\r\nX-API-Key: %s\r\n"
        connection.sendall((head % ADMIN).encode())
        connection.sendall(b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        answer = b""
        chunk = b"4000\r\n" + b" " * 0x4000 + b"\r\n"
        for _ in range(5):
            connection.sendall(chunk)
        while b"timestamp" not in answer and (more := connection.recv(65536)):
            answer += more
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"too_large" in answer


def test_named_pages_may_ask_from_within_a_browser(folder: Path) -> None:
    stored({"BOT": entry()})
    with origins_served(KEYS, "https://app.example") as client:
        asked = {"origin": "https://app.example", "access_control_request_method": "GET"}
        before = client.ask("OPTIONS", "/api/assistants", None, **asked)
        assert before.headers["access-control-allow-origin"] == "https://app.example"
        got = client.get("/api/assistants", origin="https://app.example", x_api_key=READER)
        assert got.headers["access-control-allow-origin"] == "https://app.example"
        other = client.get("/api/assistants", origin="https://other.example", x_api_key=READER)
        assert "access-control-allow-origin" not in other.headers


@pytest.mark.parametrize(
    "text",
    [
        "canary-secret-0123456789",
        "app:canary-secret-0123456789",
        "app:reed:canary-secret-0123456789",
        "app:read+:canary-secret-0123456789",
        "app:read:canary",
        ":read:canary-secret-0123456789",
        "a:read:canary-secret-0123456789 a:read:canary-secret-9876543210",
        "a:read:canary-secret-0123456789 b:sync:canary-secret-0123456789",
    ],
)
def test_keys_that_are_spelt_wrongly_are_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_keys(SecretStr(text))
    assert "canary" not in str(caught.value)


@given(
    st.dictionaries(
        st.text("abcXYZ0123456789_-", min_size=16, max_size=40),
        st.lists(st.sampled_from(sorted(SCOPES)), min_size=1, max_size=3),
        max_size=5,
    )
)
def test_every_key_finds_its_own_caller_and_no_other(keys: dict[str, list[str]]) -> None:
    text = " ".join(f"n{i}:{'+'.join(s)}:{key}" for i, (key, s) in enumerate(keys.items()))
    known = parse_keys(SecretStr(text))
    assert bool(known) is bool(keys)
    for number, (key, scopes) in enumerate(keys.items()):
        caller = known.find(key.encode())
        assert caller is not None
        assert caller.name == f"n{number}"
        assert caller.scopes == frozenset().union(*(SCOPES[scope] for scope in scopes))
    assert known.find(b"") is None


@given(
    st.floats(0.1, 50),
    st.integers(1, 20),
    st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 5)), max_size=60),
)
def test_no_one_gets_more_than_the_rate_and_a_burst(
    rate: float, burst: int, asked: list[tuple[str, float]]
) -> None:
    now = 100.0
    buckets = Buckets(rate, burst, lambda: now)
    let = {"a": 0, "b": 0}
    for name, pause in asked:
        now += pause
        wait = buckets.take(name)
        assert wait >= 0
        let[name] += wait == 0
        if wait:
            now += wait + 1e-6
            assert buckets.take(name) == 0, "the wait that was named is enough"
            let[name] += 1
        assert all(one <= burst + rate * (now - 100.0) + 1e-3 for one in let.values())


def test_a_file_that_only_its_owner_may_write_is_served(folder: Path) -> None:
    path = stored({"BOT": entry()})
    path.parent.chmod(0o500)
    try:
        with served() as client:
            until(lambda: client.get("/readyz").status == 200)
            assert client.get("/api/assistants/BOT").check(200)
    finally:
        path.parent.chmod(0o700)


def test_what_cannot_be_written_is_told_and_the_copy_is_served(
    source: Project, folder: Path
) -> None:
    stored({f"BOT_{n}": entry(n) for n in range(3)})
    for path in sorted((folder / "config" / "assistants.history").iterdir()):
        path.unlink()
    (folder / "config" / "assistants.history").rmdir()
    (folder / "config" / "assistants.history").write_text("in the way")
    with served() as client:
        error = client.sync({"allowRemoval": True}).error(500, "sync_failed")
        assert "assistants.history" in error["message"]
        assert client.get("/api/assistants").json["count"] == 3


@pytest.mark.parametrize(
    "line", ["Host: localhost", "Authorization: Bearer x", "Content-Length: 0"]
)
def test_what_must_be_said_once_is_refused_twice(client: Client, line: str) -> None:
    with socket.create_connection(("127.0.0.1", client.port), timeout=PATIENCE) as connection:
        connection.sendall(f"GET /healthz HTTP/1.1\r\n{line}\r\n{line}\r\n\r\n".encode())
        assert connection.recv(65536).startswith(b"HTTP/1.1 400 ")
