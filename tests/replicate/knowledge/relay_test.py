"""A download that is passed on while it comes."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.errors import LostAnswerError, RejectedError
from understudy.platforms.knowledge import PIECE, Sink
from understudy.replicate.knowledge.relay import WINDOW, BrokenOffError, Relay

WHOLE = bytes(range(256)) * (3 * PIECE // 256) + b"the end"


def sending(
    content: bytes = WHOLE, step: int = 50_000, broken_at: list[int] | None = None
) -> Callable[[Sink], Awaitable[None]]:
    """Return a download that breaks and begins again at each of the given positions."""

    async def download(sink: Sink) -> None:
        ends = [*(broken_at or []), len(content)]
        for end in ends:
            sink.restart()
            for at in range(0, end, step):
                await sink.room()
                sink.write(content[at : min(at + step, end)])
                await asyncio.sleep(0)

    return download


async def read(relay: Relay) -> bytes:
    """Read it as an upload does."""
    pieces, got = iter(relay.chunks()), b""
    while len(got) < relay.size:
        await relay.available(min(len(got) + PIECE, relay.size))
        got += next(pieces)
    return got


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 300_000), st.lists(st.integers(0, len(WHOLE)), max_size=2))
async def test_everything_arrives_however_it_comes(step: int, broken_at: list[int]) -> None:
    relay = Relay(len(WHOLE), sending(step=max(step, 4_000), broken_at=broken_at))
    try:
        await relay.open()
        assert await read(relay) == WHOLE
        assert relay.sha256 == hashlib.sha256(WHOLE).hexdigest()
    finally:
        await relay.aclose()


async def test_reading_again_downloads_again() -> None:
    relay = Relay(len(WHOLE), sending())
    await relay.open()
    pieces = iter(relay.chunks())
    await relay.available(PIECE)
    assert next(pieces) == WHOLE[:PIECE]
    assert await read(relay) == WHOLE, "an upload that begins again"
    assert await read(relay) == WHOLE
    await relay.aclose()
    await relay.aclose()


async def test_the_window_bounds_what_is_in_memory() -> None:
    size = 4 * WINDOW
    relay = Relay(size, sending(bytes(size), step=PIECE))
    await relay.open()
    for _ in range(1000):
        await asyncio.sleep(0)
    assert relay._held <= WINDOW + PIECE
    assert await read(relay) == bytes(size)
    await relay.aclose()


async def test_the_last_byte_waits_for_the_verdict() -> None:
    def refuse(_: str) -> None:
        raise RejectedError("Other bytes than its digest says.")

    relay = Relay(len(WHOLE), sending(), refuse)
    await relay.open()
    with pytest.raises(BrokenOffError):
        await read(relay)
    assert relay._passed < len(WHOLE)
    assert isinstance(relay.failure, RejectedError)
    await relay.aclose()


async def test_a_download_that_is_refused_is_refused_at_once() -> None:
    async def refused(sink: Sink) -> None:
        raise RejectedError("Not allowed to download files of purpose: assistants")

    relay = Relay(10, refused)
    with pytest.raises(RejectedError, match="Not allowed"):
        await relay.open()
    await relay.aclose()


async def test_a_download_that_breaks_off_breaks_the_upload_off() -> None:
    async def broken(sink: Sink) -> None:
        sink.restart()
        sink.write(WHOLE[:PIECE])
        await asyncio.sleep(0.01)  # the first bytes are on their way
        raise LostAnswerError("The connection broke.")

    relay = Relay(len(WHOLE), broken)
    await relay.open()
    with pytest.raises(BrokenOffError):
        await read(relay)
    assert isinstance(relay.failure, LostAnswerError)
    await relay.aclose()


async def test_it_cannot_be_read_in_parts() -> None:
    relay = Relay(len(WHOLE), sending())
    with pytest.raises(ValueError, match="in parts"):
        relay.chunks(5)
