"""The knowledge's part of plans and results, as text for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from understudy.model.fidelity import Fidelity
from understudy.replicate.knowledge.ledger import named
from understudy.replicate.knowledge.plan import FileAction, FileStep, KnowledgePlan, Lack
from understudy.replicate.knowledge.route import FIDELITY, Route
from understudy.replicate.knowledge.store_plan import StoreAction, StoreStep
from understudy.replicate.prune import Deletion
from understudy.report.clean import clean, fit
from understudy.report.costs import VECTOR_STORES, daily_cost, money
from understudy.report.sizes import many, size

_SIGNS = {
    StoreAction.CREATE: ("+", "green"),
    StoreAction.UPDATE: ("~", "yellow"),
    StoreAction.UNCHANGED: ("=", "bright_black"),
    StoreAction.MISSING: ("!", "red"),
    StoreAction.CONFLICT: ("!", "red"),
}
_NAME = 36  # columns for names
_MOST = 20  # files of one kind that are shown by name
_FEW = 5  # things that one assistant lacks that are shown by name


def knowledge_text(plan: KnowledgePlan) -> Iterator[str]:
    """Yield stores, what travels by which route, what is missing, and what storing it costs."""
    if not (plan.files or plan.stores):
        return
    yield ""
    yield "Knowledge"
    for store in plan.stores:
        yield from _store(store)
    for route, counts in plan.routes().items():
        fidelity, words = FIDELITY[Route(route)]
        degraded = "" if fidelity is Fidelity.EXACT else f", {fidelity}"
        yield f"  {many(counts['files'], 'file')}, {size(counts['bytes'])}: {words}{degraded}"
        if not degraded:
            moving = (s for s in plan.files if s.action is FileAction.MOVE)
            names = [clean(s.name) for s in moving if s.routes[0] == route]
            yield f"      {named(names, _FEW)}"
    there = plan.count(FileAction.THERE)
    if there:
        yield f"  {many(there, 'file')} there already"
    texts = [s for s in plan.files if s.text and s.action is FileAction.MOVE]
    yield from _files("as text only", texts, "yellow")
    yield from _files("missing", [s for s in plan.files if s.action is FileAction.MISSING], "red")
    left = [s for s in plan.files if s.action is FileAction.LEFT_OUT]
    yield from _files("left out", left, "red")
    if any(store.action is StoreAction.CREATE for store in plan.stores):
        cost, new = daily_cost(plan.storage_bytes), size(plan.storage_bytes)
        yield f"  Storing the new vector stores ({new}) costs {money(cost)} a day at most"
        price = f"${VECTOR_STORES.usd_per_gb_day:.2f} a GB and day"
        yield f"  (list price of {cost.as_of}: {price}, the first GB of a project is free)"
    if plan.count(FileAction.MISSING):
        yield (
            "  Supply what is missing with --files-dir DIR, or take the parsed text of files in "
            "vector stores with --text-fallback."
        )


def files_counts(plan: KnowledgePlan) -> Iterator[str]:
    """Yield what the last line of a plan says of files."""
    if not plan.files:
        return
    moving = plan.count(FileAction.MOVE)
    yield f"{many(moving, 'file')} to move ({size(plan.moved_bytes)})"
    for action, words in ((FileAction.MISSING, "missing"), (FileAction.LEFT_OUT, "left out")):
        if number := plan.count(action):
            yield f"{many(number, 'file')} {words}"


def deletions_text(deletions: Sequence[Deletion]) -> Iterator[str]:
    """Yield what is to be deleted, one line each."""
    if deletions:
        yield ""
        yield "To be deleted in the destination: their originals are gone"
    for one in deletions:
        name = fit(clean(one.name) or "(nameless)", _NAME)
        yield click.style(f"- {name}  {one.kind}  {clean(one.destination_id)}", fg="red")


def lacks_text(lacks: Sequence[Lack], *, reasons: bool = True) -> Iterator[str]:
    """Yield what an assistant lacks, and why."""
    for lack in lacks[:_FEW]:
        name = clean(lack.name or lack.source_id)
        why = f": {clean(lack.reason)}" if reasons else ""
        yield click.style(f"    lacks {name} ({lack.tool}){why}", fg="red")
    if len(lacks) > _FEW:
        yield click.style(f"    and lacks {len(lacks) - _FEW} more", fg="red")


def _store(step: StoreStep) -> Iterator[str]:
    from understudy.report.text import field_text

    sign, color = _SIGNS[step.action]
    name = fit(clean(step.name) or f"(nameless {clean(step.source_id)})", _NAME)
    parts = [
        f"{len(step.attach)} to attach" if step.attach and step.destination_id else "",
        f"{len(step.detach)} to detach" if step.detach else "",
        f"attributes of {len(step.retag)}" if step.retag else "",
        f"{len(step.lacking)} missing" if step.lacking else "",
        f"{len(step.failed)} not searchable" if step.failed else "",
    ]
    text = ", ".join([many(len(step.carried), "file"), *(part for part in parts if part)])
    yield click.style(f"  {sign} {name}  {step.action}  {text}".rstrip(), fg=color)
    for field in step.fields:
        yield from (f"  {line}" for line in field_text(field))
    if step.reason:
        yield click.style(f"      {clean(step.reason)}", fg=color)


def _files(what: str, steps: Sequence[FileStep], color: str) -> Iterator[str]:
    for step in steps[:_MOST]:
        name = clean(step.name) or clean(step.source_id)
        reason = f": {clean(step.reason)}" if step.reason else ""
        yield click.style(f"  {what}: {name} ({size(step.bytes)}){reason}", fg=color)
    if len(steps) > _MOST:
        yield click.style(f"  {what}: {len(steps) - _MOST} more", fg=color)
