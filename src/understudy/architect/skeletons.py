"""Skeletons of documents to begin with, by pattern; each is valid as it stands. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from understudy.architect.limits import VERSION


class Pattern(StrEnum):
    """How the prompts of an assistant follow each other."""

    SINGLE = "single"
    CHAIN = "chain"
    PARALLEL = "parallel"


#: JSON has no comments; this is where what is to be done stands.
_ABOUT: Mapping[Pattern, str] = {
    Pattern.SINGLE: "One prompt. Replace this text, the name, the prompt and the form; {{text}} is "
    "what was entered into the field called text.",
    Pattern.CHAIN: "Each prompt reads the output of one before: {{prompt_0_output}} is that of "
    "position 0, {{analyze}} that of the prompt called analyze. Replace this text.",
    Pattern.PARALLEL: "Prompts of one parallel_group run at once; the last one reads both outputs. "
    "Replace this text.",
}


def skeleton(pattern: Pattern, name: str) -> dict[str, Any]:
    """Return a document with one assistant of this name."""
    prompts = _PROMPTS[pattern]
    return {
        "version": VERSION,
        "assistants": [
            {
                "name": name,
                "description": _ABOUT[pattern],
                "is_parallel": pattern is Pattern.PARALLEL,
                "timeout_seconds": 300,
                "prompts": [
                    {
                        "name": title,
                        "content": content,
                        "system_context": system,
                        "model_name": "gpt-4o",
                        "position": position,
                        "parallel_group": group,
                        "timeout_seconds": 120,
                    }
                    for position, (title, content, system, group) in enumerate(prompts)
                ],
                "input_fields": [
                    {
                        "name": "text",
                        "label": "Your text",
                        "field_type": "long_text",
                        "position": 0,
                        "options": {"required": True, "rows": 12},
                    }
                ],
            }
        ],
    }


_Row = tuple[str, str, str, int | None]

_PROMPTS: Mapping[Pattern, tuple[_Row, ...]] = {
    Pattern.SINGLE: (("answer", "Answer this:\n\n{{text}}", "You are a helpful expert.", None),),
    Pattern.CHAIN: (
        ("extract", "List the facts in this text:\n\n{{text}}", "You read closely.", None),
        ("analyze", "What follows from these facts?\n\n{{prompt_0_output}}", "You think.", None),
        ("recommend", "Recommend what to do, given this:\n\n{{analyze}}", "You advise.", None),
    ),
    Pattern.PARALLEL: (
        ("benefits", "What speaks for this?\n\n{{text}}", "You look for benefits.", 1),
        ("risks", "What speaks against this?\n\n{{text}}", "You look for risks.", 1),
        (
            "verdict",
            "Weigh these.\n\nFor:\n{{benefits}}\n\nAgainst:\n{{risks}}",
            "You judge.",
            None,
        ),
    ),
}
