"""A checked assistant as values: what is stored, approved, drawn and run. Frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any

from understudy.architect.choices import read_choices, value_and_label
from understudy.architect.format import FieldType
from understudy.architect.shapes import whole
from understudy.architect.template import normal
from understudy.model.canonical import canonical_bytes


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt. `timeout` is in seconds."""

    name: str
    content: str
    model_name: str
    position: int
    system_context: str | None = None
    parallel_group: int | None = None
    input_mapping: Mapping[str, str] = field(default_factory=dict)
    timeout: float | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """What can be chosen: the prompt gets the value, people see the label."""

    value: str
    label: str


@dataclass(frozen=True, slots=True)
class InputField:
    """One field of the form. `options` are as the document has them, choices apart."""

    name: str
    label: str
    field_type: FieldType
    position: int
    choices: tuple[Choice, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Definition:
    """One assistant of a document. `timeout` is in seconds."""

    name: str
    prompts: tuple[Prompt, ...]
    input_fields: tuple[InputField, ...] = ()
    description: str = ""
    image_path: str | None = None
    is_parallel: bool = False
    timeout: float | None = None
    repository_ids: tuple[int, ...] = ()
    enabled_tools: tuple[str, ...] = ()

    @cached_property
    def content(self) -> dict[str, Any]:
        """The normalised JSON of the assistant, advanced fields included where it has any."""
        return to_json(self, advanced=True)

    @cached_property
    def canonical(self) -> str:
        """The normalised JSON as one line of text (RFC 8785), which takes most of an import."""
        return canonical_bytes(self.content).decode()

    @cached_property
    def digest(self) -> str:
        """The sha256 of the normalised JSON, 64 hexadecimal digits."""
        return sha256(self.canonical.encode()).hexdigest()

    @property
    def models(self) -> tuple[str, ...]:
        """The portable model names, each once, in order."""
        return tuple(dict.fromkeys(prompt.model_name for prompt in self.prompts))


def kept_name(name: str) -> str:
    """Return an assistant's name as it is kept."""
    return normal(name).strip()


def from_json(value: Mapping[str, Any]) -> Definition:
    """Return the definition of an assistant that was checked without errors."""
    return Definition(
        name=kept_name(value["name"]),
        description=value.get("description") or "",
        image_path=value.get("image_path"),
        is_parallel=bool(value.get("is_parallel")),
        timeout=_number(value.get("timeout_seconds")),
        prompts=tuple(_prompt(one) for one in value["prompts"]),
        input_fields=tuple(_field(one) for one in value["input_fields"]),
        repository_ids=tuple(whole(one) or 0 for one in value.get("repositoryIds") or ()),
        enabled_tools=tuple(value.get("enabledTools") or ()),
    )


def _prompt(one: Mapping[str, Any]) -> Prompt:
    mapping = one.get("input_mapping") or {}
    return Prompt(
        name=normal(one["name"]),
        content=one["content"],
        model_name=one["model_name"],
        position=whole(one["position"]) or 0,
        system_context=one.get("system_context"),
        parallel_group=whole(one.get("parallel_group")),
        input_mapping={normal(name): text for name, text in mapping.items()},
        timeout=_number(one.get("timeout_seconds")),
    )


def _field(one: Mapping[str, Any]) -> InputField:
    kind = FieldType(one["field_type"])
    options = dict(one.get("options") or {})
    choices: tuple[Choice, ...] = ()
    if kind in (FieldType.SELECT, FieldType.MULTI_SELECT):
        read = read_choices(options.pop("choices", None))
        pairs = [value_and_label(entry) for entry in (read.entries if read else ())]
        choices = tuple(Choice(*pair) for pair in pairs if pair)
    return InputField(
        name=normal(one["name"]).strip(),
        label=one["label"],
        field_type=kind,
        position=whole(one["position"]) or 0,
        choices=choices,
        options={name: value for name, value in options.items() if value is not None},
    )


def _number(value: Any) -> float | None:
    if value is None:
        return None
    exact = whole(value)
    return float(value) if exact is None else exact


def to_json(one: Definition, *, advanced: bool = False) -> dict[str, Any]:
    """Return an assistant in the format's form, every optional field spelt out.

    With `advanced` also `repositoryIds` and `enabledTools`, where it has them.
    """
    made: dict[str, Any] = {
        "name": one.name,
        "description": one.description,
        "image_path": one.image_path,
        "is_parallel": one.is_parallel,
        "timeout_seconds": one.timeout,
        "prompts": [_prompt_json(prompt) for prompt in one.prompts],
        "input_fields": [_field_json(each) for each in one.input_fields],
    }
    if advanced and one.repository_ids:
        made["repositoryIds"] = list(one.repository_ids)
    if advanced and one.enabled_tools:
        made["enabledTools"] = list(one.enabled_tools)
    return made


def _prompt_json(prompt: Prompt) -> dict[str, Any]:
    return {
        "name": prompt.name,
        "content": prompt.content,
        "system_context": prompt.system_context,
        "model_name": prompt.model_name,
        "position": prompt.position,
        "parallel_group": prompt.parallel_group,
        "input_mapping": dict(prompt.input_mapping) or None,
        "timeout_seconds": prompt.timeout,
    }


def _field_json(one: InputField) -> dict[str, Any]:
    options = dict(one.options)
    if one.choices:
        options = {"choices": [{"value": c.value, "label": c.label} for c in one.choices]} | options
    return {
        "name": one.name,
        "label": one.label,
        "field_type": one.field_type.value,
        "position": one.position,
        "options": options,
    }
