"""The registry as text and as JSON lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import click

from understudy.registry.entries import Difference, Entries, Entry
from understudy.registry.history import Record
from understudy.registry.sync import Proposal
from understudy.report.clean import clean, fit, width
from understudy.report.jsonlines import line
from understudy.report.text import counted

_SIGNS = {"added": ("+", "green"), "changed": ("~", "yellow"), "removed": ("-", "red")}


def entries_text(entries: Entries) -> Iterator[str]:
    """Yield a line for each entry: key, model, id."""
    column = min(48, max([3, *(width(clean(key)) for key in entries)]))
    for key, entry in entries.items():
        model = fit(clean(str(entry.get("model") or "")), 16)
        yield f"{fit(clean(key), column)}  {model}  {clean(str(entry['id']))}".rstrip()
    yield counted(len(entries))


def entries_lines(entries: Entries) -> Iterator[str]:
    """Yield a JSON line for each entry."""
    for key, entry in entries.items():
        yield entry_line(key, entry)


def entry_line(key: str, entry: Entry) -> str:
    """Return one entry with its key."""
    return line("registry_entry", {"key": key, "entry": dict(entry)})


def difference_text(difference: Difference) -> Iterator[str]:
    """Yield what was added, changed (with its fields) and removed."""
    rows = [("added", key, "") for key in difference.added]
    rows += [("changed", key, ": " + ", ".join(names)) for key, names in difference.changed.items()]
    rows += [("removed", key, "") for key in difference.removed]
    for kind, key, more in rows:
        sign, color = _SIGNS[kind]
        yield click.style(f"{sign} {clean(key)}{clean(more)}", fg=color)


def proposal_text(proposal: Proposal) -> Iterator[str]:
    """Yield the difference, and what is to be known of it."""
    yield from difference_text(proposal.difference)
    for one, why in proposal.quarantined.items():
        yield click.style(f"! {clean(one)} cannot be used: {clean(why)}", fg="red")
    for key, ids in proposal.shared.items():
        said = f"! {clean(key)} is the key of {len(ids)} assistants; all but one have a suffix"
        yield click.style(said, fg="yellow")
    for key in proposal.pinned:
        yield f"  {clean(key)} was restored and is kept; the source does not have it"


def difference_fields(difference: Difference) -> dict[str, Any]:
    """Return a difference for machines."""
    return {
        "added": list(difference.added),
        "changed": {key: list(names) for key, names in difference.changed.items()},
        "removed": list(difference.removed),
    }


def proposal_fields(proposal: Proposal) -> dict[str, Any]:
    """Return what a sync found, for machines."""
    return {
        "count": len(proposal.entries),
        **difference_fields(proposal.difference),
        "quarantined": dict(proposal.quarantined),
        "shared": {key: list(ids) for key, ids in proposal.shared.items()},
        "pinned": list(proposal.pinned),
    }


def history_text(records: Iterable[Record]) -> Iterator[str]:
    """Yield a line for each sync, newest first."""
    for record in records:
        counts = _counts(record.difference)
        what = clean(record.reason) if record.reason else counts
        yield f"{record.at}  {record.result:<9}  {what or f'{record.count} assistants'}"


def history_lines(records: Iterable[Record]) -> Iterator[str]:
    """Yield a JSON line for each sync, newest first."""
    for record in records:
        fields: Mapping[str, Any] = {
            "id": record.id,
            "at": record.at,
            "result": record.result,
            "source": record.source,
            "count": record.count,
            **difference_fields(record.difference),
            "reason": record.reason or None,
        }
        yield line("sync", {key: value for key, value in fields.items() if value is not None})


def _counts(difference: Difference) -> str:
    counts = {
        "added": len(difference.added),
        "changed": len(difference.changed),
        "removed": len(difference.removed),
    }
    return ", ".join(f"{number} {word}" for word, number in counts.items() if number)
