"""report.md: a run for people, to be read in a browser or a pull request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from understudy.model.fidelity import LOSSY, Fidelity
from understudy.model.functions import PortedFunction
from understudy.replicate.events import FileOutcome, FileStatus, Outcome, Status
from understudy.replicate.knowledge.route import FIDELITY
from understudy.replicate.plan import Plan
from understudy.replicate.result import RunResult
from understudy.report.clean import cell, code
from understudy.report.functions import functions_markdown
from understudy.report.jsonlines import arrived, run_summary
from understudy.report.unread import unread_markdown

_ORDER = (
    Status.FAILED,
    Status.PARTIAL,
    Status.CONFLICT,
    Status.SKIPPED,
    Status.CREATED,
    Status.UPDATED,
    Status.UNCHANGED,
)
_FILES = (
    FileStatus.FAILED,
    FileStatus.MISSING,
    FileStatus.LEFT_OUT,
    FileStatus.SKIPPED,
    FileStatus.MOVED,
    FileStatus.THERE,
)


def report_markdown(
    run_id: str, plan: Plan, result: RunResult, functions: Sequence[PortedFunction] = ()
) -> str:
    """Return the whole report, what needs attention first."""
    outcomes = result.outcomes
    lines = [
        f"# Run {run_id}",
        "",
        f"- From {cell(str(plan.source))}",
        f"- To {cell(str(plan.destination))}",
        f"- Writing took {result.seconds:.1f} s",
    ]
    if result.stopped_by is not None:
        lines.append(f"- **Ended early**: {cell(result.stopped_by.message)}")
    if any(file.status is FileStatus.MISSING for file in result.files):
        lines.append("- Files are missing: see [files-needed.md](files-needed.md)")
    lines += ["", *_counts(result), *unread_markdown(plan.unread, plan.source.name)]
    lines += [*_sections(outcomes), *_deleted(result)]
    lines += [*_knowledge(result), *_fidelity(outcomes), *functions_markdown(functions)]
    return "\n".join(lines) + "\n"


def _counts(result: RunResult) -> Iterator[str]:
    counts = {name: n for name, n in run_summary(result).items() if isinstance(n, int)}
    yield "| " + " | ".join(counts) + " |"
    yield "|" + "---:|" * len(counts)
    yield "| " + " | ".join(map(str, counts.values())) + " |"


def _sections(outcomes: Sequence[Outcome]) -> Iterator[str]:
    for status in _ORDER:
        found = [outcome for outcome in outcomes if outcome.status is status]
        if not found:
            continue
        yield f"\n## {status.capitalize()} ({len(found)})\n"
        yield "| name | source | destination | what was done |"
        yield "|---|---|---|---|"
        for outcome in found:
            done = [cell(step) for step in outcome.operations]
            done += [f"**lacks {cell(lack.name or lack.source_id)}**" for lack in outcome.lacks[:5]]
            done += [f"**{cell(outcome.error)}**"] if outcome.error else []
            there = code(outcome.destination_id) if outcome.destination_id else ""
            yield (
                f"| {cell(outcome.name) if outcome.name else '(nameless)'} "
                f"| {code(outcome.source_id)} | {there} | {'; '.join(done)} |"
            )


def _deleted(result: RunResult) -> Iterator[str]:
    if not result.deleted:
        return
    yield f"\n## Pruned ({sum(not one.error for one in result.deleted)})\n"
    yield "| what | name | destination | original | |"
    yield "|---|---|---|---|---|"
    for one in result.deleted:
        gone = one.deletion
        error = f"**{cell(one.error)}**" if one.error else "deleted"
        origin = code(gone.source_id) if gone.source_id else ""
        name, there = cell(gone.name), code(gone.destination_id)
        yield f"| {gone.kind} | {name} | {there} | {origin} | {error} |"


def _knowledge(result: RunResult) -> Iterator[str]:
    """Yield every store and every file with the route that it took, and what that cost."""
    if result.stores:
        yield f"\n## Vector stores ({len(result.stores)})\n"
        yield "| name | source | destination | | files | what was done |"
        yield "|---|---|---|---|---:|---|"
        for store in result.stores:
            done = [cell(step) for step in store.operations]
            done += [f"**{len(store.failed)} not searchable**"] if store.failed else []
            done += [f"**{cell(store.error)}**"] if store.error else []
            there = code(store.destination_id) if store.destination_id else ""
            yield (
                f"| {cell(store.name)} | {code(store.source_id)} | {there} | {store.status} "
                f"| {store.files} | {'; '.join(done)} |"
            )
    if result.files:
        yield f"\n## Files ({len(result.files)})\n"
        yield "| name | bytes | source | destination | | fidelity | route |"
        yield "|---|---:|---|---|---|---|---|"
        for status in _FILES:
            yield from (_file(file) for file in result.files if file.status is status)


def _file(file: FileOutcome) -> str:
    there = code(file.destination_id) if file.destination_id else ""
    fidelity = ("degraded" if file.text else "exact") if file.arrived else "dropped"
    route = FIDELITY[file.route][1] if file.route else ""
    route = "recognised by name and size" if file.by_name else route
    why = "; ".join(part for part in (route, file.reason) if part)
    size = "" if file.bytes is None else str(file.bytes)
    return (
        f"| {cell(file.name)} | {size} | {code(file.source_id)} | {there} "
        f"| {file.status} | {fidelity} | {cell(why)} |"
    )


def _fidelity(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Yield what became of the fields, first over all assistants, then what each of them lost."""
    yield "\n## Fidelity\n"
    there = [outcome for outcome in outcomes if arrived(outcome)]
    if not there:
        yield "Nothing arrived."
        return
    entries = Counter(entry for outcome in there for entry in outcome.ledger)
    fates = [sum(n for e, n in entries.items() if e.fidelity is fate) for fate in Fidelity]
    said = ", ".join(f"{n} {fate}" for n, fate in zip(fates, Fidelity, strict=True))
    yield f"Fields of what arrived: {said}."
    told = [(entry, n) for entry, n in entries.items() if entry.fidelity is not Fidelity.EXACT]
    if not told:
        return
    yield "\n| field | | assistants | reason |"
    yield "|---|---|---:|---|"
    for fate in reversed(list(Fidelity)):
        for entry, n in told:
            if entry.fidelity is fate:
                yield f"| {cell(entry.field)} | {fate} | {n} | {cell(entry.reason)} |"
    losses = [(o, entry) for o in there for entry in o.ledger if entry.fidelity in LOSSY]
    if not losses:
        return
    yield f"\n### Lost ({len(losses)})\n"
    yield "| name | field | | reason |"
    yield "|---|---|---|---|"
    for outcome, entry in losses:
        name = cell(outcome.name) if outcome.name else f"(nameless {code(outcome.source_id)})"
        yield f"| {name} | {cell(entry.field)} | {entry.fidelity} | {cell(entry.reason)} |"
