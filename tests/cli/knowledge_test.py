"""Files and vector stores from place to place, as people meet them on the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from command import MODEL, Done, Stage, surroundings, until
from mirrored import Mirror, moved
from understudy.sandbox import Project, ThreadedSandbox, parse_fault

CARRY = ("--file-search", "--code-interpreter")
CLONE = ("clone", *CARRY, "--settle", "0")
Reopen = Callable[..., None]


@pytest.fixture
def reopen(stage: Stage) -> Iterator[Reopen]:
    """Let the stage have a sandbox with other rules."""
    with ExitStack() as opened:

        def change(**rules: Any) -> None:
            stage.sandbox = opened.enter_context(ThreadedSandbox(**rules))
            stage.environment = surroundings(stage.sandbox.base_url, stage.folder.parent)

        yield change


def lean(
    project: Project, name: str, *, store: str | None = None, files: tuple[str, ...] = ()
) -> str:
    """Add an assistant that leans on a store and on files; return its id."""
    resources: dict[str, Any] = {}
    if store:
        resources["file_search"] = {"vector_store_ids": [store]}
    if files:
        resources["code_interpreter"] = {"file_ids": list(files)}
    added = project.add(name=name, model=MODEL, tool_resources=resources)
    return str(added["id"])


def put(project: Project, name: str, content: bytes = b"text", **fields: Any) -> str:
    return str(project.put_file(name, content, **fields)["id"])


def stored(project: Project, *files: Any, name: str = "Docs", **fields: Any) -> str:
    return str(project.put_store(name=name, files=files, **fields)["id"])


def originals(stage: Stage, folder: str = "originals", **contents: bytes) -> Path:
    """Write files into a folder; a dot in a name is written as two underlines."""
    place = stage.folder / folder
    place.mkdir(exist_ok=True)
    for name, content in contents.items():
        (place / name.replace("__", ".")).write_bytes(content)
    return place


def furnish(stage: Stage) -> tuple[str, str]:
    """Let two assistants lean on three files in two ways; return the ids of the assistants."""
    source = stage.source
    docs = stored(source, put(source, "a.txt", b"first"), put(source, "b.txt", b"the second"))
    return lean(source, "One", store=docs), lean(
        source, "Two", store=docs, files=(put(source, "c.csv", b"1;2;3"),)
    )


def all_originals(stage: Stage) -> Path:
    return originals(stage, a__txt=b"first", b__txt=b"the second", c__csv=b"1;2;3")


def mirror(stage: Stage, **options: Any) -> None:
    Mirror(stage.source, stage.destination, **options).check()


def again(stage: Stage, *arguments: object, code: int = 0) -> Done:
    """Run once more and fail unless nothing was written and no byte moved."""
    stage.sandbox.requests.clear()
    done = stage.call(*CLONE, *arguments).check(code)
    assert stage.writes() == 0
    assert moved(stage.sandbox) == (0, 0)
    return done


# What a plan says


def test_a_plan_says_what_travels_how_what_is_missing_and_what_it_costs(stage: Stage) -> None:
    furnish(stage)
    folder = originals(stage, a__txt=b"first", c__csv=b"1;2;3")
    done = stage.call("plan", *CARRY, "--files-dir", folder).check()
    assert "2 files, 10 B" in done.out
    assert "the owner's original, by name and size" in done.out
    assert "missing: b.txt (10 B)" in done.out
    assert "lacks b.txt" in done.out
    assert "a day" in done.out
    assert stage.writes() == 0
    assert not (stage.folder / "out").exists()


def test_a_plan_in_json_says_the_same(stage: Stage) -> None:
    furnish(stage)
    folder = originals(stage, a__txt=b"first", c__csv=b"1;2;3")
    done = stage.call("--json", "plan", *CARRY, "--files-dir", folder).check()
    knowledge = done.of("plan")[0]["summary"]["knowledge"]
    assert knowledge["files"] == {"move": 2, "there": 0, "missing": 1, "left_out": 0}
    assert knowledge["bytes"] == 10
    assert knowledge["routes"] == {"original": {"files": 2, "bytes": 10}}
    assert knowledge["stores"]["create"] == 1
    assert knowledge["storage"]["bytes"] > 0
    assert knowledge["partial"] == 2
    assert stage.writes() == 0


def test_without_the_flags_no_knowledge_is_read_or_written(stage: Stage) -> None:
    furnish(stage)
    stage.call("clone").check()
    assert stage.sandbox.count("files") == stage.sandbox.count("stores") == 0
    assert [a["tool_resources"] for a in stage.destination.assistants.values()] == [{}, {}]


@pytest.mark.parametrize(
    ("variable", "stores", "files"),
    [("INCLUDE_FILE_SEARCH", 1, 2), ("INCLUDE_CODE_INTERPRETER", 0, 1)],
)
def test_the_environment_asks_for_knowledge_too(
    stage: Stage, variable: str, stores: int, files: int
) -> None:
    furnish(stage)
    folder = all_originals(stage)
    stage.call("clone", "--files-dir", folder, **{variable: "true"}).check()
    assert (len(stage.destination.stores), len(stage.destination.files)) == (stores, files)


# What cannot be had


def test_a_partial_run_is_completed_by_the_originals_and_moves_nothing_else(stage: Stage) -> None:
    furnish(stage)
    folder = originals(stage, a__txt=b"first", c__csv=b"1;2;3")
    done = stage.call(*CLONE, "--files-dir", folder).check(3)
    needed = (stage.folder / "out/files-needed.md").read_text()
    assert "b.txt" in needed
    assert "a.txt" not in needed
    assert "One, Two" in needed
    assert "b.txt" in done.out
    again(stage, "--files-dir", folder, code=3)
    originals(stage, b__txt=b"the second")
    stage.sandbox.requests.clear()
    stage.call(*CLONE, "--files-dir", folder).check()
    assert moved(stage.sandbox) == (len(b"the second"), 0)
    assert not (stage.folder / "out/files-needed.md").exists()
    mirror(stage)
    again(stage, "--files-dir", folder)
    again(stage)


def test_no_empty_store_is_made_that_would_look_like_success(stage: Stage) -> None:
    furnish(stage)
    stage.call(*CLONE).check(3)
    assert not stage.destination.stores
    assert len(stage.destination.assistants) == 2


def test_with_require_knowledge_nothing_of_such_an_assistant_is_written(stage: Stage) -> None:
    source = stage.source
    shared, own, lost = put(source, "a.txt"), put(source, "b.txt"), put(source, "lost.txt")
    lean(source, "Whole", files=(shared,))
    lean(source, "Lacking", store=stored(source, own, lost), files=(shared,))
    folder = originals(stage, a__txt=b"text", b__txt=b"text")
    done = stage.call(*CLONE, "--require-knowledge", "--files-dir", folder).check(3)
    assert "lost.txt" in done.out
    assert stage.names() == ["Whole"]
    assert [f["filename"] for f in stage.destination.files.values()] == ["a.txt"]
    assert not stage.destination.stores
    originals(stage, lost__txt=b"text")
    stage.call(*CLONE, "--require-knowledge", "--files-dir", folder).check()
    mirror(stage)


def test_what_is_over_max_bytes_is_left_out_and_comes_with_the_next_run(stage: Stage) -> None:
    furnish(stage)
    folder = all_originals(stage)
    done = stage.call(*CLONE, "--files-dir", folder, "--max-bytes", "12").check(3)
    assert "max-bytes" in done.out
    sent = moved(stage.sandbox)[0]
    assert 0 < sent <= 12
    stage.sandbox.requests.clear()
    stage.call(*CLONE, "--files-dir", folder).check()
    assert moved(stage.sandbox)[0] == 20 - sent
    mirror(stage)


@pytest.mark.parametrize("size", ["", "12 X", "-1", "1e3", "nan"])
def test_a_size_that_is_none_is_refused(stage: Stage, size: str) -> None:
    stage.call(*CLONE, "--max-bytes", size).check(64)


# Text instead of files


def test_text_comes_as_a_degraded_file_and_is_replaced_by_the_original(stage: Stage) -> None:
    source = stage.source
    docs = stored(source, {"file_id": put(source, "a.md", b"Hello"), "attributes": {"n": 1}})
    lean(source, "One", store=docs)
    stage.call(*CLONE, "--text-fallback").check()
    (file,) = stage.destination.files.values()
    assert file["filename"] == "a.md.txt"
    report = stage.read("out/mapping.json")
    assert report["knowledge"]["files"][0]["fidelity"] == "degraded"
    again(stage, "--text-fallback")
    again(stage)
    folder = originals(stage, a__md=b"Hello")
    stage.call(*CLONE, "--text-fallback", "--files-dir", folder).check()
    (store,) = stage.destination.stores
    (inside,) = stage.destination.store_files(store).values()
    assert stage.destination.files[inside["id"]]["filename"] == "a.md"
    assert inside["attributes"]["n"] == 1
    again(stage, "--text-fallback", "--files-dir", folder)
    again(stage)


# Which original


def test_of_two_originals_that_differ_neither_is_taken(stage: Stage) -> None:
    source = stage.source
    lean(source, "One", files=(put(source, "a.txt", b"right"),))
    originals(stage, "originals", a__txt=b"right")
    folder = originals(stage, "originals/old", a__txt=b"wrong").parent
    done = stage.call(*CLONE, "--files-dir", folder).check(3)
    assert "2 files of that name and size differ: a.txt, old/a.txt" in done.out
    assert not stage.destination.files
    (folder / "old/a.txt").write_bytes(b"right")
    stage.call(*CLONE, "--files-dir", folder).check()
    mirror(stage)


def test_a_digest_from_an_earlier_run_decides_between_originals(stage: Stage) -> None:
    source = stage.source
    lean(source, "One", files=(put(source, "a.txt", b"right"),))
    folder = originals(stage, "originals", a__txt=b"right")
    stage.call(*CLONE, "--files-dir", folder).check()
    (copy,) = stage.destination.files
    stage.destination.remove_file(copy)
    (folder / "a.txt").write_bytes(b"wrong")
    done = stage.call(*CLONE, "--files-dir", folder).check(3)
    assert "other bytes" in done.out
    originals(stage, "originals/old", a__txt=b"right")
    stage.call(*CLONE, "--files-dir", folder).check()
    mirror(stage)


def test_links_that_lead_out_of_the_folder_are_not_followed(stage: Stage) -> None:
    source = stage.source
    lean(source, "One", files=(put(source, "secret.txt", b"secret"), put(source, "in.txt", b"in")))
    originals(stage, "outside", secret__txt=b"secret")
    folder = originals(stage, "originals", inner=b"in")
    (folder / "secret.txt").symlink_to(stage.folder / "outside/secret.txt")
    (folder / "loop").symlink_to(folder)
    (folder / "dangling.txt").symlink_to("nowhere")
    (folder / "in.txt").symlink_to(folder / "inner")
    stage.call(*CLONE, "--files-dir", folder).check(3)
    assert [f["filename"] for f in stage.destination.files.values()] == ["in.txt"]


@pytest.mark.parametrize(
    "name",
    [
        "../../secret.txt",
        "/etc/secret.txt",
        "a/b/secret.txt",
        "..\\secret.txt",
        "..",
        "bell\a\x1b[31mred.txt",
        "quo\"te'.txt",
        "x" * 251 + ".txt",
        "ü" * 125 + ".txt",
        "emoji 🎭.txt",
        " ",
    ],
)
@pytest.mark.parametrize("handed_out", [True, False], ids=["download", "text"])
def test_any_name_arrives_as_it_is_and_leads_nowhere(
    stage: Stage, reopen: Reopen, name: str, handed_out: bool
) -> None:
    reopen(purpose_rule=not handed_out)
    source = stage.source
    lean(source, "One", store=stored(source, put(source, name, b"text")))
    folder = originals(stage)
    before = stage.files()
    done = stage.call(*CLONE, "--text-fallback", "--files-dir", folder).check()
    assert "\x1b[31m" not in done.out + done.err
    (file,) = stage.destination.files.values()
    assert file["filename"] in ((name,) if handed_out else (f"{name}.txt", name[:200]))
    assert [path for path in stage.files() if path.split("/")[0] != "out"] == before
    again(stage, "--text-fallback")


def test_nameless_and_empty_files_arrive(stage: Stage, reopen: Reopen) -> None:
    reopen(purpose_rule=False)
    source = stage.source
    nameless, empty = put(source, "", b"x"), put(source, "empty.txt", b"")
    lean(source, "One", store=stored(source, empty), files=(nameless, empty))
    stage.call(*CLONE).check()
    found = {f["filename"]: f["bytes"] for f in stage.destination.files.values()}
    assert found == {f"{nameless}.bin": 1, "empty.txt": 0}
    again(stage)


# Things that change or go meanwhile


def test_a_store_that_expired_in_the_source_is_missing_and_nothing_is_made(stage: Stage) -> None:
    furnish(stage)
    (docs,) = stage.source.stores
    stage.source.expire_store(docs)
    folder = all_originals(stage)
    done = stage.call(*CLONE, "--files-dir", folder)
    assert done.code in (0, 3)
    assert len(stage.destination.assistants) == 2
    again(stage, "--files-dir", folder, code=done.code)


def test_a_store_that_expired_in_the_destination_is_made_anew_from_the_files_there(
    stage: Stage,
) -> None:
    furnish(stage)
    folder = all_originals(stage)
    stage.call(*CLONE, "--files-dir", folder).check()
    (old,) = stage.destination.stores
    stage.destination.expire_store(old)
    stage.sandbox.requests.clear()
    stage.call(*CLONE, "--files-dir", folder).check()
    assert moved(stage.sandbox) == (0, 0)
    Mirror(stage.source, stage.destination).check({old})
    again(stage)


def test_a_saved_plan_is_refused_when_a_file_has_gone(stage: Stage) -> None:
    furnish(stage)
    folder = all_originals(stage)
    stage.call("plan", *CARRY, "--files-dir", folder, "--out", "plan.json").check()
    gone = next(iter(stage.source.files))
    stage.source.remove_file(gone)
    done = stage.call("apply", "plan.json").check(1)
    assert f"src: gone: {gone}" in done.err
    assert stage.writes() == 0


def test_a_saved_plan_with_knowledge_is_carried_out(stage: Stage) -> None:
    furnish(stage)
    folder = all_originals(stage)
    stage.call("plan", *CARRY, "--files-dir", folder, "--out", "plan.json").check()
    stage.call("apply", "plan.json", "--settle", "0").check()
    mirror(stage)
    again(stage)


def test_a_file_that_goes_while_others_travel_is_named(stage: Stage, reopen: Reopen) -> None:
    reopen(purpose_rule=False)
    source = stage.source
    first, second = put(source, "a.txt", b"first"), put(source, "b.txt", b"the second")
    docs = stored(source, first, second)
    lean(source, "One", store=docs)
    stage.sandbox.faults = (parse_fault("latency=0.5:files.content#1"),)
    with stage.start(*CLONE, "--concurrency", "1") as process:
        until(lambda: stage.sandbox.count("files.content"), "the first download")
        source.remove_file(second)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 3, out + err
    assert "b.txt" in out
    assert "no such file any more" in out
    stage.sandbox.faults = ()
    stage.call(*CLONE).check()
    mirror(stage)


def test_a_listing_that_changes_while_it_is_read_begins_again(stage: Stage, reopen: Reopen) -> None:
    reopen(purpose_rule=False)
    source = stage.source
    files = [put(source, f"{i}.txt", b"%d" % i) for i in range(150)]
    lean(source, "One", store=stored(source, *files))
    stage.sandbox.faults = (parse_fault("latency=0.5:store_files.list#2"),)
    with stage.start(*CLONE) as process:
        until(lambda: stage.sandbox.count("store_files.list") > 1, "the second page")
        source.remove_file(files[99])
        out, err = process.communicate(timeout=30)
    assert process.returncode == 0, out + err
    mirror(stage)


# Indexing


def test_failed_indexing_is_named_with_the_reason(stage: Stage, reopen: Reopen) -> None:
    reopen(purpose_rule=False)
    failures = {"bad*": ("unsupported_file", "It has no text.")}
    source = stage.source
    lean(source, "One", store=stored(source, put(source, "good.txt"), put(source, "bad.zip")))
    # From now on: in the source both are searchable.
    object.__setattr__(stage.destination.rules, "indexing_failures", failures)
    done = stage.call(*CLONE).check(3)
    assert "bad.zip" in done.out
    assert "It has no text." in done.out
    again(stage, code=3)


def test_indexing_is_awaited_but_not_for_ever(stage: Stage, reopen: Reopen) -> None:
    reopen(purpose_rule=False, indexing=0.3)
    furnish(stage)
    done = stage.call(*CLONE, "--index-timeout", "0").check(3)
    assert "still being indexed" in done.out
    stage.call(*CLONE).check()
    mirror(stage)


@pytest.mark.parametrize("limit", [1, 7, 100])
def test_batches_are_halved_until_the_place_takes_them(
    stage: Stage, reopen: Reopen, limit: int
) -> None:
    reopen(purpose_rule=False, batch_limit=limit)
    source = stage.source
    files = [put(source, f"{i}.txt", b"%d" % i) for i in range(20)]
    lean(source, "One", store=stored(source, *files))
    stage.call(*CLONE).check()
    mirror(stage)
    again(stage)


# check


def test_check_tells_of_knowledge_only_when_asked(stage: Stage) -> None:
    furnish(stage)
    stage.call(*CLONE, "--files-dir", all_originals(stage)).check()
    stage.call("check", "src", "dst", *CARRY).check()
    (store,) = stage.destination.stores
    stage.destination.detach(store, next(iter(stage.destination.store_files(store))))
    stage.call("check", "src", "dst").check()
    stage.call("check", "src", "dst", *CARRY).check(1)
    stage.call("check", "src", "dst", *CARRY, "--detailed-exitcode").check(2)
