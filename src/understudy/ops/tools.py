"""Which of the tools that an assistant enables its models have; the others answer without."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from understudy.architect.definition import Definition
from understudy.architect.models import Catalogue
from understudy.providers.catalog import is_demo, lacking


@dataclass(frozen=True, slots=True)
class Tools:
    """What each model gets, by PROVIDER/NAME, and a warning for each that lacks some."""

    given: Mapping[str, tuple[str, ...]]
    warnings: tuple[str, ...] = ()


def tools_of(
    definition: Definition,
    models: Mapping[str, str],
    catalogue: Catalogue,
    environment: Mapping[str, str],
) -> Tools:
    """Return the tools for the models of an assistant; `models` are by portable name.

    A model has a tool where its provider can give it, and the catalogue lists it. The models for
    demos ignore tools. Raises UsageError for a model that is none.
    """
    listed = {model.asked: model.tools for model in catalogue.models}
    given: dict[str, tuple[str, ...]] = {}
    warnings: list[str] = []
    for model in dict.fromkeys(models.values()):
        enabled = definition.enabled_tools
        if is_demo(model) or not enabled:
            continue
        impossible = lacking(model, enabled, environment)
        has = listed.get(model, frozenset())
        given[model] = tuple(one for one in enabled if one in has and one not in impossible)
        warnings += [
            _warning(model, tool[:80], listable=tool not in impossible)
            for tool in enabled
            if tool not in given[model]
        ]
    return Tools(given, tuple(warnings))


def _warning(model: str, tool: str, *, listable: bool) -> str:
    advice = f' If it has, list it: tools = ["{tool}"] in [[models]].' if listable else ""
    return f'{model} has no tool "{tool}"; it answers without.{advice}'
