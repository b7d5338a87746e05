"""Runs by HTTP: asked for once, looked at, listened to, cancelled, retried."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from understudy.architect.attachments import read_upload
from understudy.architect.inputs import Entered, InputFinding
from understudy.errors import (
    IdempotencyError,
    InputsError,
    InvalidDocumentError,
    MoveError,
    NotInForceError,
    SelectionError,
    StoreError,
    UnderstudyError,
    UsageError,
)
from understudy.ops.playing import Chosen, RefusedInputsError
from understudy.ops.run_service import RunService
from understudy.ops.running import Runs
from understudy.redact import redact
from understudy.report.architect_run import Costs, finding_fields, run_fields
from understudy.runs.records import Asked, RunInfo, Standing
from understudy.service.auth import ADMIN, APPROVE, RUN, Caller
from understudy.service.forms import MOST_BODY, Form, entered
from understudy.service.problems import ProblemError
from understudy.service.replies import Reply, reply
from understudy.service.routing import add, need
from understudy.service.run_shapes import RunAnswer, RunPage
from understudy.service.shapes import answers
from understudy.service.streams import Streams

log = logging.getLogger("understudy.service")

#: Where what is entered is sent, which may be large, and how large.
UPLOADS = ((re.compile(r"/api/architect/assistants/[^/]+/runs"), MOST_BODY),)

_COMMAND = re.compile(r"(?:^| )--[a-z]|understudy [a-z]")
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_SHOWN = 100  # findings in one answer
_AT_ONCE = 4  # forms that are looked at: each holds its memory

#: What becomes of errors; the first kind that fits counts.
_PROBLEMS: tuple[tuple[type[UnderstudyError], tuple[int, str]], ...] = (
    (SelectionError, (404, "not_found")),
    (IdempotencyError, (422, "idempotency_key_reused")),
    (NotInForceError, (409, "not_in_force")),
    (MoveError, (409, "illegal_move")),
    (InvalidDocumentError, (422, "invalid_document")),
    (InputsError, (422, "invalid_inputs")),
    (UsageError, (503, "model_unavailable")),
)


class RunRoutes:
    """The routes of the runs of one library. A key sees its own runs, `admin` all of them."""

    def __init__(self, service: RunService, streams: Streams) -> None:
        self._service = service
        self._streams = streams
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def begin(
        self,
        request: Request,
        key: str,
        draft: bool = False,
        version: Annotated[int | None, Query(ge=1)] = None,
    ) -> Response:
        """Ask for a run of an approved assistant, by id or exact name.

        Answers 202 with the run at once, or its events as they come with
        `Accept: text/event-stream`. With `Idempotency-Key` the same request gives the same run.
        `draft=true` runs the latest version, or the one by number, approved or not.
        """
        who = need(request, RUN)
        if draft:
            need(request, APPROVE)
        with _told(), tempfile.TemporaryDirectory(prefix="understudy-") as folder:
            form = await entered(request, Path(folder))
            runs = await self._service.runs()
            async with self._room:
                asked = await asyncio.to_thread(_asked, request, who, key, form, draft, version)
                asked = replace(asked, trace=runs.trace(request.headers))
                info = await runs.earlier(asked)
                again = info is not None
                if info is None:
                    chosen = await _chosen(runs, unquote(key), draft, version)
                    info = await runs.submit(chosen, await _given(form), asked)
        if "text/event-stream" in request.headers.get("accept", ""):
            return self._streams.response(runs, info, 0)
        answer = _one(info, status=202).response()
        answer.headers["location"] = f"/api/runs/{info.id}"
        if again:
            answer.headers["idempotency-replayed"] = "true"
        return answer

    async def page(
        self,
        request: Request,
        limit: Annotated[int, Query(ge=1, le=1000)] = 50,
        assistant: Annotated[str, Query(max_length=255)] = "",
        status: Standing | None = None,
    ) -> Response:
        """Return the latest runs, the newest first, without what was entered and answered."""
        who = need(request, RUN)
        if "\0" in assistant:  # PostgreSQL has no such text, so nothing is called so
            return reply({"success": True, "count": 0, "runs": []}).response()
        with _told():
            found = await (await self._service.runs()).kept.list(
                limit=limit,
                assistant=assistant or None,
                standing=(status,) if status else (),
                caller=None if who.may(ADMIN) else who.name,
            )
        listed = [run_fields(info) for info in found]
        return reply({"success": True, "count": len(listed), "runs": listed}).response()

    async def one(self, request: Request, run: str) -> Reply:
        """One run, with what was entered and answered so far."""
        runs, info = await self._find(request, run)
        return _one(info, costs=runs.player.cost)

    async def events(self, request: Request, run: str) -> Response:
        """Return a run's events as they come, to its end, wherever it is played.

        Each has its number as its id: who comes back with `Last-Event-ID` (or `?after=N`) misses
        nothing and hears nothing twice. 204: nothing will follow.
        """
        runs, info = await self._find(request, run)
        said = request.headers.get("last-event-id") or request.query_params.get("after") or "0"
        if not re.fullmatch(r"[0-9]{1,9}", said) or int(said) > info.last_event:
            raise ProblemError(
                422, "invalid_request", "Last-Event-ID must be the number of an event of this run."
            )
        if info.standing.ended and int(said) >= info.last_event:
            return Response(status_code=204)  # a browser comes back to anything else
        return self._streams.response(runs, info, int(said))

    async def cancel(self, request: Request, run: str) -> Response:
        """Cancel a run, wherever it is played: it ends within a second. May be repeated."""
        runs, info = await self._find(request, run)
        with _told():
            return _one(await runs.cancel(info.id)).response()

    async def retry(self, request: Request, run: str) -> Response:
        """Go on with a run that failed or was cancelled; finished prompts are not asked again."""
        runs, info = await self._find(request, run)
        with _told():
            return _one(
                await runs.requeue(info.id, runs.trace(request.headers)), status=202
            ).response()

    async def _find(self, request: Request, run: str) -> tuple[Runs, RunInfo]:
        who = need(request, RUN)
        gone = SelectionError(f"There is no run {run[:80]!r}.")
        with _told():
            runs = await self._service.runs()
            try:
                info = await runs.find(unquote(run))
            except SelectionError as error:
                raise gone from error
            if info.caller != who.name and not who.may(ADMIN):
                raise gone  # as if it were not there
        return runs, info


def run_router(service: RunService, streams: Streams) -> APIRouter:
    """Return the routes."""
    routes = RunRoutes(service, streams)
    router = APIRouter(prefix="/api", tags=["runs"])
    common = (401, 403, 421, 429, 500)
    accepted = answers(RunAnswer, 400, *common, 404, 408, 409, 413, 415, 422, 503)
    accepted[202] = accepted.pop(200)
    router.add_api_route(
        "/architect/assistants/{key}/runs",
        routes.begin,
        methods=["POST"],
        status_code=202,
        responses={**accepted, 200: _STREAM},
        openapi_extra=_SENT,
    )
    router.add_api_route(
        "/runs", routes.page, methods=["GET"], responses=answers(RunPage, *common, 422, 503)
    )
    events = {**answers(RunAnswer, *common, 404, 422, 503), 200: _STREAM, 204: _OVER}
    add(router, "/runs/{run}/events", routes.events, events)
    add(router, "/runs/{run}", routes.one, answers(RunAnswer, *common, 404, 503))
    for word, function in (("cancel", routes.cancel), ("retry", routes.retry)):
        told = answers(RunAnswer, *common, 404, 409, 422, 503)
        if word == "retry":
            told[202] = told.pop(200)
        router.add_api_route(
            f"/runs/{{run}}/{word}",
            function,
            methods=["POST"],
            status_code=202 if word == "retry" else 200,
            responses=told,
        )
    return router


_STREAM = {
    "description": "Events, each with its number as its id.",
    "content": {"text/event-stream": {"schema": {"type": "string"}}},
}
_OVER = {"description": "The run has ended, and nothing follows that number."}
_SENT = {
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "schema": {"type": "string", "pattern": "^[\\x21-\\x7e]{1,255}$"},
        }
    ],
    "requestBody": {
        "required": False,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {
                        "inputs": {
                            "type": "object",
                            "additionalProperties": {
                                "anyOf": [
                                    {"type": "string"},
                                    {"type": "array", "items": {"type": "string"}},
                                ]
                            },
                        }
                    },
                }
            },
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "additionalProperties": {"type": "string", "format": "binary"},
                }
            },
        },
    },
}


def _one(info: RunInfo, *, status: int = 200, costs: Costs | None = None) -> Reply:
    """Return a run; with `costs` also what was entered and answered, which may be large."""
    return reply({"success": True, "run": run_fields(info, costs=costs)}, status=status)


async def _chosen(runs: Runs, key: str, draft: bool, version: int | None) -> Chosen:
    """Return what is to be run; raises UnderstudyError."""
    if "\0" in key:
        raise SelectionError("No assistant is called so.")
    chosen = await runs.player.choose(key, draft=draft, number=version, files=False)
    if version not in (None, chosen.version):
        raise NotInForceError(
            f"Version {version} is not in force, {chosen.version} is.",
            hint="Another one runs with draft=true.",
        )
    return chosen


def _asked(
    request: Request, who: Caller, key: str, form: Form, draft: bool, version: int | None
) -> Asked:
    """Return who asks for what; raises ProblemError for a key that is none."""
    said = request.headers.get("idempotency-key")
    if said is None:
        return Asked(who.name)
    if not _KEY.fullmatch(said):
        raise ProblemError(
            422,
            "invalid_request",
            "Idempotency-Key must be 1 to 255 visible characters.",
            hint="Such as a UUID.",
        )
    files = {
        name: [[one.name, _digest(one.path)] for one in sent] for name, sent in form.files.items()
    }
    told = [unquote(key), draft, version, dict(form.texts), files]
    text = json.dumps(told, sort_keys=True)
    return Asked(who.name, said, hashlib.sha256(text.encode()).hexdigest())


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


async def _given(form: Form) -> dict[str, Entered]:
    """Return what was entered, with the text of files; raises RefusedInputsError."""
    given: dict[str, Entered] = {
        name: texts[0] if len(texts) == 1 else texts for name, texts in form.texts.items()
    }
    findings: list[InputFinding] = []
    for name, files in form.files.items():
        if name in given:
            message = f'"{name[:80]}" is given as text and as a file.'
            findings.append(InputFinding(name[:80], "wrong_type", message, "Give one of them."))
        given[name] = [await read_upload(one.path, name=one.name) for one in files]
    if findings:
        raise RefusedInputsError("The assistant", tuple(findings))
    return given


@contextmanager
def _told() -> Iterator[None]:
    """Turn what is refused or fails into an answer; raises ProblemError."""
    try:
        yield
    except RefusedInputsError as error:
        raise ProblemError(
            422,
            "invalid_inputs",
            "What was entered does not fit the assistant's form; nothing was asked.",
            more={"findings": _listed(error.findings), "total": len(error.findings)},
        ) from error
    except StoreError as error:
        log.warning("%s", error.message)  # which says where the database is
        raise ProblemError(
            503, "runs_unavailable", "Runs cannot be kept or read now.", hint="Try again later."
        ) from error
    except UnderstudyError as error:
        status, code = next(
            (about for kind, about in _PROBLEMS if isinstance(error, kind)), (500, "failed")
        )
        # What is to be done at a command line is no help here.
        hint = "" if _COMMAND.search(error.hint) else redact(error.hint)
        raise ProblemError(status, code, redact(error.message), hint=hint) from error


def _listed(findings: Sequence[InputFinding]) -> list[dict[str, str]]:
    return [finding_fields(one) for one in findings[:_SHOWN]]
