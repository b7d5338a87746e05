"""Replies on their way to the client."""

import asyncio
from collections.abc import Iterable

from aiohttp import web

from understudy.sandbox.wire import Reply


async def send(
    request: web.BaseRequest, reply: Reply, number: int
) -> tuple[web.StreamResponse | None, int]:
    """Answer with `reply`. Return the response, None if the client left, and the bytes of the file.

    What was cut off of a file is promised, but the connection ends in its place.
    """
    headers = {"x-request-id": f"req_{number:032x}", **reply.headers}
    content = reply.content
    if reply.events is not None:
        return await _stream(request, reply, headers, reply.events)
    if content is None:
        response = web.Response(
            status=reply.status,
            body=reply.body,
            content_type=reply.content_type,
            headers=headers,
        )
        return response, reply.moved
    stream = web.StreamResponse(status=reply.status, headers=headers)
    stream.content_type = reply.content_type
    stream.content_length = content.size
    sent, most = 0, content.size - reply.cut
    try:
        await stream.prepare(request)
        for block in content.blocks():
            part = block[: most - sent]
            await stream.write(part)
            sent += len(part)
            if sent == most:
                break
    except OSError:
        return None, sent
    if reply.cut and request.transport is not None:
        stream.force_close()
        request.transport.close()  # after what was written, unlike abort
    return stream, sent


async def _stream(
    request: web.BaseRequest, reply: Reply, headers: dict[str, str], events: Iterable[bytes]
) -> tuple[web.StreamResponse | None, int]:
    stream = web.StreamResponse(status=reply.status, headers=headers)
    stream.content_type = reply.content_type
    try:
        await stream.prepare(request)
        for number, event in enumerate(events):
            if number and reply.pause:
                await asyncio.sleep(reply.pause)
            await stream.write(event)
    except OSError:
        return None, 0
    if reply.breaks and request.transport is not None:
        stream.force_close()
        request.transport.close()  # after what was written, unlike abort
    return stream, 0


def drop(request: web.BaseRequest) -> web.StreamResponse:
    """Break the connection off; what is returned never arrives."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
