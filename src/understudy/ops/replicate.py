"""Plan, clone, apply: the main job, wired together."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from understudy.config import Settings
from understudy.errors import ExitCode, OutputError, UsageError
from understudy.model.canonical import pretty
from understudy.ops import collector
from understudy.ops.journal import remembered
from understudy.ops.listeners import both, log_events
from understudy.ops.output import OutputDirectory
from understudy.ops.places import PlaceLike, Places
from understudy.platforms.base import Platform
from understudy.platforms.pacing import Paced, RetryPolicy
from understudy.replicate.apply import RunResult, apply_plan
from understudy.replicate.events import (
    ChangeDone,
    Event,
    Listener,
    Outcome,
    Read,
    Status,
    silent,
)
from understudy.replicate.gather import gather_both
from understudy.replicate.identity import RANDOM
from understudy.replicate.inventory import Inventory
from understudy.replicate.plan import Identity, Plan, PlanOptions, make_plan
from understudy.replicate.selection import Selection
from understudy.report.mapping import mapping
from understudy.report.markdown import report_markdown

log = logging.getLogger("understudy.replicate")

DEFAULT_CONCURRENCY = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is to be replicated, and how. `rate` is in requests a second and key."""

    source: PlaceLike
    destination: PlaceLike
    selection: Selection = field(default_factory=Selection)
    identity: Identity = Identity.METADATA
    ignore: frozenset[str] = frozenset()
    check_models: bool = True
    allow_same: bool = False
    concurrency: int = DEFAULT_CONCURRENCY
    rate: float | None = None
    output_dir: Path | None = None
    retry: RetryPolicy | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """How a run came out."""

    run_id: str
    plan: Plan
    result: RunResult

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """One outcome for each selected assistant, in the source's order."""
        return self.result.outcomes

    @property
    def exit_code(self) -> ExitCode:
        """What the process should tell its caller."""
        if self.result.stopped_by is not None:
            return self.result.stopped_by.exit_code
        troubled = any(outcome.error for outcome in self.outcomes)
        return ExitCode.PARTLY if troubled else ExitCode.DONE


class Job:
    """One replication with both places open. Use `open_job`."""

    def __init__(
        self,
        request: Request,
        source: Platform,
        destination: Platform,
        *,
        same_place: bool,
        stop: asyncio.Event,
        listener: Listener,
    ) -> None:
        self.request = request
        self._source = source
        self._destination = destination
        self._same_place = same_place
        self._stop = stop
        self._listener = listener
        self._known: Mapping[str, str] = {}
        self._inventories: tuple[Inventory, Inventory] | None = None

    async def plan(self) -> Plan:
        """Read both places and return what would be done; writes nothing anywhere."""
        with collector.resting():
            return await self._plan()

    async def _plan(self) -> Plan:
        source, destination = await self.gather()
        options = PlanOptions(
            selection=self.request.selection,
            identity=self.request.identity,
            known=self._known,
            ignore=self.request.ignore,
            check_models=self.request.check_models,
            same_place=self._same_place,
        )
        plan = make_plan(source, destination, options, self._destination.render)
        if self.request.check_models and plan.writes:
            # Asked for only now: with nothing to write, nobody needs the answer.
            models = await self._destination.models()
            if models is None and destination.capabilities.lists_models:
                note = f"{destination.info.name} does not say which models it offers; not checked."
                return replace(plan, notes=(note,))
            if models is not None:
                destination = replace(destination, models=models)
                plan = make_plan(source, destination, options, self._destination.render)
        return plan

    def inventories(self) -> tuple[Inventory, Inventory]:
        """Return what `plan` read."""
        assert self._inventories is not None  # noqa: S101 - plan() comes first
        return self._inventories

    async def gather(self) -> tuple[Inventory, Inventory]:
        """Read both places and return what they hold; raises UsageError for one place twice."""
        if self.request.output_dir is not None:
            self._known = remembered(
                self.request.output_dir,
                self._source.info,
                self._destination.info,
                required=self.request.identity is Identity.MAPPING,
            )
        found = await gather_both(
            self._source,
            self._destination,
            known=self._known.values(),
            on_page=lambda place, count: self._listener(Read(place, count)),
        )
        self._require_different(*found)
        # What is gone is not asked for again.
        there = found[1].by_id()
        self._known = {one: other for one, other in self._known.items() if other in there}
        self._inventories = found
        return found

    async def apply(self, plan: Plan, listener: Listener = silent) -> RunResult:
        """Carry out the plan and return what happened; one more listener hears of it."""
        _, destination = self.inventories()
        paced = self._destination
        return await apply_plan(
            plan,
            paced,
            before=destination.by_id(),
            concurrency=self.request.concurrency,
            stop=self._stop,
            finisher=paced.unstoppable() if isinstance(paced, Paced) else paced,
            listener=both(self._listener, listener),
        )

    def stop(self) -> None:
        """Let the writes in flight end and begin no new ones."""
        self._stop.set()

    @property
    def known(self) -> Mapping[str, str]:
        """Pairs that earlier runs into the output directory left."""
        return self._known

    def _require_different(self, source: Inventory, destination: Inventory) -> None:
        """Recognise one project under two keys: it holds the same ids."""
        if not (source.capabilities.remote and destination.capabilities.remote):
            return
        same_server = source.info.home == destination.info.home
        both = source.by_id().keys() & destination.by_id().keys()
        shared = {i for i in both if same_server or len(i) >= RANDOM}
        if shared and self.request.allow_same:
            self._same_place = True
        elif shared:
            raise UsageError(
                f"{source.info.name} and {destination.info.name} are the same project: both hold "
                f"{min(shared)}.",
                hint="Check the keys; --allow-same clones within a project on purpose.",
            )


@asynccontextmanager
async def open_job(
    request: Request,
    settings: Settings,
    *,
    stop: asyncio.Event | None = None,
    listener: Listener = silent,
    both_exist: bool = False,
) -> AsyncIterator[Job]:
    """Open both places for a replication and close them afterwards; raises UsageError.

    With `both_exist`, a destination that is not there yet is an error, too.
    """
    if request.identity is Identity.MAPPING and request.output_dir is None:
        raise UsageError("Identity is to be kept in mapping.json: that needs an output directory.")
    stop = stop or asyncio.Event()
    heard = both(listener, log_events)
    places = Places(settings, rate=request.rate, stop=stop, on_wait=heard, policy=request.retry)
    same = places.same(request.source, request.destination)
    if same and not request.allow_same:
        raise UsageError(
            f"Source and destination are the same place: {request.source}.",
            hint="--allow-same clones within a project on purpose.",
        )
    try:
        source = places.open(request.source, must_exist=True)
        destination = places.open(request.destination, must_exist=both_exist)
        yield Job(request, source, destination, same_place=same, stop=stop, listener=heard)
    finally:
        collector.release()
        await places.aclose()


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
    run_id = new_run_id()
    if directory is not None and plan.writes:
        directory.reserve(_room(job, run_id, plan))
    log.info("run started", extra={"fields": {"run_id": run_id}})
    keeper = _Keeper(directory, job, plan)
    try:
        result = await job.apply(plan, keeper)
    finally:
        keeper.close()
    report = Report(run_id, plan, result)
    log.info("run ended", extra={"fields": {"run_id": run_id, "exit_code": int(report.exit_code)}})
    if directory is not None:
        _write(directory, job, report)
    if keeper.failure is not None:
        raise keeper.failure
    return report


def _room(job: Job, run_id: str, plan: Plan) -> int:
    """Return the bytes that the reports will hardly exceed: all three, every line a long one."""
    outcomes = [
        Outcome(c.source_id, c.name, Status.CREATED, "x" * 64, (), c.ledger, "x" * 400)
        for c in plan.changes
    ]
    content = mapping(run_id, plan.source, plan.destination, outcomes, job.known)
    return 65536 + 2 * len(pretty(content, sort_keys=False).encode())


class _Keeper:
    """Writes every clone into the journal as soon as it is there."""

    def __init__(self, directory: OutputDirectory | None, job: Job, plan: Plan) -> None:
        durable = plan.identity is Identity.MAPPING
        self._journal = (
            None
            if directory is None
            else directory.journal(plan.source, plan.destination, durable=durable)
        )
        self._job = job
        self.failure: OutputError | None = None

    def __call__(self, event: Event) -> None:
        if self._journal is None or not isinstance(event, ChangeDone):
            return
        outcome = event.outcome
        if outcome.status is Status.CREATED and outcome.destination_id:
            try:
                self._journal.add(outcome.source_id, outcome.destination_id)
            except OutputError as error:
                # Going on would make clones that nobody may recognise again.
                self.failure = error
                self._job.stop()

    def close(self) -> None:
        if self._journal is not None:
            self._journal.close()


def new_run_id() -> str:
    """Return an id that sorts by time and is unique."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def _write(directory: OutputDirectory, job: Job, report: Report) -> None:
    plan, result = report.plan, report.result
    content = mapping(report.run_id, plan.source, plan.destination, result.outcomes, job.known)
    text = report_markdown(
        report.run_id,
        plan.source,
        plan.destination,
        result.outcomes,
        seconds=result.seconds,
        stopped_by=result.stopped_by.message if result.stopped_by else "",
    )
    try:
        directory.write(content, text)
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
