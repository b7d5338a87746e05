"""What becomes of each field on the way to another place: text and JSON lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import click

from understudy.model.assistant import FIELDS
from understudy.model.fidelity import LOSSY, Fidelity, LedgerEntry
from understudy.replicate.survey import FidelityTable
from understudy.report.clean import clean, fit, width
from understudy.report.jsonlines import finding_fields, ledger_fields, line, place_fields
from understudy.report.text import counted, warnings_text

_COLORS = {Fidelity.DEGRADED: "yellow", Fidelity.DROPPED: "red"}
_NAMES = 3  # names shown for a finding


def fidelity_text(table: FidelityTable, *, quiet: bool = False) -> Iterator[str]:
    """Yield how many assistants' field came to what, then each reason, then the counts."""
    if not quiet:
        yield f"From {clean(str(table.source))}"
        yield f"To   {clean(table.destination.platform)}"
        yield ""
        yield from _fields(table)
        yield from _reasons(table)
        yield from _findings(table)
        yield ""
    yield _counts(table)


def fidelity_lines(table: FidelityTable) -> Iterator[str]:
    """Yield a line for each assistant, then one for the pair of places."""
    for change in table.changes:
        yield line(
            "fidelity",
            {
                "srcId": change.source_id,
                "name": change.name,
                "fidelity": ledger_fields(change.ledger),
                "findings": [finding_fields(one) for one in change.findings],
            },
        )
    fields = {
        name: {str(kind): number for kind, number in counts.items()}
        for name, counts in _tally(table).items()
    }
    places = {
        "source": place_fields(table.source),
        "destination": place_fields(table.destination),
    }
    summary = {"total": len(table.changes), "lossy": sum(1 for _ in table.losses())}
    yield line("fidelity_table", {**places, "fields": fields, "summary": summary})


def _tally(table: FidelityTable) -> dict[str, Counter[Fidelity]]:
    found: dict[str, Counter[Fidelity]] = {}
    for change in table.changes:
        for entry in change.ledger:
            found.setdefault(entry.field, Counter())[entry.fidelity] += 1
    return dict(sorted(found.items(), key=lambda item: _place(item[0])))


def _place(field: str) -> tuple[int, str]:
    """Sort fields as people read them, the parts of one behind it."""
    root = field.partition(".")[0]
    known = root in FIELDS
    return (FIELDS.index(root) if known else len(FIELDS), field)


def _fields(table: FidelityTable) -> Iterator[str]:
    tally = _tally(table)
    column = min(40, max([5, *(width(clean(name)) for name in tally)]))
    yield fit("field", column) + "".join(f"{kind!s:>10}" for kind in Fidelity)
    for name, counts in tally.items():
        cells = (_cell(kind, counts[kind]) for kind in Fidelity)
        yield fit(clean(name), column) + "".join(cells)


def _cell(kind: Fidelity, number: int) -> str:
    text = f"{number or '.':>10}"
    return click.style(text, fg=_COLORS.get(kind)) if number else text


def _reasons(table: FidelityTable) -> Iterator[str]:
    entries: Counter[LedgerEntry] = Counter()
    for change in table.changes:
        entries.update(entry for entry in change.ledger if entry.reason)
    for kind in reversed(list(Fidelity)):
        found = [(entry, n) for entry, n in entries.items() if entry.fidelity is kind]
        if found:
            yield ""
        for entry, number in found:
            text = f"{clean(entry.field)} {kind} ({number}): {clean(entry.reason)}"
            yield click.style(text, fg=_COLORS.get(kind))


def _findings(table: FidelityTable) -> Iterator[str]:
    found: dict[str, list[str]] = {}
    for change in table.changes:
        for finding in change.findings:
            if finding.blocks:
                found.setdefault(finding.message, []).append(change.name)
    if found:
        yield ""
    for text, names in found.items():
        shown = ", ".join(clean(name) or "(nameless)" for name in names[:_NAMES])
        more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
        yield click.style(f"! {clean(text)} ({shown}{more})", fg="red")
    yield from warnings_text(table.changes)


def _counts(table: FidelityTable) -> str:
    lossy = sum(any(e.fidelity in LOSSY for e in c.ledger) for c in table.changes)
    blocked = sum(change.blocked for change in table.changes)
    stuck = f", {blocked} cannot be written" if blocked else ""
    return f"{counted(len(table.changes))}: {lossy} would lose something{stuck}"
