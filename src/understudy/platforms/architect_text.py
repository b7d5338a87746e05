"""The text of an Architect document in which some entries were changed: the others stay."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from understudy.architect.positions import Locator

_BETWEEN = re.compile(r"[ \t\n\r,]*")


def spelt(root: Mapping[str, Any], kept: Mapping[int, str]) -> str:
    """Return a document as text, its assistants as `kept` has them by `id`, else laid out anew.

    Raises ValueError for what JSON cannot say.
    """
    pieces = [kept.get(id(one)) or _json(one, 4) for one in root["assistants"]]
    listed = "[\n    " + ",\n    ".join(pieces) + "\n  ]" if pieces else "[]"
    entries = [
        f"{_json(name)}: {listed if name == 'assistants' else _json(value, 2)}"
        for name, value in root.items()
    ]
    return "{\n  " + ",\n  ".join(entries) + "\n}\n"


def slices(text: str, entries: Sequence[Any], touched: Iterable[int]) -> dict[int, str]:
    """Return the text of each assistant, by the `id` of what was read from it; not the touched."""
    if not entries:
        return {}
    locator, found = Locator(text), {}
    end = locator.offset(("assistants",)) + 1
    for one in entries:
        match = _BETWEEN.match(text, end)
        start = match.end() if match else end
        end = locator.past(start)
        found[id(one)] = text[start:end]
    for one in touched:
        found.pop(one, None)
    return found


def _json(value: Any, indent: int = 0) -> str:
    """Return a value as JSON whose lines after the first one are indented."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    return text.replace("\n", "\n" + " " * indent)
