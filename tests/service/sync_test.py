"""Syncing by HTTP: one at a time, and never without the last good copy."""

from __future__ import annotations

import json
import os
import shlex
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from command import until
from serving import Client, Got, entry, served, spelt, stored
from understudy.sandbox import Fault, Project, ThreadedSandbox

BOTS = {f"BOT_{n}": entry(n) for n in range(1, 4)}


def rests(client: Client) -> bool:
    (worker,) = client.get("/api/status").json["workers"]
    return worker["last"] is not None and not worker["running"]


def problems(client: Client) -> list[str]:
    found: list[str] = client.get("/api/status").json["registry"]["problems"]
    return found


def at_rest(client: Client) -> None:
    """Wait for the sync that fills an empty registry."""
    until(lambda: rests(client), "the first sync")


def test_a_sync_returns_what_the_specification_says(source: Project) -> None:
    source.add(name="Arcanos Runtime Companion", model="gpt-4o")
    with served() as client:
        at_rest(client)
        source.add(name="My AI Helper (v2)", model="gpt-4o")
        got = client.sync()
        found = got.check(200)
        assert list(found) == ["success", "message", "count", "assistantNames", "timestamp"]
        assert found["message"] == "Assistant sync completed successfully"
        names = ["ARCANOS_RUNTIME_COMPANION", "MY_AI_HELPER_V2"]
        assert (found["count"], found["assistantNames"]) == (2, names)
        assert client.get("/api/assistants").json["assistantNames"] == names
        syncs = client.get("/api/syncs?limit=1").check(200)["syncs"]
        assert (syncs[0]["result"], syncs[0]["added"]) == ("changed", ["MY_AI_HELPER_V2"])
        figures = client.get("/metrics").body.decode()
        assert 'understudy_registry_syncs_total{result="changed"} 2.0' in figures
        (worker,) = client.get("/api/status").json["workers"]
        assert (worker["running"], worker["result"]) == (False, "2 assistants")
        assert worker["last"] < worker["next"]


@pytest.mark.parametrize("name", ["filelock", "tempfile", "understudy"])
def test_no_code_of_the_working_directory_is_run(source: Project, folder: Path, name: str) -> None:
    (folder / f"{name}.py").write_text("open('was-run', 'w')", encoding="utf-8")
    source.add(name="Bot", model="gpt-4o")
    with served() as client:
        at_rest(client)
        client.sync().check(200)
    assert not (folder / "was-run").exists()


def test_an_empty_registry_is_filled_at_the_start(source: Project) -> None:
    source.add(name="Bot", model="gpt-4o")
    with served() as client:
        assert client.get("/healthz").check(200)["status"] == "ok"
        until(lambda: client.get("/readyz").status == 200, "it to be ready")
        assert client.get("/api/assistants/BOT").check(200)


def test_one_sync_runs_at_a_time_and_the_other_is_told_when_to_come_back(
    source: Project, sandbox: ThreadedSandbox
) -> None:
    stored(BOTS)
    sandbox.faults = (Fault("latency", "list", seconds=2.0),)
    answers: list[Got] = []
    with served() as client:
        first = threading.Thread(target=lambda: answers.append(client.sync()))
        first.start()
        until(lambda: client.get("/api/status").json["workers"][0]["running"], "the sync to run")
        second = client.sync()
        assert second.error(409, "sync_running")
        assert int(second.headers["retry-after"]) > 0
        first.join()
    assert [got.error(409, "sync_refused")["code"] for got in answers]


@pytest.mark.parametrize(
    ("fault", "said"),
    [("401", "key"), ("gone", "404")],
)
def test_a_source_that_fails_is_502_with_the_age_of_the_last_good_copy(
    source: Project, sandbox: ThreadedSandbox, fault: str, said: str
) -> None:
    for number in range(3):
        source.add(name=f"Bot {number}", model="gpt-4o")
    with served() as client:
        at_rest(client)
        before = Path("config/assistants.json").read_bytes()
        sandbox.faults = (Fault(fault, "list"),)
        error = client.sync().error(502, "source_failed")
        assert said in error["message"] + error.get("hint", "")
        assert error["lastGoodAgeSeconds"] >= 0
        assert error["lastGood"].endswith("Z")
        assert client.get("/api/assistants").json["count"] == 3
        assert Path("config/assistants.json").read_bytes() == before
        (worker,) = client.get("/api/status").json["workers"]
        assert worker["result"].startswith("failed")
        assert client.get("/api/syncs").json["syncs"][0]["result"] == "failed"


def test_what_would_remove_most_is_stored_only_by_an_administrator(source: Project) -> None:
    stored(BOTS)
    source.add(name="Other", model="gpt-4o")
    keys = "a:admin:key-of-an-admin-00 s:sync:key-of-a-syncer-00"
    with served(keys) as client:
        syncer = {"authorization": "Bearer key-of-a-syncer-00"}
        assert "more than half" in client.sync(**syncer).error(409, "sync_refused")["message"]
        error = client.sync({"allowRemoval": True}, **syncer).error(403, "forbidden")
        assert error["scope"] == "admin"
        done = client.sync({"allowRemoval": True}, authorization="Bearer key-of-an-admin-00")
        assert done.check(200)["assistantNames"] == ["OTHER"]


def test_a_gate_that_says_no_keeps_the_old_copy(
    source: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored(BOTS)
    for number in range(1, 4):
        source.add(name=f"Bot {number}", model="gpt-4o")
    monkeypatch.setenv("UNDERSTUDY_REGISTRY_GATE", "command")
    monkeypatch.setenv(
        "UNDERSTUDY_REGISTRY_GATE_COMMAND", f"{sys.executable} -c 'exit(\"not today\")'"
    )
    before = Path("config/assistants.json").read_bytes()
    with served() as client:
        error = client.sync({"allowRemoval": True}).error(409, "sync_denied")
        assert "not today" in error["message"]
        assert client.get("/api/syncs").json["syncs"][0]["result"] == "denied"
    assert Path("config/assistants.json").read_bytes() == before


def test_a_gates_words_are_for_who_may_read_instructions(
    source: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.add(name="Bot", model="gpt-4o", instructions="canary-instructions")
    monkeypatch.setenv("UNDERSTUDY_REGISTRY_GATE", "command")
    said = 'import sys; print(sys.stdin.read().partition("canary-")[1:]); sys.exit(1)'
    command = shlex.join([sys.executable, "-c", said.replace("[1:]", "[1]")])
    monkeypatch.setenv("UNDERSTUDY_REGISTRY_GATE_COMMAND", command)
    full, syncer = "canary-key-of-f-0123456789", "canary-key-of-s-0123456789"
    with served(f"f:read:full+sync:{full},s:sync:{syncer}") as client:

        def ended() -> str:
            found = client.get("/api/status", x_api_key=syncer).json["workers"][0]
            return "" if found["running"] else str(found["result"])

        until(ended, "the first sync")
        for key, seen in ((full, True), (syncer, False)):
            error = client.sync(x_api_key=key).error(409, "sync_denied")
            assert ("canary" in error["message"]) is seen
            for path in ("/api/syncs", "/api/status"):
                assert (b"canary" in client.get(path, x_api_key=key).body) is seen


def test_a_field_that_comes_twice_is_not_named(folder: Path) -> None:
    path = stored(BOTS)
    twice = b'{"A": {"id": "1", "name": "A", "tools": [], "canary": 1, "canary": 2}}'
    path.write_bytes(twice)
    with served() as client:
        assert "says a field more than once" in problems(client)[0]
        assert b"canary" not in client.get("/api/status").body


def test_a_record_that_cannot_be_used_is_told_and_the_others_are_there(folder: Path) -> None:
    records: list[dict[str, Any]] = [{**entry(1), "object": "assistant"}]
    records.append({**entry(2), "object": "assistant", "tools": "none"})
    (folder / "dump.json").write_text(json.dumps({"data": records}), encoding="utf-8")
    with served(source="dump.json") as client:
        at_rest(client)
        found = client.sync().check(200)
        assert (found["assistantNames"], len(found["warnings"])) == (["BOT_1"], 1)


def test_a_sync_that_cannot_even_begin_is_told_and_the_next_one_is_carried_out(
    source: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.add(name="Bot", model="gpt-4o")

    def spawn() -> None:
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr("understudy.ops.syncing._spawn", spawn)
        with served() as client:
            at_rest(client)
            client.sync().error(500, "sync_failed")
            (worker,) = client.get("/api/status").json["workers"]
            assert worker["result"].startswith("failed: No process could be started: Too many")
            assert worker["next"] is not None
            patch.undo()
            client.sync().check(200)


def test_without_a_key_it_reads_and_does_not_sync(folder: Path) -> None:
    stored(BOTS)
    with served() as client:
        assert client.get("/api/assistants").check(200)["count"] == 3
        error = client.sync().error(503, "limited_mode")
        assert "OPENAI_API_KEY" in error["message"]
        status = client.get("/api/status").check(200)
        assert (status["mode"], status["reason"]) == ("limited", "OPENAI_API_KEY is not set.")
        assert client.get("/readyz").check(200)
        assert b"understudy_limited_mode 1.0" in client.get("/metrics").body


def test_what_another_process_stores_is_served(folder: Path) -> None:
    stored(BOTS)
    with served() as client:
        assert client.get("/api/assistants").json["count"] == 3
        stored({**BOTS, "BOT_4": entry(4)})
        until(lambda: client.get("/api/assistants").json["count"] == 4, "the new file")


@pytest.mark.parametrize(
    "content", [None, b"", b"{", b"\xff\xfe\x00", b'{"A": 1', b'{"A": 1}', b"[[[["]
)
def test_a_file_that_goes_bad_meanwhile_leaves_the_last_good_copy(
    folder: Path, content: bytes | None
) -> None:
    path = stored(BOTS)
    with served() as client:
        if content is None:
            path.unlink()
        else:
            path.write_bytes(content)
        until(lambda: client.get("/api/status").json["registry"]["problems"], "it to be noticed")
        assert client.get("/api/assistants").json["count"] == 3
        assert client.get("/readyz").status == 200
        path.write_text(spelt({"BOT_1": entry(1)}), encoding="utf-8")
        until(lambda: client.get("/api/assistants").json["count"] == 1, "the mended file")


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such pipes")
@pytest.mark.parametrize("before", [True, False], ids=["at the start", "meanwhile"])
def test_a_pipe_in_the_place_of_the_file_is_not_waited_for(folder: Path, before: bool) -> None:
    path = stored(BOTS)

    def swap() -> None:
        path.unlink()
        os.mkfifo(path)

    if before:
        swap()
    with served() as client:
        if not before:
            swap()
        until(lambda: problems(client), "it to be noticed")
        assert "this is no file" in problems(client)[0]
        assert client.get("/api/assistants").json["count"] == (0 if before else 3)


@pytest.mark.parametrize(
    "fields",
    [{"at": "yesterday"}, {"at": "2026-01-01T00:00:00"}, {"count": "many"}, {"removed": ["a"]}],
    ids=["no time", "no zone", "no number", "no map"],
)
def test_a_page_of_the_history_that_was_edited_by_hand_is_left_out(
    folder: Path, fields: dict[str, Any]
) -> None:
    path = stored(BOTS)
    first = {"id": "20260101T000000.000000Z-aaaa", "at": "2026-01-01T00:00:00.000Z"}
    rest = {"result": "changed", "source": "s", "count": 1, "added": [], "changed": {}}
    page = {"format_version": 1, **first, **rest, "removed": {}, "reason": "", **fields}
    name = f"sync-{first['id']}-changed.json"
    (path.parent / "assistants.history" / name).write_text(json.dumps(page), encoding="utf-8")
    with served() as client:
        assert client.get("/api/syncs").check(200)["syncs"] == []
        assert client.get("/api/status").check(200)["registry"]["confirmed"] is None
        stored({"BOT_1": entry(1)})
        until(lambda: client.get("/api/assistants").json["count"] == 1, "the new file")


def test_whatever_reading_meets_the_next_file_is_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored(BOTS)

    def serve(_: object) -> None:
        raise RecursionError

    with served() as client:
        with monkeypatch.context() as patch:
            patch.setattr("understudy.registry.file.RegistryFile.serve", serve)
            stored({"BOT_1": entry(1)})
            until(lambda: problems(client), "it to be noticed")
            assert "RecursionError" in problems(client)[0]
            assert client.get("/api/assistants").json["count"] == 3
        stored({"BOT_2": entry(2)})
        until(lambda: client.get("/api/assistants").json["count"] == 1, "the next file")


@pytest.mark.parametrize(
    ("content", "count", "said"),
    [
        (None, 0, "not there"),
        (b"", 0, "empty"),
        (b"{", 0, "kept as"),
        (b"\x00\xff", 0, "kept as"),
        (json.dumps([entry(1), entry(2)]).encode(), 2, "a list"),
        (b'{"A": {"id": "1", "tools": []}, "A": {"id": "2", "tools": []}}', 1, "more than once"),
        (json.dumps({"A": entry(1), "B": 5}).encode(), 1, "left out"),
        (b'\xef\xbb\xbf{"A": {"id": "1", "name": "A", "tools": []}}', 1, ""),
    ],
    ids=["missing", "empty", "damaged", "binary", "old", "twice", "partly", "marked"],
)
def test_it_starts_with_any_file_and_says_what_it_did(
    folder: Path, content: bytes | None, count: int, said: str
) -> None:
    path = folder / "config" / "assistants.json"
    path.parent.mkdir()
    if content is not None:
        path.write_bytes(content)
    with served() as client:
        status = client.get("/api/status").check(200)["registry"]
        assert status["count"] == count
        assert client.get("/api/assistants").check(200)["count"] == count
        assert said in " ".join(status["problems"])
    aside = list(path.parent.glob("*.damaged-1"))
    assert [one.read_bytes() for one in aside] == ([content] if said == "kept as" else [])
