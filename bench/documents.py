"""Architect documents for benches, in the shape of a parallel analysis: three prompts and one."""

from __future__ import annotations

import json
import random
from typing import Any

_SENTENCE = (
    "analyze the following content from a technical business or legal perspective and name risks "
    "costs benefits people dates open questions in short clear sentences for each section"
)
_WORDS = _SENTENCE.split()


def text(chance: random.Random, size: int) -> str:
    """Return some words with line breaks, of about that many characters."""
    words: list[str] = []
    while sum(map(len, words)) + len(words) < size:
        words.append(chance.choice(_WORDS) + ("\n\n" if chance.random() < 0.05 else ""))
    return " ".join(words)


def assistant(number: int, *, size: int = 240) -> dict[str, Any]:
    """Return a valid assistant of four prompts, each of about that many characters."""
    chance = random.Random(number)  # noqa: S311 - the same each time
    parts = [
        {
            "name": f"{name}_analysis",
            "content": f"Look at this:\n\n{{{{content}}}}\n\n{text(chance, size)}",
            "system_context": text(chance, 50),
            "model_name": "gpt-4o",
            "position": position,
            "parallel_group": 1,
        }
        for position, name in enumerate(("technical", "business", "risk"))
    ]
    outputs = "\n\n".join(f"{{{{prompt_{n}_output}}}}" for n in range(3))
    synthesis = {
        "name": "synthesis",
        "content": f"{text(chance, size)}\n\n{outputs}\n\nAs {{{{form}}}}.",
        "system_context": text(chance, 50),
        "model_name": "gpt-4o",
        "position": 3,
        "parallel_group": None,
    }
    choices = [{"value": one, "label": one.title()} for one in ("summary", "report", "actions")]
    return {
        "name": f"Analyzer {number}",
        "description": text(chance, 60),
        "is_parallel": True,
        "timeout_seconds": 300,
        "prompts": [*parts, synthesis],
        "input_fields": [
            {
                "name": "content",
                "label": "Content",
                "field_type": "long_text",
                "position": 0,
                "options": {"placeholder": "Paste it here", "required": True, "rows": 12},
            },
            {
                "name": "form",
                "label": "Form",
                "field_type": "select",
                "position": 1,
                "options": {"choices": choices, "default": "summary"},
            },
        ],
    }


def document(assistants: list[dict[str, Any]]) -> bytes:
    """Return a document, laid out as people and exports lay it out."""
    head = {"version": "1.0", "exported_at": "2026-01-23T10:30:00.000Z", "export_source": "bench"}
    return json.dumps({**head, "assistants": assistants}, indent=2).encode()


def filled(size: int) -> list[dict[str, Any]]:
    """Return as many assistants as a document of that many bytes holds."""
    made: list[dict[str, Any]] = []
    used = 200
    while True:
        one = assistant(len(made))
        used += len(document([one])) - 60
        if used > size:
            return made
        made.append(one)
