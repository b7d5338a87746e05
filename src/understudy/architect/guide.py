"""The format's reference for people, made from the same tables as the checks. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from understudy.architect import limits
from understudy.architect.format import OBJECTS, OPTIONS, Field, Kind
from understudy.architect.models import DEFAULT
from understudy.architect.rules import RULES

_TITLES: Mapping[str, str] = {
    "document": "The document",
    "assistant": "An assistant",
    "prompt": "A prompt",
    "input_field": "An input field",
    "choice": "A choice",
}


def guide() -> str:
    """Return the reference as Markdown."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# The Architect format, version 1.0"
    yield ""
    yield "Made by `understudy architect schema --format markdown`; do not edit it by hand."
    yield "`understudy architect schema` prints the same as JSON Schema, for editors and agents."
    yield ""
    yield f"A document is a JSON file of at most {limits.MOST_BYTES:,} bytes, in UTF-8."
    for what, fields in OBJECTS.items():
        yield ""
        yield f"## {_TITLES[what]}"
        yield ""
        yield from _table(fields)
    yield ""
    yield "## Options by field type"
    for kind, fields in OPTIONS.items():
        yield ""
        yield f"### `{kind}`"
        yield ""
        yield from _table(fields)
    yield from _variables()
    yield from _models()
    yield ""
    yield "## What a check finds"
    yield ""
    yield "An `error` keeps a document from being imported. `--strict` makes errors of warnings."
    yield ""
    yield "| code | severity | rule |"
    yield "|---|---|---|"
    yield from (f"| `{code}` | {rule.severity} | {rule.about} |" for code, rule in RULES.items())


def _table(fields: Mapping[str, Field]) -> Iterator[str]:
    yield "| field | holds | required | what it is |"
    yield "|---|---|---|---|"
    for one in fields.values():
        required = "yes" if one.required else "no"
        about = one.about + (f" Default: `{_default(one)}`." if _default(one) else "")
        about += " Exported with `--advanced` only." if one.advanced else ""
        yield f"| `{one.name}` | {_holds(one)} | {required} | {about} |"


def _default(one: Field) -> str:
    return {False: "false", "": '""'}.get(one.default, "") if one.kind is not Kind.OBJECT else ""


def _holds(one: Field) -> str:
    words: str = one.kind.value
    if one.items:
        words += f" of {one.items.replace('_', ' ')}s"
    if one.choices:
        return " or ".join(f"`{choice}`" for choice in one.choices)
    unit = {Kind.TEXT: " characters", Kind.LIST: " entries"}.get(one.kind, "")
    bounds = []
    if one.above is not None:
        bounds.append(f"above {one.above}")
    if one.least is not None and one.least > -limits.LARGEST:
        bounds.append(f"at least {one.least:,}")
    if one.most is not None and one.most < limits.LARGEST:
        bounds.append(f"at most {one.most:,}")
    return words + (f", {', '.join(bounds)}{unit}" if bounds else "")


def _variables() -> Iterator[str]:
    yield ""
    yield "## Variables"
    yield ""
    yield "| in a prompt's content | means |"
    yield "|---|---|"
    yield "| `{{name}}` | what was entered into the input field `name` |"
    yield "| `{{prompt_N_output}}` | the output of the prompt at position N, from 0 |"
    yield (
        "| `{{prompt-slug}}` | the output of a prompt by the slug of its name: lower case, runs of "
        "other characters than a-z and 0-9 become one dash |"
    )
    yield "| `{{prompt_name}}` | the output of the prompt of exactly this name |"
    yield "| a name of `input_mapping` | the template that it maps to, filled in |"
    yield ""
    yield "Outputs come from earlier stages only. Blanks within the braces do not count."
    yield "Variables are replaced once: what was entered is not looked at again. A text has at most"
    yield f"{limits.MOST_SUBSTITUTIONS} substitutions; each occurrence counts."
    yield ""
    yield "Prompts run by `position`. With `is_parallel`, prompts of one `parallel_group` make one"
    yield "stage and run at once; prompts of equal position do so, too, with a warning."


def _models() -> Iterator[str]:
    yield ""
    yield "## Models"
    yield ""
    yield "A `model_name` is mapped in this order: the model with exactly this id; of the provider"
    yield "that the name says (`gpt`, `openai`: OpenAI; `claude`: Anthropic or Amazon Bedrock;"
    yield "`gemini`: Google) the active model closest in name; the first active model. Without"
    yield "`[[models]]` in `understudy.toml` these are there:"
    yield ""
    yield "| model | provider | context window | tools |"
    yield "|---|---|---|---|"
    for model in DEFAULT.active():
        window = f"{model.context_window:,}" if model.context_window else ""
        tools = ", ".join(sorted(model.tools))
        yield f"| `{model.id}` | {model.provider} | {window} | {tools} |"
