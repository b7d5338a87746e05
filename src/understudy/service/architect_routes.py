"""Architect documents by HTTP: validate, import, look at, decide about, export."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any
from urllib.parse import unquote

from fastapi import APIRouter, Body, Query, Request
from starlette.responses import Response

from understudy.architect.approval import State
from understudy.architect.definition import to_json
from understudy.architect.document import Document
from understudy.architect.schema import json_schema
from understudy.errors import (
    FourEyesError,
    InvalidDocumentError,
    MoveError,
    NotInForceError,
    SelectionError,
    StaleVersionError,
    StoreError,
    UnderstudyError,
)
from understudy.ops.architect import Architect, definition_of, enclosed
from understudy.redact import redact
from understudy.report.architect import document_fields, finding_fields
from understudy.report.architect_library import (
    imported_fields,
    kept_fields,
    moved_fields,
    version_fields,
)
from understudy.service.architect_shapes import (
    ArchitectDocument,
    ArchitectImport,
    Decided,
    Decision,
    KeptAnswer,
    KeptPage,
    Validation,
    Versions,
)
from understudy.service.auth import APPROVE, ARCHITECT_READ, IMPORT
from understudy.service.problems import ProblemError
from understudy.service.replies import JSON, Reply, reply
from understudy.service.routing import add, need
from understudy.service.shapes import answers
from understudy.service.uploads import document

#: Where documents are sent: these bodies may be larger than others.
LARGE = frozenset({"/api/architect/validate", "/api/architect/import"})

_SCHEMA = "application/schema+json"
_NUMBER = re.compile(r"[1-9][0-9]{0,8}")
_SHOWN = 1000  # findings in one answer
_AT_ONCE = 2  # documents that are checked at a time: each holds its memory and the interpreter

#: What becomes of errors; the first kind that fits counts.
_PROBLEMS: tuple[tuple[type[UnderstudyError], tuple[int, str]], ...] = (
    (SelectionError, (404, "not_found")),
    (FourEyesError, (403, "four_eyes")),
    (StaleVersionError, (409, "stale_version")),
    (MoveError, (409, "illegal_move")),
    (NotInForceError, (409, "not_in_force")),
    (InvalidDocumentError, (422, "invalid_document")),
    (StoreError, (503, "library_unavailable")),
)


class Documents:
    """The routes of one library."""

    def __init__(self, architect: Architect) -> None:
        self._architect = architect
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def validate(
        self,
        request: Request,
        allowUnknownVariables: bool = False,  # noqa: N803
    ) -> Response:
        """Check a document: every rule, all findings at once. Nothing is stored."""
        need(request, ARCHITECT_READ)
        checked = await self._check(request, allowUnknownVariables)
        fields = await asyncio.to_thread(_validation, checked)
        return reply({"success": True, **fields}).response()

    async def take(
        self,
        request: Request,
        keepGoing: bool = False,  # noqa: N803
        allowUnknownVariables: bool = False,  # noqa: N803
    ) -> Response:
        """Import a document; everything in it waits for approval. All of it, or nothing.

        With `keepGoing` assistants with errors are left out.
        """
        caller = need(request, IMPORT)
        checked = await self._check(request, allowUnknownVariables)
        with _told():
            done = await self._architect.add(checked, actor=caller.name, keep_going=keepGoing)
        findings = await asyncio.to_thread(_listed, checked)
        batch = done.batch
        if batch is None:
            raise ProblemError(
                422,
                "invalid_document",
                "The document has errors; nothing was imported.",
                hint="Mend what the findings say, or send keepGoing=true for what is sound.",
                more={"findings": findings, "total": len(checked.findings)},
            )
        return reply(
            {
                "success": True,
                "id": batch.id,
                "created": batch.created,
                "updated": batch.updated,
                "unchanged": batch.unchanged,
                "failed": batch.failed,
                "assistants": [imported_fields(item) for item in batch.items],
                "leftOut": list(done.left_out),
                "findings": findings,
            }
        ).response()

    async def page(
        self,
        request: Request,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        after: Annotated[str, Query(max_length=255)] = "",
        state: State | None = None,
        name: Annotated[str, Query(max_length=255)] = "",
    ) -> Response:
        """Return a page of the library, by name; `name` is a piece of it."""
        need(request, ARCHITECT_READ)
        with _told():
            library = await self._architect.library()
            found = await library.page(limit=limit, after=after, state=state, contains=name)
        items = [kept_fields(kept) for kept in found.items]
        fields = {"success": True, "count": len(items), "next": found.next, "assistants": items}
        return reply(fields).response()

    async def one(self, request: Request, key: str) -> Reply:
        """One assistant, by id or exact name, with a document of its latest version.

        `?version=N` asks for that version's document.
        """
        need(request, ARCHITECT_READ)
        asked = request.query_params.get("version", "")
        if asked and not _NUMBER.fullmatch(asked):
            raise ProblemError(422, "invalid_request", "version must be a whole number from 1.")
        with _told():
            library = await self._architect.library()
            kept = await library.find(key)
            version = await library.version(kept.id, int(asked) if asked else None)
        content = to_json(definition_of(version), advanced=True)
        fields = {
            "assistant": kept_fields(kept),
            "version": version_fields(version),
            "document": enclosed([content]),
        }
        return reply({"success": True, **fields})

    async def versions(self, request: Request, key: str) -> Reply:
        """All versions of an assistant, newest first, without their contents."""
        need(request, ARCHITECT_READ)
        with _told():
            library = await self._architect.library()
            found = await library.versions(key)
        listed = [version_fields(version) for version in found]
        return reply({"success": True, "count": len(listed), "versions": listed})

    async def export(self, request: Request, key: str) -> Reply:
        """Return a document of the version in force, else of the latest, to import elsewhere.

        With `?advanced=true` also `repositoryIds` and `enabledTools`.
        """
        need(request, ARCHITECT_READ)
        advanced = request.query_params.get("advanced", "").lower() in ("true", "1")
        with _told():
            made = await self._architect.export([key], advanced=advanced)
        name = (b"content-disposition", b'attachment; filename="assistant.json"')
        return Reply(200, (made.text.encode("utf-8", "replace"),), (JSON, name))

    async def approve(
        self, request: Request, key: str, decision: Annotated[Decision | None, Body()] = None
    ) -> Response:
        """Approve the version that waits, or enable the one that is disabled."""
        return await self._move(request, key, State.APPROVED, decision)

    async def reject(
        self, request: Request, key: str, decision: Annotated[Decision | None, Body()] = None
    ) -> Response:
        """Reject the version that waits."""
        return await self._move(request, key, State.REJECTED, decision)

    async def disable(
        self, request: Request, key: str, decision: Annotated[Decision | None, Body()] = None
    ) -> Response:
        """Take the approved version out of use."""
        return await self._move(request, key, State.DISABLED, decision)

    async def schema(self, request: Request) -> Reply:
        """Return the format as JSON Schema (2020-12)."""
        need(request, ARCHITECT_READ)
        body = json.dumps(json_schema(), separators=(",", ":")).encode()
        return Reply(200, (body,), ((b"content-type", _SCHEMA.encode()),))

    async def _move(
        self, request: Request, key: str, to: State, decision: Decision | None
    ) -> Response:
        caller = need(request, APPROVE)
        asked = decision or Decision()
        with _told():
            moved = await self._architect.move(
                unquote(key),
                to,
                actor=caller.name,
                reason=asked.reason,
                number=asked.version,
                digest=asked.digest,
                allow_unknown_variables=asked.allowUnknownVariables,
            )
        fields = moved_fields(moved)
        return reply(
            {
                "success": True,
                "id": fields["id"],
                "name": fields["name"],
                "action": fields["action"],
                "version": version_fields(moved.version),
                "superseded": moved.superseded,
            }
        ).response()

    async def _check(self, request: Request, allow_unknown: bool) -> Document:
        upload = await document(request)

        def check() -> Document:
            checked = self._architect.check_text(
                upload.data, upload.name, allow_unknown_variables=allow_unknown
            )
            _ = checked.findings  # finding their places takes as long again
            return checked

        async with self._room:
            return await asyncio.to_thread(check)


def architect_router(architect: Architect) -> APIRouter:
    """Return the routes."""
    documents = Documents(architect)
    router = APIRouter(prefix="/api/architect", tags=["architect"])
    common = (401, 403, 421, 429, 500)
    sent = {"requestBody": {"required": True, "content": _CONTENT}}
    schema: dict[int | str, dict[str, Any]] = {
        200: {"description": "A JSON Schema.", "content": {_SCHEMA: {"schema": {}}}}
    }
    _post(
        router,
        "/validate",
        documents.validate,
        answers(Validation, 400, *common, 413, 415, 422),
        sent,
    )
    _post(
        router,
        "/import",
        documents.take,
        answers(ArchitectImport, 400, *common, 413, 415, 422, 503),
        sent,
    )
    router.add_api_route(
        "/assistants", documents.page, responses=answers(KeptPage, *common, 422, 503)
    )
    add(
        router,
        "/schema",
        documents.schema,
        {**_only(answers(Versions, *common)), **schema},
    )
    add(
        router,
        "/assistants/{key}/versions",
        documents.versions,
        answers(Versions, *common, 404, 503),
    )
    add(
        router,
        "/assistants/{key}/export",
        documents.export,
        answers(ArchitectDocument, *common, 404, 503),
    )
    add(router, "/assistants/{key}", documents.one, answers(KeptAnswer, *common, 404, 503))
    for word, function in (
        ("approve", documents.approve),
        ("reject", documents.reject),
        ("disable", documents.disable),
    ):
        _post(
            router,
            f"/assistants/{{key}}/{word}",
            function,
            answers(Decided, 400, *common, 404, 409, 413, 422, 503),
        )
    return router


_CONTENT: Mapping[str, Any] = {
    "application/json": {"schema": {}},  # what is no document has findings
    "multipart/form-data": {
        "schema": {
            "type": "object",
            "properties": {"file": {"type": "string", "format": "binary"}},
            "required": ["file"],
        }
    },
}


def _only(found: dict[int | str, dict[str, Any]]) -> dict[int | str, dict[str, Any]]:
    return {status: about for status, about in found.items() if status != 200}


def _post(
    router: APIRouter,
    path: str,
    function: Any,
    responses: dict[int | str, dict[str, Any]],
    extra: dict[str, Any] | None = None,
) -> None:
    router.add_api_route(path, function, methods=["POST"], responses=responses, openapi_extra=extra)


def _validation(checked: Document) -> dict[str, Any]:
    fields = document_fields(checked)
    return {
        "valid": checked.valid,
        "total": len(checked.findings),
        "findings": _listed(checked),
        "assistants": fields["assistants"],
        "models": fields["models"],
    }


def _listed(checked: Document) -> Sequence[dict[str, Any]]:
    return [finding_fields(finding) for finding in checked.findings[:_SHOWN]]


@contextmanager
def _told() -> Iterator[None]:
    """Turn what the library refuses or fails in into an answer; raises ProblemError."""
    try:
        yield
    except UnderstudyError as error:
        status, code = next(
            (about for kind, about in _PROBLEMS if isinstance(error, kind)), (500, "failed")
        )
        message, hint = redact(error.message), redact(error.hint)
        raise ProblemError(status, code, message, hint=hint) from error
