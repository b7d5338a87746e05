"""What an export wrote, and what a check of a snapshot found, as text and as JSON lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from understudy.model.verification import Verification
from understudy.replicate.events import FileOutcome
from understudy.replicate.result import Exported
from understudy.report.clean import clean
from understudy.report.jsonlines import file_fields, line, place_fields
from understudy.report.sizes import many, size
from understudy.report.text import counted
from understudy.report.unread import unread_lines, unread_text

_MOST = 20  # files of one kind that are shown by name


def export_text(done: Exported, path: str) -> Iterator[str]:
    """Yield what does not lie there as it is, and the counts."""
    lacking = [file for file in done.files if not file.arrived]
    for file in lacking[:_MOST]:
        name = clean(file.name or file.source_id)
        yield click.style(f"! {name} ({size(file.bytes)}): {file.status}", fg="red")
        yield f"    {clean(file.reason)}"
    if len(lacking) > _MOST:
        yield click.style(f"! {len(lacking) - _MOST} more files are missing", fg="red")
    for file in [file for file in done.files if file.arrived and file.text][:_MOST]:
        yield click.style(f"  {clean(file.name)}: its parsed text only", fg="yellow")
    for problem in done.problems:
        yield click.style(f"! {clean(problem)}", fg="red")
    yield from unread_text(done.unread, done.place.name)
    where = f"from {clean(done.place.name)} to {clean(path)}"
    gone = f"; removed {done.removed} that are gone" if done.removed else ""
    text = f"Exported {counted(len(done.assistants))} {where}{gone}"
    if done.files or done.stores:
        text += f"; {many(done.stores, 'vector store')}, {many(len(done.files), 'file')}"
        text += f" ({_counts(done.files)})"
    yield text


def export_lines(done: Exported, path: str) -> Iterator[str]:
    """Yield a line for each file and for each finding, then the summary."""
    yield from unread_lines(done.unread, done.place.name)
    yield from (line("file_result", file_fields(file, {})) for file in done.files)
    numbers = {"count": len(done.assistants), "removed": done.removed}
    fields = {"source": place_fields(done.place), "path": path, **numbers}
    if done.files or done.stores or done.problems:
        statuses = [file.status for file in done.files]
        counts = {status: statuses.count(status) for status in dict.fromkeys(statuses)}
        fields |= {"stores": done.stores, "files": counts, "problems": list(done.problems)}
    yield line("export", fields)


def verify_text(found: Verification, path: str) -> Iterator[str]:
    """Yield all damage, and how much was read."""
    for kind, files in (
        ("has other bytes than its digest says", found.damaged),
        ("has another size than is noted", found.wrong_size),
        ("is listed, but its bytes are not there", found.missing),
    ):
        for file in files:
            yield click.style(f"! {clean(file.name or file.id)} {kind}", fg="red")
            yield f"    files/{file.sha256}"
    for store, file_id in found.unknown:
        text = f"! vector store {clean(store)} names {clean(file_id)}, which is not listed"
        yield click.style(text, fg="red")
    for digest in found.stray:
        yield click.style(f"  files/{digest} belongs to no file", fg="yellow")
    state = "every digest is right" if found.whole else "damaged"
    yield f"Verified {clean(path)}: {many(found.blobs, 'blob')}, {size(found.bytes)}; {state}"


def verify_lines(found: Verification, path: str) -> Iterator[str]:
    """Yield one line with everything."""
    fields = {
        "path": path,
        "whole": found.whole,
        "blobs": found.blobs,
        "bytes": found.bytes,
        "damaged": [file.id for file in found.damaged],
        "wrong_size": [file.id for file in found.wrong_size],
        "missing": [file.id for file in found.missing],
        "unknown": [{"store": store, "file": one} for store, one in found.unknown],
        "stray": list(found.stray),
    }
    yield line("verification", fields)


def _counts(files: Sequence[FileOutcome]) -> str:
    statuses = [file.status for file in files]
    return ", ".join(f"{statuses.count(one)} {one}" for one in dict.fromkeys(statuses)) or "none"
