"""Tying assistants to their knowledge: what their payload, ledger and findings say of it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from understudy.model.assistant import Assistant
from understudy.model.canonical import identical
from understudy.model.fidelity import Fidelity, LedgerEntry
from understudy.model.fieldmap.to_agent import TEMPLATE
from understudy.model.findings import error
from understudy.model.kinds import Kind, kind_of
from understudy.platforms.base import Rendered
from understudy.replicate.knowledge.ledger import knowledge_ledger, lack_entries, named
from understudy.replicate.knowledge.needs import (
    KnowledgeOptions,
    Needs,
    ids_of,
    placeholders,
    plain,
    resolved,
)
from understudy.replicate.knowledge.plan import KnowledgePlan, Lack, StoreAction

_TOOLS = {"file_search": "--file-search", "code_interpreter": "--code-interpreter"}


class Linker:
    """Knows the plan of the knowledge, and what of it an assistant will have."""

    def __init__(
        self,
        plan: KnowledgePlan,
        options: KnowledgeOptions,
        homeless: Mapping[str, str] | None = None,
    ) -> None:
        self.plan = plan
        self._options = options
        self._homeless = homeless or {}
        self._texts = {s.source_id: s.name for s in plan.files if s.to_be_had and s.text}
        self._stores = {step.source_id: step for step in plan.stores}
        gone = (StoreAction.MISSING, StoreAction.CONFLICT)
        # Not even the source, or nobody, can tell what should be there.
        self._undecided = frozenset(
            s.source_id for s in plan.stores if s.action in gone and not s.lacking
        )
        self._to_be_had = frozenset(
            [s.source_id for s in plan.files if s.to_be_had]
            + [s.source_id for s in plan.stores if s.action not in gone]
        )
        pairs = [(s.source_id, s.destination_id) for s in plan.files]
        pairs += [(s.source_id, s.destination_id) for s in plan.stores]
        self._ids = {one: there for one, there in pairs if there and one in self._to_be_had}

    def needs(self, source_id: str) -> Needs:
        """Return what this assistant leans on."""
        return self.plan.needs.get(source_id, Needs())

    def lacks(self, source_id: str) -> tuple[Lack, ...]:
        """Return what this assistant will not have."""
        return self.plan.lacks.get(source_id, ())

    def link(self, source: Assistant, here: Assistant | None, rendered: Rendered) -> Rendered:
        """Return the rendering with its knowledge, as placeholders, in payload and ledger."""
        needs = self.needs(source.id)
        there = here.raw.get("tool_resources") if here else None
        there = there if isinstance(there, dict) else {}
        resources = placeholders(needs, self._options, there=there, keep=self._to_be_had)
        if not self._undecided.isdisjoint(needs.stores) and "file_search" in plain(there):
            # Better what it has than nothing.
            resources["file_search"] = there["file_search"]
        payload = dict(rendered.payload)
        if resources or plain(there):
            payload["tool_resources"] = resources
        ledger = [entry for entry in rendered.ledger if entry.field != "tool_resources"]
        ledger += self._entries(source, needs)
        findings = rendered.findings
        if source.id in self.plan.blocked:
            lacking = self.lacks(source.id)
            findings += (
                error(
                    "knowledge-missing",
                    f"It would lack {named([lack.name or lack.source_id for lack in lacking])}.",
                    field="tool_resources",
                    hint="Supply the files with --files-dir, or go without --require-knowledge.",
                ),
            )
        return replace(rendered, payload=payload, ledger=tuple(ledger), findings=findings)

    def differs(self, payload: Mapping[str, Any], here: Assistant) -> bool:
        """Tell whether the counterpart leans on something else than it should."""
        wanted = payload.get("tool_resources") or {}
        resources = resolved(wanted, self._ids)
        if _count(wanted) != _count(resources):
            return True  # something still has to travel
        there = here.raw.get("tool_resources")
        mine = {t: p for t, p in plain(resources).items() if t in self._options.tools}
        theirs = {t: p for t, p in plain(there).items() if t in self._options.tools}
        return not identical(mine, theirs)

    def _entries(self, source: Assistant, needs: Needs) -> Iterator[LedgerEntry]:
        for tool, flag in _TOOLS.items():
            if tool not in self._options.tools and _leans_on(source, tool):
                reason = self._homeless.get(tool) or f"its files were not asked for ({flag})"
                yield LedgerEntry(f"tool_resources.{tool}", Fidelity.DROPPED, reason)
        if needs:
            reason = "the ids are those of the copies"
            yield LedgerEntry("tool_resources", Fidelity.MAPPED, reason)
        yield from knowledge_ledger(needs, self._texts, self._stores)
        yield from lack_entries(self.lacks(source.id))


def without_idle_search(rendered: Rendered, here: Assistant | None) -> Rendered:
    """Return a request without a file search that has no store, now or in the counterpart."""
    tools = rendered.payload.get("tools")
    if not isinstance(tools, list):
        return rendered
    there = here.raw.get("tool_resources") if here else None
    resources = rendered.payload.get("tool_resources", there)
    if "file_search" in plain(resources):
        return rendered
    kept = [t for t in tools if not (isinstance(t, dict) and t.get("type") == "file_search")]
    if len(kept) == len(tools):
        return rendered
    reason = "a request searches stores of its own project, and none of them is there"
    entry = LedgerEntry("tools.file_search", Fidelity.DROPPED, reason)
    return replace(
        rendered, payload={**rendered.payload, "tools": kept}, ledger=(*rendered.ledger, entry)
    )


def _leans_on(source: Assistant, tool: str) -> bool:
    """Tell whether there is anything to carry, read or not: an agent only names its environment."""
    if tool == "code_interpreter" and kind_of(source.raw) is Kind.AGENT:
        return TEMPLATE in source.metadata
    return any(ids_of(source.raw, tool))


def _count(resources: Any) -> int:
    return sum(len(ids) for part in plain(resources).values() for ids in part.values())
