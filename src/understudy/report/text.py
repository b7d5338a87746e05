"""Plans, results and listings as text for people."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import Any

import click

from understudy.model.assistant import Assistant
from understudy.model.fidelity import Fidelity, LedgerEntry
from understudy.model.findings import Finding
from understudy.redact import hide
from understudy.replicate.diff import FieldChange, How
from understudy.replicate.events import Status
from understudy.replicate.plan import Action, Change, Plan
from understudy.replicate.result import RunResult
from understudy.report.clean import clean, clean_lines, fit
from understudy.report.jsonlines import run_summary
from understudy.report.knowledge import deletions_text, files_counts, knowledge_text, lacks_text
from understudy.report.unread import unread_text

_SIGNS = {
    Action.CREATE: ("+", "green"),
    Action.UPDATE: ("~", "yellow"),
    Action.UNCHANGED: ("=", "bright_black"),
    Action.CONFLICT: ("!", "red"),
}
_ELSEWHERE = frozenset({"file_search", "code_interpreter"})  # what becomes of knowledge
_UNHARMED = frozenset({Fidelity.EXACT, Fidelity.MAPPED})
_LONG = 60  # characters from which a text is shown as a unified diff
_MANY = 5000  # lines, before and after together: comparing takes the square of it
_ID = 64  # columns of an id: one that is cut cannot be copied
_NAME = 36  # columns for names
_WIDE = 500  # characters from which a line is shown in excerpts
_AROUND = 40  # characters around a difference in an excerpt


def plan_text(plan: Plan) -> Iterator[str]:
    """Yield the plan's lines: one an assistant, its differences below it, the counts last."""
    for change in plan.changes:
        yield from change_text(change)
    yield from ledger_text(plan.changes)
    yield from warnings_text(plan.changes)
    if plan.knowledge is not None:
        yield from knowledge_text(plan.knowledge)
    yield from deletions_text(plan.deletions)
    yield from unread_text(plan.unread, plan.source.name)
    yield from (f"\nNote: {clean(note)}" for note in plan.notes)
    yield ""
    yield plan_counts(plan)


def change_text(change: Change) -> Iterator[str]:
    """Yield one assistant's line and, indented, what differs and what is in the way."""
    sign, color = _SIGNS[change.action]
    name = fit(clean(change.name) or f"(nameless {clean(change.source_id)})", _NAME)
    yield _paint(f"{sign} {name}  {_about(change)}".rstrip(), color)
    for field in change.fields:
        yield from field_text(field)
    blocking = [finding for finding in change.findings if finding.blocks]
    for finding, following in zip_longest(blocking, blocking[1:]):
        # One hint for all that it helps.
        same = following is not None and following.hint == finding.hint
        yield from finding_text(replace(finding, hint="") if same else finding)
    yield from lacks_text(change.lacks, reasons=False)


def field_text(change: FieldChange) -> Iterator[str]:
    """Yield one field's before and after; long texts as a unified diff."""
    path = clean(change.path)
    if change.how is How.MOVED:
        yield f"    {path}: order {_short(change.before)} → {_short(change.after)}"
    elif _is_long(change.before) or _is_long(change.after):
        yield f"    {path}:"
        yield from _unified(change.before, change.after)
    elif change.how is How.ADDED:
        yield _paint(f"    {path}: + {_short(change.after)}", "green")
    elif change.how is How.REMOVED:
        yield _paint(f"    {path}: - {_short(change.before)}", "red")
    else:
        yield f"    {path}: {_short(change.before)} → {_short(change.after)}"


def finding_text(finding: Finding) -> Iterator[str]:
    """Yield a finding and its hint."""
    yield _paint(f"    {finding.severity}: {clean(finding.message)}", "red")
    if finding.hint:
        yield f"      {clean(finding.hint)}"


def ledger_text(changes: Iterable[Change]) -> Iterator[str]:
    """Yield what is not exact of the definitions, worst first, each reason once with its count.

    The last line counts the fields of each fate.
    """
    counts: dict[LedgerEntry, int] = {}
    fates = dict.fromkeys(Fidelity, 0)
    for change in changes:
        for entry in change.ledger:
            fates[entry.fidelity] += 1
            if entry.field not in _ELSEWHERE and entry.reason:
                counts[entry] = counts.get(entry, 0) + 1
    if not counts:
        return
    yield ""
    for fate in reversed(list(Fidelity)):
        for entry, count in counts.items():
            if entry.fidelity is fate:
                said = f"{clean(entry.field)} {fate} ({counted(count)}): {clean(entry.reason)}"
                yield _paint(f"  {said}", "bright_black") if fate in _UNHARMED else f"  {said}"
    yield f"  Fields: {', '.join(f'{count} {fate}' for fate, count in fates.items())}"


def warnings_text(changes: Iterable[Change]) -> Iterator[str]:
    """Yield what is worth knowing of assistants that can be written, each thing once."""
    counts: dict[Finding, int] = {}
    for change in changes:
        for finding in change.findings:
            if not finding.blocks:
                counts[finding] = counts.get(finding, 0) + 1
    if counts:
        yield ""
    for finding, count in counts.items():
        text = f"  {clean(finding.message)} {counted(count).capitalize()}. {clean(finding.hint)}"
        yield _paint(text.rstrip(), "yellow")


def plan_counts(plan: Plan) -> str:
    """Return the last line of a plan."""
    conflicts = plan.count(Action.CONFLICT)
    parts = [
        f"{plan.count(Action.CREATE)} to create",
        f"{plan.count(Action.UPDATE)} to update",
        f"{plan.count(Action.UNCHANGED)} unchanged",
        f"{conflicts} conflict{'' if conflicts == 1 else 's'}",
    ]
    if plan.deletions:
        parts.append(f"{len(plan.deletions)} to delete")
    if plan.knowledge is not None:
        parts += files_counts(plan.knowledge)
    return f"Plan: {', '.join(parts)}"


def result_text(result: RunResult) -> Iterator[str]:
    """Yield what went wrong, one assistant a paragraph, and the counts."""
    for outcome in result.outcomes:
        if outcome.status is Status.PARTIAL or (
            outcome.error and outcome.status is not Status.CONFLICT
        ):
            name = clean(outcome.name) or "(nameless)"
            yield _paint(f"! {name} ({clean(outcome.source_id)}): {outcome.status}", "red")
            yield from lacks_text(outcome.lacks)
            if outcome.error:
                yield f"    {clean(outcome.error)}"
    for store in result.stores:
        if store.error and store.status is not Status.CONFLICT:
            yield _paint(f"! vector store {clean(store.name)}: {store.status}", "red")
            yield f"    {clean(store.error)}"
    for one in result.deleted:
        if one.error:
            what = f"{one.deletion.kind} {clean(one.deletion.name)}"
            yield _paint(f"! {what} ({clean(one.deletion.destination_id)}): not deleted", "red")
            yield f"    {clean(one.error)}"
    counts = run_summary(result)
    files = counts.pop("files", {})
    shown = [
        f"{n} {word}" for word, n in counts.items() if word != "total" and (n or word != "partial")
    ]
    shown += [f"{sum(files.values())} files ({_parts(files)})"] if files else []
    text = ", ".join(shown).replace(" 1 conflicts,", " 1 conflict,")
    text = text.replace(" 1 files (", " 1 file (")
    yield f"Done: {text}, in {result.seconds:.1f} s"


def _parts(counts: dict[str, int]) -> str:
    return ", ".join(f"{n} {word}" for word, n in counts.items())


def assistants_text(assistants: Sequence[Assistant]) -> Iterator[str]:
    """Yield a table of assistants and their count."""
    ids = min(_ID, max((len(clean(one.id)) for one in assistants), default=0))
    for assistant in assistants:
        name = fit(clean(assistant.name) or "(nameless)", _NAME)
        model = fit(clean(assistant.model), 16)
        origin = f"clone of {clean(assistant.cloned_from)}" if assistant.cloned_from else ""
        tools = ", ".join(_tools(assistant))
        shown = fit(clean(assistant.id), max(ids, 29))
        yield f"{shown}  {name}  {model}  {tools}  {origin}".rstrip()
    yield counted(len(assistants))


def counted(number: int) -> str:
    """Return a number of assistants in words."""
    return f"{number} assistant{'' if number == 1 else 's'}"


def _tools(assistant: Assistant) -> Iterator[str]:
    count = len(assistant.functions())
    if count:
        yield _functions(count)
    for tool in assistant.tools:
        kind = tool.get("type") if isinstance(tool, dict) else tool
        if kind != "function":
            yield clean(str(kind))


def _functions(count: int) -> str:
    return f"{count} function{'' if count == 1 else 's'}"


def _about(change: Change) -> str:
    there = clean(change.destination_id or "")
    if change.action is Action.CREATE:
        functions = f", {_functions(change.functions)}" if change.functions else ""
        return f"create  {clean(change.model)}{functions}"
    if change.action is Action.UPDATE:
        return f"update  {there}: {clean(', '.join(change.payload))}"
    if change.action is Action.UNCHANGED:
        return f"unchanged  {there}{', partial' if change.lacks else ''}"
    return "conflict"


def _is_long(value: Any) -> bool:
    return isinstance(value, str) and (len(value) > _LONG or "\n" in value)


def _unified(before: Any, after: Any) -> Iterator[str]:
    texts = [clean_lines(value) if isinstance(value, str) else None for value in (before, after)]
    old, new = (text.split("\n") if text is not None else [] for text in texts)
    if len(old) + len(new) > _MANY:
        yield f"      {len(old):,} lines → {len(new):,} lines, too many to compare; see --json"
        return
    if max(map(len, (*old, *new))) > _WIDE:
        yield from _excerpts(texts[0] or "", texts[1] or "")
        return
    for text in list(difflib.unified_diff(old, new, lineterm="", n=2))[2:]:
        color = {"+": "green", "-": "red", "@": "cyan"}.get(text[:1])
        yield _paint(f"      {text}", color) if color else f"      {text}"


def _excerpts(before: str, after: str) -> Iterator[str]:
    """Yield what differs between texts with very long lines, and a little around it."""
    start = _shared(before, after)
    end = _shared(before[start:][::-1], after[start:][::-1])
    for sign, text, color in (("-", before, "red"), ("+", after, "green")):
        first, last = max(0, start - _AROUND), min(len(text), len(text) - end + _AROUND)
        shown = json.dumps(text[first:last], ensure_ascii=False)[1:-1]
        if len(shown) > _WIDE:
            shown = f"{shown[:_WIDE]}… ({last - first:,} characters)"
        dots = ("…" if first else "", "…" if last < len(text) else "")
        yield _paint(f"      {sign}{dots[0]}{shown}{dots[1]}", color)


def _shared(one: str, other: str) -> int:
    """Return with how many equal characters two texts begin."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(one), len(other)))


def _short(value: Any) -> str:
    text = clean(hide(json.dumps(value, ensure_ascii=False)))
    return text if len(text) <= 100 else text[:97] + "..."


def _paint(text: str, color: str) -> str:
    return click.style(text, fg=color)
