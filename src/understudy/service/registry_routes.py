"""The registry by HTTP: look up, sync, look back."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Request
from starlette.responses import Response

from understudy.errors import DeniedSyncError, UnderstudyError
from understudy.ops.keeping import Keeper
from understudy.registry.history import MOST, Record
from understudy.report.registry import difference_fields
from understudy.service import bodies
from understudy.service.auth import ADMIN, READ, READ_FULL, SYNC
from understudy.service.front import GIVEN
from understudy.service.problems import ProblemError, of_sync
from understudy.service.replies import JSON, Header, Reply, now, reply
from understudy.service.routing import add, need
from understudy.service.shapes import (
    Arguments,
    Assistants,
    OneAssistant,
    SyncDone,
    SyncRequest,
    Syncs,
    answers,
)

#: A copy may be kept, but is to be asked about each time: a sync can come at any moment.
_FRESH: Header = (b"cache-control", b"private, no-cache")
_VARY: Header = (b"vary", b"accept-encoding, authorization, x-api-key")


#: A gate's own words may repeat instructions, so they are for who may read these.
_DENIED = "The gate did not approve; its reason needs the scope read:full."


class Lookups:
    """The routes of one registry."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._current = bodies.Current(lambda: keeper.copy().shelf)

    async def assistants(self, request: Request) -> Reply:
        """All assistants under their keys. With the scope `read` alone: ids and names."""
        full = need(request, READ).may(READ_FULL)
        return await _answer(request, self._current().everything(full=full))

    async def assistant(self, request: Request, name: str) -> Reply:
        """One assistant, by its key, its id, its exact name, or any spelling of the key."""
        full = need(request, READ).may(READ_FULL)
        found = self._current()
        return await _answer(request, found.one(await _key(found, name), full=full))

    async def arguments(self, request: Request, name: str) -> Reply:
        """Return an assistant as arguments of `client.responses.create(**arguments, input=...)`."""
        need(request, READ_FULL)
        found = self._current()
        return await _answer(request, found.arguments(await _key(found, name)))

    async def sync(
        self,
        request: Request,
        asked: Annotated[SyncRequest | None, Body()] = None,
    ) -> Response:
        """Sync now. The last good copy stays unless all is well."""
        full = need(request, SYNC).may(READ_FULL)
        allowed = asked is not None and asked.allowRemoval
        if allowed:
            need(request, ADMIN)
        try:
            done = await self._keeper.sync(allow_removal=allowed)
        except UnderstudyError as error:
            secret = isinstance(error, DeniedSyncError) and not full
            told = DeniedSyncError(_DENIED) if secret else error
            raise of_sync(told, self._age()) from error
        fields: dict[str, Any] = {
            "success": True,
            "message": "Assistant sync completed successfully",
            "count": done.count,
            "assistantNames": self._current().names,
        }
        if done.lacking:
            fields["message"] = f"Assistant sync completed; {len(done.lacking)} could not be read"
            fields["warnings"] = list(done.lacking)
        return reply(fields).response()

    async def syncs(
        self, request: Request, limit: Annotated[int, Query(ge=1, le=MOST)] = 20
    ) -> Response:
        """Look back at the last syncs, newest first."""
        full = need(request, READ).may(READ_FULL)
        records = [_record(one, full) for one in await self._keeper.records(limit)]
        return reply({"success": True, "count": len(records), "syncs": records}).response()

    def _age(self) -> dict[str, Any]:
        """Return how old the last good copy is."""
        confirmed = self._keeper.copy().confirmed
        return {
            "lastGood": confirmed and iso(confirmed),
            "lastGoodAgeSeconds": confirmed and age(confirmed),
        }


def registry_router(keeper: Keeper) -> APIRouter:
    """Return the routes."""
    lookups = Lookups(keeper)
    router = APIRouter(prefix="/api", tags=["registry"])
    common = (401, 403, 421, 429, 500)
    add(router, "/assistants", lookups.assistants, answers(Assistants, *common))
    router.add_api_route(
        "/assistants/sync",
        lookups.sync,
        methods=["POST"],
        responses=answers(SyncDone, 400, *common, 409, 413, 422, 502, 503),
    )
    add(
        router,
        "/assistants/{name}/responses",
        lookups.arguments,
        answers(Arguments, *common, 404),
    )
    add(router, "/assistants/{name}", lookups.assistant, answers(OneAssistant, *common, 404))
    router.add_api_route("/syncs", lookups.syncs, responses=answers(Syncs, *common, 422))
    return router


async def _key(found: bodies.Bodies, name: str) -> str:
    """Return the key of what is meant; raises ProblemError with near ones."""
    if name in found.shelf.slots:
        return name
    key = found.shelf.index.find(name)
    if key is not None:
        return key
    near = await asyncio.to_thread(found.shelf.index.near, name)
    shown = name if len(name) <= 100 else name[:100] + "..."
    hint = f"Near are: {', '.join(near)}." if near else ""
    message = f"The registry has no assistant {shown!r}."
    raise ProblemError(404, "not_found", message, hint=hint, more={"near": near})


async def _answer(request: Request, body: bodies.Body) -> Reply:
    """Return a look-up's answer: nothing where the asker has it, short where gzip is taken."""
    headers: Mapping[bytes, bytes] = request.scope[GIVEN]
    etag: Header = (b"etag", body.etag.encode())
    if (known := headers.get(b"if-none-match")) and _known(known.decode("latin-1"), body.etag):
        return Reply(304, (), (etag, _FRESH, _VARY))
    end = b',"timestamp":"' + now().encode() + b'"}'
    codings = headers.get(b"accept-encoding")
    if codings and _takes_gzip(codings.decode("latin-1")) and (short := await body.squeezed()):
        gzip: Header = (b"content-encoding", b"gzip")
        return Reply(200, short.followed_by(end), (JSON, etag, _FRESH, _VARY, gzip))
    return Reply(200, (*body.parts, end), (JSON, etag, _FRESH, _VARY))


def _known(header: str, etag: str) -> bool:
    """Compare weakly, as RFC 9110 (13.1.2) has it."""
    tags = [tag.strip().removeprefix("W/") for tag in header.split(",")]
    return "*" in tags or etag.removeprefix("W/") in tags


def _takes_gzip(header: str) -> bool:
    for part in header.lower().split(","):
        coding, _, parameter = part.partition(";")
        if coding.strip() in ("gzip", "*"):
            return parameter.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _record(record: Record, full: bool) -> dict[str, Any]:
    secret = record.result == "denied" and not full
    return {
        "id": record.id,
        "at": record.at,
        "result": record.result,
        "source": record.source,
        "count": record.count,
        **difference_fields(record.difference),
        "reason": _DENIED if secret else record.reason,
    }


def iso(moment: datetime) -> str:
    """Return a time as the specification writes it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")[:23] + "Z"


def age(moment: datetime) -> float:
    """Return seconds since then, not below 0: clocks jump."""
    return round(max(0.0, (datetime.now(UTC) - moment).total_seconds()), 3)
