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
from understudy.model.functions import PortedFunction
from understudy.platforms.base import PlaceInfo
from understudy.redact import hide, redact
from understudy.replicate.diff import FieldChange
from understudy.replicate.events import Deleted, FileOutcome, Outcome, Status, StoreOutcome
from understudy.replicate.knowledge.plan import FileAction, FileStep, KnowledgePlan, Lack
from understudy.replicate.knowledge.store_plan import StoreAction, StoreStep
from understudy.replicate.plan import Action, Change, Plan
from understudy.replicate.prune import Deletion
from understudy.replicate.result import RunResult
from understudy.report.costs import daily_cost

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


def plan_lines(plan: Plan, functions: Sequence[PortedFunction] = ()) -> Iterator[str]:
    """Yield a line for each change, and for each function to port, then the summary."""
    for change in plan.changes:
        yield line("change", change_fields(change))
    if plan.knowledge is not None:
        yield from (line("store", store_step_fields(step)) for step in plan.knowledge.stores)
        yield from (line("file", file_step_fields(step)) for step in plan.knowledge.files)
    yield from (line("deletion", _deletion(one)) for one in plan.deletions)
    for finding in plan.unread:
        yield line("finding", {"place": plan.source.name, **finding_fields(finding)})
    yield from function_lines(functions)
    places = {
        "source": place_fields(plan.source),
        "destination": place_fields(plan.destination),
    }
    yield line("plan", {**places, "summary": plan_summary(plan), "notes": list(plan.notes)})


def function_lines(functions: Iterable[PortedFunction]) -> Iterator[str]:
    """Yield a line for each function whose schema travels without its code."""
    for one in functions:
        fields: dict[str, Any] = {
            "name": one.name,
            "description": one.description or None,
            "parameters": one.parameters,
            "strict": one.strict,
            "stands_for": "file_search" if one.searches else None,
            "users": [{"id": user.id, "name": user.name} for user in one.users],
        }
        yield line("function", {key: value for key, value in fields.items() if value is not None})


def plan_summary(plan: Plan) -> dict[str, Any]:
    """Return the counts of a plan under the names that mapping.json uses."""
    summary: dict[str, Any] = {
        "total": len(plan.changes),
        "create": plan.count(Action.CREATE),
        "update": plan.count(Action.UPDATE),
        "unchanged": plan.count(Action.UNCHANGED),
        "conflicts": plan.count(Action.CONFLICT),
    }
    if plan.deletions:
        summary["delete"] = len(plan.deletions)
    if plan.unread:
        summary["unread"] = len(plan.unread)
    if plan.knowledge is not None:
        summary["knowledge"] = knowledge_summary(plan.knowledge)
    return summary


def knowledge_summary(plan: KnowledgePlan) -> dict[str, Any]:
    """Return the counts of a plan's knowledge; bytes, and US dollars a day."""
    cost = daily_cost(plan.storage_bytes)
    return {
        "files": {
            "move": plan.count(FileAction.MOVE),
            "there": plan.count(FileAction.THERE),
            "missing": plan.count(FileAction.MISSING),
            "left_out": plan.count(FileAction.LEFT_OUT),
        },
        "bytes": plan.moved_bytes,
        "routes": plan.routes(),
        "stores": {
            str(action): sum(step.action is action for step in plan.stores)
            for action in StoreAction
        },
        "storage": {"bytes": plan.storage_bytes, "usd_per_day": cost.usd, "as_of": cost.as_of},
        "partial": len(plan.lacks),
    }


def file_step_fields(step: FileStep) -> dict[str, Any]:
    """Return what is to be done about one file."""
    fields = {
        "action": step.action,
        "srcId": step.source_id,
        "dstId": step.destination_id,
        "name": step.name,
        "bytes": step.bytes,
        "route": step.routes[0] if step.routes else None,
        "fidelity": "degraded" if step.text else "exact" if step.to_be_had else "dropped",
        "reason": step.reason or None,
        "users": list(step.users),
    }
    return {key: value for key, value in fields.items() if value is not None}


def store_step_fields(step: StoreStep) -> dict[str, Any]:
    """Return what is to be done about one vector store."""
    fields = {
        "action": step.action,
        "srcId": step.source_id,
        "dstId": step.destination_id,
        "name": step.name,
        "attach": len(step.attach),
        "attributes": len(step.retag),
        "detach": len(step.detach),
        "files": len(step.carried),
        "missing": len(step.lacking),
        "fields": [field_fields(item) for item in step.fields],
        "reason": step.reason or None,
        "users": list(step.users),
    }
    return {key: value for key, value in fields.items() if value is not None}


def lack_fields(lack: Lack) -> dict[str, str]:
    """Return one thing that an assistant lacks."""
    return {
        "tool": lack.tool,
        "srcId": lack.source_id,
        "name": lack.name,
        "reason": lack.reason,
    }


def file_fields(outcome: FileOutcome, digests: Mapping[str, str]) -> dict[str, Any]:
    """Return what became of one file; of one that did not travel now, what is remembered."""
    fidelity = "degraded" if outcome.text else "exact"
    fields = {
        "srcId": outcome.source_id,
        "name": outcome.name,
        "status": outcome.status,
        "bytes": outcome.bytes,
        "sha256": outcome.sha256 or digests.get(outcome.source_id),
        "route": outcome.route,
        "fidelity": fidelity if outcome.arrived else "dropped",
        "recognised": "by name and size" if outcome.by_name else None,
        "reason": outcome.reason or None,
        "users": list(outcome.users),
        "error": outcome.error or None,
    }
    kept = {key: value for key, value in fields.items() if value is not None}
    return {"srcId": outcome.source_id, "dstId": outcome.destination_id, **kept}


def store_fields(outcome: StoreOutcome) -> dict[str, Any]:
    """Return what became of one vector store."""
    return {
        "srcId": outcome.source_id,
        "dstId": outcome.destination_id,
        "name": outcome.name,
        "status": outcome.status,
        "files": outcome.files,
        "failed": [{"srcId": one, "reason": reason} for one, reason in outcome.failed],
        "operations": list(outcome.operations),
        "users": list(outcome.users),
        "error": outcome.error or None,
    }


def deletion_fields(deleted: Deleted) -> dict[str, Any]:
    """Return what became of one deletion."""
    return {**_deletion(deleted.deletion), "error": deleted.error or None}


def _deletion(deletion: Deletion) -> dict[str, Any]:
    return {
        "kind": deletion.kind,
        "dstId": deletion.destination_id,
        "name": deletion.name,
        "srcId": deletion.source_id or None,
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
        **({"lacks": [lack_fields(one) for one in change.lacks]} if change.lacks else {}),
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
    return outcome.status in (
        Status.CREATED,
        Status.UPDATED,
        Status.UNCHANGED,
        Status.PARTIAL,
    )


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
        **({"lacks": [lack_fields(one) for one in outcome.lacks]} if outcome.lacks else {}),
    }


def result_lines(
    run_id: str, plan: Plan, result: RunResult, functions: Sequence[PortedFunction] = ()
) -> Iterator[str]:
    """Yield a line for each assistant, store, file, deletion and function, then the run's."""
    yield from (line("result", outcome_fields(outcome)) for outcome in result.outcomes)
    yield from (line("store_result", store_fields(outcome)) for outcome in result.stores)
    yield from (line("file_result", file_fields(outcome, {})) for outcome in result.files)
    yield from (line("deleted", deletion_fields(one)) for one in result.deleted)
    yield from function_lines(functions)
    fields = {
        "run_id": run_id,
        "source": place_fields(plan.source),
        "destination": place_fields(plan.destination),
        "summary": run_summary(result),
    }
    yield line("run", fields)


def error_line(error: UnderstudyError) -> str:
    """Return what ended a command."""
    message, hint = redact(error.message), redact(error.hint)
    return line("error", {"message": message, "hint": hint, "exit_code": int(error.exit_code)})


def run_summary(result: RunResult) -> dict[str, Any]:
    """Return how a run came out; the counts of assistants add up to `total`."""
    found = [outcome.status for outcome in result.outcomes]
    names = {
        "created": Status.CREATED,
        "updated": Status.UPDATED,
        "unchanged": Status.UNCHANGED,
        "partial": Status.PARTIAL,
        "conflicts": Status.CONFLICT,
        "failed": Status.FAILED,
        "skipped": Status.SKIPPED,
    }
    counts = {key: found.count(value) for key, value in names.items()}
    summary: dict[str, Any] = {"total": len(found), **counts}
    if result.deleted:
        summary["deleted"] = sum(not one.error for one in result.deleted)
    if result.files:
        files = [file.status for file in result.files]
        summary["files"] = {status: files.count(status) for status in dict.fromkeys(files)}
    return summary


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
