"""files-needed.md: what nobody could fetch, who needs it, and how to supply it."""

from __future__ import annotations

from collections.abc import Iterator

from understudy.replicate.events import FileOutcome, FileStatus
from understudy.replicate.plan import Plan
from understudy.replicate.result import RunResult
from understudy.report.clean import cell, code

_NEEDED = (FileStatus.MISSING, FileStatus.LEFT_OUT, FileStatus.FAILED, FileStatus.SKIPPED)


def files_needed(plan: Plan, result: RunResult) -> str:
    """Return the manifest, an empty text when nothing is needed."""
    needed = [file for file in result.files if file.status in _NEEDED]
    lost = [store for store in result.stores if store.error and not store.files]
    if not needed and not lost:
        return ""
    names = {change.source_id: change.name for change in plan.changes}
    lines = ["# Files needed", ""]
    if needed:
        lines += [
            "These files did not arrive. Put the originals into a folder, anywhere below it,",
            "under the same name and with the same size, and run the same command again:",
            "",
            "```",
            "understudy clone ... --files-dir FOLDER",
            "```",
            "",
            "Only what is missing is moved then. With `--text-fallback`, files in vector stores",
            "are replaced by their parsed text.",
            "",
            "| file | bytes | source id | needed by | why |",
            "|---|---:|---|---|---|",
            *_rows(needed, names),
        ]
    if lost:
        lines += ["", "These vector stores did not arrive:", ""]
        lines += [f"- {cell(s.name)} {code(s.source_id)}: {cell(s.error)}" for s in lost]
    return "\n".join(lines) + "\n"


def _rows(files: list[FileOutcome], names: dict[str, str]) -> Iterator[str]:
    for file in files:
        users = ", ".join(cell(names.get(one, "") or one) for one in file.users)
        bytes_ = "?" if file.bytes is None else str(file.bytes)
        yield (
            f"| {cell(file.name)} | {bytes_} | {code(file.source_id)} | {users} "
            f"| {cell(file.reason or str(file.status))} |"
        )
