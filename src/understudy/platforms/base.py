"""The contract between Understudy and every place that holds assistants.

One call is one request (or one file access): that is why retry, pacing and dry run can wrap a
platform from outside, and why no adapter has a loop around a request.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol

from understudy.model.assistant import CLONED_FROM, Assistant, definition
from understudy.model.fidelity import Fidelity, Ledger, LedgerEntry, exact
from understudy.model.findings import Findings, error
from understudy.model.limits import Limits
from understudy.platforms.knowledge import Knowledge


@dataclass(frozen=True, slots=True)
class PlaceInfo:
    """Which place this is, for reports and saved plans; holds no secret.

    `address` is a base URL or a path; `origin` is where a snapshot was exported from, as far as
    it says so.
    """

    name: str
    platform: str
    address: str
    organization: str = ""
    project: str = ""
    origin: str = ""

    @property
    def home(self) -> str:
        """Where its ids were given: only there do short ones mean the same; empty if unknown."""
        return self.origin or (self.address if "://" in self.address else "")

    def __str__(self) -> str:
        scope = [part for part in (self.organization, self.project) if part]
        return f"{self.name} ({', '.join([self.platform, self.address, *scope])})"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a platform can do; whatever it cannot becomes a ledger entry, never silence.

    `limits` is None where everything fits. `remote` places are reached over the network: they
    are paced, they can lose answers, and their ids are unique across projects. A `read_only`
    place can only be copied from.
    """

    limits: Limits | None
    remote: bool
    lists_models: bool = False
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """Part of a listing; `after` continues it, None when this was the last page.

    `findings` say what of it could not be read; the rest is there.
    """

    assistants: tuple[Assistant, ...]
    after: str | None
    findings: Findings = ()


@dataclass(frozen=True, slots=True)
class Rendered:
    """An assistant in a platform's own form, with the fate of every field."""

    payload: Mapping[str, Any]
    ledger: Ledger
    findings: Findings = ()  # what the platform cannot take beyond its published limits


@dataclass(frozen=True, slots=True)
class Marker:
    """Metadata that a copy carries: `adds` identity, and never copies the keys in `without`."""

    adds: Mapping[str, str] = field(default_factory=dict)
    without: frozenset[str] = frozenset({CLONED_FROM, "imported_from", "imported_at"})


@dataclass(frozen=True, slots=True)
class Wait:
    """A pause that has begun: where, why, and for how many seconds. For displays and logs."""

    place: str
    reason: str
    seconds: float


class Platform(Protocol):
    """A place that holds assistants. Errors are `PlaceError` or `SnapshotError`."""

    @property
    def info(self) -> PlaceInfo:
        """Which place this is."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""
        ...

    @property
    def knowledge(self) -> Knowledge | None:
        """Its files and vector stores; None where it holds none."""
        ...

    async def list_page(self, *, after: str | None = None, newest_first: bool = False) -> Page:
        """Return the page that follows `after`; oldest first unless asked otherwise.

        May be repeated.
        """
        ...

    async def retrieve(self, assistant_id: str) -> Assistant:
        """Return one assistant or raise MissingError; may be repeated."""
        ...

    async def create(self, payload: Mapping[str, Any]) -> Assistant:
        """Create an assistant and return what is there now.

        Must not be repeated after a LostAnswerError without looking first.
        """
        ...

    async def update(self, assistant_id: str, fields: Mapping[str, Any]) -> Assistant:
        """Set the given top-level fields, leave the others; return what is there now.

        May be repeated.
        """
        ...

    async def delete(self, assistant_id: str) -> None:
        """Delete one assistant; one that is not there is fine. May be repeated."""
        ...

    async def models(self) -> frozenset[str] | None:
        """Return the ids of the models that can be used there, None where it cannot tell."""
        ...

    def render(self, assistant: Assistant, marker: Marker) -> Rendered:
        """Return the assistant in this platform's form. Pure: no I/O, no clock."""
        ...

    async def flush(self) -> None:
        """Make all writes durable. May be repeated."""
        ...

    async def aclose(self) -> None:
        """Release connections and files; writes that were not flushed may be lost."""
        ...


#: Fields that point into their own project; copying the ids would point nowhere.
_NOT_CARRIED = {
    "tool_resources": "files and vector stores were not asked for (--file-search, "
    "--code-interpreter): they are neither copied nor touched",
}


def render_fields(assistant: Assistant, marker: Marker) -> Rendered:
    """Return a rendering that keeps every field as it is, for platforms of the same shape."""
    payload = definition(assistant.raw)
    ledger = []
    for name, reason in _NOT_CARRIED.items():
        if name in payload:
            lost = _holds_anything(payload.pop(name))
            ledger.append(LedgerEntry(name, Fidelity.DROPPED, reason) if lost else exact(name))
    ledger += _all_exact(tuple(payload))
    ledger.append(_metadata_entry(assistant, marker))
    if not isinstance(assistant.raw.get("metadata"), Mapping | None):
        # Nothing can say there of whom it is the clone: every run would make another one.
        text = "metadata is no object, so the copy could not be recognised again."
        return Rendered(payload, tuple(ledger), (error("bad-metadata", text, field="metadata"),))
    kept = {k: v for k, v in assistant.metadata.items() if k not in marker.without}
    payload["metadata"] = {**kept, **marker.adds}
    return Rendered(payload, tuple(ledger))


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
