"""Moving files: whatever breaks once, a second run makes both alike, nothing twice or lost."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import understudy
from command import DESTINATION, MODEL, SOURCE, surroundings
from mirrored import Mirror
from understudy import (
    FileStatus,
    Identity,
    KnowledgeOptions,
    Memory,
    Report,
    RetryPolicy,
    Status,
    UnderstudyError,
)
from understudy.errors import InterruptedRunError, LostAnswerError
from understudy.model.knowledge import File
from understudy.ops.replicate import open_job
from understudy.ops.request import Request
from understudy.platforms.knowledge import Content, KnowledgeLimits
from understudy.replicate.apply import apply_plan
from understudy.replicate.result import RunResult
from understudy.sandbox import Fault, Project, Sandbox
from understudy.sandbox.faults import KINDS

FAST = RetryPolicy(attempts=3, base=0.001, longest=0.002, patience=1.0)
BOTH = KnowledgeOptions(file_search=True, code_interpreter=True)
#: 429 asks for whole seconds and is told apart in the tests of the wire; 429-ms leads the same way.
QUICK = sorted(set(KINDS) - {"hang", "hang-after", "latency", "429"})
BIG = 1_100_000  # bytes, more than is kept in memory

#: More than one undisturbed run needs; what is beyond never strikes.
REQUESTS = 26


def furnish(project: Project) -> None:
    """Two assistants that share a store, files of their own, one name twice."""
    one = project.put_file("a.txt", b"a")["id"]
    big = project.put_file("big.bin", os.urandom(BIG))["id"]
    mine = project.put_file('say "a".csv', b"mine")["id"]
    twin = project.put_file("a.txt", b"b")["id"]
    store = project.put_store(
        name="Help",
        files=[{"file_id": one, "attributes": {"year": 2026}}, big],
        metadata={"by": "us"},
    )["id"]
    for name, files in (("One", [mine]), ("Two", [twin, one])):
        project.add(
            name=name,
            model=MODEL,
            tool_resources={
                "file_search": {"vector_store_ids": [store]},
                "code_interpreter": {"file_ids": files},
            },
        )


async def clone(sandbox: Sandbox, folder: Path, **options: Any) -> Report:
    return await understudy.clone(
        "src",
        "dst",
        settings=understudy.load_settings(surroundings(sandbox.base_url, folder), folder),
        knowledge=options.pop("knowledge", BOTH),
        retry=FAST,
        **{"settle": 0.0, "output_dir": folder / "out", **options},
    )


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    return iter(tmp_path_factory.mktemp("runs") / str(n) for n in range(100_000))


@contextlib.asynccontextmanager
async def stage(**rules: Any) -> AsyncIterator[Sandbox]:
    async with Sandbox(**{"purpose_rule": False, "seed": 7, **rules}) as sandbox:
        furnish(sandbox.project(SOURCE))
        yield sandbox


async def assert_converges(
    sandbox: Sandbox, folder: Path, *, marked: bool = True, **options: Any
) -> None:
    """Run until all is well (once), and fail unless both are alike and nothing is left to do."""
    sandbox.faults = ()
    report = await clone(sandbox, folder, **options)
    assert report.exit_code == 0, [o.error for o in report.outcomes]
    Mirror(sandbox.project(SOURCE), sandbox.project(DESTINATION), marked=marked).check()
    again = await clone(sandbox, folder, **options)
    assert not again.plan.sends


@pytest.mark.parametrize("identity", list(Identity))
@settings(max_examples=20, deadline=None)
@given(st.sampled_from(QUICK), st.integers(1, REQUESTS))
@example("drop-after", 12)
@example("truncated", 14)
async def test_a_second_run_converges_after_any_single_fault(
    folders: Iterator[Path], identity: Identity, kind: str, nth: int
) -> None:
    folder = next(folders)
    folder.mkdir()
    async with stage(faults=[Fault(kind, nth=nth, seconds=0.001)]) as sandbox:
        with contextlib.suppress(UnderstudyError):
            await clone(sandbox, folder, identity=identity)
        await assert_converges(
            sandbox, folder, identity=identity, marked=identity is Identity.METADATA
        )


@pytest.mark.parametrize("where", ["files.create", "stores.create", "batches.create"])
@pytest.mark.parametrize("lag", [0, 2])
@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.parametrize("kind", ["drop-after", "truncated", "drop-before"])
async def test_a_lost_answer_leaves_one_and_the_run_goes_on(
    tmp_path: Path, where: str, lag: int, nth: int, kind: str
) -> None:
    fault = Fault(kind, where, nth=nth)
    async with stage(faults=[fault], list_lag_calls=lag) as sandbox:
        report = await clone(sandbox, tmp_path, settle=5.0)
        assert report.exit_code == 0, report.result
        Mirror(sandbox.project(SOURCE), sandbox.project(DESTINATION)).check()


async def test_two_answers_lost_in_a_row_leave_one(tmp_path: Path) -> None:
    fault = Fault("drop-after", "files.create", nth=1, last=2)
    async with stage(faults=[fault], list_lag_calls=2) as sandbox:
        report = await clone(sandbox, tmp_path, settle=5.0, concurrency=1)
        assert report.exit_code == 0
        Mirror(sandbox.project(SOURCE), sandbox.project(DESTINATION)).check()


@pytest.mark.parametrize(
    "kind", ["uploads.create", "uploads.part", "uploads.complete", "files.content"]
)
@pytest.mark.parametrize("fault", ["drop-after", "truncated", "503", "429-ms"])
async def test_a_file_in_parts_survives_any_fault(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str, fault: str
) -> None:
    small = KnowledgeLimits(upload=1_000_000, part=300_000)
    monkeypatch.setattr("understudy.platforms.openai_definitions.KnowledgeLimits", lambda: small)
    async with stage(
        faults=[Fault(fault, kind, nth=2 if kind == "uploads.part" else 1)]
    ) as sandbox:
        with contextlib.suppress(UnderstudyError):
            await clone(sandbox, tmp_path)
        assert sandbox.count("uploads.part") >= 4
        await assert_converges(sandbox, tmp_path)


async def stopped(sandbox: Sandbox, folder: Path, kind: str, nth: int, **options: Any) -> Report:
    """Clone, and ask to stop as soon as the destination has got that request."""
    stop = asyncio.Event()

    async def watch() -> None:
        while sandbox.count(kind) < nth:  # noqa: ASYNC110 - the sandbox only counts
            await asyncio.sleep(0.001)
        stop.set()

    watcher = asyncio.create_task(watch())
    try:
        return await clone(sandbox, folder, stop=stop, **options)
    finally:
        watcher.cancel()


@pytest.mark.parametrize("identity", list(Identity))
@pytest.mark.parametrize(
    ("kind", "nth"),
    [
        ("files.content", 2),  # the first one asks whether bytes are handed out
        ("files.create", 1),
        ("files.create", 3),
        ("stores.create", 1),
        ("batches.create", 1),
        ("stores.retrieve", 2),
        ("create", 1),
    ],
)
async def test_after_a_stop_nothing_is_made_twice_and_nobody_waits(
    tmp_path: Path, kind: str, nth: int, identity: Identity
) -> None:
    async with stage(latency=0.01, indexing=0.05) as sandbox:
        report = await stopped(sandbox, tmp_path, kind, nth, identity=identity)
        assert report.exit_code == 130
        before = asyncio.get_running_loop().time()
        marked = identity is Identity.METADATA
        await assert_converges(sandbox, tmp_path, identity=identity, marked=marked, settle=30.0)
        assert asyncio.get_running_loop().time() - before < 10, "as if something might exist"


async def test_a_stop_leaves_no_container_behind(tmp_path: Path) -> None:
    knowledge = KnowledgeOptions(code_interpreter=True, containers=True)
    async with stage(purpose_rule=True, latency=0.02) as sandbox:
        report = await stopped(sandbox, tmp_path, "containers.create", 1, knowledge=knowledge)
        assert report.exit_code == 130
        assert not sandbox.project(SOURCE).containers


async def test_files_that_look_alike_are_never_in_flight_together(tmp_path: Path) -> None:
    async with Sandbox(purpose_rule=False, latency=0.01) as sandbox:
        project = sandbox.project(SOURCE)
        twins = [project.put_file("same.txt", bytes([65 + n]))["id"] for n in range(6)]
        for one in twins:
            project.add(
                name=one, model=MODEL, tool_resources={"code_interpreter": {"file_ids": [one]}}
            )
        sandbox.faults = [Fault("drop-after", "files.create", nth=n) for n in (1, 3, 5)]
        report = await clone(sandbox, tmp_path, settle=5.0)
        assert report.exit_code == 0
        Mirror(project, sandbox.project(DESTINATION)).check()


async def test_clones_one_by_one_of_what_looks_alike_get_their_own_files(tmp_path: Path) -> None:
    async with Sandbox(purpose_rule=False) as sandbox:
        project = sandbox.project(SOURCE)
        for name in "AB":
            one = project.put_file("same.txt", name.encode(), created_at=5)["id"]
            project.add(
                name=name, model=MODEL, tool_resources={"code_interpreter": {"file_ids": [one]}}
            )
        for name in "AB":
            await clone(sandbox, tmp_path, select=name, output_dir=None)
        Mirror(project, sandbox.project(DESTINATION)).check()


async def test_the_digest_of_a_text_is_not_held_against_the_original(tmp_path: Path) -> None:
    knowledge = KnowledgeOptions(file_search=True, texts=True)
    async with Sandbox() as sandbox:
        project = sandbox.project(SOURCE)
        one = project.put_file("a.pdf", b"%PDF \xff\xfe")["id"]
        store = project.put_store(name="S", files=[one])["id"]
        project.add(
            name="A", model=MODEL, tool_resources={"file_search": {"vector_store_ids": [store]}}
        )
        first = await clone(sandbox, tmp_path, knowledge=knowledge)
        assert [f.text for f in first.result.files] == [True]
        originals = tmp_path / "originals"
        originals.mkdir()
        (originals / "a.pdf").write_bytes(b"%PDF \xff\xfe")
        second = await clone(sandbox, tmp_path, knowledge=knowledge, files_dir=originals)
        assert [f.text for f in second.result.files] == [False]
        ((_, there),) = [
            (s, list(sandbox.project(DESTINATION).store_files(s)))
            for s in sandbox.project(DESTINATION).stores
        ]
        assert [sandbox.project(DESTINATION).content(f) for f in there] == [b"%PDF \xff\xfe"]


async def test_an_original_that_cannot_be_read_costs_no_other_file_its_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    originals = tmp_path / "originals"
    originals.mkdir()
    really = Path.open

    def guarded(self: Path, *arguments: Any, **options: Any) -> Any:
        if self.name == "secret.txt" and arguments == ("rb",):
            raise PermissionError(13, "Permission denied")
        return really(self, *arguments, **options)

    monkeypatch.setattr(Path, "open", guarded)
    async with Sandbox() as sandbox:
        project = sandbox.project(SOURCE)
        for name in ("secret.txt", "plain.txt"):
            (originals / name).write_bytes(b"x")
            one = project.put_file(name, b"x")["id"]
            project.add(
                name=name, model=MODEL, tool_resources={"code_interpreter": {"file_ids": [one]}}
            )
        report = await clone(sandbox, tmp_path, files_dir=originals, concurrency=1)
        assert report.exit_code == 3
        assert report.result.stopped_by is None
        assert [o.status for o in report.outcomes] == [Status.PARTIAL, Status.CREATED]
        assert "Permission denied" in report.result.files[0].reason


class Odd(Memory):
    """A place whose uploads do what a test says."""

    def __init__(self, behaves: str = "") -> None:
        super().__init__(name="odd")
        inner = self.knowledge
        really = inner.upload

        async def upload(name: str, content: Content, *, purpose: str = "assistants") -> File:
            if behaves == "surprise":
                raise KeyError(name)
            if behaves == "lost":
                raise LostAnswerError("The connection broke.")
            if behaves == "stop":
                raise InterruptedRunError("Stopped on request.")
            made = await really(name, content, purpose=purpose)
            return File(made.id, made.name, 1) if behaves == "short" else made

        inner.upload = upload  # type: ignore[method-assign]


async def carried(destination: Memory, tmp_path: Path, **options: Any) -> RunResult:
    source = Memory(name="source")

    class Text:
        size = 5

        async def available(self, end: int) -> None:
            assert end <= 5

        def chunks(self, start: int = 0, length: int | None = None) -> list[bytes]:
            return [b"hello"]

    files = [(await source.knowledge.upload(f"{n}.txt", Text())).id for n in "ab"]
    await source.create(
        {"name": "A", "model": MODEL, "tool_resources": {"code_interpreter": {"file_ids": files}}}
    )
    report = await understudy.clone(
        source, destination, knowledge=BOTH, settle=0.0, output_dir=tmp_path / "out", **options
    )
    return report.result


@pytest.mark.parametrize(
    ("behaves", "says"),
    [
        ("surprise", "Internal error: KeyError"),
        ("lost", "Run the same command again"),
        ("short", "kept 1 of the 5 bytes"),
    ],
)
async def test_what_goes_wrong_with_a_file_is_said_and_the_rest_goes_on(
    tmp_path: Path, behaves: str, says: str
) -> None:
    place = Odd(behaves)
    result = await carried(place, tmp_path)
    assert {f.status for f in result.files} == {FileStatus.FAILED}
    assert all(says in f.error for f in result.files)
    assert [o.status for o in result.outcomes] == [Status.PARTIAL]
    assert (await place.knowledge.list_files()).items == (), "what arrived short was deleted"


async def test_what_was_not_begun_is_skipped_and_no_intent_stays_open(tmp_path: Path) -> None:
    result = await carried(Odd("stop"), tmp_path)
    assert {f.status for f in result.files} == {FileStatus.SKIPPED}
    (journal,) = (tmp_path / "out/journal").iterdir()
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    told = {
        kind: {one["n"] for one in lines if one["type"] == kind} for kind in ("intent", "result")
    }
    assert told["intent"] == told["result"]


async def test_purposes_that_cannot_be_uploaded_become_assistants(tmp_path: Path) -> None:
    async with Sandbox(purpose_rule=False) as sandbox:
        project = sandbox.project(SOURCE)
        ids = [
            project.put_file(f"{purpose}.txt", b"x", purpose=purpose)["id"]
            for purpose in ("assistants", "user_data", "assistants_output")
        ]
        project.add(name="A", model=MODEL, tool_resources={"code_interpreter": {"file_ids": ids}})
        await clone(sandbox, tmp_path)
        there = sandbox.project(DESTINATION).files.values()
        assert {f["filename"]: f["purpose"] for f in there} == {
            "assistants.txt": "assistants",
            "user_data.txt": "user_data",
            "assistants_output.txt": "assistants",
        }


async def test_a_plan_with_knowledge_but_no_luggage_moves_nothing_and_says_so() -> None:
    source, destination = Memory(name="source"), Memory(name="other")
    await source.create(
        {"name": "A", "model": MODEL, "tool_resources": {"code_interpreter": {"file_ids": ["f"]}}}
    )
    request = Request(source=source, destination=destination, knowledge=BOTH)
    async with open_job(request, understudy.load_settings({}, Path())) as job:
        plan = await job.plan()
    result = await apply_plan(plan, destination, before=(), concurrency=2)
    assert [f.status for f in result.files] == [FileStatus.MISSING]
    assert [o.status for o in result.outcomes] == [Status.PARTIAL]
