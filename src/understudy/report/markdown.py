"""report.md: a run for people, to be read in a browser or a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from understudy.platforms.base import PlaceInfo
from understudy.replicate.events import Outcome, Status
from understudy.replicate.plan import notable
from understudy.report.clean import cell, code
from understudy.report.jsonlines import arrived, run_summary

_ORDER = (
    Status.FAILED,
    Status.CONFLICT,
    Status.SKIPPED,
    Status.CREATED,
    Status.UPDATED,
    Status.UNCHANGED,
)


def report_markdown(
    run_id: str,
    source: PlaceInfo,
    destination: PlaceInfo,
    outcomes: Sequence[Outcome],
    *,
    seconds: float,
    stopped_by: str = "",
) -> str:
    """Return the whole report, what needs attention first."""
    lines = [
        f"# Run {run_id}",
        "",
        f"- From {cell(str(source))}",
        f"- To {cell(str(destination))}",
        f"- Writing took {seconds:.1f} s",
    ]
    if stopped_by:
        lines.append(f"- **Ended early**: {cell(stopped_by)}")
    lines += ["", *_counts(outcomes), *_sections(outcomes), *_fidelity(outcomes)]
    return "\n".join(lines) + "\n"


def _counts(outcomes: Sequence[Outcome]) -> Iterator[str]:
    counts = run_summary(outcomes)
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
            done += [f"**{cell(outcome.error)}**"] if outcome.error else []
            there = code(outcome.destination_id) if outcome.destination_id else ""
            yield (
                f"| {cell(outcome.name) if outcome.name else '(nameless)'} "
                f"| {code(outcome.source_id)} | {there} | {'; '.join(done)} |"
            )


def _fidelity(outcomes: Sequence[Outcome]) -> Iterator[str]:
    yield "\n## Fidelity\n"
    there = [outcome for outcome in outcomes if arrived(outcome)]
    if not there:
        yield "Nothing arrived."
        return
    rows = [(o, entry) for o in there for entry in notable(o.ledger)]
    if not rows:
        yield "Every field of what arrived is exact."
        return
    yield "Every field of what arrived is exact, but for these.\n"
    yield "| name | field | | reason |"
    yield "|---|---|---|---|"
    for outcome, entry in rows:
        name = cell(outcome.name) if outcome.name else f"(nameless {code(outcome.source_id)})"
        yield f"| {name} | {cell(entry.field)} | {entry.fidelity} | {cell(entry.reason)} |"
