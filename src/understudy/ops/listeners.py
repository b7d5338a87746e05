"""Listeners that every run has: the structured log, and several at once."""

from __future__ import annotations

import logging

from understudy.platforms.base import Wait
from understudy.replicate.events import (
    ChangeDone,
    Event,
    FileDone,
    Listener,
    RunFinished,
    RunStarted,
    Stopping,
    StoreDone,
)

log = logging.getLogger("understudy.run")


def both(*listeners: Listener) -> Listener:
    """Return a listener that tells each of them in turn."""

    def tell(event: Event) -> None:
        for listener in listeners:
            listener(event)

    return tell


def log_events(event: Event) -> None:
    """Write the events that matter afterwards to the log."""
    if isinstance(event, RunStarted):
        fields = {
            "source": str(event.source),
            "destination": str(event.destination),
            "writes": event.total,
        }
        log.info("writing started", extra={"fields": fields})
    elif isinstance(event, ChangeDone):
        _log_outcome(event)
    elif isinstance(event, FileDone):
        _log_file(event)
    elif isinstance(event, StoreDone):
        _log_store(event)
    elif isinstance(event, Wait):
        fields = {"place": event.place, "seconds": round(event.seconds, 3)}
        log.info("waiting: %s", event.reason, extra={"fields": fields})
    elif isinstance(event, Stopping):
        log.warning("stopping: %s", event.reason)
    elif isinstance(event, RunFinished):
        log.info("writing ended", extra={"fields": {"seconds": round(event.seconds, 3)}})


def _log_outcome(event: ChangeDone) -> None:
    outcome = event.outcome
    fields = {
        "srcId": outcome.source_id,
        "dstId": outcome.destination_id,
        "status": str(outcome.status),
        "operations": list(outcome.operations),
        "error": outcome.error or None,
    }
    level = logging.WARNING if outcome.error else logging.INFO
    log.log(level, "%s: %s", outcome.status, outcome.name, extra={"fields": fields})


def _log_file(event: FileDone) -> None:
    outcome = event.outcome
    fields = {
        "srcId": outcome.source_id,
        "dstId": outcome.destination_id,
        "status": str(outcome.status),
        "bytes": outcome.bytes,
        "sha256": outcome.sha256 or None,
        "route": outcome.route,
        "reason": outcome.reason or None,
    }
    level = logging.INFO if outcome.arrived else logging.WARNING
    log.log(level, "file %s: %s", outcome.status, outcome.name, extra={"fields": fields})


def _log_store(event: StoreDone) -> None:
    outcome = event.outcome
    fields = {
        "srcId": outcome.source_id,
        "dstId": outcome.destination_id,
        "status": str(outcome.status),
        "operations": list(outcome.operations),
        "error": outcome.error or None,
    }
    level = logging.WARNING if outcome.error else logging.INFO
    log.log(level, "vector store %s: %s", outcome.status, outcome.name, extra={"fields": fields})
