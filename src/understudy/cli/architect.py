"""architect: validate, keep, approve and export multi-prompt assistants written as JSON."""

from __future__ import annotations

import click

from understudy.cli.lazy import LazyGroup, Table

#: Name to module, attribute and the line that `--help` shows; each is loaded when it is called.
COMMANDS: Table = {
    "new": ("architect_check", "new", "Write a document to begin with."),
    "validate": ("architect_check", "validate", "Check documents; find everything at once."),
    "schema": ("architect_check", "schema", "Print the format as JSON Schema."),
    "import": ("architect_library", "import_files", "Keep documents in the library."),
    "list": ("architect_library", "list_assistants", "List what the library has."),
    "show": ("architect_show", "show", "Draw an assistant: its stages, what flows where."),
    "explain": ("architect_show", "explain", "List what each prompt reads, and who reads it."),
    "render": ("architect_run", "render", "Show each prompt as it would be sent."),
    "run": ("architect_run", "run", "Run an approved assistant, and print its answers."),
    "batch": ("architect_batch", "batch", "Run an approved assistant for each row of a file."),
    "history": ("architect_library", "history", "Show what happened to an assistant."),
    "approve": ("architect_moves", "approve", "Approve a version, or enable a disabled one."),
    "reject": ("architect_moves", "reject", "Reject a version that waits for approval."),
    "disable": ("architect_moves", "disable", "Take the approved version out of use."),
    "export": ("architect_library", "export", "Write documents that import back unchanged."),
    "delete": ("architect_moves", "delete", "Delete an assistant with all its versions."),
}


@click.group(cls=LazyGroup, table=COMMANDS)
def architect() -> None:
    """Validate, keep, approve, run and export multi-prompt assistants written as JSON.

    \b
    understudy architect new chain > report.json
    understudy architect validate report.json
    understudy architect import report.json
    understudy architect approve "Report"
    understudy architect run "Report" --input text="..."
    """
