"""Runs by HTTP: asked for once, streamed to whoever comes back, refused in words."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from architected import assistant, document
from command import until
from listening import listening
from service.asking import BASE, FINE, INPUTS, NAME, approve, begin, begun, heard
from serving import Client, served
from understudy.service import server

RUNNER, OTHER, BOSS, READER = (f"canary-key-of-{who}-0123456789" for who in "robx")
KEYS = (
    f"runner:architect:run:{RUNNER} other:architect:run:{OTHER} boss:admin:{BOSS} "
    f"reader:architect:read:{READER}"
)


def test_a_run_is_accepted_and_its_events_come_with_their_numbers(service: Client) -> None:
    got = begin(service)
    run = got.check(202)["run"]
    assert got.headers["location"] == f"/api/runs/{run['id']}"
    assert "inputs" not in run  # which may be large
    events = heard(service, run["id"])
    assert [one.id for one in events] == [str(n) for n in range(1, len(events) + 1)]
    assert [one.type for one in events if not one.type.startswith("prompt.")] == [
        "run.started",
        "run.completed",
    ]
    assert all(one.data["run"] == run["id"] for one in events)
    assert all(str(one.data["number"]) == one.id for one in events)
    outputs = dict.fromkeys(("for", "against", "verdict"), "Fair wind, sir.")
    assert events[-1].data["outputs"] == outputs
    found = service.get(f"/api/runs/{run['id']}").check(200)["run"]
    assert (found["status"], found["answers"]) == ("completed", outputs)
    assert found["inputs"] == INPUTS
    (listed,) = service.get(f"/api/runs?assistant={quote(NAME)}").check(200)["runs"]
    assert listed == {k: v for k, v in found.items() if k not in ("inputs", "answers")}
    assert service.get("/api/runs?status=failed").check(200)["count"] == 0


def test_who_asks_for_a_stream_gets_the_events_at_once(service: Client) -> None:
    body = json.dumps({"inputs": INPUTS}).encode()
    path = f"{BASE}/{quote(NAME)}/runs"
    kind = {"content_type": "application/json"}
    with listening(service, "POST", path, body, **kind) as events:
        told = list(events)
    assert (told[0].type, told[-1].type) == ("run.started", "run.completed")
    pieces = [one.data["text"] for one in told if one.type == "prompt.delta"]
    assert "".join(pieces).count("Fair wind, sir.") == 3


def test_who_comes_back_misses_nothing_and_hears_nothing_twice(service: Client) -> None:
    run = begun(service)
    everything = heard(service, run)
    for one in everything[:-1]:
        rest = heard(service, run, one.id)
        assert rest == everything[int(one.id) :]
    last = everything[-1].id
    assert service.get(f"/api/runs/{run}/events", last_event_id=last).status == 204
    assert service.get(f"/api/runs/{run}/events?after={last}").status == 204
    for odd in ("x", "-1", "99", "9" * 30):
        service.get(f"/api/runs/{run}/events?after={odd}").error(422, "invalid_request")


def test_a_listener_at_another_process_hears_the_same(
    service: Client, home: Path, script: Callable[..., None]
) -> None:
    script({"when": "Decide", "say": "Go. " * 20, "pause": 0.02}, *FINE)
    with served(folder=home, rate=0.0) as other:
        run = begun(service)
        told = heard(other, run)
        assert told == heard(service, run)
        assert told[-1].type == "run.completed"


def test_the_same_key_gives_the_same_run(service: Client) -> None:
    first = begin(service, idempotency_key="one")
    again = begin(service, idempotency_key="one")
    assert again.check(202)["run"]["id"] == first.check(202)["run"]["id"]
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    other = begin(service, {**INPUTS, "question": "Stay?"}, idempotency_key="one")
    other.error(422, "idempotency_key_reused")
    assert begun(service, idempotency_key="two") != first.json["run"]["id"]
    begin(service, idempotency_key="no spaces").error(422, "invalid_request")
    assert service.get("/api/runs").check(200)["count"] == 2
    service.ask("POST", f"{BASE}/{quote(NAME)}/disable").check(200)
    begin(service, idempotency_key="one").check(202)  # what was asked for then, still
    begin(service, idempotency_key="three").error(409, "not_in_force")


def test_everything_wrong_with_a_form_is_found_at_once(service: Client) -> None:
    error = begin(service, {"tone": "rudely", "unknown": "x"}).error(422, "invalid_inputs")
    codes = {(one["field"], one["code"]) for one in error["findings"]}
    assert codes == {("unknown", "unknown_input"), ("tone", "unknown_choice")}
    begin(service, {"question": ["a", "b"]}).error(422, "invalid_inputs")
    begin(service, {"question": 5}).error(422, "invalid_request")
    path = f"{BASE}/{quote(NAME)}/runs"
    ask = {"content_type": "application/json"}
    service.ask("POST", path, b"{", **ask).error(400, "bad_request")
    service.ask("POST", path, b'{"question": "x"}', **ask).error(422, "invalid_request")
    service.ask("POST", path, b"x", content_type="text/plain").error(415, "unsupported_media_type")
    service.ask("POST", f"{BASE}/Nobody/runs", b"{}", **ask).error(404, "not_found")
    assert service.get("/api/runs").check(200)["count"] == 0


def test_a_text_that_no_model_takes_is_refused_with_sizes(service: Client) -> None:
    error = begin(service, {**INPUTS, "question": "word " * 4000}).error(422, "invalid_inputs")
    (first, _) = error["findings"]
    assert first["code"] == "too_large_for_model"
    assert "about 5,000 tokens" in first["message"]
    assert "takes 2,000" in first["message"]


def multipart(*parts: tuple[str, str | None, bytes]) -> tuple[bytes, str]:
    """Return a form of (name, file name, content), and its content type."""
    body = b""
    for name, filename, content in parts:
        also = f'; filename="{filename}"' if filename is not None else ""
        head = f'--frame\r\nContent-Disposition: form-data; name="{name}"{also}\r\n\r\n'
        body += head.encode() + content + b"\r\n"
    return body + b"--frame--\r\n", "multipart/form-data; boundary=frame"


def with_upload(client: Client) -> str:
    field = {
        "name": "document",
        "label": "Document",
        "field_type": "file_upload",
        "position": 0,
        "options": {"required": True, "accept": ".txt,.md"},
    }
    prompt = {
        "name": "read",
        "content": "Read: {{document}}",
        "model_name": "gpt-4o",
        "position": 0,
    }
    only = assistant("Reader", prompts=[prompt], input_fields=[field], is_parallel=False)
    approve(client, only)
    return f"{BASE}/Reader/runs"


def test_a_file_is_read_and_sent_as_text(service: Client) -> None:
    path = with_upload(service)
    body, kind = multipart(("document", "../../notes.txt", "Ahoy – näher!".encode()))
    run = service.ask("POST", path, body, content_type=kind).check(202)["run"]
    assert heard(service, run["id"])[-1].type == "run.completed"
    found = service.get(f"/api/runs/{run['id']}").check(200)["run"]
    assert found["inputs"] == {"document": "Ahoy – näher!"}


def test_files_that_give_no_text_are_findings(service: Client) -> None:
    path = with_upload(service)
    for name, content, code in (
        ("a.pdf", b"no pdf", "mislabelled_file"),
        ("a.exe", b"MZ", "unknown_kind"),
        ("a.txt", b"\xff\xfe\xfa", "not_utf8"),
    ):
        body, kind = multipart(("document", name, content))
        error = service.ask("POST", path, body, content_type=kind).error(422, "invalid_inputs")
        assert [one["code"] for one in error["findings"]] == [code]
    body, kind = multipart(("document", "a.pdf", b"no pdf"), ("other", None, b"x"))
    error = service.ask("POST", path, body, content_type=kind).error(422, "invalid_inputs")
    found = sorted((one["field"], one["code"]) for one in error["findings"])
    assert found == [("document", "mislabelled_file"), ("other", "unknown_input")]
    body, kind = multipart(("document", "a.json", b"{}"))
    error = service.ask("POST", path, body, content_type=kind).error(422, "invalid_inputs")
    assert [one["code"] for one in error["findings"]] == ["not_accepted"]
    body, kind = multipart(("document", None, b"text"))
    service.ask("POST", path, body, content_type=kind).error(422, "invalid_inputs")
    cut = multipart(("document", "a.txt", b"x"))[0][:-20]
    service.ask("POST", path, cut, content_type=kind).error(400, "bad_request")


def test_a_hundred_megabytes_are_refused_while_they_arrive(service: Client) -> None:
    path = with_upload(service)
    head = b'--frame\r\nContent-Disposition: form-data; name="document"; filename="a.txt"\r\n\r\n'
    size = 100 << 20
    with socket.create_connection((service.host, service.port), timeout=30) as connection:
        connection.sendall(
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n"
            "Content-Type: multipart/form-data; boundary=frame\r\n\r\n".encode()
        )
        assert b" 413 " in connection.recv(1000).splitlines()[0]  # nothing was sent yet
    with socket.create_connection((service.host, service.port), timeout=30) as connection:
        connection.sendall(
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
            "Content-Type: multipart/form-data; boundary=frame\r\n\r\n".encode()
        )
        connection.sendall(b"%x\r\n%s\r\n" % (len(head), head))
        piece = b"x" * (1 << 20)
        sent = 0
        connection.settimeout(0.0)
        answer = b""
        while not answer and sent < size:
            try:
                answer = connection.recv(1000)
            except BlockingIOError:
                connection.settimeout(30)
                try:
                    connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
                except (BrokenPipeError, ConnectionResetError):
                    break
                sent += len(piece)
                connection.settimeout(0.0)
    assert not answer or b" 413 " in answer.splitlines()[0]
    assert sent < 60 << 20
    assert service.get("/api/runs").check(200)["count"] == 0


def test_a_run_is_cancelled_and_retried(service: Client, script: Callable[..., None]) -> None:
    script({"when": "Decide", "after": 900, "times": 1}, *FINE)
    run = begun(service)
    with listening(service, "GET", f"/api/runs/{run}/events") as events:
        told = []
        for one in events:
            told.append(one)
            if one.data.get("prompt") == "verdict":
                service.ask("POST", f"/api/runs/{run}/cancel").check(200)
    assert told[-1].type == "run.cancelled"
    service.ask("POST", f"/api/runs/{run}/cancel").check(200)
    service.ask("POST", f"/api/runs/{run}/retry").check(202)
    rest = heard(service, run, told[-1].id)
    assert [one.data["prompt"] for one in rest if one.type == "prompt.started"] == ["verdict"]
    assert rest[0].data["attempt"] == 2
    service.ask("POST", f"/api/runs/{run}/retry").error(409, "illegal_move")
    service.ask("POST", f"/api/runs/{run}/cancel").error(409, "illegal_move")


def test_a_run_that_is_cancelled_in_the_middle_of_an_answer_has_what_had_come(
    service: Client, script: Callable[..., None]
) -> None:
    script({"when": "Decide", "say": "Sail at dawn", "pause": 900}, *FINE)
    run = begun(service)
    told = []
    with listening(service, "GET", f"/api/runs/{run}/events") as events:
        for one in events:
            told.append(one)
            if (one.type, one.data.get("prompt")) == ("prompt.delta", "verdict"):
                service.ask("POST", f"/api/runs/{run}/cancel").check(200)
    assert [one.type for one in told[-2:]] == ["prompt.failed", "run.cancelled"]
    assert told[-2].data["error"]["code"] == "cancelled"
    found = service.get(f"/api/runs/{run}").check(200)["run"]
    assert found["answers"].keys() == {"for", "against"}
    assert found["broken_off"]["verdict"] == told[-2].data["partial"]
    assert found["broken_off"]["verdict"]["text"] == "Sail "
    assert found["broken_off"]["verdict"]["output_tokens"] is None


def test_a_service_that_ends_leaves_its_runs_to_the_next(
    home: Path, script: Callable[..., None]
) -> None:
    script({"when": "Decide", "after": 900}, *FINE)
    with served(folder=home, rate=0.0) as client:
        approve(client)
        run = begun(client)
        with listening(client, "GET", f"/api/runs/{run}/events") as events:
            for one in events:
                if one.data.get("prompt") == "verdict":
                    break
    script(*FINE)
    with served(folder=home, rate=0.0) as client:
        rest = heard(client, run, one.id)
    assert int(rest[0].id) == int(one.id) + 1
    assert [each.data["prompt"] for each in rest if each.type == "prompt.started"] == ["verdict"]
    assert rest[-1].type == "run.completed"


def test_a_key_runs_what_it_may_and_sees_its_own(home: Path) -> None:
    with served(KEYS, folder=home, rate=0.0) as client:
        approve(client, x_api_key=BOSS)
        begin(client, x_api_key=READER).error(403, "forbidden")
        begin(client).error(401, "unauthorized")
        run = begun(client, x_api_key=RUNNER)
        assert heard(client, run, x_api_key=RUNNER)[-1].type == "run.completed"
        for path in ("", "/events"):
            client.get(f"/api/runs/{run}{path}", x_api_key=OTHER).error(404, "not_found")
        for word in ("cancel", "retry"):
            client.ask("POST", f"/api/runs/{run}/{word}", x_api_key=OTHER).error(404, "not_found")
        assert client.get("/api/runs", x_api_key=OTHER).check(200)["count"] == 0
        assert client.get("/api/runs", x_api_key=RUNNER).check(200)["count"] == 1
        assert client.get("/api/runs", x_api_key=BOSS).check(200)["count"] == 1
        assert client.get(f"/api/runs/{run}", x_api_key=BOSS).check(200)


def test_only_what_is_in_force_runs_unless_who_approves_wants_a_draft(home: Path) -> None:
    with served(KEYS, folder=home, rate=0.0) as client:
        approve(client, x_api_key=BOSS)
        changed = json.dumps(document(assistant(description="Changed."))).encode()
        kind = {"content_type": "application/json"}
        client.ask("POST", "/api/architect/import", changed, x_api_key=BOSS, **kind).check(200)
        path = f"{BASE}/{quote(NAME)}/runs"
        body = json.dumps({"inputs": INPUTS}).encode()
        asked = client.ask("POST", path, body, x_api_key=RUNNER, **kind)
        assert asked.check(202)["run"]["version"] == 1
        draft = client.ask("POST", f"{path}?draft=true", body, x_api_key=RUNNER, **kind)
        draft.error(403, "forbidden")
        draft = client.ask("POST", f"{path}?draft=true", body, x_api_key=BOSS, **kind)
        assert draft.check(202)["run"]["version"] == 2
        two = client.ask("POST", f"{path}?version=2", body, x_api_key=RUNNER, **kind)
        two.error(409, "not_in_force")


def test_listeners_that_leave_leave_nothing_behind(
    service: Client, script: Callable[..., None]
) -> None:
    script({"when": "Decide", "after": 900}, *FINE)
    run = begun(service)
    for _ in range(20):
        with listening(service, "GET", f"/api/runs/{run}/events") as events:
            next(events)
    service.ask("POST", f"/api/runs/{run}/cancel").check(200)
    until(
        lambda: service.get(f"/api/runs/{run}").check(200)["run"]["status"] == "cancelled",
        "the run to be cancelled",
    )


def test_a_registry_alone_makes_no_database(home: Path) -> None:
    with served(folder=home, rate=0.0) as client:
        client.get("/healthz").check(200)
    assert not list(home.glob("*.db"))


def test_nothing_is_found_under_names_with_nul_characters(service: Client) -> None:
    for path in ("/api/runs/%00", "/api/runs/run_%00/events"):
        service.get(path).error(404, "not_found")
    assert service.get("/api/runs?assistant=%00").check(200)["runs"] == []
    kind = {"content_type": "application/json"}
    service.ask("POST", f"{BASE}/%00/runs", b"{}", **kind).error(404, "not_found")
    path = with_upload(service)
    body, form = multipart(("document", "a\x00.txt", b"Ahoy."))
    assert service.ask("POST", path, body, content_type=form).status in (202, 422)


def test_parts_of_a_form_that_have_no_name_or_two_are_refused(service: Client) -> None:
    path = with_upload(service)
    kind = {"content_type": "multipart/form-data; boundary=frame"}
    nameless = b"--frame\r\nContent-Type: text/plain\r\n\r\nx\r\n--frame--\r\n"
    service.ask("POST", path, nameless, **kind).error(422, "invalid_request")
    twice = b'Content-Disposition: form-data; name="document"; filename="a.txt"\r\n' * 2
    body = b"--frame\r\n" + twice + b"\r\nx\r\n--frame--\r\n"
    service.ask("POST", path, body, **kind).error(400, "bad_request")


def test_a_reader_that_does_not_read_keeps_nobody_from_leaving_his_runs_to_others(
    home: Path, script: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_LAST", 1.0)
    script({"when": "for this", "say": "w" * 2_000_000}, {"when": "Decide", "after": 900}, *FINE)
    with served(folder=home, rate=0.0) as client:
        approve(client)
        run = begun(client)
        path = f"/api/runs/{run}"
        until(
            lambda: len(client.get(path).check(200)["run"]["answers"]) == 2,
            "two prompts to be answered",
        )
        stalled = socket.create_connection((client.host, client.port), timeout=30)
        stalled.sendall(f"GET {path}/events HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert stalled.recv(100)
    script(*FINE)
    with served(folder=home, rate=0.0) as client, stalled:
        assert heard(client, run)[-1].type == "run.completed"


def test_a_service_for_a_library_alone_is_ready(home: Path) -> None:
    (home / "config" / "assistants.json").unlink()
    with served(folder=home, rate=0.0) as client:
        client.get("/readyz").error(503, "nothing_to_serve")
    with (home / "understudy.toml").open("a") as file:
        file.write('[architect]\ndatabase = "understudy.db"\n')
    with served(folder=home, rate=0.0) as client:
        client.get("/readyz").check(200)
