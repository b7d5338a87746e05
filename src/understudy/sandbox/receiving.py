"""Requests on their way in."""

import math

from aiohttp import web

from understudy.sandbox import multipart
from understudy.sandbox.disk import Folder
from understudy.sandbox.effects import Effect
from understudy.sandbox.ground import Rules
from understudy.sandbox.wire import ApiError, too_large

MAX_BODY = 16 * 1024 * 1024

Body = bytes | multipart.Form | ApiError


async def take(
    request: web.BaseRequest,
    file_field: str | None,
    *,
    rules: Rules,
    folder: Folder | None,
    effect: Effect,
) -> Body:
    """Read the body, of at most `MAX_BODY` bytes; a form's `file_field` goes to the folder.

    A request that is refused anyway is read as well, but its file is kept nowhere.
    """
    if file_field is None or not multipart.is_form(request.headers):
        return await _read(request)
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0
    order = multipart.Order(
        file_field,
        limit=rules.upload_part_limit if file_field == "data" else rules.max_file,
        folder=folder if effect.instead is None else None,
        enough=(request.content_length or 0) / 2 if effect.early else math.inf,
    )
    return await multipart.receive(request, order)


async def _read(request: web.BaseRequest) -> bytes | ApiError:
    if (request.content_length or 0) > MAX_BODY:
        return too_large(MAX_BODY)
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge:
        return too_large(MAX_BODY)
