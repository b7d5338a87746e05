"""Whether the models of an assistant have the tools that it enables, before anything is asked."""

from __future__ import annotations

from collections.abc import Mapping

from understudy.architect.definition import Definition
from understudy.architect.models import Catalogue
from understudy.errors import UsageError
from understudy.providers.catalog import is_demo, lacking
from understudy.providers.vendors import TOOLS


def require_tools(
    definition: Definition,
    models: Mapping[str, str],
    catalogue: Catalogue,
    environment: Mapping[str, str],
) -> None:
    """Raise UsageError for the first prompt whose model does not have all the tools.

    `models` are PROVIDER/NAME by portable name. A model has a tool where its provider can give it,
    and the catalogue lists it. The models for demos ignore tools.
    """
    listed = {model.asked: model.tools for model in catalogue.models}
    for prompt in definition.prompts:
        model = models[prompt.model_name]
        if is_demo(model):
            continue
        impossible = lacking(model, definition.enabled_tools, environment)
        for tool in definition.enabled_tools:
            if tool in impossible or tool not in listed.get(model, ()):
                raise _refused(prompt.name, prompt.model_name, model, tool, tool in impossible)


def _refused(prompt: str, name: str, model: str, tool: str, impossible: bool) -> UsageError:
    shown = tool[:80]
    said = f'"{prompt}" cannot be asked: {model} has no tool "{shown}", which is enabled.'
    if tool not in TOOLS:
        known = ", ".join(TOOLS)
        return UsageError(said, hint=f"There is none of that name; known are {known}.")
    listing = "" if impossible else f'list it with the model (tools = ["{shown}"] in [[models]]), '
    return UsageError(
        said,
        hint=f"Let a model answer that has it (--map-model {name[:80]}=ID), {listing}"
        "or take it out of enabledTools.",
    )
