"""Finding the run that was interrupted, and what it was asked to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from understudy.errors import SelectionError
from understudy.ops.recall import journals, lines_of
from understudy.ops.request import Request, parse_request


def interrupted(directory: Path, run_id: str | None) -> Request:
    """Return the request of a run, the newest one that did not end if none is named.

    Raises SelectionError when there is none, SnapshotError for a journal that does not say it.
    """
    for path in reversed(journals(directory)):
        if run_id is not None and path.stem != run_id:
            continue
        lines = list(lines_of(path))
        if run_id is None and (not lines or any(line.get("type") == "end" for line in lines)):
            continue
        first: dict[str, Any] = lines[0] if lines else {}
        return parse_request(first.get("request") or {}, str(path), output_dir=directory)
    known = ", ".join(path.stem for path in journals(directory)[-5:])
    if run_id is not None:
        raise SelectionError(
            f"{directory} holds no journal of a run {run_id}.",
            hint=f"The newest are {known}." if known else "Is it the right --output-dir?",
        )
    raise SelectionError(
        f"No run in {directory} was interrupted: there is nothing to resume.",
        hint="Run the command itself; what is there already is recognised.",
    )
