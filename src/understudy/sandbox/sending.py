"""Replies on their way to the client."""

from aiohttp import web

from understudy.sandbox.wire import Reply


async def send(request: web.BaseRequest, reply: Reply, number: int) -> web.StreamResponse:
    """Answer with `reply`; raises `OSError` when the client leaves before it has a file.

    What was cut off of a file is promised, but the connection ends in its place.
    """
    headers = {"x-request-id": f"req_{number:032x}", **reply.headers}
    content = reply.content
    if content is None:
        return web.Response(
            status=reply.status,
            body=reply.body,
            content_type=reply.content_type,
            headers=headers,
        )
    response = web.StreamResponse(status=reply.status, headers=headers)
    response.content_type = reply.content_type
    response.content_length = content.size
    await response.prepare(request)
    left = content.size - reply.cut
    for block in content.blocks():
        await response.write(block[:left])
        left -= len(block)
        if left <= 0:
            break
    if reply.cut and request.transport is not None:
        response.force_close()
        request.transport.close()  # after what was written, unlike abort
    return response


def drop(request: web.BaseRequest) -> web.StreamResponse:
    """Break the connection off; what is returned never arrives."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
