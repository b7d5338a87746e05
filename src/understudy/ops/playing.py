"""Runs of assistants, wired: which version, which inputs, who answers, what it costs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from understudy.architect.attachments import read_upload
from understudy.architect.definition import Definition
from understudy.architect.document import Document
from understudy.architect.engine import Concurrency, Engine, Play
from understudy.architect.flow import Flow
from understudy.architect.inputs import Entered, InputFinding, Unreadable, Upload, check_inputs
from understudy.architect.meaning import Source
from understudy.architect.models import Model
from understudy.architect.rendering import about_tokens, rendered
from understudy.architect.run_events import Answered, Partial, RunEnded
from understudy.config import Settings
from understudy.errors import InputsError, InvalidDocumentError, NotInForceError, SelectionError
from understudy.ops.architect import Architect, document_text
from understudy.ops.tools import Tools, tools_of
from understudy.providers.base import Provider
from understudy.providers.catalog import provider_for, require_script
from understudy.providers.prices import Price, Prices, shipped


class RefusedInputsError(InputsError):
    """The same, with everything that was found."""

    def __init__(self, name: str, findings: tuple[InputFinding, ...]) -> None:
        first, *more = findings
        rest = f" ({len(more)} more)" if more else ""
        super().__init__(f'"{name}" was not run: {first.message}{rest}', hint=first.hint)
        self.findings = findings


@dataclass(frozen=True, slots=True)
class Chosen:
    """The assistant that is to be run. `version` is None for a file, which nobody approved."""

    definition: Definition
    flow: Flow
    models: Mapping[str, str]
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """One prompt as it would be sent. `tokens` is an estimate."""

    prompt: str
    model: str
    system_context: str
    content: str
    tokens: int


class Player:
    """Runs assistants of a library; an asynchronous context manager, which closes providers."""

    def __init__(
        self,
        architect: Architect,
        *,
        environment: Mapping[str, str] | None = None,
        concurrency: Concurrency | None = None,
    ) -> None:
        self._architect = architect
        found = architect.settings.variables or os.environ
        self._environment = found if environment is None else environment
        self._providers: dict[str, Provider] = {}
        self.engine = Engine(self.provider, concurrency=concurrency)
        self.prices: Prices = shipped().also(_prices(architect.settings))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all providers; may be repeated."""
        providers, self._providers = self._providers, {}
        for provider in providers.values():
            await provider.aclose()

    def provider(self, model: str) -> Provider:
        """Return who answers for PROVIDER/NAME; raises UsageError for a key that is missing."""
        name = model.partition("/")[0]
        require_script(model, self._environment)
        if name not in self._providers:
            self._providers[name] = provider_for(model, self._environment)
        return self._providers[name]

    async def choose(
        self, key: str, *, draft: bool = False, number: int | None = None, files: bool = True
    ) -> Chosen:
        """Return the version in force; with `draft` the latest, or one by number.

        With `files` a key may be the path of a document, which is a draft. Raises SelectionError,
        NotInForceError, InvalidDocumentError for what does not fit today's models, StoreError.
        """
        if files and await asyncio.to_thread(_is_document, key):
            return await asyncio.to_thread(self._of_file, key, draft=draft)
        library = await self._architect.library()
        if draft:
            version = await library.version(key, number)
        else:
            version = await library.in_force(key)
        document = await asyncio.to_thread(
            self._architect.check_stored, document_text([version.content]), version.name
        )
        return _chosen(document, version.number)

    def _of_file(self, path: str, *, draft: bool) -> Chosen:
        if not draft:
            raise NotInForceError(
                f"{path} is a file, which nobody approved.",
                hint="Import and approve it, or run it with --draft.",
            )
        document = self._architect.check(path)
        if document.valid and len(document.assistants) != 1:
            raise SelectionError(
                f"{path} holds {len(document.assistants)} assistants; one is run.",
                hint="Import it, and name the assistant.",
            )
        return _chosen(document, None)

    def play(self, chosen: Chosen, given: Mapping[str, Entered]) -> Play:
        """Return what is to be played.

        Raises RefusedInputsError, and UsageError for a key, or a tool that a model does not have.
        """
        checked = check_inputs(chosen.definition, given)
        if checked.findings:
            raise RefusedInputsError(chosen.definition.name, checked.findings)
        if too_large := tuple(self._beyond_windows(chosen, checked.values)):
            raise RefusedInputsError(chosen.definition.name, too_large)
        self.ready(chosen.models)
        return Play(
            definition=chosen.definition,
            flow=chosen.flow,
            models=chosen.models,
            inputs=checked.values,
            tools=self.tools(chosen).given,
        )

    def _beyond_windows(self, chosen: Chosen, values: Mapping[str, str]) -> Iterator[InputFinding]:
        """Yield what does not fit its model's window, without what others will have answered."""
        listed = self._architect.catalogue.models
        windows = {one.asked: one.context_window for one in listed if one.context_window}
        fields = chosen.definition.input_fields
        for index, prompt in enumerate(chosen.definition.prompts):
            model = chosen.models[prompt.model_name]
            window = windows.get(model)
            read = [
                fields[one.target].name
                for one in chosen.flow.reads[index]
                if one.source is Source.FIELD
            ]
            longest = max(read, key=lambda name: len(values[name]), default="")
            if window is None or not longest:
                continue
            tokens = _about(chosen, index, values)
            if tokens > window:
                size = about_tokens(values[longest])
                yield InputFinding(
                    longest,
                    "too_large_for_model",
                    f'With "{longest}" (about {size:,} tokens) the prompt "{prompt.name}" has '
                    f"about {tokens:,} tokens; {model} takes {window:,}.",
                    "Give less, or have a model with a larger window answer (--map-model).",
                )

    def tools(self, chosen: Chosen) -> Tools:
        """Return which tools the models get, and which they lack."""
        catalogue = self._architect.catalogue
        return tools_of(chosen.definition, chosen.models, catalogue, self._environment)

    def ready(self, models: Mapping[str, str]) -> None:
        """Raise UsageError for a model that cannot be asked: its key is missing."""
        for model in dict.fromkeys(models.values()):
            self.provider(model)

    def cost(self, answer: Answered | Partial) -> float | None:
        """Return the US dollars of an answer, None where its model has no price.

        Nor is it known where the provider did not say how many tokens it took.
        """
        if (used := answer.counted) is None:
            return 0.0 if self.prices.cost(answer.model, 1, 1) == 0.0 else None
        return self.prices.cost(answer.model, used.input_tokens, used.output_tokens)

    def least(self, chosen: Chosen, values: Mapping[str, str]) -> float | None:
        """Return the US dollars that asking costs at the least, by an estimate of the tokens."""
        costs = [
            self.prices.cost(chosen.models[prompt.model_name], _about(chosen, index, values), 0)
            for index, prompt in enumerate(chosen.definition.prompts)
        ]
        return None if any(cost is None for cost in costs) else sum(filter(None, costs))

    def total(self, ended: RunEnded) -> float | None:
        """Return the US dollars of a run, None where they are not known."""
        return self.sum(ended.paid) if ended.counted else None

    def sum(self, answers: Collection[Answered | Partial]) -> float | None:
        """Return the US dollars of answers and of what broke off, None where one is not known."""
        costs = [self.cost(answer) for answer in answers]
        return None if any(cost is None for cost in costs) else sum(filter(None, costs))


async def upload(path: Path) -> Upload | Unreadable:
    """Return a file with its text, or why it gives none."""
    try:
        told = await read_upload(path)
    except OSError as error:
        why = f"{path} cannot be read: {error.strerror}."
        return Unreadable(path.name, "unreadable_file", why)
    if isinstance(told, Unreadable):
        return replace(told, message=f"{path} gives no text: {told.message}")
    return told


def sent(chosen: Chosen, given: Mapping[str, Entered]) -> tuple[Sent, ...]:
    """Return each prompt as it would be sent, with outputs of others as `[output of NAME]`.

    Raises RefusedInputsError.
    """
    definition = chosen.definition
    checked = check_inputs(definition, given)
    if checked.findings:
        raise RefusedInputsError(definition.name, checked.findings)
    outputs = {i: f"[output of {one.name}]" for i, one in enumerate(definition.prompts)}
    told = []
    for i, prompt in enumerate(definition.prompts):
        content = rendered(definition, i, chosen.flow.reads[i], checked.values, outputs)
        system = prompt.system_context or ""
        tokens = about_tokens(system) + about_tokens(content)
        told.append(Sent(prompt.name, chosen.models[prompt.model_name], system, content, tokens))
    return tuple(told)


def _about(chosen: Chosen, index: int, values: Mapping[str, str]) -> int:
    """Return about how many tokens a prompt has, outputs of others not counted."""
    nothing = dict.fromkeys(range(len(chosen.definition.prompts)), "")
    content = rendered(chosen.definition, index, chosen.flow.reads[index], values, nothing)
    system = chosen.definition.prompts[index].system_context or ""
    return about_tokens(system) + about_tokens(content)


def _is_document(key: str) -> bool:
    return key.endswith(".json") and Path(key).is_file()


def _prices(settings: Settings) -> Mapping[str, Price]:
    """Return what the owner of the models says that they cost."""
    return {
        Model(table["id"], table["provider"].casefold()).asked: (
            float(table["input_price"]),
            float(table["output_price"]),
        )
        for table in settings.models
        if "input_price" in table and "output_price" in table
    }


def _chosen(document: Document, version: int | None) -> Chosen:
    if not document.valid:
        first = document.errors[0]
        raise InvalidDocumentError(
            f"{document.source} is not valid: {first.message}",
            hint=first.hint or "understudy architect validate tells all.",
        )
    (definition,), (flow,) = document.assistants, document.flows
    models = {
        name: mapped.model.asked
        for name, mapped in document.models.items()
        if mapped.model is not None
    }
    return Chosen(definition, flow, models, version)
