"""Which functions a plan leaves to port, and the module of stubs for them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

from understudy.config import Settings
from understudy.errors import OutputError, UsageError
from understudy.files import read_text, write_whole
from understudy.model.assistant import Assistant
from understudy.model.functions import PortedFunction, functions_to_port
from understudy.ops.look import list_assistants
from understudy.ops.replicate import Job
from understudy.ops.request import FileSearch, Request
from understudy.platforms.dump_files import STANDARD_INPUT
from understudy.replicate.plan import Action, Plan
from understudy.replicate.tailoring import search_name, with_search_function
from understudy.report.stubs import is_untouched, stubs


def functions_of(job: Job, plan: Plan) -> tuple[PortedFunction, ...]:
    """Return the functions of all that the plan brings, or has brought before."""
    going = {c.source_id for c in plan.changes if c.action is not Action.CONFLICT}
    source, _ = job.inventories()
    return ported((one for one in source.assistants if one.id in going), job.request.file_search_as)


def ported(
    assistants: Iterable[Assistant], file_search_as: FileSearch = FileSearch.DROP
) -> tuple[PortedFunction, ...]:
    """Return the functions of these assistants, those that stand in for file search included."""
    if file_search_as is not FileSearch.FUNCTION:
        return functions_to_port(assistants)
    shown, searches = [], {}
    for one in assistants:
        shown.append(with_search_function(one))
        if shown[-1] is not one:
            searches[one.id] = search_name(one)
    return functions_to_port(shown, searches)


async def stub_place(
    request: Request, settings: Settings, path: Path, *, stop: asyncio.Event | None = None
) -> None:
    """Write the module for a request's source, which is read once more; raises UsageError."""
    if str(request.source) == STANDARD_INPUT:
        raise UsageError("Standard input can be read only once.", hint="Save it to a file first.")
    listing = await list_assistants(
        request.source, settings, selection=request.selection, stop=stop
    )
    write_stubs(path, ported(listing.assistants, request.file_search_as))


def require_stubs(path: Path | None) -> None:
    """Raise OutputError for a module of stubs that somebody has edited: it is never overwritten."""
    if path is None or not path.exists() or path.is_dir():
        return  # writing says what is wrong with a directory
    if path.is_file() and path.stat().st_size and not is_untouched(read_text(path)):
        raise OutputError(
            f"{path} is not overwritten: it was edited, or not written by understudy.",
            hint="Give --stubs another file, and carry over what is new.",
        )


def write_stubs(path: Path, functions: tuple[PortedFunction, ...]) -> None:
    """Write the module, whole or not at all; raises OutputError. May be repeated."""
    require_stubs(path)
    write_whole(path, stubs(functions))
