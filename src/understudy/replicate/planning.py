"""Making the plan. Pure.

Planning twice gives the same plan; applying it and planning again gives nothing to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from understudy.model.assistant import CLONED_FROM, READ_ONLY, Assistant
from understudy.model.fidelity import LOSSY, Fidelity, Ledger, LedgerEntry
from understudy.model.fieldmap.to_agent import LINKS
from understudy.model.findings import Finding, Findings, error
from understudy.model.kinds import KNOWN, Kind
from understudy.model.limits import check
from understudy.model.meaning import RESETS, meaning, same
from understudy.model.retirement import Offered, fate
from understudy.platforms.base import Marker, Rendered
from understudy.replicate.diff import FieldChange, diff
from understudy.replicate.hosting import announced, environment_ledger
from understudy.replicate.identity import Counterpart, counterparts
from understudy.replicate.inventory import Inventory
from understudy.replicate.knowledge.linking import Linker, without_idle_search
from understudy.replicate.plan import Action, Change, Identity, Plan, PlanOptions
from understudy.replicate.tailoring import Tailor, refused, searched, with_search_function

Render = Callable[[Assistant, Marker], Rendered]

_PLAIN = frozenset({str, float, int})
_NAMED = 3  # keys that are named


def pair(
    source: Inventory, destination: Inventory, options: PlanOptions
) -> list[tuple[Assistant, Counterpart[Assistant]]]:
    """Return the selected assistants, each with its counterpart.

    Raises SelectionError when the selection fits nothing.
    """
    chosen = options.selection.choose(source.assistants, place=source.info.name)
    if options.same_place:
        ids = source.by_id()
        chosen = tuple(a for a in chosen if a.cloned_from not in ids)
    matched = counterparts(
        chosen,
        destination.assistants,
        known=options.known,
        among=source.by_id().keys(),
        same_place=options.same_place,
        one_home=one_home(source, destination),
    )
    return list(zip(chosen, matched, strict=True))


def one_home(source: Inventory, destination: Inventory) -> bool:
    """Tell whether short ids may mean the same in both places."""
    homes = (source.info.home, destination.info.home)
    return homes[0] == homes[1] or not all(homes)


def make_plan(
    source: Inventory,
    destination: Inventory,
    options: PlanOptions,
    render: Render,
    knowledge: Linker | None = None,
) -> Plan:
    """Return what has to be done so that the destination holds what was selected.

    Raises SelectionError when the selection fits nothing. `render` must be pure. `knowledge` is
    what is to be carried, None when that was not asked for.
    """
    planner = _Planner(destination, options, render, knowledge)
    changes = tuple(planner.change(*each) for each in pair(source, destination, options))
    unread = source.findings
    made = Plan(source.info, destination.info, changes, options.identity, unread=unread)
    return made if knowledge is None else replace(made, knowledge=knowledge.plan)


class _Planner:
    """Decides about one assistant at a time; holds what all of them share."""

    def __init__(
        self,
        destination: Inventory,
        options: PlanOptions,
        render: Render,
        knowledge: Linker | None,
    ) -> None:
        self._options = options
        self._render = render
        self._knowledge = knowledge
        self._capabilities = destination.capabilities
        self._models = destination.models if options.check_models else None
        able = destination.capabilities
        self._tailor = Tailor(
            options.tailoring, self._models, runs=able.runs, dated=able.openai_models
        )
        # A field nobody knows is compared where the destination shows it at all: one that it
        # refused or does not keep must not come up again in every plan.
        shown = {key for a in destination.assistants for key in a.raw}
        bounded = self._capabilities.limits is not None
        self._extras = shown - KNOWN - READ_ONLY if bounded else None

    def change(self, source: Assistant, counterpart: Counterpart[Assistant]) -> Change:
        """Return the plan's line for one source assistant."""
        try:
            return self._change(source, counterpart)
        except RecursionError:
            here = counterpart.one.id if counterpart.one else None
            findings = (_too_deep(),)
            return Change(Action.CONFLICT, source.id, source.name, here, findings=findings)

    def _change(self, source: Assistant, counterpart: Counterpart[Assistant]) -> Change:
        here = counterpart.one
        rendered, others = self._rendered(source, here), tuple[str, ...]()
        if self._capabilities.replaces_metadata and here is not None:
            rendered, others = _with_others(rendered, here)
        if self._capabilities.kind is Kind.AGENT:
            payload = announced(rendered.payload)
            rendered = (
                rendered if payload is rendered.payload else replace(rendered, payload=payload)
            )
        payload = rendered.payload
        base = Change(
            Action.UNCHANGED,
            source.id,
            source.name,
            here.id if here else None,
            ledger=rendered.ledger,
            findings=_harmless(rendered.findings),
            model=str(payload.get("model") or ""),
            owned=tuple(sorted(rendered.owned)) if rendered.owned else (),
            others=others,
        )
        if self._knowledge is not None:
            base = replace(
                base,
                needs=self._knowledge.needs(source.id),
                lacks=self._knowledge.lacks(source.id),
            )
        if counterpart.rivals:
            rivals = tuple(rival.id for rival in counterpart.rivals)
            finding = _ambiguous(counterpart)
            return replace(base, action=Action.CONFLICT, findings=(finding,), rivals=rivals)
        if here is None:
            base = replace(base, functions=len(source.functions()))
            return self._write(base, Action.CREATE, payload, rendered, payload)
        if left_out := self._left_out(payload, here):
            base = replace(base, ledger=_corrected(rendered.ledger, left_out))
        differing = dict(self._differing(rendered, here))
        if self._knowledge is not None and self._knowledge.differs(payload, here):
            differing["tool_resources"] = payload.get("tool_resources", {})
        if not differing:
            if any(finding.blocks for finding in rendered.findings):
                return replace(base, action=Action.CONFLICT, findings=rendered.findings)
            return base
        fields = tuple(self._details(differing, here))
        base = replace(base, fields=fields)
        return self._write(base, Action.UPDATE, differing, rendered, payload)

    def _write(
        self,
        base: Change,
        action: Action,
        payload: Mapping[str, Any],
        rendered: Rendered,
        whole: Mapping[str, Any],
    ) -> Change:
        findings = rendered.findings
        if limits := self._capabilities.limits:
            said = {(finding.code, finding.field) for finding in findings}
            found = check(whole, limits)
            findings += tuple(f for f in found if (f.code, f.field) not in said)
        if self._models is not None and "model" in payload:
            today = self._options.tailoring.today
            findings += tuple(_model_findings(payload["model"], self._models, today))
        if any(finding.blocks for finding in findings):
            return replace(base, action=Action.CONFLICT, findings=findings)
        return replace(base, action=action, payload=payload, findings=findings)

    def _rendered(self, source: Assistant, here: Assistant | None) -> Rendered:
        """Return what the copy shall be, its model, knowledge and metadata as they will be there.

        With `strict`, whatever is lost is a finding that blocks.
        """
        marker, wanted = self._marker(source, here), self._options.tailoring.search_function
        replaced = wanted and "file_search" in self._capabilities.homeless
        shown = with_search_function(source) if replaced else source
        rendered = self._render(shown, marker)
        if shown is not source:
            rendered = searched(rendered, source)
        rendered = self._tailor.fit(rendered)
        if self._knowledge is not None:
            rendered = self._knowledge.link(source, here, rendered)
        if self._capabilities.inline:
            rendered = without_idle_search(rendered, here)
        environments = self._options.environments
        if environments is not None and (told := environment_ledger(source, environments)):
            rendered = replace(rendered, ledger=(*rendered.ledger, *told))
        if self._options.strict and (lost := tuple(_losses(rendered.ledger))):
            rendered = replace(rendered, findings=rendered.findings + lost)
        return rendered

    def _marker(self, source: Assistant, here: Assistant | None) -> Marker:
        """Return the identity that the copy shall carry.

        A counterpart that is not the source's clone (its original, its sibling) keeps what it
        says of its own origin; one of the same id is the source itself, so all is copied.
        """
        mark = Marker({CLONED_FROM: source.id})
        if here is None:
            return mark if self._options.identity is Identity.METADATA else Marker()
        origin = here.cloned_from
        if here.id == source.id and origin != source.id:
            return Marker(without=frozenset())
        if here.id == source.cloned_from or (origin and origin == source.cloned_from):
            own = {k: v for k, v in here.metadata.items() if k in mark.without}
            return Marker(own)
        if origin == source.id or self._options.identity is Identity.METADATA:
            return mark
        return Marker()

    def _differing(self, rendered: Rendered, here: Assistant) -> Iterator[tuple[str, Any]]:
        payload, there = rendered.payload, here.raw
        ignored = self._options.ignore
        for name in (*rendered.fields, *self._comparable_extras(payload)):
            wanted, found = payload.get(name), there.get(name)
            if wanted is found or (type(wanted) is type(found) in _PLAIN and wanted == found):
                continue
            if name == "tool_resources" or name in ignored:
                continue
            if not same(name, wanted, found):
                reset = None if name in refused(payload) else RESETS.get(name)
                yield name, payload.get(name, reset)

    def _comparable_extras(self, payload: Mapping[str, Any]) -> list[str]:
        if payload.keys() <= KNOWN:
            return []
        extras = payload.keys() - KNOWN - READ_ONLY - self._options.ignore
        return sorted(extras if self._extras is None else extras & self._extras)

    def _left_out(self, payload: Mapping[str, Any], here: Assistant) -> list[LedgerEntry]:
        """Return the fate of fields that differ and that nobody is going to write."""
        if not self._options.ignore and payload.keys() <= KNOWN:
            return []
        ignored = payload.keys() & self._options.ignore
        unseen = (
            payload.keys() - KNOWN - READ_ONLY - ignored - set(self._comparable_extras(payload))
        )
        entries = []
        for names, fidelity, reason in (
            (ignored, Fidelity.DEGRADED, "it differs and was to be ignored"),
            (unseen, Fidelity.DROPPED, "the destination does not show this field"),
        ):
            differing = (n for n in sorted(names) if not same(n, payload[n], here.raw.get(n)))
            entries += [LedgerEntry(name, fidelity, reason) for name in differing]
        return entries

    @staticmethod
    def _details(differing: Mapping[str, Any], here: Assistant) -> Iterator[FieldChange]:
        for name, after in differing.items():
            yield from diff(meaning(name, here.raw.get(name)), meaning(name, after), name)


def _harmless(findings: Findings) -> Findings:
    return tuple(finding for finding in findings if not finding.blocks) if findings else ()


def _corrected(ledger: Ledger, entries: list[LedgerEntry]) -> Ledger:
    """Return the ledger with these entries in place of others on the same fields."""
    fields = {entry.field for entry in entries}
    return (*(entry for entry in ledger if entry.field not in fields), *entries)


def _too_deep() -> Finding:
    return error(
        "nested-too-deeply",
        "Something in it is nested too deeply to be compared (several hundred levels).",
        field="tools",
        hint="Look for it in the parameters of its functions.",
    )


def _ambiguous(counterpart: Counterpart[Assistant]) -> Finding:
    return error(
        "ambiguous-copy",
        f"{counterpart.reason}.",
        hint="Delete the wrong one, or remove its metadata.cloned_from; nothing is guessed.",
    )


def _model_findings(model: Any, models: Offered, today: str) -> Iterable[Finding]:
    if isinstance(model, str) and model and model not in models:
        instead = fate(model, today, models).replacement
        advice = f"{instead} replaces it: --map-model recommended. " if instead else ""
        yield error(
            "model-not-there",
            f"The destination does not offer the model {model}.",
            field="model",
            hint=f"{advice}--map-model {model}=NEW swaps it; --no-model-check goes on if the "
            "list is incomplete.",
        )


def _with_others(rendered: Rendered, here: Assistant) -> tuple[Rendered, tuple[str, ...]]:
    """Return the rendering with the metadata that others set, and its keys.

    An update would wipe it; what the source no longer has cannot be told from it, and stays.
    """
    wanted = rendered.payload.get("metadata")
    if not isinstance(wanted, Mapping):
        return rendered, ()
    others = {
        key: value
        for key, value in here.metadata.items()
        if key not in rendered.owned and key not in wanted
    }
    if not others:
        return rendered, ()
    payload = {**rendered.payload, "metadata": {**others, **wanted}}
    ledger = rendered.ledger
    if told := sorted(others.keys() - LINKS - {CLONED_FROM}):
        ledger = tuple(_with_note(entry, told) for entry in ledger)
    return replace(rendered, payload=payload, ledger=ledger), tuple(sorted(others))


def _with_note(entry: LedgerEntry, keys: list[str]) -> LedgerEntry:
    """Return the entry of metadata with what else stands there."""
    if entry.field != "metadata":
        return entry
    named = ", ".join(keys[:_NAMED]) + (f" and {len(keys) - _NAMED} more" * (len(keys) > _NAMED))
    reason = f"{named} is there besides, and stays"
    fidelity = entry.fidelity if entry.reason else Fidelity.MAPPED
    return LedgerEntry(entry.field, fidelity, "; ".join(filter(None, (entry.reason, reason))))


def _losses(ledger: Ledger) -> Iterator[Finding]:
    for entry in ledger:
        if entry.fidelity in LOSSY:
            yield error(
                "loss-refused",
                f"{entry.field} would be {entry.fidelity}: {entry.reason}.",
                field=entry.field,
                hint="Nothing may be lost with --strict; go without it to accept this.",
            )
