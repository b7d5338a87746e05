"""Fitting an assistant to where it will run: its model, and what that model refuses. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from understudy.model.assistant import Assistant
from understudy.model.fidelity import Fidelity, LedgerEntry
from understudy.model.findings import Finding, Findings, Severity
from understudy.model.retirement import Fate, Offered, State, Traits, fate, traits
from understudy.platforms.base import Rendered

#: What a function that stands in for file search is called.
SEARCH = "search_knowledge"

_SAMPLING = ("temperature", "top_p")


@dataclass(frozen=True, slots=True)
class Tailoring:
    """What to change on the way. `models` maps old to new; `today` is an ISO 8601 date.

    `recommended` swaps every model that is gone or whose end is known for the living one that
    replaces it. `search_function` turns file search into a function that the application answers.
    """

    models: Mapping[str, str] = field(default_factory=dict)
    recommended: bool = False
    search_function: bool = False
    today: str = ""

    def target(self, model: str, offered: Offered | None) -> str:
        """Return the model to use instead, the same one where nothing is to be swapped."""
        if model in self.models:
            return self.models[model]
        if self.recommended and (end := fate(model, self.today, offered)).ends:
            return end.replacement or model
        return model


def with_search_function(assistant: Assistant) -> Assistant:
    """Return the assistant with a function in the place of its file search, if it has one."""
    tools = assistant.tools
    if not any(_is_search(tool) for tool in tools):
        return assistant
    name = search_name(assistant)
    kept = [_search(name) if _is_search(tool) else tool for tool in tools]
    return Assistant(assistant.id, {**assistant.raw, "tools": kept})


def search_name(assistant: Assistant) -> str:
    """Return the name of the function that stands in for file search."""
    taken = {function.get("name") for function in assistant.functions()}
    name, number = SEARCH, 2
    while name in taken:
        name, number = f"{SEARCH}_{number}", number + 1
    return name


def searched(rendered: Rendered, source: Assistant) -> Rendered:
    """Return the rendering of an assistant with a search function, with that in its ledger."""
    reason = (
        f"the function {search_name(source)} stands in for it: your program answers it with "
        "POST /vector_stores/{id}/search"
    )
    kept = [entry for entry in rendered.ledger if entry.field != "tools.file_search"]
    entry = LedgerEntry("tools.file_search", Fidelity.DEGRADED, reason)
    return replace(rendered, ledger=(*kept, entry))


class Tailor:
    """Fits renderings to one destination; what is known of a model is looked up once.

    Where nothing `runs`, only what was asked for is changed. `dated` places have OpenAI's models,
    of which it is known when they end.
    """

    def __init__(
        self,
        tailoring: Tailoring,
        offered: Offered | None,
        *,
        runs: bool,
        dated: bool = True,
    ) -> None:
        self._tailoring = tailoring
        self._offered = offered
        self._runs = runs
        self._warns = runs and dated and bool(tailoring.today)
        self._known: dict[str, tuple[str, Traits | None, Findings]] = {}

    def fit(self, rendered: Rendered) -> Rendered:
        """Return the rendering with the model to be used, and without what that refuses. Pure."""
        model = rendered.payload.get("model")
        if not isinstance(model, str) or not model:
            return rendered
        target, able, warnings = self._of(model)
        swaps = target != model
        touched = swaps or (self._runs and able is not None and _speaks(rendered.payload, able))
        if not touched:
            if not warnings:
                return rendered
            return replace(rendered, findings=rendered.findings + warnings)
        payload = dict(rendered.payload)
        entries: list[LedgerEntry] = []
        if swaps:
            payload["model"] = target
            entries.append(_swapped(model, target, self._tailoring, self._offered))
            entries += _adjust_effort(payload, traits(model), able, rendered.fields, target)
        entries += _silence(payload, able, target)
        entries = [_named_as_there(entry, rendered) for entry in entries]
        fields = {entry.field for entry in entries}
        kept = tuple(entry for entry in rendered.ledger if entry.field not in fields)
        findings = rendered.findings + warnings
        return replace(rendered, payload=payload, ledger=(*kept, *entries), findings=findings)

    def _of(self, model: str) -> tuple[str, Traits | None, Findings]:
        """Return the model to use instead, what it does with parameters, and what to know of it."""
        if model not in self._known:
            target = self._tailoring.target(model, self._offered)
            end = fate(target, self._tailoring.today, self._offered)
            warnings = tuple(_warnings(end)) if self._warns else ()
            self._known[model] = target, traits(target), warnings
        return self._known[model]


def tailor(
    rendered: Rendered,
    tailoring: Tailoring,
    offered: Offered | None,
    *,
    runs: bool,
    dated: bool = True,
) -> Rendered:
    """Return one rendering, fitted; see `Tailor`."""
    return Tailor(tailoring, offered, runs=runs, dated=dated).fit(rendered)


def _speaks(payload: Mapping[str, Any], able: Traits) -> bool:
    """Tell whether a payload says anything that a model with these traits might refuse."""
    if able.reasons:
        return True
    return payload.get("reasoning_effort") is not None or bool(payload.get("reasoning"))


def _named_as_there(entry: LedgerEntry, rendered: Rendered) -> LedgerEntry:
    """Return the entry under the name that the source has for the field."""
    told = {one.field for one in rendered.ledger}
    if entry.field == "reasoning_effort" and "reasoning" in told and entry.field not in told:
        return replace(entry, field="reasoning")
    return entry


def refused(payload: Mapping[str, Any]) -> frozenset[str]:
    """Return the sampling parameters that the payload's model refuses even at their default."""
    model = payload.get("model")
    found = traits(model) if isinstance(model, str) else None
    silent = found is not None and found.reasons and not _samples(payload, found)
    return frozenset(_SAMPLING) if silent else frozenset()


def _swapped(model: str, target: str, tailoring: Tailoring, offered: Offered | None) -> LedgerEntry:
    why = "as asked"
    if model not in tailoring.models:
        why = ended(fate(model, tailoring.today, offered))
    return LedgerEntry("model", Fidelity.MAPPED, f"{target} instead of {model}: {why}")


def ended(end: Fate) -> str:
    """Return in words how a model ends."""
    if end.state is State.ABSENT:
        return "it is not offered there"
    verb = "was" if end.state is State.DEAD else "will be"
    return f"{end.model} {verb} shut down on {end.shutdown}" if end.shutdown else "it is gone"


def _adjust_effort(
    payload: dict[str, Any],
    before: Traits | None,
    after: Traits | None,
    fields: tuple[str, ...],
    target: str,
) -> Iterator[LedgerEntry]:
    """Keep a model that reasons from doing so where the old one did not."""
    if after is None or not after.samples or before is None or before.reasons:
        return
    reason = f"none: {target} reasons unless told otherwise, and the old model did not"
    if "reasoning" in fields:
        said = payload.get("reasoning") or {}
        if not isinstance(said, dict):
            return  # whoever writes it refuses it
        payload["reasoning"] = {**said, "effort": "none"}
    else:
        payload["reasoning_effort"] = "none"
    yield LedgerEntry("reasoning_effort", Fidelity.MAPPED, reason)


def _silence(payload: dict[str, Any], model: Traits | None, name: str) -> Iterator[LedgerEntry]:
    """Leave out what the model would refuse the whole request for."""
    if model is None:
        return
    effort = _effort(payload)
    if not model.reasons and _reasoning(payload):
        for field_name in ("reasoning_effort", "reasoning"):
            payload.pop(field_name, None)
        yield LedgerEntry("reasoning_effort", Fidelity.DROPPED, f"{name} does not reason")
    elif effort is not None and effort in model.refuses:
        payload.pop("reasoning_effort", None)
        rest = {k: v for k, v in _reasoning(payload).items() if k != "effort"}
        payload.pop("reasoning", None)
        if rest:
            payload["reasoning"] = rest
        lost = Fidelity.DEGRADED if rest else Fidelity.DROPPED
        yield LedgerEntry("reasoning_effort", lost, f"{name} knows no effort {effort!r}")
    if not model.reasons or _samples(payload, model):
        return
    for field_name in _SAMPLING:
        if field_name in payload:
            value = payload.pop(field_name)
            if value is not None and value != 1:
                reason = f"{name} reasons, and refuses {field_name}"
                yield LedgerEntry(field_name, Fidelity.DROPPED, reason)


def _samples(payload: Mapping[str, Any], model: Traits) -> bool:
    return model.samples and _effort(payload) == "none"


def _reasoning(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a payload says about reasoning, wherever it says it."""
    reasoning = payload.get("reasoning")
    said = dict(reasoning) if isinstance(reasoning, dict) else {}
    said |= {"effort": _effort(payload)}
    return {key: value for key, value in said.items() if value is not None}


def _effort(payload: Mapping[str, Any]) -> Any:
    if payload.get("reasoning_effort") is not None:
        return payload["reasoning_effort"]
    reasoning = payload.get("reasoning")
    return reasoning.get("effort") if isinstance(reasoning, dict) else None


def _warnings(end: Fate) -> Iterator[Finding]:
    """Yield what is to be known of a model whose end is known; absence is told elsewhere."""
    if end.state not in (State.DYING, State.DEAD):
        return
    code = "model-dying" if end.state is State.DYING else "model-dead"
    if end.replacement:
        advice = f"{end.replacement} replaces it: --map-model recommended."
    else:
        note = f"{end.note[:1].upper()}{end.note[1:]}. " if end.note else ""
        advice = f"{note}To use another one: --map-model {end.model}=NEW."
    yield Finding(code, Severity.WARNING, f"{ended(end)}.", "model", advice)


def _is_search(tool: Any) -> bool:
    return isinstance(tool, dict) and tool.get("type") == "file_search"


def _search(name: str) -> dict[str, Any]:
    return {
        "type": "function",
        "function": {
            "name": name,
            "description": "Search the documents that belong to this assistant, and return the "
            "passages nearest in meaning to the query.",
            "parameters": {
                "type": "object",
                "properties": {
                    "query": {"type": "string", "description": "What to look for, in words."}
                },
                "required": ["query"],
                "additionalProperties": False,
            },
        },
    }
