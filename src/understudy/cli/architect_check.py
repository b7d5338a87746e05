"""architect validate, schema, new: documents by themselves, without the library."""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Iterable
from pathlib import Path

import click

from understudy.architect.document import Document
from understudy.architect.fixing import fixed
from understudy.architect.guide import guide
from understudy.architect.rules import Severity
from understudy.architect.schema import json_schema
from understudy.architect.skeletons import Pattern, skeleton
from understudy.cli.architect_options import architect_of, checking
from understudy.cli.options import common
from understudy.cli.session import Session
from understudy.cli.streams import spelt_for
from understudy.errors import ExitCode, UsageError
from understudy.files import write_whole
from understudy.ops.architect import Architect
from understudy.ops.architect_files import documents
from understudy.report.architect import findings_lines, findings_text, github_lines, sarif
from understudy.report.clean import clean_lines

_files = click.argument("sources", nargs=-1, required=True, metavar="FILE...")


@click.command()
@_files
@checking
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github", "sarif"]),
    default="text",
    show_default=True,
    help="json: JSON lines; github: annotations; sarif: for code scanning.",
)
@click.option("--strict", is_flag=True, help="Warnings count as errors.")
@click.option("--fix", is_flag=True, help="Mend what has one safe answer, and show it.")
@click.option("--diff", "only_diff", is_flag=True, help="Show what --fix would do; write nothing.")
@common
@click.pass_context
def validate(
    ctx: click.Context,
    /,
    sources: tuple[str, ...],
    map_model: tuple[str, ...],
    allow_unknown_variables: bool,
    form: str,
    strict: bool,
    fix: bool,
    only_diff: bool,
) -> int:
    """Check documents: every rule, all findings at once, each with its place and its remedy.

    FILE is a file, a folder (every .json below it) or - for standard input. Nothing is stored.
    Exits with 1 when anything is wrong, with --strict also for warnings.

    \b
    understudy architect validate report.json
    understudy architect validate assistants/ --strict
    understudy architect validate report.json --fix
    understudy architect validate . --format sarif > architect.sarif
    """
    session = Session(ctx)
    architect = architect_of(
        session, map_model=map_model, allow_unknown_variables=allow_unknown_variables
    )
    checked = documents(architect, sources)
    if fix or only_diff:
        checked = (_mended(session, architect, one, write=not only_diff) for one in checked)
    form = "json" if session.json else form
    worst = _told(session, checked, form)
    bad = worst is Severity.ERROR or (strict and worst is Severity.WARNING)
    return ExitCode.FAILURE if bad else ExitCode.DONE


def _told(session: Session, checked: Iterable[Document], form: str) -> Severity:
    """Print what was found, and return the worst of it."""
    worst, kept = Severity.INFO, []
    for document in checked:
        found = {finding.severity for finding in document.findings}
        worst = Severity.ERROR if Severity.ERROR in found | {worst} else worst
        if worst is not Severity.ERROR and Severity.WARNING in found:
            worst = Severity.WARNING
        if form == "sarif":
            kept.append(document)
        elif form == "text":
            lines = list(findings_text(document))
            session.say_wrapped(lines[-1:] if session.quiet else lines)
        else:
            session.say((findings_lines if form == "json" else github_lines)(document))
    if form == "sarif":
        session.say([sarif(kept)])
    return worst


def _mended(session: Session, architect: Architect, document: Document, *, write: bool) -> Document:
    """Show what can be mended safely, write it where asked to, and return what is left to mend."""
    text = fixed(document)
    if text == document.text:
        return document
    if write and document.source == "standard input":
        raise UsageError("--fix needs a file to write to.", hint="For a look: --diff.")
    if not session.quiet:
        lines = difflib.unified_diff(
            document.text.splitlines(),
            text.splitlines(),
            document.source,
            document.source,
            lineterm="",
            n=2,
        )
        for line in lines:
            color = {"+": "green", "-": "red"}.get(line[:1])
            click.echo(click.style(clean_lines(line), fg=color), err=True)
    if not write:
        return document
    write_whole(Path(document.source).resolve(), text)  # what a link leads to, not the link
    return architect.check(document.source)


@click.command()
@click.option(
    "--format", "form", type=click.Choice(["json", "markdown"]), default="json", show_default=True
)
@common
@click.pass_context
def schema(ctx: click.Context, /, form: str) -> int:
    """Print the format as JSON Schema (2020-12), or as a reference for people.

    Editors complete by it, agents validate by it. What refers to something else (variables,
    models, groups) only `validate` finds.

    \b
    understudy architect schema > architect.schema.json
    understudy architect schema --format markdown
    """
    text = json.dumps(json_schema(), indent=2) if form == "json" else guide().rstrip()
    Session(ctx).say([text])
    return ExitCode.DONE


@click.command()
@click.argument("pattern", type=click.Choice([one.value for one in Pattern]))
@click.option("--name", default="My assistant", show_default=True, help="The assistant's name.")
@click.option("--output", "-o", type=click.Path(path_type=Path), metavar="FILE", help="Write here.")
@common
@click.pass_context
def new(ctx: click.Context, /, pattern: str, name: str, output: Path | None) -> int:
    """Write a valid document to begin with: one prompt, a chain, or prompts that run at once.

    \b
    understudy architect new single
    understudy architect new parallel --name "Second opinion" -o opinion.json
    """
    session = Session(ctx)
    text = json.dumps(skeleton(Pattern(pattern), name), indent=2, ensure_ascii=False)
    found = Document.parse(text)
    if not found.valid:
        raise UsageError(f"--name: {found.errors[0].message}", hint=found.errors[0].hint)
    if output is None:
        session.say([spelt_for(text, sys.stdout)])
        return ExitCode.DONE
    if output.exists():
        raise UsageError(f"{output} is there already.", hint="Choose another name.")
    write_whole(output, text + "\n")
    session.note(f"Wrote {output}; what to replace stands in its description.")
    return ExitCode.DONE
