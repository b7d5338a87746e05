"""What became of a change, worked out from what was sent and what is there. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from understudy.model.assistant import Assistant
from understudy.model.canonical import identical
from understudy.model.fidelity import Fidelity, LedgerEntry
from understudy.model.knowledge import LISTS
from understudy.model.meaning import same
from understudy.replicate.events import Outcome, Status
from understudy.replicate.knowledge.carrier import Provided
from understudy.replicate.knowledge.needs import plain, resolved
from understudy.replicate.plan import Action, Change
from understudy.replicate.tolerant import Tolerant


def outcome(
    change: Change, status: Status, got: Assistant, steps: tuple[str, ...], write: Tolerant
) -> Outcome:
    """Return the outcome, having compared what was sent with what is there now."""
    dropped = {entry.field for entry in write.dropped}
    ledger = [entry for entry in change.ledger if entry.field not in dropped]
    ledger += write.dropped
    unlike = [n for n, v in write.payload.items() if not _kept(n, v, got.raw.get(n))]
    for name in unlike:
        ledger = [entry for entry in ledger if entry.field != name]
        ledger.append(LedgerEntry(name, Fidelity.DEGRADED, "the destination holds another value"))
    error = f"The destination did not keep {', '.join(unlike)} as sent." if unlike else ""
    return Outcome(change.source_id, change.name, status, got.id, steps, tuple(ledger), error)


def _kept(name: str, sent: Any, there: Any) -> bool:
    if name == "tool_resources":  # places add what belongs to no tool, and leave out empty lists
        return identical(plain(sent), plain(there))
    return same(name, sent, there)


def with_ids(change: Change, provided: Provided) -> Mapping[str, Any]:
    """Return the payload with the destination's ids of its knowledge."""
    resources = change.payload.get("tool_resources")
    if not isinstance(resources, Mapping):
        return change.payload
    return {**change.payload, "tool_resources": resolved(resources, provided.ids)}


def with_knowledge(done: Outcome, provided: Provided) -> Outcome:
    """Return the outcome of an assistant with what became of its knowledge."""
    ledger = [entry for entry in done.ledger if entry.field not in LISTS]
    done = replace(done, ledger=(*ledger, *provided.ledger))
    if not provided.lacks:
        return done
    return replace(done, status=Status.PARTIAL, lacks=provided.lacks)


def withheld(change: Change, provided: Provided) -> Outcome:
    """Return the outcome of an assistant that shall not be without its knowledge."""
    lacking = ", ".join(lack.name or lack.source_id for lack in provided.lacks[:3])
    done = failed(change, f"It would lack {lacking}, so it was not written.")
    return replace(done, lacks=provided.lacks)


def unsettled(got: Assistant) -> str:
    """Say that there may be two."""
    return (
        f"The answer to a create was lost, and the list did not show {got.id} in time to tell "
        "whether there are two now. The next plan shows a conflict if there are."
    )


def failed(change: Change, message: str) -> Outcome:
    """Return the outcome of a change that did not come about."""
    return Outcome(
        change.source_id,
        change.name,
        Status.FAILED,
        change.destination_id,
        error=message,
    )


def untouched(change: Change) -> Outcome:
    """Return the outcome of a change that was not begun."""
    status = {Action.UNCHANGED: Status.UNCHANGED, Action.CONFLICT: Status.CONFLICT}.get(
        change.action, Status.SKIPPED
    )
    return Outcome(
        change.source_id,
        change.name,
        status,
        change.destination_id,
        ledger=change.ledger if status is Status.UNCHANGED else (),
        error=" ".join(f.message for f in change.findings if f.blocks),
    )
