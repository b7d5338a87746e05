"""Reports on knowledge: complete, and harmless whatever files are called."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable

import click
from hypothesis import given
from hypothesis import strategies as st

from understudy.model.assistant import Assistant
from understudy.model.knowledge import File
from understudy.model.verification import Verification
from understudy.platforms.base import PlaceInfo
from understudy.replicate.events import (
    Deleted,
    FileOutcome,
    FileStatus,
    Outcome,
    Status,
    StoreOutcome,
)
from understudy.replicate.knowledge.plan import FileAction, FileStep, KnowledgePlan, Lack
from understudy.replicate.knowledge.route import Route
from understudy.replicate.knowledge.store_plan import StoreAction, StoreStep
from understudy.replicate.plan import Action, Change, Plan
from understudy.replicate.prune import Deletion, Kind
from understudy.replicate.records import Records
from understudy.replicate.result import Exported, RunResult
from understudy.report.jsonlines import plan_lines, result_lines
from understudy.report.knowledge import knowledge_text
from understudy.report.mapping import mapping
from understudy.report.markdown import report_markdown
from understudy.report.needed import files_needed
from understudy.report.sizes import many, size
from understudy.report.snapshots import export_lines, export_text, verify_lines, verify_text
from understudy.report.text import plan_text, result_text

NASTY = "\x1b]0;title\x07\x1b[2Ja|b`c*d_e<f>\n# head\r\u202e\u2028\x00\ud800[l](http://x)"
PLACE = PlaceInfo("src", "memory", "memory:src")
nasty = st.sampled_from([NASTY, "plain.txt", ""]) | st.text(max_size=20)
ids = st.sampled_from(["file-1", NASTY])


def harmless(lines: Iterable[str]) -> str:
    """Return the lines joined; fail on one that holds more than text and our own colours."""
    joined = "\n".join(lines)
    plain = click.unstyle(joined)
    bad = {c for c in plain if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")}
    assert bad <= {"\n", "\u200c", "\u200d"}
    assert plain.count("\x1b") == 0
    return plain


def outcome_of(name: str, id_: str, status: FileStatus, text: bool = False) -> FileOutcome:
    there = id_ if status in (FileStatus.MOVED, FileStatus.THERE) else None
    return FileOutcome(
        id_,
        name,
        status,
        there,
        bytes=None,
        route=Route.TEXT if text else None,
        text=text,
        reason=name,
        users=(id_, "asst"),
        error=name if status is FileStatus.FAILED else "",
    )


@given(nasty, ids, st.sampled_from(list(FileAction)), st.sampled_from(list(StoreAction)))
def test_a_plan_shows_any_name_on_one_harmless_line(
    name: str, id_: str, action: FileAction, deed: StoreAction
) -> None:
    routes = (Route.TEXT,) if action is FileAction.MOVE else ()
    step = FileStep(id_, name, action, None, routes=routes, reason=name, text=True, users=(id_,))
    store = StoreStep(
        id_, name, deed, id_, reason=name, carried=(id_,), failed=((id_, name),), detach=(id_,)
    )
    lack = Lack("file_search", id_, name, name)
    knowledge = KnowledgePlan((step,), (store,), lacks={"asst": (lack,)})
    change = Change(Action.CREATE, "asst", name, lacks=(lack,) * 9)
    deletion = Deletion(Kind.STORE, id_, name, id_)
    plan = Plan(PLACE, PLACE, (change,), knowledge=knowledge, deletions=(deletion,))
    shown = harmless(plan_text(plan))
    assert "and lacks 4 more" in shown
    assert all(json.loads(line)["type"] for line in plan_lines(plan))
    assert all(line.isascii() and "\n" not in line for line in plan_lines(plan))


@given(nasty, ids, st.sampled_from(list(FileStatus)), st.booleans())
def test_a_report_shows_any_name_harmlessly(
    name: str, id_: str, status: FileStatus, text: bool
) -> None:
    file = outcome_of(name, id_, status, text)
    store = StoreOutcome(
        id_, name, Status.FAILED, None, failed=((id_, name),), operations=(name,), error=name
    )
    deleted = Deleted(Deletion(Kind.FILE, id_, name, id_), name)
    outcome = Outcome(
        "asst", name, Status.PARTIAL, id_, (name,), lacks=(Lack("file_search", id_, name, name),)
    )
    result = RunResult((outcome,), None, 1.0, (file,), (store,), (deleted,))
    plan = Plan(PLACE, PLACE, (Change(Action.CREATE, "asst", name),))
    harmless(result_text(result))
    document = report_markdown("run", plan, result)
    harmless(document.splitlines())
    links = re.findall(r"(?<!\\)\]\(([^)]*)", document)
    assert set(links) <= {"files-needed.md"}
    rows = [line for line in document.splitlines() if line.startswith("|")]
    assert all(line.endswith("|") for line in rows), "no name breaks out of its cell"
    manifest = files_needed(plan, result)
    harmless(manifest.splitlines())
    assert "<f>" not in manifest
    json.dumps(mapping("run", plan, result, Records()))
    assert all(json.loads(line) for line in result_lines("run", plan, result))


@given(nasty, ids)
def test_exports_and_checks_of_snapshots_are_harmless_too(name: str, id_: str) -> None:
    files = tuple(outcome_of(name, id_, status, True) for status in FileStatus)
    done = Exported(PLACE, (Assistant("a", {}),), files=files, stores=1, problems=(name,))
    harmless(export_text(done, name))
    assert [json.loads(line)["type"] for line in export_lines(done, name)][-1] == "export"
    one = File(id_, name, 1, sha256="0" * 64)
    found = Verification(
        1,
        1,
        damaged=(one,),
        wrong_size=(one,),
        missing=(one,),
        unknown=((name, id_),),
        stray=("0" * 64,),
    )
    harmless(verify_text(found, name))
    assert [json.loads(line)["whole"] for line in verify_lines(found, name)] == [False]


def test_a_long_plan_names_a_few_files_and_counts_the_rest() -> None:
    steps = tuple(
        FileStep(f"f{n}", f"{n}.txt", FileAction.MISSING, n, reason="gone") for n in range(50)
    )
    shown = harmless(knowledge_text(KnowledgePlan(steps)))
    assert shown.count("gone") == 20
    assert "missing: 30 more" in shown
    assert "--files-dir" in shown


def test_a_plan_without_knowledge_says_nothing_of_it() -> None:
    assert list(knowledge_text(KnowledgePlan())) == []


def test_costs_are_shown_for_new_stores_only_and_never_as_nothing() -> None:
    new = KnowledgePlan((), (StoreStep("S", "S", StoreAction.CREATE),), storage_bytes=18_200)
    shown = harmless(knowledge_text(new))
    assert "(18.2 KB) costs less than $0.01 a day at most" in shown
    large = KnowledgePlan((), new.stores, storage_bytes=30 * 10**9)
    assert "costs $3.00 a day" in harmless(knowledge_text(large))
    old = KnowledgePlan((), (StoreStep("S", "S", StoreAction.UNCHANGED, "T"),))
    assert "costs" not in harmless(knowledge_text(old))


def test_nothing_needed_is_an_empty_manifest() -> None:
    there = outcome_of("a.txt", "f", FileStatus.THERE)
    plan = Plan(PLACE, PLACE, ())
    assert files_needed(plan, RunResult((), files=(there,))) == ""
    lost = outcome_of("a|b.txt", "f", FileStatus.MISSING)
    assert "| a\\|b.txt | ? | `f` |" in files_needed(plan, RunResult((), files=(lost,)))


def test_sizes_and_counts_in_words() -> None:
    assert [size(n) for n in (None, 0, 999, 1_000, 1_500_000, 10**15)] == [
        "? B",
        "0 B",
        "999 B",
        "1.0 KB",
        "1.5 MB",
        "1000.0 TB",
    ]
    assert [many(1, "file"), many(2_000, "file"), many(2, "entry", "entries")] == [
        "1 file",
        "2,000 files",
        "2 entries",
    ]
