"""Architect documents for tests, small and valid, to be changed."""

from __future__ import annotations

import copy
import json
from typing import Any

_ASSISTANT: dict[str, Any] = {
    "name": "Second Opinion",
    "description": "Two views and a verdict.",
    "is_parallel": True,
    "timeout_seconds": 300,
    "prompts": [
        {
            "name": "for",
            "content": "What speaks for this?\n\n{{question}}",
            "system_context": "You look for benefits.",
            "model_name": "gpt-4o",
            "position": 0,
            "parallel_group": 1,
        },
        {
            "name": "against",
            "content": "What speaks against this?\n\n{{question}}",
            "model_name": "claude-3-opus",
            "position": 1,
            "parallel_group": 1,
        },
        {
            "name": "verdict",
            "content": "{{pro}}\n\n{{against}}\n\nDecide, {{tone}}.",
            "input_mapping": {"pro": "{{prompt_0_output}}"},
            "model_name": "gpt-4o-mini",
            "position": 2,
        },
    ],
    "input_fields": [
        {"name": "question", "label": "Question", "field_type": "long_text", "position": 0},
        {
            "name": "tone",
            "label": "Tone",
            "field_type": "select",
            "position": 1,
            "options": {"choices": [{"value": "kindly", "label": "Kindly"}]},
        },
    ],
}


def assistant(name: str = "Second Opinion", **fields: Any) -> dict[str, Any]:
    """Return a valid assistant of three prompts in two stages."""
    return {**copy.deepcopy(_ASSISTANT), "name": name, **fields}


def document(*assistants: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Return a document of these assistants, or of one."""
    return {"version": "1.0", "assistants": list(assistants or [assistant()]), **fields}


def spelt(value: Any) -> str:
    """Return JSON laid out as people lay it out."""
    return json.dumps(value, indent=2, ensure_ascii=False)
