"""The `understudy` command: a table of subcommands, each loaded when it is called."""

from __future__ import annotations

import contextlib
import gc
import sys
from collections.abc import Mapping
from errno import ENOSPC, EPIPE
from typing import Any

import click

from understudy._version import __version__
from understudy.cli.lazy import LazyGroup, Table
from understudy.cli.options import COMMON
from understudy.cli.streams import emit, mute, prepare
from understudy.errors import ExitCode, InterruptedRunError, OutputError, UnderstudyError

_OBJECTS = 50_000  # that are made before the collector looks for cycles among them

#: Name to module, attribute and the line that `--help` shows.
COMMANDS: Table = {
    "demo": ("demo", "demo", "Show the whole job on the embedded sandbox; no key needed."),
    "list": ("look", "list_place", "List the assistants of a place."),
    "plan": ("replicate", "plan", "Show what a clone would do; write nothing."),
    "clone": ("replicate", "clone", "Make the destination hold what the source holds."),
    "apply": ("replicate", "apply", "Carry out a saved plan, if it still fits."),
    "resume": ("replicate", "resume", "Carry on with a run that was killed."),
    "check": ("check", "check", "Compare two places, both directions."),
    "models": ("survey", "models", "List which models are used, which die, what replaces them."),
    "fidelity": ("survey", "fidelity", "Show what becomes of each field in another place."),
    "ask": ("ask", "ask", "Ask a definition a question; stream its answer."),
    "export": ("look", "export", "Write a place's assistants into a snapshot."),
    "import": ("replicate", "import_snapshot", "Clone from a snapshot or from saved JSON."),
    "verify": ("look", "verify", "Re-read every file of a snapshot and check its digest."),
    "registry": ("registry", "registry", "Keep a local copy of a place, and look assistants up."),
    "serve": ("serve", "serve", "Serve the registry by HTTP and keep it in sync."),
    "architect": ("architect", "architect", "Validate, approve and run multi-prompt assistants."),
    "runs": ("runs", "runs", "Look at runs of assistants, and go on with them."),
    "worker": ("worker", "worker", "Play the runs that are queued, on this machine."),
    "profiles": ("profiles", "profiles", "Show the profiles and where each value came from."),
    "sandbox": ("sandbox", "sandbox", "Serve an OpenAI look-alike on this machine."),
}

_EPILOG = """\b
Places are profile names (src, dst, default, or your own), paths of snapshots, bundles or saved
JSON, or - for standard input.
Exit codes: 0 done, 1 failure, 2 changes pending (with --detailed-exitcode), 3 partly done,
4 authentication, 5 quota, 6 the endpoint is gone, 64 usage, 130 interrupted.
"""


@click.group(
    cls=LazyGroup,
    table=COMMANDS,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="understudy")
def main() -> None:
    """Copy AI assistants between projects, organizations and platforms.

    Plan, apply, report: again and again, without duplicates.
    """


main.params.extend(COMMON)


def run(arguments: list[str] | None = None) -> None:
    """Run the command and leave the process with its exit code."""
    # What modules are made of is looked through again and again while they load, for nothing.
    gc.set_threshold(_OBJECTS, 20, 20)
    prepare()
    code = _run(arguments)
    gc.freeze()  # nor need the end of the process look through it: that takes a seventh of a second
    sys.exit(code)


def _run(arguments: list[str] | None) -> int:
    settings: dict[str, Any] = {}
    try:
        code = main.main(arguments, prog_name="understudy", standalone_mode=False, obj=settings)
    except click.exceptions.NoArgsIsHelpError as error:
        emit(error.format_message())
        return ExitCode.USAGE
    except click.UsageError as error:
        # Where parsing failed, options that stand behind the mistake were not looked at.
        json = "--json" in (sys.argv if arguments is None else arguments)
        return _usage(error, {"json": json, **settings})
    except click.ClickException as error:
        return _fail(UnderstudyError(error.format_message()), settings)
    except (click.Abort, KeyboardInterrupt) as error:
        return _stopped(error, settings)
    except UnderstudyError as error:
        return _fail(error, settings)
    except OSError as error:
        return (
            _unwritable(error, settings)
            if error.errno in (EPIPE, ENOSPC)
            else _bug(error, settings)
        )
    except RecursionError:
        deep = "Something is nested too deeply: more than some 200 levels of objects and lists."
        return _fail(UnderstudyError(deep, hint="Look for it in the tools."), settings)
    except Exception as error:
        return _bug(error, settings)
    return int(code or 0)


def _usage(error: click.UsageError, settings: Mapping[str, Any]) -> int:
    from understudy.errors import UsageError

    where = f"{error.ctx.command_path} --help" if error.ctx else "understudy --help"
    return _fail(UsageError(error.format_message(), hint=f"Try: {where}"), settings)


def _fail(error: UnderstudyError, settings: Mapping[str, Any]) -> int:
    from understudy.redact import redact
    from understudy.report.clean import clean_lines

    if settings.get("json"):
        from understudy.report.jsonlines import error_line

        with contextlib.suppress(UnderstudyError):  # the exit code of what happened first counts
            emit(error_line(error))
    emit(click.style("Error: ", fg="red") + clean_lines(redact(error.message)), err=True)
    if error.hint:
        emit(clean_lines(redact(error.hint)), err=True)
    return error.exit_code


def _unwritable(error: OSError, settings: Mapping[str, Any]) -> int:
    """Say that stdout took no more: click prints its help by itself, not through emit."""
    mute(sys.stdout)
    if error.errno == EPIPE:
        return ExitCode.FAILURE
    return _fail(OutputError(f"stdout cannot be written: {error.strerror}."), settings)


def _stopped(error: BaseException, settings: Mapping[str, Any]) -> int:
    if isinstance(error.__cause__, EOFError):  # which click takes for somebody's Ctrl-D
        return _cut_off(error.__cause__, settings)
    if sys.stderr.isatty():
        emit("", err=True)  # the question still stands on the line
    return _fail(InterruptedRunError("Interrupted."), settings)


def _cut_off(error: EOFError, settings: Mapping[str, Any]) -> int:
    """Report what ended too early: mostly a compiled module that a full disk cut off.

    Python puts such a file into its place as if it were whole, and stumbles over it in every run
    from then on.
    """
    import traceback

    for frame, _ in traceback.walk_tb(error.__traceback__):
        if compiled := frame.f_locals.get("bytecode_path"):  # of importlib's SourceLoader
            what = f"{compiled} is cut off, as a full disk leaves it."
            hint = "Delete this file: Python makes it anew."
            return _fail(UnderstudyError(what, hint=hint), settings)
    return _bug(error, settings)


def _bug(error: Exception, settings: Mapping[str, Any]) -> int:
    """Report what should never happen, with a traceback only where somebody asked for it."""
    import traceback

    from understudy.redact import redact
    from understudy.report.clean import clean_lines

    if settings.get("verbose"):
        text = "".join(traceback.format_exception(error))
        emit(clean_lines(redact(text)), err=True)
    what = f"internal error: {type(error).__name__}: {error}"
    hint = "This is a bug in understudy" + ("." if settings.get("verbose") else "; -v shows where.")
    return _fail(UnderstudyError(what, hint=hint), settings)
