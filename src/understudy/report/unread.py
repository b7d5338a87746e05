"""What of a place could not be read, as text, as JSON lines and for report.md."""

from __future__ import annotations

from collections.abc import Iterator

import click

from understudy.model.findings import Findings
from understudy.report.clean import cell, clean
from understudy.report.jsonlines import finding_fields, line

_MOST = 20  # findings that are shown
_MOST_IN_REPORT = 200


def unread_text(findings: Findings, place: str) -> Iterator[str]:
    """Yield what could not be read, each hint once."""
    if not findings:
        return
    yield f"\nNot read from {clean(place)}:"
    said = {""}
    for finding in findings[:_MOST]:
        color = "red" if finding.blocks else "yellow"
        yield click.style(f"! {clean(finding.message)}", fg=color)
        if finding.hint not in said:
            said.add(finding.hint)
            yield f"    {clean(finding.hint)}"
    if len(findings) > _MOST:
        yield f"  and {len(findings) - _MOST} more; --json shows all"


def errors_in(findings: Findings) -> Findings:
    """Return the findings that assistants may be missing for."""
    return tuple(finding for finding in findings if finding.blocks)


def unread_lines(findings: Findings, place: str) -> Iterator[str]:
    """Yield a JSON line for each finding."""
    for finding in findings:
        yield line("finding", {"place": place, **finding_fields(finding)})


def unread_markdown(findings: Findings, place: str) -> Iterator[str]:
    """Yield the section of report.md."""
    if not findings:
        return
    yield f"\n## Not read from {cell(place)} ({len(findings)})\n"
    for finding in findings[:_MOST_IN_REPORT]:
        yield f"- **{finding.severity}** {cell(finding.message)}"
    if len(findings) > _MOST_IN_REPORT:
        yield f"- and {len(findings) - _MOST_IN_REPORT} more"
