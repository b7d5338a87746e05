"""Every route that a file can take, from place to place over real sockets."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

import understudy
from understudy import FileStatus, KnowledgeOptions, Report, RetryPolicy, Status
from understudy.platforms.assistants_v2 import AssistantsV2
from understudy.platforms.knowledge import KnowledgeLimits
from understudy.platforms.openai_wire import Wire
from understudy.replicate.knowledge.route import Route
from understudy.sandbox import Fault, Sandbox

SOURCE, DESTINATION = "sk-routes-source", "sk-routes-destination"
BOTH = {"file_search": True, "code_interpreter": True}
TEXT = "\n".join(f"Line {n} of a text that is long enough to be cut." for n in range(400))


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as running:
        yield running


def lean_on(sandbox: Sandbox, name: str, content: bytes, *, in_store: bool) -> str:
    """Put a file into the source, and an assistant that leans on it."""
    project = sandbox.project(SOURCE)
    file_id = str(project.put_file(name, content)["id"])
    if in_store:
        store = project.put_store(name="Store", files=[file_id])["id"]
        tool, resources = "file_search", {"vector_store_ids": [store]}
    else:
        tool, resources = "code_interpreter", {"file_ids": [file_id]}
    project.add(name="A", model="gpt-4o", tools=[{"type": tool}], tool_resources={tool: resources})
    return file_id


async def clone(sandbox: Sandbox, limits: KnowledgeLimits | None = None, **options: Any) -> Report:
    """Clone with everything that is asked for."""
    files_dir, output_dir = options.pop("files_dir", None), options.pop("output_dir", None)
    source = AssistantsV2(Wire("src", sandbox.base_url, SecretStr(SOURCE)))
    wire = Wire("dst", sandbox.base_url, SecretStr(DESTINATION))
    destination = AssistantsV2(wire, limits=limits or KnowledgeLimits())
    try:
        return await understudy.clone(
            source,
            destination,
            knowledge=KnowledgeOptions(**BOTH, **options),
            files_dir=files_dir,
            output_dir=output_dir,
        )
    finally:
        await source.aclose()
        await destination.aclose()


def arrived(sandbox: Sandbox) -> dict[str, bytes]:
    project = sandbox.project(DESTINATION)
    return {str(f["filename"]): project.content(i) for i, f in project.files.items()}


@pytest.mark.parametrize("size", [1, 1 << 20, (1 << 20) + 1, 3_000_000])
async def test_a_file_is_downloaded_where_the_source_hands_it_out(size: int) -> None:
    content = os.urandom(size)
    async with Sandbox(purpose_rule=False) as sandbox:
        lean_on(sandbox, "data.bin", content, in_store=False)
        report = await clone(sandbox)
        assert arrived(sandbox) == {"data.bin": content}
    (file,) = report.result.files
    assert (file.route, file.text, file.bytes) == (Route.DOWNLOAD, False, size)
    assert file.sha256 == hashlib.sha256(content).hexdigest()


async def test_a_file_beyond_the_limit_goes_up_in_parts() -> None:
    content = os.urandom(2_500_000)
    async with Sandbox(purpose_rule=False) as sandbox:
        lean_on(sandbox, "large.bin", content, in_store=False)
        report = await clone(sandbox, KnowledgeLimits(upload=2_000_000, part=1_000_000))
        assert report.exit_code == 0
        assert arrived(sandbox) == {"large.bin": content}
        assert sandbox.count("uploads.part") == 3
        assert sandbox.count("files.create") == 0


async def test_a_file_larger_than_anything_allowed_is_missing() -> None:
    async with Sandbox(purpose_rule=False) as sandbox:
        lean_on(sandbox, "large.bin", bytes(2_000), in_store=False)
        report = await clone(sandbox, KnowledgeLimits(largest=1_000))
        assert report.result.files[0].status is FileStatus.MISSING
        assert "at most 1,000 bytes" in report.result.files[0].reason


async def test_an_original_is_sent_where_the_source_hands_nothing_out(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "data.csv").write_bytes(b"a,b\n")
    lean_on(sandbox, "data.csv", b"a,b\n", in_store=False)
    report = await clone(sandbox, files_dir=tmp_path)
    assert report.result.files[0].route is Route.ORIGINAL
    assert arrived(sandbox) == {"data.csv": b"a,b\n"}


async def test_a_container_hands_the_bytes_out_and_is_deleted(sandbox: Sandbox) -> None:
    lean_on(sandbox, "data.csv", b"a,b\n", in_store=False)
    report = await clone(sandbox, containers=True)
    assert report.result.files[0].route is Route.CONTAINER
    assert arrived(sandbox) == {"data.csv": b"a,b\n"}
    assert not sandbox.project(SOURCE).containers
    assert sandbox.count("containers.delete") == 1


async def test_a_server_without_containers_closes_that_route_only() -> None:
    async with Sandbox(containers=False) as sandbox:
        lean_on(sandbox, "notes.md", TEXT.encode(), in_store=True)
        report = await clone(sandbox, containers=True, texts=True)
    (file,) = report.result.files
    assert (file.route, file.status) == (Route.TEXT, FileStatus.MOVED)
    assert "no containers" in file.reason


async def test_the_parsed_text_is_put_together_from_pages_of_overlapping_chunks() -> None:
    async with Sandbox(content_page=3) as sandbox:
        lean_on(sandbox, "notes.md", TEXT.encode(), in_store=True)
        report = await clone(sandbox, texts=True)
        assert sandbox.count("store_files.content") > 1
        assert arrived(sandbox) == {"notes.md.txt": TEXT.encode()}
    (file,) = report.result.files
    assert (file.route, file.text) == (Route.TEXT, True)
    assert report.outcomes[0].status is Status.CREATED
    assert [e.fidelity for e in report.outcomes[0].ledger if e.field == "file_search"] == [
        "degraded"
    ]


async def test_without_a_route_the_file_is_missing_and_no_store_is_made(sandbox: Sandbox) -> None:
    lean_on(sandbox, "notes.md", b"text", in_store=True)
    report = await clone(sandbox)
    assert report.exit_code == 3
    assert report.outcomes[0].status is Status.PARTIAL
    assert not sandbox.project(DESTINATION).stores
    assert [lack.name for lack in report.outcomes[0].lacks] == ["notes.md"]


async def test_a_better_route_replaces_a_copy_that_holds_the_text_only(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    lean_on(sandbox, "notes.md", TEXT.encode(), in_store=True)
    await clone(sandbox, texts=True)
    (tmp_path / "notes.md").write_bytes(TEXT.encode())
    report = await clone(sandbox, texts=True, files_dir=tmp_path)
    assert report.result.files[0].route is Route.ORIGINAL
    (store,) = sandbox.project(DESTINATION).stores
    (attached,) = sandbox.project(DESTINATION).store_files(store)
    assert sandbox.project(DESTINATION).files[attached]["filename"] == "notes.md"
    again = await clone(sandbox, texts=True, files_dir=tmp_path)
    assert not again.plan.sends


@pytest.mark.parametrize(
    "name", ['say "hi".txt', "a/b\\c.md", "żółw 🐢.txt", "x" * 251 + ".txt", "a;b=c.csv", " "]
)
async def test_names_arrive_as_they_are_and_are_recognised_again(name: str) -> None:
    async with Sandbox(purpose_rule=False) as sandbox:
        lean_on(sandbox, name, b"content", in_store=False)
        report = await clone(sandbox)
        assert report.exit_code == 0, report.result
        again = await clone(sandbox)
        assert not again.plan.sends
        assert len(sandbox.project(DESTINATION).files) == 1


async def test_a_container_that_cannot_be_deleted_costs_no_file(sandbox: Sandbox) -> None:
    sandbox.faults = (Fault("403", "containers.delete"),)
    lean_on(sandbox, "data.csv", b"a,b\n", in_store=False)
    report = await clone(sandbox, containers=True)
    assert report.exit_code == 0
    assert arrived(sandbox) == {"data.csv": b"a,b\n"}


async def test_a_copy_that_somebody_deleted_is_asked_for_once(tmp_path: Path) -> None:
    async with Sandbox(purpose_rule=False) as sandbox:
        for number in range(3):
            lean_on(sandbox, f"{number}.bin", b"x" * number, in_store=False)
        await clone(sandbox, output_dir=tmp_path)
        for one in list(sandbox.project(DESTINATION).files):
            sandbox.project(DESTINATION).remove_file(one)
        await clone(sandbox, output_dir=tmp_path)
        sandbox.requests.clear()
        assert not (await clone(sandbox, output_dir=tmp_path)).plan.sends
        assert sandbox.count("files.retrieve") == 0


QUICK = RetryPolicy(attempts=2, base=0.001, longest=0.002)


async def into_a_snapshot(sandbox: Sandbox, folder: Path) -> Report:
    settings = understudy.load_settings(
        {"OPENAI_SRC_BASE_URL": sandbox.base_url, "OPENAI_SRC_API_KEY": SOURCE}, folder
    )
    return await asyncio.wait_for(
        understudy.clone(
            "src",
            str(folder / "snapshot"),
            settings=settings,
            knowledge=KnowledgeOptions(**BOTH),
            retry=QUICK,
        ),
        30,
    )


async def test_a_large_file_that_breaks_off_on_its_way_into_a_snapshot_is_not_kept(
    tmp_path: Path,
) -> None:
    content = os.urandom(3_000_000)
    async with Sandbox(purpose_rule=False) as sandbox:
        lean_on(sandbox, "large.bin", content, in_store=False)
        sandbox.faults = (Fault("truncated", "files.content"),)
        report = await into_a_snapshot(sandbox, tmp_path)
        assert report.result.files[0].status is FileStatus.FAILED
        assert report.exit_code == 3
        blobs = tmp_path / "snapshot" / "files"
        assert not [path for path in blobs.rglob("*") if path.stat().st_size >= len(content)]
        sandbox.faults = ()
        report = await into_a_snapshot(sandbox, tmp_path)
        assert report.exit_code == 0
        assert (blobs / hashlib.sha256(content).hexdigest()).read_bytes() == content
