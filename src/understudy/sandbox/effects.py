"""What a fault does to one request: what is answered, and whether the request is executed."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from understudy.sandbox.faults import Fault
from understudy.sandbox.wire import (
    ApiError,
    Reply,
    invalid_key,
    invalid_url,
    out_of_quota,
    rate_limited,
)

_PAGE = b"<!DOCTYPE html><html><head><title>%b</title></head><body><h1>%b</h1></body></html>\n"
_NOTHING = Reply(500, b"")


def _untouched(reply: Reply) -> Reply | None:
    return reply


def _lost(_: Reply) -> Reply | None:
    return None


def _truncated(reply: Reply) -> Reply | None:
    if reply.content is not None:
        return replace(reply, cut=reply.content.size - reply.content.size // 2)
    if reply.events is not None:
        return replace(reply, events=_half(reply.events), breaks=True)
    body = reply.body[: len(reply.body) // 2]
    return Reply(200, body, reply.headers, moved=min(reply.moved, len(body)))


def _half(events: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """Return what comes before the middle of the events, the last of them cut through."""
    kept = events[: (len(events) + 1) // 2]
    return (*kept[:-1], kept[-1][: len(kept[-1]) // 2])


def _page(_: Reply) -> Reply | None:
    return Reply(200, _PAGE % ((b"Just a moment...",) * 2), content_type="text/html")


@dataclass(frozen=True, slots=True)
class Effect:
    """How a request is treated.

    `instead` is answered without executing it; None executes it. `spoil` makes of the reply
    what the client gets, None being a broken connection. `hangs` waits for the end in between,
    `early` breaks off before a file has arrived as a whole.
    """

    instead: Reply | None = None
    spoil: Callable[[Reply], Reply | None] = _untouched
    hangs: bool = False
    early: bool = False


NONE = Effect()

_SIMPLE: Mapping[str, Effect] = {
    "quota": Effect(out_of_quota().reply),
    "401": Effect(invalid_key("").reply),
    "403": Effect(
        ApiError(
            403,
            "You have insufficient permissions for this operation.",
            code="insufficient_permissions",
        ).reply
    ),
    "500": Effect(
        ApiError(
            500,
            "The server had an error while processing your request. Sorry about that!",
            type="server_error",
        ).reply
    ),
    "502": Effect(Reply(502, _PAGE % ((b"502 Bad Gateway",) * 2), content_type="text/html")),
    "503": Effect(
        ApiError(
            503,
            "The server is currently overloaded with other requests. Sorry about that! You can"
            " retry your request, or contact us through our help center at help.openai.com if"
            " the error persists.",
            type="server_error",
        ).reply
    ),
    "drop-before": Effect(_NOTHING, _lost, early=True),
    "drop-after": Effect(spoil=_lost),
    "hang": Effect(_NOTHING, _lost, hangs=True),
    "hang-after": Effect(spoil=_lost, hangs=True),
    "truncated": Effect(spoil=_truncated),
    "html": Effect(spoil=_page),
}
# What a 429 says about how long to wait, by the kind of the fault.
_WAITS: Mapping[str, Callable[[float], dict[str, str]]] = {
    "429": lambda seconds: {"Retry-After": str(math.ceil(seconds))},
    "429-ms": lambda seconds: {"retry-after-ms": str(math.ceil(seconds * 1000))},
    "429-bare": lambda _: {},
}


def of(fault: Fault | None, method: str, path: str) -> Effect:
    """Return the effect of `fault` on this request."""
    if fault is None:
        return NONE
    if fault.kind in _WAITS:
        headers = _WAITS[fault.kind](fault.pause)
        return Effect(rate_limited(1, fault.pause or None, headers).reply)
    if fault.kind == "gone":
        concerned = fault.where != "any" or path.split("/")[2:3] == ["assistants"]
        return Effect(invalid_url(method, path).reply) if concerned else NONE
    return _SIMPLE[fault.kind]
