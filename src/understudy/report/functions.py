"""The functions to port: a section of report.md, and one line of text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from understudy.model.canonical import pretty
from understudy.model.functions import PortedFunction
from understudy.report.clean import cell, clean, clean_lines, code

_SHOWN = 100  # functions in report.md
_USERS = 20  # users shown behind a function
_LONGEST = 20_000  # characters of a schema
_ANSWER = """```python
# By hand; understudy ask calls it by this name when it stands in --handlers.
def {name}(*, query: str) -> list[dict[str, object]]:
    found = client.vector_stores.search(STORE_ID, query=query)
    return [
        {{"file": hit.filename, "score": hit.score, "text": [part.text for part in hit.content]}}
        for hit in found.data
    ]
```"""


def functions_markdown(functions: Sequence[PortedFunction]) -> Iterator[str]:
    """Yield the section: each function, who uses it, and its schema; nothing without any."""
    if not functions:
        return
    yield f"\n## Functions to port ({len(functions)})\n"
    yield "Their schemas travelled, their code did not: your program has to answer their calls."
    yield "`--stubs FILE.py` writes a typed Python module to fill in."
    for one in functions[:_SHOWN]:
        yield f"\n### {code(one.name)}\n"
        yield from _about(one)
        yield "```json"
        yield _schema(one.parameters)
        yield "```"
    if len(functions) > _SHOWN:
        yield f"\nAnd {len(functions) - _SHOWN} more; `--json` and `--stubs` have all of them."
    yield from _searches([one for one in functions if one.searches])


def functions_count(functions: Sequence[PortedFunction]) -> str:
    """Return how many functions that are."""
    return f"{len(functions)} function{'' if len(functions) == 1 else 's'}"


def functions_text(functions: Sequence[PortedFunction], *, stubs: str = "") -> Iterator[str]:
    """Yield what is left to do for them; `stubs` is the module that was written, if one was."""
    if not functions:
        return
    its = "its schema" if len(functions) == 1 else "their schemas"
    their = "its" if len(functions) == 1 else "their"
    hint = f"stubs are in {clean(stubs)}" if stubs else "--stubs FILE.py writes stubs"
    yield (f"{functions_count(functions)} to port: {its} travelled, {their} code did not; {hint}")


def _about(one: PortedFunction) -> Iterator[str]:
    names = [cell(user.name) if user.name.strip() else code(user.id) for user in one.users]
    more = f" and {len(names) - _USERS} more" if len(names) > _USERS else ""
    yield f"Used by {', '.join(names[:_USERS])}{more}."
    yield ""
    if one.description.strip():
        yield cell(one.description)
        yield ""


def _schema(parameters: Any) -> str:
    if parameters is None:
        return "null"
    text = clean_lines(pretty(parameters, sort_keys=False).rstrip("\n"))
    return text if len(text) <= _LONGEST else '"too long to be shown; --json has it"'


def _searches(functions: Sequence[PortedFunction]) -> Iterator[str]:
    """Yield how to answer the functions that stand in for file search."""
    if not functions:
        return
    names = dict.fromkeys(one.name for one in functions)
    yield "\n### In the place of file search\n"
    yield f"{', '.join(map(code, names))}: the documents lie in the vector stores that came along."
    yield 'An agent names its own in `metadata["vector_store_ids"]`, separated by commas; else the'
    yield "mapping of vector stores in `mapping.json` tells."
    yield ""
    yield from (_ANSWER.format(name=name) for name in list(names)[:3] if name.isidentifier())
