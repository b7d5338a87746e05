"""Durable runs: each attempt at a run is a workflow of DBOS, each prompt a step of it.

A finished prompt is kept the moment it ends. An attempt that was killed or failed is followed by
another, which begins with what the ones before it have finished. DBOS is one for each process, and
so is `DurableRuns`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Any, Self

from dbos import DBOS, SetWorkflowID

# Which are not exported, and are raised nevertheless.
from dbos._error import (
    DBOSAwaitedWorkflowCancelledError,
    DBOSWorkflowCancelledError,
    DBOSWorkflowConflictIDError,
)
from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from understudy.architect.checking import Options
from understudy.architect.document import Document
from understudy.architect.engine import Engine, Play, PromptError, StoppedError, Work
from understudy.architect.run_events import (
    Answered,
    Failure,
    RunEnded,
    RunEvent,
    RunListener,
    RunStatus,
)
from understudy.errors import MoveError, SelectionError, StoreError
from understudy.runs.executor import executor_id, is_gone
from understudy.runs.records import (
    Order,
    RunInfo,
    Standing,
    answer_of,
    ended_json,
    ended_of,
    order_json,
    order_of,
)
from understudy.runs.serializer import JsonSerializer

log = logging.getLogger("understudy.runs")

_WORKFLOW = "architect_run"
_APPLICATION = "understudy"
#: Of the workflow's code: attempts of another one are not carried on, but retried.
_VERSION = "1"
_ENDED = {"SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"}
_MOST_ATTEMPTS = 1000
_WATCH = 0.5  # seconds between two looks whether somebody cancelled
_JUST = 3.0  # seconds after which a process has noticed that
#: Stands for what cannot be read.
_UNREAD = Order(assistant="(cannot be read)", content="{}", models={}, inputs={})


@dataclass(slots=True)
class _Live:
    """What a workflow in this process needs, which no database can hold."""

    engine: Engine
    listener: RunListener
    task: asyncio.Task[Any] | None = None
    ended: RunEnded | None = None
    elsewhere: bool = False  # whether it was cancelled from there

    def hear(self, number: int, event: RunEvent) -> None:
        """Pass an event on, and remember the last one."""
        if isinstance(event, RunEnded):
            self.ended = event
        self.listener(number, event)


_live: dict[str, _Live] = {}


class _Steps:
    """A recorder that makes each prompt a step; answers from earlier attempts are there already."""

    def __init__(self, kept: Mapping[int, Answered]) -> None:
        self._kept = {f"prompt-{i}": answer for i, answer in kept.items()}

    async def step(self, key: str, work: Work, /) -> Answered:
        """Return the answer; raises PromptError, which is recorded as well."""
        if key in self._kept:
            return self._kept[key]

        async def ask() -> dict[str, Any]:
            try:
                return {"answer": asdict(await work())}
            except PromptError as error:
                return {"failure": asdict(error.failure)}

        try:
            with _database():
                told = await DBOS.run_step_async({"name": key}, ask)
        except (DBOSWorkflowCancelledError, DBOSWorkflowConflictIDError) as error:
            raise StoppedError from error
        if "failure" in told:
            raise PromptError(Failure(**told["failure"]))
        return answer_of(told["answer"])


@DBOS.workflow(name=_WORKFLOW)
async def _play(order: dict[str, Any]) -> dict[str, Any]:
    """Play one attempt; the workflow's id is that of the attempt."""
    live = _live[str(DBOS.workflow_id)]
    live.task = asyncio.current_task()
    wanted = order_of(order)
    return ended_json(await live.engine.run(_made(wanted), live.hear, _Steps(wanted.kept)))


class DurableRuns:
    """Runs in a database; an asynchronous context manager, which ends DBOS.

    Everything may raise StoreError; what takes a run's id, SelectionError.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    async def __aenter__(self) -> Self:
        # Without a handler of its own, DBOS writes to stderr past our filters.
        logging.getLogger("dbos").addHandler(logging.NullHandler())
        with _database():
            await asyncio.to_thread(_for_us_alone, self._url)
            DBOS(
                config={
                    "name": _APPLICATION,
                    "system_database_url": self._url,
                    "executor_id": executor_id(),
                    "application_version": _VERSION,
                    "serializer": JsonSerializer(),
                    "log_level": "CRITICAL",
                    "enable_otlp": False,
                    "notification_listener_polling_interval_sec": 0.05,
                }
            )
            try:
                DBOS.launch()
            except BaseException:
                DBOS.destroy()  # else the next one gets this one
                raise
        return self

    async def __aexit__(self, *_: object) -> None:
        DBOS.destroy()
        # DBOS gives the loop its own threads, and ends them.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor())

    async def start(
        self, order: Order, engine: Engine, listener: Callable[[str], RunListener]
    ) -> RunEnded:
        """Play an order to its end, and return how it ended.

        `listener` makes one that gets the events of the run with that id. Cancelling the caller
        cancels the run.
        """
        run = f"run_{token_hex(8)}"
        return await self._attempt(run, 1, order, engine, listener(run))

    async def retry(
        self, info: RunInfo, engine: Engine, listener: RunListener, *, force: bool = False
    ) -> RunEnded:
        """Play what did not finish of a run, under its id; finished prompts are not asked again.

        Raises MoveError for a run that has completed, and without `force` for one that runs.
        """
        run = info.id
        if info.standing is Standing.COMPLETED:
            raise MoveError(f"{run} has completed; there is nothing to retry.")
        if info.standing is Standing.RUNNING and not force:
            raise MoveError(
                f"{run} is running in {info.executor}.",
                hint="Cancel it first, or --force if you know that this process is gone.",
            )
        ago = (datetime.now(UTC) - info.updated_at).total_seconds()
        if info.standing is Standing.CANCELLED and ago < _JUST and _may_play(info):
            raise MoveError(f"{run} is just being cancelled.", hint="Try again in a moment.")
        if info.standing in (Standing.RUNNING, Standing.INTERRUPTED):
            with _database():
                await DBOS.cancel_workflow_async(_attempt_id(run, info.attempt))
            info = await self.find(run)  # with what it has finished since
        order = replace(info.order, kept=info.answers)
        return await self._attempt(run, info.attempt + 1, order, engine, listener)

    async def _attempt(
        self, run: str, attempt: int, order: Order, engine: Engine, listener: RunListener
    ) -> RunEnded:
        name = _attempt_id(run, attempt)
        live = _live[name] = _Live(engine, listener)
        try:
            with _database(), SetWorkflowID(name):
                handle = await DBOS.start_workflow_async(_play, order_json(order))
                status = await handle.get_status()
            if status.executor_id != DBOS.executor_id:
                raise MoveError(f"{run} is running in {status.executor_id}.")
            watch = asyncio.create_task(_watched(name, live))
            try:
                with _database():
                    return ended_of(await handle.get_result())
            except DBOSAwaitedWorkflowCancelledError:  # from elsewhere
                return live.ended or RunEnded(RunStatus.CANCELLED, dict(order.kept))
            except asyncio.CancelledError:
                if live.elsewhere and not _asked_to_stop():
                    return live.ended or RunEnded(RunStatus.CANCELLED, dict(order.kept))
                await asyncio.shield(_cancelled(name, live))
                raise
            finally:
                watch.cancel()
                await asyncio.gather(watch, return_exceptions=True)
        finally:
            del _live[name]

    async def cancel(self, run: str) -> RunInfo:
        """Cancel a run; the process that plays it ends it within a moment. May be repeated.

        Raises MoveError for a run that has ended.
        """
        info = await self.find(run)
        if info.standing not in (Standing.RUNNING, Standing.INTERRUPTED, Standing.CANCELLED):
            raise MoveError(f"{run} has {info.standing}; it cannot be cancelled.")
        with _database():
            await DBOS.cancel_workflow_async(_attempt_id(run, info.attempt))
        return await self.find(run)

    async def find(self, run: str) -> RunInfo:
        """Return a run as its latest attempt left it."""
        if not run.startswith("run_") or "." in run:
            raise SelectionError(f"{run[:80]!r} is no run.", hint="A run's id begins with run_.")
        with _database():
            found = await DBOS.list_workflows_async(
                workflow_id_prefix=f"{run}.", sort_desc=True, limit=_MOST_ATTEMPTS
            )
        found = [one for one in found if _parts(one.workflow_id)[0] == run]
        if not found:
            raise SelectionError(f"There is no run {run}.", hint="understudy runs list")
        info = _info(max(found, key=lambda one: _parts(one.workflow_id)[1]))
        if info.standing is Standing.DAMAGED:
            raise StoreError(f"What is kept of {run} cannot be read.")
        if info.ended is not None:
            return info
        with _database():
            steps = await DBOS.list_workflow_steps_async(_attempt_id(run, info.attempt))
        return replace(info, answers={**info.answers, **_answers(steps)})

    async def list(self, *, limit: int = 50) -> tuple[RunInfo, ...]:
        """Return the latest runs, the newest first."""
        with _database():
            found = await DBOS.list_workflows_async(name=_WORKFLOW, sort_desc=True, limit=limit * 4)
        latest: dict[str, Any] = {}
        for one in found:
            run, attempt = _parts(one.workflow_id)
            if run not in latest or attempt > _parts(latest[run].workflow_id)[1]:
                latest[run] = one
        return tuple(_info(one) for one in list(latest.values())[:limit])

    async def purge(self, before: datetime) -> int:
        """Delete all of the runs that ended before a time; return how many attempts those were."""
        with _database():
            found = await DBOS.list_workflows_async(
                name=_WORKFLOW,
                status=sorted(_ENDED),
                completed_before=before.astimezone(UTC).isoformat(),
                load_input=False,
                load_output=False,
            )
            await DBOS.delete_workflows_async([one.workflow_id for one in found])
        return len(found)


class _database:  # noqa: N801 - reads as the statement that it is
    """Turn what the database's driver raises into a StoreError."""

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, SQLAlchemyError):
            raise StoreError(f"The database of runs failed: {_words(error)}") from error


def _words(error: SQLAlchemyError) -> str:
    """Return what the driver says, without the statement and the link that follow it."""
    return str(getattr(error, "orig", None) or error).splitlines()[0]


def _for_us_alone(url: str) -> None:
    """Make the file of a new SQLite database, which nobody else may read; raises StoreError."""
    address = make_url(url)
    if address.get_backend_name() == "sqlite" and address.database:
        try:
            Path(address.database).touch(mode=0o600, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{address.database} cannot be made: {error.strerror}.") from error


async def _watched(name: str, live: _Live) -> None:
    """End an attempt of this process when somebody elsewhere has cancelled it."""
    while True:
        await asyncio.sleep(_WATCH)  # another process tells through the database alone
        try:
            status = await DBOS.get_workflow_status_async(name)
        except SQLAlchemyError as error:  # what it keeps from being kept, the next step says
            log.warning("Whether %s was cancelled is not known: %s", name, _words(error))
            continue
        if status is not None and status.status == "CANCELLED" and live.task is not None:
            live.elsewhere = True
            live.task.cancel()
            return


async def _cancelled(name: str, live: _Live) -> None:
    """End an attempt of this process, and say so in the database."""
    if live.task is None:
        return
    live.task.cancel()
    await asyncio.wait([live.task])
    with _database():
        await DBOS.cancel_workflow_async(name)


def _may_play(info: RunInfo) -> bool:
    """Tell whether the process of an attempt may still be at it."""
    if info.executor == DBOS.executor_id:
        return _attempt_id(info.id, info.attempt) in _live
    return not is_gone(info.executor)


def _asked_to_stop() -> bool:
    """Tell whether it is this very task that is cancelled, not what it waits for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _answers(steps: Iterable[Any]) -> dict[int, Answered]:
    """Return the answers that the steps of an attempt have, by the prompt's index."""
    return {
        int(step["function_name"].removeprefix("prompt-")): answer_of(step["output"]["answer"])
        for step in steps
        if isinstance(step["output"], dict) and "answer" in step["output"]
    }


def _made(order: Order) -> Play:
    text = f'{{"version":"1.0","assistants":[{order.content}]}}'
    document = Document.parse(text, options=Options(allow_unknown_variables=True, stored=True))
    return Play(
        definition=document.assistants[0],
        flow=document.flows[0],
        models=order.models,
        inputs=order.inputs,
    )


def _info(one: Any) -> RunInfo:
    run, attempt = _parts(one.workflow_id)
    try:
        order = order_of(one.input["args"][0])
        ended = ended_of(one.output) if isinstance(one.output, dict) else None
    except (KeyError, ValueError, TypeError, IndexError):
        order, ended = _UNREAD, None
    return RunInfo(
        id=run,
        assistant=order.assistant,
        version=order.version,
        standing=Standing.DAMAGED if order is _UNREAD else _standing(one, ended),
        attempt=attempt,
        created_at=_time(one.created_at),
        updated_at=_time(one.updated_at),
        executor=one.executor_id or "",
        order=order,
        ended=ended,
        answers=ended.answers if ended else order.kept,
    )


def _standing(one: Any, ended: RunEnded | None) -> Standing:
    if one.status == "SUCCESS" and ended is not None:
        return Standing(ended.status.value)
    if one.status == "CANCELLED":
        return Standing.CANCELLED
    if one.status in _ENDED:
        return Standing.FAILED
    return Standing.INTERRUPTED if is_gone(one.executor_id or "") else Standing.RUNNING


def _attempt_id(run: str, attempt: int) -> str:
    return f"{run}.{attempt}"


def _parts(workflow: str) -> tuple[str, int]:
    run, _, attempt = workflow.rpartition(".")
    return (run, int(attempt)) if attempt.isdecimal() else (workflow, 0)


def _time(milliseconds: int | None) -> datetime:
    return datetime.fromtimestamp((milliseconds or 0) / 1000, UTC)
