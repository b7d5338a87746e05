"""Looking assistants up by HTTP: the bodies of the specification, made of the file's own bytes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

import understudy
from serving import Client, entry, served, stored

COMPANION: dict[str, Any] = {
    "id": "asst_abc123",
    "name": "Arcanos Runtime Companion",
    "instructions": "You are a helpful assistant...",
    "tools": [
        {
            "type": "function",
            "function": {"name": "example_function", "description": "An example function"},
        }
    ],
    "model": "gpt-4",
}
ENTRIES: dict[str, dict[str, Any]] = {
    "ARCANOS_RUNTIME_COMPANION": COMPANION,
    "AB_TEST": entry(2, name="A/B Test"),
    "asst_3": entry(3, name="日本語"),
    "LONG": entry(4, name="Long", instructions="schön " * 42_000),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    stored(ENTRIES, folder)
    return folder


@pytest.fixture(scope="module")
def client(home: Path) -> Iterator[Client]:
    with served(folder=home) as client:
        yield client


def test_all_assistants_are_returned_as_the_specification_says(folder: Path) -> None:
    stored({"ARCANOS_RUNTIME_COMPANION": COMPANION})
    with served() as client:
        got = client.get("/api/assistants")
    assert list(got.check(200)) == ["success", "count", "assistants", "assistantNames", "timestamp"]
    assert {k: v for k, v in got.json.items() if k != "timestamp"} == {
        "success": True,
        "count": 1,
        "assistants": {"ARCANOS_RUNTIME_COMPANION": COMPANION},
        "assistantNames": ["ARCANOS_RUNTIME_COMPANION"],
    }


def test_one_assistant_is_returned_as_the_specification_says(client: Client) -> None:
    got = client.get("/api/assistants/ARCANOS_RUNTIME_COMPANION")
    assert list(got.check(200)) == ["success", "assistant", "timestamp"]
    assert got.json["assistant"] == COMPANION


def test_file_service_and_library_agree(client: Client, home: Path) -> None:
    file = json.loads((home / "config/assistants.json").read_text(encoding="utf-8"))
    library = understudy.Registry(home / "config/assistants.json")
    assert client.get("/api/assistants").json["assistants"] == file == ENTRIES
    assert client.get("/api/assistants").json["assistantNames"] == library.get_assistant_names()
    for key in ENTRIES:
        got = client.get(f"/api/assistants/{key}").json["assistant"]
        assert got == library.get_assistant(key) == file[key]


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Arcanos Runtime Companion", "ARCANOS_RUNTIME_COMPANION"),
        ("arcanos   runtime companion!", "ARCANOS_RUNTIME_COMPANION"),
        ("asst_abc123", "ARCANOS_RUNTIME_COMPANION"),
        ("A/B Test", "AB_TEST"),
        ("日本語", "asst_3"),
    ],
)
def test_any_spelling_finds_it(client: Client, name: str, key: str) -> None:
    assert client.get(f"/api/assistants/{quote(name, safe='')}").json["assistant"] == ENTRIES[key]


@pytest.mark.parametrize(
    "path",
    [
        "__proto__",
        "constructor",
        "..%2f..%2fetc%2fpasswd",
        "%2e%2e%2fassistants.json",
        "x" * 300,
        quote("ü" * 300),
        "%ff%fe%00",
        "%F0%9F%A6%8A",
        "%",
        "%zz",
        "a%0d%0aSet-Cookie:%20x",
        "{name}",
    ],
)
def test_a_name_that_nobody_has_is_404_in_the_one_shape(client: Client, path: str) -> None:
    got = client.get(f"/api/assistants/{path}")
    assert got.error(404, "not_found")["near"] is not None
    assert "set-cookie" not in got.headers


def test_a_404_names_what_is_near(client: Client) -> None:
    error = client.get("/api/assistants/ARCANOS_RUNTIME_COMPANION2").error(404, "not_found")
    assert error["near"] == ["ARCANOS_RUNTIME_COMPANION"]
    assert "ARCANOS_RUNTIME_COMPANION" in error["hint"]


@pytest.mark.parametrize("path", ["", "/LONG", "/ARCANOS_RUNTIME_COMPANION", "/AB_TEST"])
def test_gzip_holds_the_same(client: Client, path: str) -> None:
    plain = client.get(f"/api/assistants{path}").json
    for _ in range(2):  # made, then kept
        short = client.get(f"/api/assistants{path}", accept_encoding="gzip, br;q=0.1")
        assert {**short.json, "timestamp": ""} == {**plain, "timestamp": ""}
        assert int(short.headers["content-length"]) == len(short.raw)
        worth = len(short.body) > 1024
        assert (short.headers.get("content-encoding") == "gzip") is worth
    refused = client.get(f"/api/assistants{path}", accept_encoding="gzip;q=0, identity")
    assert "content-encoding" not in refused.headers


@pytest.mark.parametrize("path", ["", "/LONG", "/ARCANOS_RUNTIME_COMPANION/responses"])
def test_who_has_it_is_told_so_until_it_changes(client: Client, path: str) -> None:
    first = client.get(f"/api/assistants{path}")
    etag = first.headers["etag"]
    for known in (etag, etag.removeprefix("W/"), f'"x", {etag}', "*"):
        again = client.get(f"/api/assistants{path}", if_none_match=known)
        assert (again.status, again.raw, again.headers["etag"]) == (304, b"", etag)
    assert client.get(f"/api/assistants{path}", if_none_match='"x"').status == 200
    assert "no-cache" in first.headers["cache-control"]
    assert "authorization" in first.headers["vary"]


def test_arguments_for_the_responses_api_are_what_load_returns(client: Client, home: Path) -> None:
    got = client.get("/api/assistants/ARCANOS_RUNTIME_COMPANION/responses").check(200)
    loaded = understudy.load(f"{home}/config/assistants.json/Arcanos Runtime Companion")
    assert got["arguments"] == loaded.responses_kwargs()
    assert got["arguments"]["tools"][0]["name"] == "example_function"


def test_what_arguments_lack_is_told(folder: Path) -> None:
    stored({"BOT": entry(tools=[{"type": "code_interpreter"}, {"type": "retrieval"}])})
    with served() as client:
        got = client.get("/api/assistants/BOT/responses").check(200)
    lost = [(one["field"], one["fidelity"]) for one in got["lost"]]
    assert lost == [("name", "dropped"), ("tools.retrieval", "dropped")]
    assert all(one["reason"] for one in got["lost"])


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("DELETE", "/api/assistants/X", 405),
        ("PUT", "/api/assistants", 405),
        ("POST", "/healthz", 405),
        ("GET", "/api/assistants/", 404),
        ("GET", "/api/assistants/a/b", 404),
        ("GET", "/", 404),
        ("GET", "/docs", 404),
        ("GET", "/../etc/passwd", 404),
    ],
)
def test_other_methods_and_addresses_have_the_one_shape(
    client: Client, method: str, path: str, status: int
) -> None:
    got = client.ask(method, path)
    got.check(status)
    assert ("allow" in got.headers) is (status == 405)


def test_every_answer_carries_its_request_id_and_sane_headers(client: Client) -> None:
    got = client.get("/api/assistants", x_request_id="mine-1")
    assert got.headers["x-request-id"] == "mine-1"
    assert client.get("/api/x", x_request_id="no\tgood" * 20).headers["x-request-id"] != "no"
    assert got.headers["x-content-type-options"] == "nosniff"
    assert "server" not in got.headers
    assert "access-control-allow-origin" not in got.headers


def test_the_document_names_every_address_with_examples(client: Client) -> None:
    document = client.get("/openapi.json").json
    architect = {path for path in document["paths"] if path.startswith("/api/architect/")}
    assert {path.removeprefix("/api/architect") for path in architect} == {
        "/validate",
        "/import",
        "/schema",
        "/assistants",
        "/assistants/{key}",
        "/assistants/{key}/versions",
        "/assistants/{key}/export",
        "/assistants/{key}/approve",
        "/assistants/{key}/reject",
        "/assistants/{key}/disable",
        "/assistants/{key}/runs",
    }
    assert set(document["paths"]) - architect == {
        "/api/assistants",
        "/api/assistants/sync",
        "/api/assistants/{name}",
        "/api/assistants/{name}/responses",
        "/api/runs",
        "/api/runs/{run}",
        "/api/runs/{run}/events",
        "/api/runs/{run}/cancel",
        "/api/runs/{run}/retry",
        "/api/syncs",
        "/api/status",
        "/healthz",
        "/readyz",
        "/metrics",
    }
    example = document["components"]["schemas"]["Entry"]["examples"][0]
    assert example["id"] == "asst_abc123"
    names = [p["name"] for p in document["paths"]["/api/assistants/{name}"]["get"]["parameters"]]
    assert names == ["name"]


def test_ten_thousand_assistants_are_served(folder: Path) -> None:
    stored({f"BOT_{n:05}": entry(n) for n in range(10_000)})
    with served() as client:
        got = client.get("/api/assistants", accept_encoding="gzip").json
        assert (got["count"], len(got["assistants"])) == (10_000, 10_000)
        assert client.get("/api/assistants/bot%20x9999").error(404, "not_found")["near"]
        assert client.get("/api/assistants/BOT_09999").json["assistant"]["id"] == "asst_9999"
