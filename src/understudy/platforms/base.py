"""The contract between Understudy and every place that holds assistants.

One call is one request (or one file access): that is why retry, pacing and dry run can wrap a
platform from outside, and why no adapter has a loop around a request.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from understudy.model.assistant import CLONED_FROM, FIELDS, Assistant
from understudy.model.fidelity import Ledger
from understudy.model.findings import Findings
from understudy.model.kinds import Kind
from understudy.model.limits import Limits
from understudy.platforms.environments import Environments
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
    place can only be copied from. `kind` is what it holds, None where it holds every kind as it
    is. What lies in a place that `runs` definitions must please their model. `replaces_metadata`:
    an update of it wipes keys that others set. `homeless` are tools whose knowledge has no home
    there, and why; `inline` places name knowledge within the tools. Without `openai_models`, models
    are named by the place's own rules, and end when it says so.
    """

    limits: Limits | None
    remote: bool
    lists_models: bool = False
    read_only: bool = False
    kind: Kind | None = None
    runs: bool = False
    replaces_metadata: bool = False
    homeless: Mapping[str, str] = field(default_factory=dict)
    openai_models: bool = True
    inline: bool = False


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
    """An assistant in a platform's own form, with the fate of every field.

    `findings` are what the platform cannot take beyond its published limits. `fields` are those
    that the source decides about, `owned` the metadata keys of the copy that hold such fields.
    """

    payload: Mapping[str, Any]
    ledger: Ledger
    findings: Findings = ()
    fields: tuple[str, ...] = FIELDS
    owned: frozenset[str] = frozenset()


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

    @property
    def environments(self) -> Environments | None:
        """Where agents run code; None where it is not set up by itself."""
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

    async def models(self) -> Mapping[str, str | None] | None:
        """Return the ids of the models that can be used there, None where it cannot tell.

        Each comes with the day on which it is shut down, as YYYY-MM-DD, an empty text where the
        place knows of none, None where it does not say. Raises AuthenticationError for a key that
        is refused.
        """
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
