"""Which provider answers for a model: PROVIDER/NAME, of a table or of the environment."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from understudy.errors import UsageError
from understudy.providers.base import Provider
from understudy.providers.demo import Demo
from understudy.providers.echo import ECHO
from understudy.providers.named import named, names, variable
from understudy.providers.script import SCRIPTED, VARIABLE
from understudy.providers.vendors import VENDORS, Vendor

#: What a provider's factory gets: the variables that hold its key.
Environment = Mapping[str, str]


_DEMO = "demo"


def require_script(model: str, environment: Environment) -> None:
    """Raise UsageError for the model that follows a script where there is none."""
    if model == SCRIPTED and not environment.get(VARIABLE):
        raise UsageError(f"{SCRIPTED} needs a script.", hint=f"Set {VARIABLE} to a JSON file.")


def provider_for(model: str, environment: Environment | None = None) -> Provider:
    """Return the provider of a model; connects nowhere. Keys come from the environment.

    Raises UsageError for a name that is none, and for a key, an extra or a script that is missing.
    """
    found = os.environ if environment is None else environment
    require_script(model, found)
    name = _provider_of(model)
    vendor = _vendor(name, found)
    if vendor is None:
        return Demo(found)
    from understudy.providers.gateway import Gateway

    return Gateway(name, vendor, found)


def lacking(
    model: str, tools: Iterable[str], environment: Environment | None = None
) -> tuple[str, ...]:
    """Return the tools that a model cannot have, by its provider; raises UsageError for its name.

    The models for demos lack none: they ignore them, so that any document can be rehearsed.
    """
    vendor = _vendor(_provider_of(model), os.environ if environment is None else environment)
    name = model.partition("/")[2]
    return () if vendor is None else tuple(tool for tool in tools if not vendor.has(tool, name))


def is_demo(model: str) -> bool:
    """Tell whether a model is one that ships."""
    return model.partition("/")[0] == _DEMO


def is_named(model: str, environment: Environment) -> bool:
    """Tell whether a model is one of a provider that the environment defines."""
    name, _, rest = model.partition("/")
    return bool(rest) and not is_shipped(name) and named(name, environment) is not None


def is_shipped(provider: str) -> bool:
    """Tell whether a provider is one that ships, whose name is taken."""
    return provider in (_DEMO, *VENDORS)


def _provider_of(model: str) -> str:
    name, slash, rest = model.partition("/")
    if not (slash and name and rest):
        raise UsageError(
            f"{model!r} is no model's name.", hint=f"Write PROVIDER/NAME, such as {ECHO}."
        )
    return name


def _vendor(name: str, environment: Environment) -> Vendor | None:
    """Return who stands behind a provider's name, None for the demos; raises UsageError."""
    own = VENDORS.get(name)
    if name == _DEMO or own is not None:
        if environment.get(variable(name), "").strip():
            instead = f"Set {own.base_url}, or choose" if own else "Choose"
            raise UsageError(
                f"{variable(name)}: there is a provider {name} already.",
                hint=f"{instead} another name.",
            )
        return own
    vendor = named(name, environment)
    if vendor is None:
        raise _unknown(name, (_DEMO, *VENDORS, *names(environment)), environment)
    return vendor


def _unknown(name: str, known: tuple[str, ...], environment: Environment) -> UsageError:
    asked = variable(name)
    if environment.get(variable(name, "API_KEY"), "").strip():
        return UsageError(
            f"The provider {name!r} has a key and no address.", hint=f"Set {asked} to it."
        )
    near = get_close_matches(name, known, n=1)
    guess = f"Did you mean {near[0]}? " if near else ""
    more = f" {asked} makes one of a server that speaks OpenAI's API." if asked else ""
    return UsageError(
        f"There is no provider {name!r}.", hint=f"{guess}Known are {', '.join(known)}.{more}"
    )
