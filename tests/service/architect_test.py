"""Architect documents by HTTP: who may what, what is refused, and how much is read."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jsonschema
import pytest

from architected import assistant, document
from serving import PATIENCE, Client, Got, served, stored
from understudy.architect.document import Document
from understudy.architect.limits import MOST_BYTES

READER, IMPORTER, APPROVER, OTHER = (f"canary-key-of-{who}-0123456789" for who in "riao")
KEYS = (
    f"reader:architect:read:{READER} importer:architect:import:{IMPORTER} "
    f"approver:architect:approve:{APPROVER} other:read+read:full+sync:{OTHER}"
)
BASE = "/api/architect"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    stored({}, folder)
    return folder


@pytest.fixture(scope="module")
def keyed(home: Path) -> Iterator[Client]:
    with served(KEYS, folder=home, rate=0.0) as client:
        yield client


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("local")
    stored({}, folder)
    with served(folder=folder, rate=0.0) as client:
        yield client


def send(client: Client, path: str, value: Any = None, *, key: str = "", kind: str = "") -> Got:
    body = None if value is None else json.dumps(value).encode()
    headers = {"content_type": kind or "application/json"} if body else {}
    if key:
        headers["x_api_key"] = key
    return client.ask("POST", BASE + path, body, **headers)


def form(data: bytes, *, name: str = "report.json") -> tuple[bytes, str]:
    """Return a form with a small field and one file, and its content type."""
    parts = (
        b'--frame\r\nContent-Disposition: form-data; name="note"\r\n\r\nhello\r\n'
        b'--frame\r\nContent-Disposition: form-data; name="file"; filename="'
        + name.encode()
        + b'"\r\nContent-Type: application/json\r\n\r\n'
        + data
        + b"\r\n--frame--\r\n"
    )
    return parts, "multipart/form-data; boundary=frame"


def id_of(client: Client, name: str) -> str:
    found = client.get(f"{BASE}/assistants/{quote(name, safe='')}").check(200)
    return str(found["assistant"]["id"])


def test_a_document_is_validated_and_not_stored(local: Client) -> None:
    got = send(local, "/validate", document(assistant("Only Looked At"))).check(200)
    assert (got["valid"], got["total"], got["findings"]) == (True, 0, [])
    assert got["models"]["gpt-4o"] == {"model": "gpt-4o", "why": "exact"}
    missing = local.get(f"{BASE}/assistants/Only%20Looked%20At")
    missing.error(404, "not_found")


def test_findings_come_with_lines(local: Client) -> None:
    wrong = b'{"version": "1.0",\n "assistants": [\n null]}'
    headers = {"content_type": "application/json"}
    got = local.ask("POST", f"{BASE}/validate", wrong, **headers).check(200)
    assert not got["valid"]
    (finding,) = got["findings"]
    assert (finding["code"], finding["line"], finding["column"]) == ("not_an_object", 3, 2)


def test_no_json_is_a_finding_and_no_error(local: Client) -> None:
    headers = {"content_type": "application/json"}
    for data in (b"", b"{", b"PK\x03\x04", b"\xff\xfe{\x00", b"[" * 20_000, b"NaN"):
        got = local.ask("POST", f"{BASE}/validate", data or b" ", **headers).check(200)
        assert not got["valid"]
        local.ask("POST", f"{BASE}/import", data or b" ", **headers).error(422, "invalid_document")


def test_a_form_and_a_body_are_the_same_import(local: Client) -> None:
    value = document(assistant("Sent Twice"))
    data, kind = form(json.dumps(value).encode())
    first = local.ask("POST", f"{BASE}/import", data, content_type=kind).check(200)
    assert (first["created"], first["assistants"][0]["state"]) == (1, "pending_approval")
    again = send(local, "/import", value).check(200)
    assert (again["unchanged"], again["assistants"][0]["id"]) == (1, first["assistants"][0]["id"])


def test_an_import_is_whole_unless_told_otherwise(local: Client) -> None:
    value = document(assistant("Sound One"), assistant("Broken One", prompts=[]))
    problem = send(local, "/import", value).error(422, "invalid_document")
    assert [f["code"] for f in problem["findings"] if f["severity"] == "error"] == [
        "too_few_prompts"
    ]
    local.get(f"{BASE}/assistants/Sound%20One").error(404, "not_found")
    got = send(local, "/import?keepGoing=true", value).check(200)
    assert (got["created"], got["failed"], got["leftOut"]) == (1, 1, [1])


def test_decisions_follow_the_states(local: Client) -> None:
    send(local, "/import", document(assistant("To Decide"))).check(200)
    where = f"/assistants/{id_of(local, 'To Decide')}"
    send(local, f"{where}/disable").error(409, "illegal_move")
    done = send(local, f"{where}/approve", {"reason": "read", "version": 1}).check(200)
    assert (done["action"], done["version"]["state"]) == ("approved", "approved")
    send(local, f"{where}/approve").error(409, "illegal_move")
    assert send(local, f"{where}/disable").check(200)["action"] == "disabled"
    assert send(local, f"{where}/approve").check(200)["action"] == "enabled"
    changed = document(assistant("To Decide", description="New."))
    assert send(local, "/import", changed).check(200)["updated"] == 1
    listed = local.get(BASE + where + "/versions").check(200)["versions"]
    assert [(one["version"], one["state"]) for one in listed] == [
        (2, "pending_approval"),
        (1, "approved"),
    ]
    assert send(local, f"{where}/reject", {"reason": "no"}).check(200)["action"] == "rejected"
    send(local, f"{where}/approve", {"version": 2}).error(409, "illegal_move")
    send(local, f"{where}/approve", {"version": 9}).error(404, "not_found")
    send(local, f"{where}/approve", {"unknown": 9}).error(422, "invalid_request")


def test_a_decision_is_about_the_content_that_was_reviewed(local: Client) -> None:
    name = "Reviewed With Care"
    send(local, "/import", document(assistant(name))).check(200)
    found = local.get(f"{BASE}/assistants/{quote(name)}").check(200)["assistant"]
    seen = found["latest"]["digest"]
    send(local, "/import", document(assistant(name, description="changed"))).check(200)
    for word in ("approve", "reject"):
        got = send(local, f"/assistants/{found['id']}/{word}", {"digest": seen})
        got.error(409, "stale_version")
    send(local, f"/assistants/{found['id']}/approve", {"digest": "x"}).check(422)
    reviewed = {"digest": seen, "version": 1}
    done = send(local, f"/assistants/{found['id']}/approve", reviewed).check(200)
    assert (done["version"]["version"], done["version"]["digest"]) == (1, seen)


def test_each_version_can_be_read_before_it_is_approved(local: Client) -> None:
    send(local, "/import", document(assistant("To Read", description="One."))).check(200)
    send(local, "/import", document(assistant("To Read", description="Two."))).check(200)
    where = f"{BASE}/assistants/{id_of(local, 'To Read')}"
    for number, said in ((1, "One."), (2, "Two.")):
        got = local.get(f"{where}?version={number}").check(200)
        assert got["document"]["assistants"][0]["description"] == said
        assert got["version"]["version"] == number
    assert local.get(where).check(200)["version"]["version"] == 2
    local.get(f"{where}?version=3").error(404, "not_found")
    local.get(f"{where}?version=x").error(422, "invalid_request")


def test_an_export_imports_back_unchanged(local: Client) -> None:
    one = assistant("To Export", enabledTools=["web_search"])
    send(local, "/import", document(one)).check(200)
    where = f"{BASE}/assistants/{id_of(local, 'To Export')}/export"
    got = local.get(where + "?advanced=true")
    assert got.status == 200
    assert got.headers["content-disposition"].startswith("attachment")
    assert send(local, "/import", got.json).check(200)["unchanged"] == 1
    assert "enabledTools" not in local.get(where).json["assistants"][0]
    assert Document.parse(got.raw).valid


def test_a_listing_goes_page_by_page_in_the_order_of_names(local: Client) -> None:
    names = [f"Paged {n:02} %_" for n in range(7)]
    send(local, "/import", document(*(assistant(name) for name in names))).check(200)
    seen: list[str] = []
    after = ""
    while True:
        path = f"{BASE}/assistants?limit=3&name=paged%20&after={quote(after)}"
        got = local.get(path).check(200)
        assert got["count"] <= 3
        seen += [one["name"] for one in got["assistants"]]
        after = got["next"]
        if not after:
            break
    assert seen == names
    waiting = local.get(f"{BASE}/assistants?state=pending_approval&name=paged").check(200)
    assert waiting["count"] == 7
    local.get(f"{BASE}/assistants?limit=0").error(422, "invalid_request")
    local.get(f"{BASE}/assistants?state=unknown").error(422, "invalid_request")


def test_a_name_with_a_slash_is_found(local: Client) -> None:
    name = "Ünï/cödé %41?"
    send(local, "/import", document(assistant(name))).check(200)
    got = local.get(f"{BASE}/assistants/{quote(name, safe='')}").check(200)
    assert got["document"]["assistants"][0]["name"] == name


def test_the_schema_is_served(local: Client) -> None:
    got = local.get(f"{BASE}/schema")
    assert got.headers["content-type"] == "application/schema+json"
    jsonschema.Draft202012Validator(got.json).validate(document())


@pytest.mark.parametrize(
    ("key", "may"),
    [
        (READER, {"read"}),
        (IMPORTER, {"read", "import"}),
        (APPROVER, {"read", "approve"}),
        (OTHER, set()),
    ],
    ids=["reader", "importer", "approver", "other"],
)
def test_scopes_are_kept(keyed: Client, key: str, may: set[str]) -> None:
    asked = {
        "read": keyed.get(f"{BASE}/assistants", x_api_key=key),
        "import": send(keyed, "/import", document(assistant(f"By {key[14]}")), key=key),
        "approve": send(keyed, "/assistants/aa_none/approve", key=key),
    }
    for scope, got in asked.items():
        if scope in may:
            assert got.status in (200, 404)
        else:
            got.error(403, "forbidden")
    for path in ("/validate", "/schema", "/assistants/x", "/assistants/x/export"):
        got = keyed.get(BASE + path) if path != "/validate" else send(keyed, path, document())
        got.error(401, "unauthorized")


def test_an_importer_does_not_approve_with_four_eyes(tmp_path: Path) -> None:
    (tmp_path / "understudy.toml").write_text("[architect]\nfour_eyes = true\n")
    stored({}, tmp_path)
    both = "ann:architect:import+architect:approve:0123456789abcdef-ann"
    other = "bob:architect:approve:0123456789abcdef-bob"
    with served(f"{both} {other}", folder=tmp_path, rate=0.0) as client:
        ann, bob = "0123456789abcdef-ann", "0123456789abcdef-bob"
        made = send(client, "/import", document(), key=ann).check(200)["assistants"][0]["id"]
        send(client, f"/assistants/{made}/approve", key=ann).error(403, "four_eyes")
        done = send(client, f"/assistants/{made}/approve", key=bob).check(200)
        assert done["version"]["imported_by"] == "ann"


def test_exactly_ten_megabytes_are_read(local: Client) -> None:
    value = json.dumps(document()).encode()
    whole = value + b" " * (MOST_BYTES - len(value))
    for data, kind in ((whole, "application/json"), form(whole)):
        got = local.ask("POST", f"{BASE}/validate", data, content_type=kind)
        assert got.check(200)["valid"]
    for data, kind in ((whole + b" ", "application/json"), form(whole + b" ")):
        got = local.ask("POST", f"{BASE}/validate", data, content_type=kind)
        problem = got.error(413, "file_too_large")
        assert problem["message"].startswith("File too large")


def test_a_document_that_is_announced_to_be_too_large_is_refused_in_the_same_words(
    local: Client,
) -> None:
    head = (
        f"POST {BASE}/validate HTTP/1.1\r\nHost: 127.0.0.1:{local.port}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {2 * MOST_BYTES}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", local.port), timeout=PATIENCE) as connection:
        connection.sendall(head.encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"code":"file_too_large","message":"File too large' in answer


def test_a_body_without_end_is_refused_while_it_streams(local: Client) -> None:
    head = (
        f"POST {BASE}/import HTTP/1.1\r\nHost: 127.0.0.1:{local.port}\r\n"
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    piece = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    with socket.create_connection(("127.0.0.1", local.port), timeout=PATIENCE) as connection:
        connection.sendall(head.encode())
        sent = 0
        try:
            while sent < 4 * MOST_BYTES:
                connection.sendall(piece)
                sent += 0x10000
        except OSError:
            pass  # it was hung up on, as it should be
        assert sent < 3 * MOST_BYTES  # what the sockets hold counts as sent
        connection.settimeout(PATIENCE)
        try:
            answer = connection.recv(1 << 16)
        except ConnectionError:
            answer = b""
    assert answer == b"" or b" 413 " in answer.split(b"\r\n", 1)[0]


@pytest.mark.parametrize(
    ("body", "kind", "status", "code"),
    [
        (b"{}", "text/plain", 415, "unsupported_media_type"),
        (b"{}", "multipart/form-data", 415, "unsupported_media_type"),
        (b"no form", "multipart/form-data; boundary=frame", 400, "bad_request"),
        (b"--frame\r\n\r\n\r\n--frame--\r\n", "multipart/form-data; boundary=frame", 422, ""),
        (
            b'--frame\r\nContent-Disposition: form-data; name="x"\r\n\r\n1\r\n--frame--\r\n',
            "multipart/form-data; boundary=frame",
            422,
            "invalid_request",
        ),
    ],
)
def test_bodies_of_other_kinds_are_refused(
    local: Client, body: bytes, kind: str, status: int, code: str
) -> None:
    got = local.ask("POST", f"{BASE}/import", body, content_type=kind)
    assert got.status == status
    if code:
        got.error(status, code)


def test_of_several_files_in_a_form_none_is_taken(local: Client) -> None:
    data, kind = form(json.dumps(document(assistant("Of A Form"))).encode())
    for more in ('name="other"; filename="b.json"', 'name="file"'):
        part = f"--frame\r\nContent-Disposition: form-data; {more}\r\n\r\n{{}}\r\n".encode()
        for twice in (part + data, data.replace(b"--frame--", part + b"--frame--")):
            got = local.ask("POST", f"{BASE}/import", twice, content_type=kind)
            assert "more than one file" in got.error(422, "invalid_request")["message"]
    empty = b'--frame\r\nContent-Disposition: form-data; name="icon"; filename=""\r\n\r\n\r\n'
    got = local.ask("POST", f"{BASE}/validate", empty + data, content_type=kind)
    assert got.check(200)["valid"]


def test_a_form_that_breaks_off_is_refused(local: Client) -> None:
    data, kind = form(json.dumps(document()).encode())
    for broken in (data.replace(b"--frame--\r\n", b""), data[:-60]):
        local.ask("POST", f"{BASE}/import", broken, content_type=kind).error(400, "bad_request")


def test_who_leaves_while_a_body_is_read_leaves_no_traceback(
    local: Client, caplog: pytest.LogCaptureFixture
) -> None:
    head = (
        f"POST {BASE}/import HTTP/1.1\r\nHost: 127.0.0.1:{local.port}\r\n"
        "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
    )
    with socket.create_connection(("127.0.0.1", local.port), timeout=PATIENCE) as connection:
        connection.sendall(head.encode())
    asked = json.dumps(document()).encode()
    local.ask("POST", f"{BASE}/validate", asked, content_type="application/json").check(200)
    assert not [record for record in caplog.records if record.exc_info]


def test_a_library_that_cannot_be_reached_is_said_without_its_password(tmp_path: Path) -> None:
    stored({}, tmp_path)
    url = "postgresql://someone:canary-password-0123@127.0.0.1:1/library"
    with served(folder=tmp_path, rate=0.0, database=url) as client:
        got = client.get(f"{BASE}/assistants")
        got.error(503, "library_unavailable")
        assert b"canary" not in got.raw
        assert client.get("/healthz").status == 200
        assert send(client, "/validate", document()).check(200)["valid"]
