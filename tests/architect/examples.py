"""Documents in the shapes of the format's own examples, and parts to make others from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from understudy.architect.checking import Options
from understudy.architect.document import Document
from understudy.architect.findings import Finding


def prompt(name: str = "answer", content: str = "Answer in brief.", **more: Any) -> dict[str, Any]:
    """Return a prompt at position 0, unless `more` says otherwise."""
    return {"name": name, "content": content, "model_name": "gpt-4o", "position": 0, **more}


def chain(*contents: str) -> list[dict[str, Any]]:
    """Return prompts called step0, step1 and so on, one after the other."""
    return [prompt(f"step{i}", content, position=i) for i, content in enumerate(contents)]


def field(
    name: str = "topic", field_type: str = "short_text", position: int = 0, **options: Any
) -> dict[str, Any]:
    """Return an input field with these options."""
    return {
        "name": name,
        "label": f"Your {name}",
        "field_type": field_type,
        "position": position,
        "options": options,
    }


def assistant(
    prompts: Sequence[Any] = (), fields: Sequence[Any] = (), **more: Any
) -> dict[str, Any]:
    """Return an assistant, of one prompt without variables unless told otherwise."""
    return {
        "name": "Ship's cook",
        "prompts": list(prompts) or [prompt()],
        "input_fields": list(fields),
        **more,
    }


def document(*assistants: Any, **more: Any) -> dict[str, Any]:
    """Return a document of these assistants, or of one."""
    return {"version": "1.0", "assistants": list(assistants) or [assistant()], **more}


def choices(*values: str) -> list[dict[str, str]]:
    """Return choices in the format's shape."""
    return [{"value": value, "label": value.title()} for value in values]


def checked(*assistants: Any, options: Options | None = None, **more: Any) -> Document:
    """Return a document of these assistants, checked."""
    return parsed(document(*assistants, **more), options)


def parsed(value: Any, options: Options | None = None) -> Document:
    """Return any JSON value as a checked document."""
    return Document.parse(json.dumps(value), options=options or Options())


def found(document: Document, code: str) -> Finding:
    """Return the one finding with this code."""
    (one,) = (finding for finding in document.findings if finding.code == code)
    return one


def codes(document: Document) -> list[str]:
    """Return the codes of all findings, sorted."""
    return sorted(finding.code for finding in document.findings)


SINGLE = document(
    assistant(
        [prompt("shorten", "Say it in three lines:\n\n{{story}}", system_context="You edit.")],
        [field("story", "long_text", placeholder="Once upon a time", required=True, rows=9)],
        name="Three lines",
        description="Makes long stories short",
        is_parallel=False,
    ),
    exported_at="2026-02-03T04:05:06.789Z",
    export_source="a harbour office",
)

CHAIN = document(
    assistant(
        [
            prompt("Gather Facts", "What is known?\n\n{{log}}", timeout_seconds=60),
            prompt("weigh", "What follows?\n\n{{prompt_0_output}}", position=1),
            prompt(
                "advise",
                "{{prompt_1_output}}\n\n{{facts}}\n\nWrite {{form}}.",
                position=2,
                input_mapping={"facts": "Known: {{gather-facts}}"},
            ),
        ],
        [
            field("log", "long_text", rows=20),
            field("form", "select", 1, choices=choices("letter", "list"), default="list"),
        ],
        name="Log reader",
        timeout_seconds=600,
    )
)

PARALLEL = document(
    assistant(
        [
            prompt("wind", "And the wind? {{route}}", parallel_group=4),
            prompt("tide", "And the tide? {{route}}", position=1, parallel_group=4),
            prompt("crew", "And the crew? {{route}}", position=2, parallel_group=4),
            prompt(
                "captain",
                "{{prompt_0_output}}, {{prompt_1_output}} and {{crew}}: sail?",
                position=3,
                parallel_group=None,
            ),
        ],
        [field("route", "long_text")],
        name="Council",
        is_parallel=True,
        timeout_seconds=300,
    )
)

FORM = document(
    assistant(
        [prompt("file", "{{title}} {{body}} {{kind}} {{marks}} {{papers}}")],
        [
            field("title", "short_text", 0, placeholder="A title", required=True, maxLength=80),
            field("body", "long_text", 1, required=True, rows=4),
            field("kind", "select", 2, choices=choices("bill", "note"), default="note"),
            field(
                "marks",
                "multi_select",
                3,
                choices=choices("new", "late", "lost"),
                minSelections=1,
                maxSelections=2,
            ),
            field(
                "papers", "file_upload", 4, accept=".pdf,.txt", maxSize=5_000_000, multiple=False
            ),
        ],
        name="Purser's form",
        image_path="/icons/purser.png",
    )
)

EXAMPLES = {"single": SINGLE, "chain": CHAIN, "parallel": PARALLEL, "form": FORM}
