"""architect show, explain: what an assistant does, drawn and told."""

from __future__ import annotations

import shutil
import sys
from dataclasses import asdict
from pathlib import Path

import click

from understudy.architect.definition import Definition
from understudy.architect.document import Document
from understudy.architect.picture import explain as explained
from understudy.architect.picture import picture
from understudy.cli.architect_options import architect_of, library, number, using
from understudy.cli.session import Session
from understudy.errors import (
    AbsentStoreError,
    ExitCode,
    InvalidDocumentError,
    SelectionError,
    UsageError,
)
from understudy.ops.architect import Architect, document_text
from understudy.report.architect import mapping_fields
from understudy.report.architect_drawing import drawing, explained_text
from understudy.report.architect_library import kept_fields, state_text, version_fields
from understudy.report.architect_mermaid import mermaid
from understudy.report.architect_svg import svg
from understudy.report.clean import clean, clean_lines
from understudy.report.jsonlines import line
from understudy.store.records import Kept, Version

_NARROW = 100  # columns where there is no terminal
_what = click.argument("name", metavar="NAME|FILE")


@click.command()
@_what
@number
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "mermaid", "svg"]),
    default="text",
    show_default=True,
    help="mermaid and svg are for documents.",
)
@library
@click.pass_context
def show(
    ctx: click.Context,
    /,
    name: str,
    number: int | None,
    form: str,
    database: str | None,
) -> int:
    """Draw an assistant of the library, or of a .json file: its stages, and what flows where.

    \b
    understudy architect show "Multi-Perspective Analyzer"
    understudy architect show report.json --format svg > report.svg
    """
    session = Session(ctx)
    document, version, kept = _found(session, architect_of(session, database), name, number)
    if form != "text" and not session.json and len(document.assistants) > 1:
        raise UsageError(
            f"{clean(name)} holds {len(document.assistants)} assistants; a picture is of one.",
            hint="Import it, and name the assistant.",
        )
    for one, flow in zip(document.assistants, document.flows, strict=True):
        if session.json:
            fields = {"content": one.content, "digest": one.digest, "models": _models(document)}
            stored = {"assistant": kept_fields(kept)} if kept else {}
            stored |= {"version": version_fields(version)} if version else {}
            session.say([line("architect_definition", {**stored, **fields})])
            continue
        drawn = picture(one, flow, document.models)
        if form != "text":
            session.say([mermaid(drawn) if form == "mermaid" else svg(drawn)])
            continue
        session.say(_about(one, version, kept))
        columns = session.columns or shutil.get_terminal_size((_NARROW, 0)).columns
        session.say(drawing(drawn, columns=columns, ascii_only=not _draws_lines()))
    return ExitCode.DONE


@click.command()
@_what
@number
@library
@click.pass_context
def explain(ctx: click.Context, /, name: str, number: int | None, database: str | None) -> int:
    """List for every prompt what it reads, who reads it, and which model answers why.

    \b
    understudy architect explain "Document Analyzer"
    understudy architect explain report.json --json
    """
    session = Session(ctx)
    document, _, _ = _found(session, architect_of(session, database), name, number)
    for one, flow in zip(document.assistants, document.flows, strict=True):
        told = explained(one, flow, document.models)
        if session.json:
            for prompt in told:
                reads = [
                    {"variable": variable, "source": source, "name": what, "times": times}
                    for variable, source, what, times in prompt.reads
                ]
                fields = {"assistant": one.name, **asdict(prompt), "reads": reads}
                session.say([line("architect_prompt", fields)])
            continue
        session.say([clean(one.name)])
        session.say_wrapped(explained_text(told))
    return ExitCode.DONE


def _found(
    session: Session, architect: Architect, name: str, number: int | None
) -> tuple[Document, Version | None, Kept | None]:
    """Return what is meant: a file where there is one of this name, else the library's."""
    version, kept = None, None
    if name.endswith(".json") and Path(name).is_file():
        if number is not None:
            raise UsageError(f"--version goes with a name, and {clean(name)} is a file.")
        document = architect.check(name)
    else:
        try:
            version, kept = using(session, architect, lambda: _stored(architect, name, number))
        except SelectionError as error:
            raise SelectionError(error.message, hint=error.hint or _no_file(name)) from error
        except AbsentStoreError as error:
            if not (error.unused and _no_file(name)):
                raise
            raise SelectionError(error.message, hint=_no_file(name)) from error
        text = document_text([version.content])
        document = architect.check_stored(text, name)
    if not document.valid:
        first = document.errors[0]
        raise InvalidDocumentError(
            f"{name} is not valid: {first.message}", hint="understudy architect validate tells all."
        )
    return document, version, kept


def _no_file(name: str) -> str:
    if name.endswith(".json"):
        return "There is no file of this name either."
    return "A file is taken for one where its name ends in .json." if Path(name).is_file() else ""


async def _stored(architect: Architect, name: str, number: int | None) -> tuple[Version, Kept]:
    stored = await architect.library()
    kept = await stored.find(name)
    shown = number or (kept.in_force.number if kept.in_force else kept.latest.number)
    return await stored.version(kept.id, shown), kept


def _about(one: Definition, version: Version | None, kept: Kept | None) -> list[str]:
    lines = [clean_lines(one.description)] if one.description else []
    if version is not None and kept is not None:
        more = f"; version {kept.pending} waits for approval" if kept.pending else ""
        more = "" if kept.pending == version.number else more
        lines.append(
            f"version {version.number} of {kept.latest.number}, {state_text(version.state)}{more}"
        )
    return lines


def _models(document: Document) -> dict[str, object]:
    return {name: mapping_fields(mapped) for name, mapped in document.models.items()}


def _draws_lines() -> bool:
    try:
        "┌▼→".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
