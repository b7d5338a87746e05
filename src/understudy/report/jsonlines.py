"""JSON lines for machines: every line an object with `type` and `format_version`."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from understudy.errors import UnderstudyError
from understudy.model.assistant import Assistant
from understudy.model.fidelity import LedgerEntry
from understudy.model.findings import Finding
from understudy.platforms.base import PlaceInfo
from understudy.redact import hide, redact
from understudy.replicate.diff import FieldChange
from understudy.replicate.events import Outcome, Status
from understudy.replicate.plan import Action, Change, Plan

FORMAT_VERSION = 1


def line(kind: str, fields: Mapping[str, Any]) -> str:
    """Return one JSON line without our keys; text that is no UTF-8 is escaped."""
    record = {"type": kind, "format_version": FORMAT_VERSION, **fields}
    return hide(json.dumps(record, ensure_ascii=True, separators=(",", ":")))


def place_fields(place: PlaceInfo) -> dict[str, str]:
    """Return a place without what it does not have."""
    fields = {
        "name": place.name,
        "platform": place.platform,
        "address": place.address,
        "organization": place.organization,
        "project": place.project,
    }
    return {key: value for key, value in fields.items() if value}


def assistant_line(assistant: Assistant, place: str) -> str:
    """Return an assistant as its place holds it."""
    return line("assistant", {"place": place, "id": assistant.id, "assistant": dict(assistant.raw)})


def plan_lines(plan: Plan) -> Iterator[str]:
    """Yield a line for each change, then the summary."""
    for change in plan.changes:
        yield line("change", change_fields(change))
    places = {
        "source": place_fields(plan.source),
        "destination": place_fields(plan.destination),
    }
    yield line("plan", {**places, "summary": plan_summary(plan), "notes": list(plan.notes)})


def plan_summary(plan: Plan) -> dict[str, int]:
    """Return the counts of a plan under the names that mapping.json uses."""
    return {
        "total": len(plan.changes),
        "create": plan.count(Action.CREATE),
        "update": plan.count(Action.UPDATE),
        "unchanged": plan.count(Action.UNCHANGED),
        "conflicts": plan.count(Action.CONFLICT),
    }


def change_fields(change: Change) -> dict[str, Any]:
    """Return a change for machines, the differences included."""
    return {
        "action": change.action,
        "srcId": change.source_id,
        "dstId": change.destination_id,
        "name": change.name,
        "fields": [field_fields(item) for item in change.fields],
        "fidelity": ledger_fields(change.ledger),
        "findings": [finding_fields(item) for item in change.findings],
    }


def field_fields(change: FieldChange) -> dict[str, Any]:
    """Return one field's difference."""
    return {
        "path": change.path,
        "how": change.how,
        "before": change.before,
        "after": change.after,
    }


def finding_fields(finding: Finding) -> dict[str, str]:
    """Return one finding without what it does not have."""
    fields = {
        "code": finding.code,
        "severity": finding.severity,
        "field": finding.field,
        "message": finding.message,
        "hint": finding.hint,
    }
    return {key: value for key, value in fields.items() if value}


def ledger_fields(ledger: Iterable[LedgerEntry]) -> list[dict[str, str]]:
    """Return what became of each field."""
    entries = []
    for entry in ledger:
        fields = {"field": entry.field, "fidelity": str(entry.fidelity)}
        entries.append({**fields, "reason": entry.reason} if entry.reason else fields)
    return entries


def arrived(outcome: Outcome) -> bool:
    """Tell whether the assistant's definition is known to be in the destination."""
    return outcome.status in (Status.CREATED, Status.UPDATED, Status.UNCHANGED)


def outcome_fields(outcome: Outcome) -> dict[str, Any]:
    """Return one assistant's outcome as it stands in mapping.json; no fidelity of what failed."""
    return {
        "srcId": outcome.source_id,
        "dstId": outcome.destination_id,
        "name": outcome.name,
        "status": outcome.status,
        "operations": list(outcome.operations),
        "fidelity": ledger_fields(outcome.ledger) if arrived(outcome) else [],
        "error": outcome.error or None,
    }


def run_line(run_id: str, plan: Plan, outcomes: Sequence[Outcome]) -> str:
    """Return how a whole run came out."""
    fields = {
        "run_id": run_id,
        "source": place_fields(plan.source),
        "destination": place_fields(plan.destination),
        "summary": run_summary(outcomes),
    }
    return line("run", fields)


def error_line(error: UnderstudyError) -> str:
    """Return what ended a command."""
    message, hint = redact(error.message), redact(error.hint)
    return line("error", {"message": message, "hint": hint, "exit_code": int(error.exit_code)})


def run_summary(outcomes: Iterable[Outcome]) -> dict[str, int]:
    """Return how the assistants of a run came out; the counts add up to `total`."""
    found = [outcome.status for outcome in outcomes]
    names = {
        "created": Status.CREATED,
        "updated": Status.UPDATED,
        "unchanged": Status.UNCHANGED,
        "conflicts": Status.CONFLICT,
        "failed": Status.FAILED,
        "skipped": Status.SKIPPED,
    }
    return {"total": len(found), **{key: found.count(value) for key, value in names.items()}}


class JsonFormatter(logging.Formatter):
    """One JSON object a log record: time, level, logger, message and the fields it carries."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line, keys redacted."""
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        fields = {
            "time": moment.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_text or record.exc_info:
            fields["traceback"] = record.exc_text or self.formatException(record.exc_info)  # type: ignore[arg-type]
        return line("log", fields)
