"""Carrying out a plan: the journal before it, the reports after it."""

from __future__ import annotations

import logging
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from understudy.errors import ExitCode, OutputError
from understudy.model.canonical import pretty
from understudy.model.functions import PortedFunction
from understudy.ops.functions import functions_of
from understudy.ops.journal import supersede
from understudy.ops.output import OutputDirectory
from understudy.ops.replicate import Job
from understudy.ops.request import request_fields
from understudy.replicate.events import Outcome, Status
from understudy.replicate.plan import Plan
from understudy.replicate.result import RunResult
from understudy.report.functions import functions_markdown
from understudy.report.jsonlines import place_fields
from understudy.report.mapping import mapping
from understudy.report.markdown import report_markdown
from understudy.report.needed import files_needed

log = logging.getLogger("understudy.replicate")


@dataclass(frozen=True, slots=True, repr=False)
class Report:
    """How a run came out; `functions` are those whose code did not travel."""

    run_id: str
    plan: Plan
    result: RunResult
    functions: tuple[PortedFunction, ...] = ()

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """One outcome for each selected assistant, in the source's order."""
        return self.result.outcomes

    @property
    def exit_code(self) -> ExitCode:
        """What the process should tell its caller."""
        result = self.result
        if result.stopped_by is not None:
            return result.stopped_by.exit_code
        troubled = (
            any(one.error or one.status is Status.PARTIAL for one in self.outcomes)
            or any(one.error for one in result.deleted)
            or any(one.error for one in result.files)
            or any(one.error for one in result.stores)
            or any(finding.blocks for finding in self.plan.unread)
        )
        return ExitCode.PARTLY if troubled else ExitCode.DONE


@asynccontextmanager
async def output(path: Path | None) -> AsyncIterator[OutputDirectory | None]:
    """Lock the output directory for a run, where there is one; raises OutputError."""
    if path is None:
        yield None
        return
    directory = OutputDirectory(path)
    try:
        directory.open()
        yield directory
    finally:
        directory.close()


async def carry_out(job: Job, plan: Plan, directory: OutputDirectory | None) -> Report:
    """Apply a plan, write the reports, and return what happened.

    Raises OutputError: before anything is written when there is no room for the reports, and
    after everything was done when they cannot be written all the same.
    """
    run_id, functions = new_run_id(), functions_of(job, plan)
    journal = None
    if directory is not None and plan.sends:
        directory.reserve(_room(job, run_id, plan, functions))
        journal = directory.journal(run_id, _header(job, plan))
    log.info("run started", extra={"fields": {"run_id": run_id}})
    try:
        result = await job.apply(plan, journal)
        report = Report(run_id, plan, result, functions)
        exit_code = int(report.exit_code)
        log.info("run ended", extra={"fields": {"run_id": run_id, "exit_code": exit_code}})
        if directory is not None:
            _write(directory, job, report)
            _supersede(job, report)
        if journal is not None:
            await journal.end(exit_code)
    finally:
        if journal is not None:
            await journal.aclose()
    return report


def _supersede(job: Job, report: Report) -> None:
    """Close the journals of killed runs, unless something they meant to create is still open."""
    result = report.result
    pairs = {o.source_id for o in result.outcomes if o.destination_id}
    pairs |= {f.source_id for f in result.files if f.destination_id}
    pairs |= {s.source_id for s in result.stores if s.destination_id}
    if all(one.source_id in pairs for one in job.recalled.open):
        for path in job.recalled.killed:
            supersede(path, report.run_id)


def _header(job: Job, plan: Plan) -> dict[str, object]:
    return {
        "source": place_fields(plan.source),
        "destination": place_fields(plan.destination),
        "request": request_fields(job.request),
    }


def _room(job: Job, run_id: str, plan: Plan, functions: Sequence[PortedFunction]) -> int:
    """Return the bytes that the reports will hardly exceed: all three, every line a long one."""
    outcomes = [
        Outcome(c.source_id, c.name, Status.CREATED, "x" * 64, (), c.ledger, "x" * 400)
        for c in plan.changes
    ]
    content = mapping(run_id, plan, RunResult(tuple(outcomes)), job.recalled.records())
    steps = (*plan.knowledge.files, *plan.knowledge.stores) if plan.knowledge else ()
    code = sum(len(line.encode("utf-8", "replace")) for line in functions_markdown(functions))
    return 65536 + code + 1024 * len(steps) + 2 * len(pretty(content, sort_keys=False).encode())


def new_run_id() -> str:
    """Return an id that sorts by time and is unique."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def _write(directory: OutputDirectory, job: Job, report: Report) -> None:
    plan, result = report.plan, report.result
    content = mapping(report.run_id, plan, result, job.recalled.records())
    text = report_markdown(report.run_id, plan, result, report.functions)
    try:
        directory.write(content, text, files_needed(plan, result))
    except OutputError as error:
        written = result.count(Status.CREATED) + result.count(Status.UPDATED)
        raise OutputError(
            f"{error.message} The run itself is over: {written} assistants were written.",
            hint="Run the same command again once there is room: it finds its clones and writes "
            "the reports.",
        ) from error


def plan_exit_code(plan: Plan, *, detailed: bool) -> ExitCode:
    """Return 2 for pending changes where that was asked for, else 0."""
    return ExitCode.CHANGES if detailed and plan.pending else ExitCode.DONE
