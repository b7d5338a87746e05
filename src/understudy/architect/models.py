"""Which model answers for a portable name: by the specification's priority, the same each time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from enum import StrEnum

#: Whose models a name means, by a part of it; the first that fits decides.
KEYWORDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("gpt", ("openai",)),
    ("openai", ("openai",)),
    ("claude", ("anthropic", "bedrock")),
    ("gemini", ("google",)),
)


#: Of longer names the beginning is compared.
_LONGEST = 64  # characters


@dataclass(frozen=True, slots=True)
class Model:
    """A model that is there. `context_window` is in tokens, None where nobody told."""

    id: str
    provider: str
    active: bool = True
    order: int = 0
    context_window: int | None = None
    tools: frozenset[str] = frozenset()

    @property
    def asked(self) -> str:
        """Its name as providers take it: PROVIDER/NAME."""
        prefix = f"{self.provider}/"
        return self.id if self.id.startswith(prefix) else f"{prefix}{self.id}"


class How(StrEnum):
    """How a model was found for a name."""

    OVERRIDE = "override"
    EXACT = "exact"
    PROVIDER = "provider"
    FALLBACK = "fallback"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Mapped:
    """A portable name, the model that answers for it (None: there is none), and why."""

    name: str
    model: Model | None
    how: How
    of: int = 0

    @property
    def why(self) -> str:
        """The reason in words: `exact`, `provider: closest of 4`, `fallback`."""
        if self.how is How.PROVIDER and self.model is not None:
            return f"{self.model.provider}: closest of {self.of}"
        return self.how.value


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The models that are there; `overrides` are names, each with the model that answers."""

    models: tuple[Model, ...]
    overrides: Mapping[str, str] = field(default_factory=dict)

    def active(self) -> tuple[Model, ...]:
        """Return the models that may be used, by configured order, then by id."""
        return tuple(sorted((m for m in self.models if m.active), key=lambda m: (m.order, m.id)))

    def find(self, name: str) -> Model | None:
        """Return the active model of exactly this id."""
        return next((model for model in self.models if model.active and model.id == name), None)

    def chosen(self, name: str) -> Model | None:
        """Return the active model of this id, else of this PROVIDER/NAME: as overrides name it."""
        asked = (model for model in self.models if model.active and model.asked == name)
        return self.find(name) or next(asked, None)

    def map(self, name: str) -> Mapped:
        """Return which model answers for a name: an exact id, the provider's closest, the first."""
        if name in self.overrides:
            return Mapped(name, self.chosen(self.overrides[name]), How.OVERRIDE)
        if exact := self.find(name):
            return Mapped(name, exact, How.EXACT)
        active = self.active()
        own = [model for model in active if model.provider in providers_of(name)]
        if own:
            return Mapped(name, _closest(name, own), How.PROVIDER, len(own))
        return Mapped(name, active[0], How.FALLBACK) if active else Mapped(name, None, How.NONE)


def providers_of(name: str) -> tuple[str, ...]:
    """Return whose model a name means, empty where it does not say."""
    folded = name.casefold()
    return next((providers for word, providers in KEYWORDS if word in folded), ())


def _closest(name: str, models: Iterable[Model]) -> Model:
    """Return the model closest in name; of equally close ones the first by id."""
    short = name[:_LONGEST].casefold()
    matcher = SequenceMatcher(b=short, autojunk=False)

    def distance(model: Model) -> tuple[float, str]:
        matcher.set_seq1(model.id.casefold())
        return -matcher.ratio(), model.id

    return min(models, key=distance)


_TOOLS = frozenset({"web_search", "code_execution"})

#: What is there when nobody configured models: the portable names, and the model for demos.
DEFAULT = Catalogue(
    (
        Model("gpt-4o", "openai", order=0, context_window=128_000, tools=_TOOLS),
        Model("gpt-4o-mini", "openai", order=1, context_window=128_000, tools=_TOOLS),
        Model("gpt-4-turbo", "openai", order=2, context_window=128_000),
        Model("claude-3-5-sonnet", "anthropic", order=3, context_window=200_000, tools=_TOOLS),
        Model("claude-3-opus", "anthropic", order=4, context_window=200_000),
        Model("claude-3-haiku", "anthropic", order=5, context_window=200_000),
        Model("gemini-1.5-pro", "google", order=6, context_window=2_097_152, tools=_TOOLS),
        Model("gemini-1.5-flash", "google", order=7, context_window=1_048_576, tools=_TOOLS),
        Model("demo/echo", "demo", order=8),
        Model("demo/scripted", "demo", order=9),
    )
)
