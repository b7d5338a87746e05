"""Drift as text and as JSON lines."""

from __future__ import annotations

from collections.abc import Iterator

import click

from understudy.replicate.drift import Difference, Drift, Sign
from understudy.report.clean import clean, fit
from understudy.report.jsonlines import field_fields, finding_fields, line, place_fields
from understudy.report.text import field_text, finding_text
from understudy.report.unread import errors_in, unread_text

_MOST = 10  # files and stores that are shown for one assistant

_WORDS = {
    Sign.SAME: ("same", "same", "bright_black"),
    Sign.DIFFERS: ("differs", "different", "yellow"),
    Sign.ONLY_FIRST: ("only in A", "only in A", "green"),
    Sign.ONLY_SECOND: ("only in B", "only in B", "red"),
    Sign.UNCLEAR: ("cannot be told", "unclear", "red"),
}


def drift_text(drift: Drift, *, quiet: bool = False) -> Iterator[str]:
    """Yield a line an assistant with its differences, and the counts."""
    if not quiet:
        yield f"A  {clean(str(drift.first))}"
        yield f"B  {clean(str(drift.second))}"
        yield ""
        for item in drift.differences:
            yield from _item_text(item)
    yield from unread_text(errors_in(drift.unread) if quiet else drift.unread, "A or B")
    if not quiet:
        yield ""
    counts = (f"{drift.count(sign)} {word}" for sign, (_, word, _) in _WORDS.items())
    yield f"Check: {', '.join(counts)}"


def drift_lines(drift: Drift) -> Iterator[str]:
    """Yield a JSON line an assistant, and the summary."""
    for item in drift.differences:
        change = item.change
        fields = {
            "sign": item.sign,
            "name": item.name,
            "firstId": item.first_id,
            "secondId": item.second_id,
            "fields": [field_fields(f) for f in change.fields] if change else [],
            "findings": [finding_fields(f) for f in change.findings] if change else [],
            **({"knowledge": list(item.knowledge)} if item.knowledge else {}),
        }
        yield line("difference", fields)
    for finding in drift.unread:
        yield line("finding", finding_fields(finding))
    counts = {word.replace(" ", "_"): drift.count(sign) for sign, (_, word, _) in _WORDS.items()}
    places = {"first": place_fields(drift.first), "second": place_fields(drift.second)}
    yield line("check", {**places, "drift": drift.found, "summary": counts})


def _item_text(item: Difference) -> Iterator[str]:
    words, _, color = _WORDS[item.sign]
    ids = " ".join(clean(i) for i in (item.first_id, item.second_id) if i)
    name = fit(clean(item.name) or "(nameless)", 36)
    yield click.style(f"{item.sign} {name}  {words}  {ids}", fg=color)
    if item.change is not None:
        for field in item.change.fields:
            yield from field_text(field)
        for finding in item.change.findings:
            yield from finding_text(finding)
    for unlike in item.knowledge[:_MOST]:
        yield f"    {clean(unlike)}"
    if len(item.knowledge) > _MOST:
        yield f"    and {len(item.knowledge) - _MOST} more"
