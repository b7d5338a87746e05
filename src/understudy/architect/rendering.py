"""What a prompt is sent: its content with the values of its variables put in, once. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from understudy.architect.definition import Definition
from understudy.architect.meaning import Reading, Source
from understudy.architect.template import BRACES, normal, substitute

#: Characters of a token, about: of text in the Latin alphabet; others take one or more each.
_LATIN = 4


def rendered(
    definition: Definition,
    index: int,
    reads: Sequence[Reading],
    inputs: Mapping[str, str],
    outputs: Mapping[int, str],
) -> str:
    """Return the text of one prompt.

    `reads` are what the check of the document found the prompt to read, `inputs` values by the
    fields' names, `outputs` those of earlier prompts by their index. Raises KeyError where one of
    them is not there.
    """
    prompt = definition.prompts[index]

    def meant(reading: Reading) -> str:
        if reading.source is Source.FIELD:
            return inputs[definition.input_fields[reading.target].name]
        return outputs[reading.target]

    values = {
        normal(reading.name): meant(reading)
        for reading in reads
        if not reading.via and reading.source is not Source.MAPPING
    }
    for name, template in prompt.input_mapping.items():
        within = {normal(one.name): meant(one) for one in reads if normal(one.via) == name}
        values[name] = _mapped(template, within)
    return substitute(prompt.content, values)


def _mapped(template: str, values: Mapping[str, str]) -> str:
    """Return what a mapped name stands for: a template, one variable by its name, or itself."""
    if BRACES.search(template):
        return substitute(template, values)
    return values.get(normal(template.strip()), template)


def about_tokens(text: str) -> int:
    """Return about how many tokens a text has; models differ by a third in either direction."""
    plain = sum(map(str.isascii, text)) if not text.isascii() else len(text)
    return -(-plain // _LATIN) + len(text) - plain
