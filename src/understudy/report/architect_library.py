"""The library of Architect documents as text and as JSON lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import click

from understudy.architect.approval import State
from understudy.report.clean import clean, fit, width
from understudy.report.jsonlines import line
from understudy.store.records import Batch, Change, Event, Imported, Kept, Moved, VersionInfo

_COLORS: Mapping[State, str] = {
    State.PENDING: "yellow",
    State.APPROVED: "green",
    State.REJECTED: "red",
    State.DISABLED: "bright_black",
    State.SUPERSEDED: "bright_black",
}
_SIGNS: Mapping[Change, tuple[str, str]] = {
    Change.CREATED: ("+", "green"),
    Change.UPDATED: ("~", "yellow"),
    Change.UNCHANGED: ("=", "bright_black"),
}
_NAME = 48  # columns at most
_DIGEST = 12  # characters shown


def state_text(state: State) -> str:
    """Return a state in its colour."""
    return click.style(state.value, fg=_COLORS[state])


def batch_text(batch: Batch) -> Iterator[str]:
    """Yield what an import did with each assistant, then the counts."""
    for item in batch.items:
        sign, color = _SIGNS[item.change]
        more = f"version {item.version}, {state_text(item.state)}"
        yield f"{click.style(sign, fg=color)} {clean(item.name)}  {more}"
    counts = f"{batch.created} new, {batch.updated} changed, {batch.unchanged} unchanged"
    failed = f", {batch.failed} left out" if batch.failed else ""
    yield f"{clean(batch.source)}: {counts}{failed} (import {batch.id})"


def batch_lines(batch: Batch) -> Iterator[str]:
    """Yield a JSON line for each assistant of an import, then one for the import."""
    yield from (line("architect_imported", imported_fields(item)) for item in batch.items)
    yield line("architect_import", batch_fields(batch))


def imported_fields(item: Imported) -> dict[str, Any]:
    """Return what an import did with one assistant."""
    return {
        "id": item.id,
        "name": item.name,
        "change": item.change.value,
        "version": item.version,
        "state": item.state.value,
    }


def batch_fields(batch: Batch) -> dict[str, Any]:
    """Return an import's counts."""
    return {
        "id": batch.id,
        "at": batch.at.isoformat(),
        "by": batch.actor,
        "source": batch.source,
        "sha256": batch.file_digest,
        "created": batch.created,
        "updated": batch.updated,
        "unchanged": batch.unchanged,
        "failed": batch.failed,
    }


def list_text(items: Iterable[Kept]) -> Iterator[str]:
    """Yield a line for each assistant: state, version in force and newest, models, name."""
    for kept in items:
        latest, force = kept.latest, kept.in_force
        shown = force.state if force else latest.state
        numbers = f"v{force.number}" if force else "-"
        if kept.pending:
            numbers += f" (v{kept.pending} waits)" if force else f" v{kept.pending}"
        name = fit(clean(kept.name), min(_NAME, max(24, width(clean(kept.name)))))
        models = clean(", ".join(latest.models))
        prompts = f"{latest.prompts} prompt{'s' if latest.prompts != 1 else ''}"
        state = click.style(f"{shown.value:<16}", fg=_COLORS[shown])
        yield f"{name}  {state}  {numbers:<15}  {prompts:<10}  {models}".rstrip()


def kept_fields(kept: Kept) -> dict[str, Any]:
    """Return an assistant of the library for machines."""
    return {
        "id": kept.id,
        "name": kept.name,
        "created_at": kept.created_at.isoformat(),
        "created_by": kept.created_by,
        "latest": version_fields(kept.latest),
        "in_force": version_fields(kept.in_force) if kept.in_force else None,
        "pending": kept.pending,
    }


def version_fields(version: VersionInfo) -> dict[str, Any]:
    """Return a version without its content."""
    return {
        "version": version.number,
        "state": version.state.value,
        "digest": version.digest,
        "description": version.description,
        "prompts": version.prompts,
        "input_fields": version.inputs,
        "models": list(version.models),
        "bytes": version.size,
        "import": version.batch_id,
        "imported_at": version.imported_at.isoformat(),
        "imported_by": version.imported_by,
        "changed_at": version.changed_at.isoformat(),
    }


def moved_text(moved: Moved) -> str:
    """Return one line: what was done to which version."""
    said = f"{clean(moved.kept.name)}: version {moved.version.number} {moved.action.value}"
    given = f"; version {moved.superseded} gave way to it" if moved.superseded else ""
    return f"{said}{given}."


def moved_fields(moved: Moved) -> dict[str, Any]:
    """Return a move for machines."""
    return {
        "id": moved.kept.id,
        "name": moved.kept.name,
        "action": moved.action.value,
        "from": moved.from_state.value,
        "superseded": moved.superseded,
        **version_fields(moved.version),
    }


def history_text(events: Iterable[Event]) -> Iterator[str]:
    """Yield a line for each event, newest first."""
    for event in events:
        when = event.at.strftime("%Y-%m-%d %H:%M:%S")
        which = f"v{event.version}" if event.version else "-"
        why = f": {clean(event.reason)}" if event.reason else ""
        yield f"{when}  {which:<5} {event.action.value:<10} by {clean(event.actor)}{why}"


def event_fields(event: Event) -> dict[str, Any]:
    """Return an event for machines."""
    return {
        "id": event.assistant_id,
        "name": event.name,
        "version": event.version,
        "at": event.at.isoformat(),
        "by": event.actor,
        "action": event.action.value,
        "from": event.from_state.value if event.from_state else None,
        "to": event.to_state.value if event.to_state else None,
        "reason": event.reason,
    }
