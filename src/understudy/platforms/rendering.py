"""Turning an assistant into what a place will be sent. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from understudy.model.assistant import FIELDS, Assistant, definition
from understudy.model.fidelity import Fidelity, Ledger, LedgerEntry, exact
from understudy.model.fieldmap import cross, governed
from understudy.model.fieldmap.to_agent import TEMPLATE
from understudy.model.findings import Findings, error
from understudy.model.kinds import Kind, kind_of
from understudy.platforms.base import Marker, Rendered

#: Fields that point into their own project; copying the ids would point nowhere.
_NOT_CARRIED = {
    "tool_resources": "files and vector stores were not asked for (--file-search, "
    "--code-interpreter): they are neither copied nor touched",
}
_NO_ENVIRONMENT = "the files of its environment were not asked for (--code-interpreter)"


def render_fields(
    assistant: Assistant,
    marker: Marker,
    *,
    target: Kind | None = None,
    owned: frozenset[str] = frozenset(),
) -> Rendered:
    """Return an assistant as a place of that kind takes it; without one, it stays what it is.

    `owned` are the metadata keys that hold fields which the target lacks.
    """
    origin = kind_of(assistant.raw)
    payload = definition(assistant.raw)
    ledger = []
    for name, reason in _NOT_CARRIED.items():
        if name in payload:
            lost = _holds_anything(payload.pop(name))
            ledger.append(LedgerEntry(name, Fidelity.DROPPED, reason) if lost else exact(name))
    if origin is Kind.AGENT and TEMPLATE in assistant.metadata and not ledger:
        ledger.append(LedgerEntry("tool_resources", Fidelity.DROPPED, _NO_ENVIRONMENT))
    findings: Findings = ()
    told: list[LedgerEntry] = []
    fields: tuple[str, ...] = FIELDS
    if target is None or target is origin:
        ledger += _all_exact(tuple(payload))
    else:
        payload, crossing = cross(payload, origin, target)
        ledger += [entry for entry in crossing.ledger if entry.field != "metadata"]
        findings = crossing.findings
        told = [entry for entry in crossing.ledger if entry.field == "metadata" and entry.reason]
    if origin is not Kind.ASSISTANT or target not in (None, origin):
        fields = governed(origin, target or origin)
    if target is None and origin is not Kind.ASSISTANT:
        payload["object"] = origin.value
    ledger += told or [_metadata_entry(assistant, marker)]
    metadata = payload.get("metadata")
    if not isinstance(metadata, Mapping | None):
        # Nothing can say there of whom it is the clone: every run would make another one.
        text = "metadata is no object, so the copy could not be recognised again."
        findings += (error("bad-metadata", text, field="metadata"),)
    else:
        kept = {k: v for k, v in (metadata or {}).items() if k not in marker.without}
        payload["metadata"] = {**kept, **marker.adds}
    return Rendered(payload, tuple(ledger), findings, fields, owned)


@lru_cache(maxsize=64)
def _all_exact(names: tuple[str, ...]) -> Ledger:
    """Return the entries of fields that travel as they are; thousands share one shape."""
    return tuple(exact(name) for name in names if name != "metadata")


def _holds_anything(value: Any) -> bool:
    """Tell whether there is more in a value than empty lists and objects."""
    if isinstance(value, Mapping):
        return any(map(_holds_anything, value.values()))
    if isinstance(value, list):
        return any(map(_holds_anything, value))
    return value is not None


def _metadata_entry(assistant: Assistant, marker: Marker) -> LedgerEntry:
    if left := sorted(marker.without & assistant.metadata.keys()):
        reason = f"{', '.join(left)} says where the original came from; the copy says its own"
        return LedgerEntry("metadata", Fidelity.MAPPED, reason)
    return exact("metadata")
