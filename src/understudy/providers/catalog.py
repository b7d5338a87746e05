"""Which provider answers for a model: PROVIDER/NAME, an explicit table."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from difflib import get_close_matches

from understudy.errors import UsageError
from understudy.providers.base import Provider
from understudy.providers.demo import Demo
from understudy.providers.echo import ECHO
from understudy.providers.script import SCRIPTED, VARIABLE
from understudy.providers.vendors import VENDORS

#: What a provider's factory gets: the variables that hold its key.
Environment = Mapping[str, str]


def _demo(_: str, environment: Environment) -> Provider:
    return Demo(environment)


def _gateway(name: str, environment: Environment) -> Provider:
    from understudy.providers.gateway import Gateway

    return Gateway(name, environment)


PROVIDERS: Mapping[str, Callable[[str, Environment], Provider]] = {
    "demo": _demo,
    **dict.fromkeys(VENDORS, _gateway),
}


def require_script(model: str, environment: Environment) -> None:
    """Raise UsageError for the model that follows a script where there is none."""
    if model == SCRIPTED and not environment.get(VARIABLE):
        raise UsageError(f"{SCRIPTED} needs a script.", hint=f"Set {VARIABLE} to a JSON file.")


def provider_for(model: str, environment: Environment | None = None) -> Provider:
    """Return the provider of a model; connects nowhere. Keys come from the environment.

    Raises UsageError for a name that is none, and for a key, an extra or a script that is missing.
    """
    require_script(model, os.environ if environment is None else environment)
    name, slash, rest = model.partition("/")
    if not (slash and name and rest):
        raise UsageError(
            f"{model!r} is no model's name.", hint=f"Write PROVIDER/NAME, such as {ECHO}."
        )
    if name not in PROVIDERS:
        near = get_close_matches(name, PROVIDERS, n=1)
        guess = f"Did you mean {near[0]}? " if near else ""
        raise UsageError(
            f"There is no provider {name!r}.", hint=f"{guess}Known are {', '.join(PROVIDERS)}."
        )
    return PROVIDERS[name](name, os.environ if environment is None else environment)
