"""The registry over real files and sockets: the last good copy is never lost."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

import understudy
from understudy import Registry
from understudy.errors import (
    BusySyncError,
    DeniedSyncError,
    EndpointGoneError,
    RefusedSyncError,
    SelectionError,
    UnderstudyError,
)
from understudy.ops.gates import CommandGate
from understudy.registry.gate import Decision, Gate
from understudy.sandbox import Fault, Sandbox, furnish_demo

KEY = "sk-registry-0123456789"


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as running:
        furnish_demo(running.project(KEY))
        yield running


def registry(sandbox: Sandbox, folder: Path, gate: Gate | None = None) -> Registry:
    environment = {"OPENAI_BASE_URL": sandbox.base_url, "OPENAI_API_KEY": KEY}
    settings = understudy.load_settings(environment, folder)
    return Registry(folder / "config" / "assistants.json", settings=settings, gate=gate)


async def test_a_second_sync_writes_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    one = registry(sandbox, tmp_path)
    assert (await one.sync()).written
    before = one.entries()
    stamp = (tmp_path / "config" / "assistants.json").stat().st_mtime_ns
    assert not (await one.sync()).written
    assert (tmp_path / "config" / "assistants.json").stat().st_mtime_ns == stamp
    assert one.entries() == before
    assert [record.result for record in one.history()] == ["unchanged", "changed"]


async def test_look_ups_read_the_file_again_when_it_has_changed(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    writer, reader = registry(sandbox, tmp_path), registry(sandbox, tmp_path)
    assert reader.get_assistant_names() == []
    await writer.sync()
    assert len(reader.get_assistant_names()) == 25
    assert reader.get_assistant("support bot")["name"] == "Support Bot"
    with pytest.raises(SelectionError) as caught:
        reader.get_assistant("SUPORT BOT")
    assert "SUPPORT_BOT" in caught.value.hint


@pytest.mark.parametrize("fault", ["401:list", "quota:list", "html:list", "gone"])
async def test_a_source_that_fails_leaves_the_last_good_copy(
    sandbox: Sandbox, tmp_path: Path, fault: str
) -> None:
    one = registry(sandbox, tmp_path)
    await one.sync()
    content = (tmp_path / "config" / "assistants.json").read_bytes()
    kind, _, where = fault.partition(":")
    sandbox.faults = (Fault(kind, where or "any"),)
    with pytest.raises(UnderstudyError):
        await one.sync()
    assert (tmp_path / "config" / "assistants.json").read_bytes() == content
    assert one.history()[0].result == "failed"


async def test_a_collection_that_is_gone_is_no_empty_one(tmp_path: Path) -> None:
    async with Sandbox(assistants=False) as sandbox:
        with pytest.raises(EndpointGoneError):
            await registry(sandbox, tmp_path).sync()
    assert not (tmp_path / "config" / "assistants.json").exists()


async def test_a_source_that_has_lost_most_is_not_believed(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    one = registry(sandbox, tmp_path)
    await one.sync()
    project = sandbox.project(KEY)
    for assistant_id in list(project.assistants)[:13]:
        project.remove(assistant_id)
    with pytest.raises(RefusedSyncError):
        await one.sync()
    assert len(one.get_assistant_names()) == 25
    done = await one.sync(allow_removal=True)
    assert len(done.proposal.difference.removed) == 13
    assert len(one.get_assistant_names()) == 12


async def test_what_went_comes_back_and_stays(sandbox: Sandbox, tmp_path: Path) -> None:
    one = registry(sandbox, tmp_path)
    await one.sync()
    before = one.get_assistant("TONE_COACH")
    project = sandbox.project(KEY)
    project.remove(before["id"])
    await one.sync()
    assert one.restore("TONE_COACH") == before
    assert one.get_assistant("TONE_COACH") == before
    done = await one.sync()
    assert done.proposal.pinned == ("TONE_COACH",)
    assert one.get_assistant("TONE_COACH") == before
    with pytest.raises(SelectionError):
        one.restore("SUPPORT_BOT")
    with pytest.raises(SelectionError):
        one.restore("NEVER_THERE")


def script(folder: Path, body: str) -> str:
    path = folder / "gate.py"
    path.write_text(f"import json, sys, time\n{body}\n")
    return f"{sys.executable} {path}"


async def test_a_gate_sees_the_difference_and_is_not_asked_without_one(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    asked: list[Mapping[str, Any]] = []

    def approve(question: Mapping[str, Any]) -> bool:
        asked.append(question)
        return True

    one = registry(sandbox, tmp_path, approve)
    await one.sync()
    await one.sync()
    assert len(asked) == 1
    project = sandbox.project(KEY)
    target = one.get_assistant("SUPPORT_BOT")
    project.edit(target["id"], model="gpt-4.1")
    await one.sync()
    assert asked[1]["changed"] == {
        "SUPPORT_BOT": {"model": {"before": target["model"], "after": "gpt-4.1"}}
    }


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("print('too many'); sys.exit(3)", "too many"),
        ("sys.exit(1)", "exit code 1"),
        ("raise ValueError('x')", "Traceback"),
        ("import os; os.kill(os.getpid(), 9)", "exit code -9"),
        ("time.sleep(60)", "no answer within 1 s"),
        ("sys.stdout.write('x' * 10_000_000); sys.exit(2)", "xxx"),
    ],
)
async def test_a_command_that_does_not_approve_keeps_the_old_copy(
    sandbox: Sandbox, tmp_path: Path, body: str, reason: str
) -> None:
    await registry(sandbox, tmp_path).sync()
    before = (tmp_path / "config" / "assistants.json").read_bytes()
    sandbox.project(KEY).add(name="Fresh", model="gpt-4o")
    one = registry(sandbox, tmp_path, CommandGate(script(tmp_path, body), timeout=1))
    with pytest.raises(DeniedSyncError) as caught:
        await one.sync()
    assert reason in caught.value.message
    assert (tmp_path / "config" / "assistants.json").read_bytes() == before
    assert one.history()[0].result == "denied"


async def test_a_command_that_approves_has_read_the_difference(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    body = "sys.exit(0 if len(json.load(sys.stdin)['added']) == 25 else 1)"
    done = await registry(sandbox, tmp_path, CommandGate(script(tmp_path, body))).sync()
    assert done.written


def failing(_: object) -> bool:
    raise RuntimeError("no idea")


@pytest.mark.parametrize(
    "gate", [failing, lambda _: "yes", lambda _: None, lambda _: Decision(False, "not on Fridays")]
)
async def test_whatever_is_no_approval_is_a_denial(
    sandbox: Sandbox, tmp_path: Path, gate: Gate
) -> None:
    with pytest.raises(DeniedSyncError):
        await registry(sandbox, tmp_path, gate).sync()
    assert not (tmp_path / "config" / "assistants.json").exists()


async def test_a_command_that_is_not_there_denies(sandbox: Sandbox, tmp_path: Path) -> None:
    for command in ("/nowhere/gate", "'", "  "):
        with pytest.raises(DeniedSyncError):
            await registry(sandbox, tmp_path, CommandGate(command)).sync()


async def test_two_syncs_do_not_run_at_once(sandbox: Sandbox, tmp_path: Path) -> None:
    one = registry(sandbox, tmp_path)
    await one.sync()
    with FileLock(tmp_path / "config" / ".assistants.json.lock"), pytest.raises(BusySyncError):
        await one.sync()


async def test_a_damaged_file_is_kept_aside(
    sandbox: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one = registry(sandbox, tmp_path)
    path = tmp_path / "config" / "assistants.json"
    path.parent.mkdir()
    for content in (b"{ half", b"\xff\xfe\x00"):
        path.write_bytes(content)
        assert one.get_assistant_names() == []
        done = await one.sync()
        assert done.problems
        assert done.aside is not None
        assert done.aside.read_bytes() == content
        assert f"the damaged file is kept as {done.aside}" in caplog.text
        assert len(json.loads(path.read_text())) == 25


async def test_readers_never_see_half_a_file(sandbox: Sandbox, tmp_path: Path) -> None:
    one = registry(sandbox, tmp_path)
    await one.sync()
    path = tmp_path / "config" / "assistants.json"
    project, ended = sandbox.project(KEY), asyncio.Event()
    target = next(iter(project.assistants))
    counts = set()

    async def look() -> None:
        while not ended.is_set():
            counts.add(len(json.loads(path.read_bytes())))
            await asyncio.sleep(0)

    looking = asyncio.create_task(look())
    for number in range(10):
        project.edit(target, instructions=f"Version {number}")
        assert (await one.sync()).written
    ended.set()
    await looking
    assert counts == {25}


def test_the_settings_name_file_and_source_unless_the_program_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "understudy.toml").write_text('[registry]\nfile = "a.json"\nsource = "d.json"\n')
    (tmp_path / "d.json").write_text('[{"id": "asst_1", "object": "assistant", "name": "Bot"}]')
    Registry().sync_assistants()
    assert Registry().get_assistant_names() == ["BOT"]
    assert (tmp_path / "a.json").exists()
    Registry("b.json").sync_assistants()
    assert (tmp_path / "b.json").read_bytes() == (tmp_path / "a.json").read_bytes()
