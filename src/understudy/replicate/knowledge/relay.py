"""Passing a file on while it still comes: a window of it is in memory, nothing on the disk."""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import Awaitable, Callable, Iterator

from understudy.errors import PlaceError
from understudy.platforms.knowledge import PIECE, Sink

#: Bytes that may lie between the download and the upload.
WINDOW = 8 * 1024 * 1024


class BrokenOffError(PlaceError):
    """The bytes that were being passed on stopped coming; `Relay.failure` says why."""


class Relay:
    """A download as content: the Sink of one and the Content of the other side.

    It begins when it is read from its start, and again each time that happens: an upload that
    has to be repeated costs another download. The last byte is passed on only when all have come
    and `check` took their sha256, so what was sent is never complete unless it is right.
    """

    def __init__(
        self,
        size: int,
        download: Callable[[Sink], Awaitable[None]],
        check: Callable[[str], None] = lambda _: None,
        on_passed: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._size = size
        self._download = download
        self._check = check
        self._on_passed = on_passed
        self._task: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._reset()

    @property
    def size(self) -> int:
        """How many bytes it will have."""
        return self._size

    @property
    def sha256(self) -> str:
        """The digest of what has come, 64 hexadecimal digits."""
        return self._digest.hexdigest()

    @property
    def failure(self) -> BaseException | None:
        """What ended the download, None while nothing did."""
        return self._failure

    async def open(self) -> None:
        """Begin, and wait for the first bytes; raises what the download raises before."""
        self._begin()
        await self._until(lambda: self._came > 0 or self._complete)
        if self._failure is not None:
            raise self._failure

    async def aclose(self) -> None:
        """End the download if it goes on; may be called twice."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    # The Sink's side.

    def restart(self) -> None:
        """Begin again: what was passed on already is left out when it comes once more."""
        self._came = 0
        self._digest = hashlib.sha256()

    async def room(self) -> None:
        """Wait until the window has room."""
        while self._held > WINDOW:
            self._changed.clear()
            await self._changed.wait()

    def write(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self._digest.update(chunk)
        known = self._passed + self._held - self._came
        self._came += len(chunk)
        if known > 0:
            chunk = chunk[known:]
        if chunk:
            self._chunks.append(chunk)
            self._held += len(chunk)
        self._changed.set()

    # The Content's side.

    async def available(self, end: int) -> None:
        """Wait until the bytes before `end` have come; raises BrokenOffError if they never do."""
        if self._task is None:
            self._begin()

        def there() -> bool:
            return self._passed + self._held >= end and (end < self._size or self._complete)

        await self._until(lambda: there() or self._complete)
        if self._failure is not None or not there():
            raise BrokenOffError("The file stopped coming while it was passed on.")

    def chunks(self, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Yield its bytes from the start, in pieces; each must have become available before."""
        if start or length not in (None, self._size):
            raise ValueError("What is passed on cannot be read in parts.")
        if self._passed:
            if self._task is not None:
                self._task.cancel()
            self._begin()
        return self._pieces()

    def _pieces(self) -> Iterator[bytes]:
        while self._passed < self._size:
            yield self._take(min(PIECE, self._size - self._passed))

    def _take(self, count: int) -> bytes:
        taken: list[bytes] = []
        while count and self._chunks:
            chunk = self._chunks.popleft()
            if len(chunk) > count:
                self._chunks.appendleft(chunk[count:])
                chunk = chunk[:count]
            taken.append(chunk)
            count -= len(chunk)
            self._held -= len(chunk)
            self._passed += len(chunk)
        self._changed.set()
        self._on_passed(self._passed)
        return taken[0] if len(taken) == 1 else b"".join(taken)

    def _reset(self) -> None:
        self._chunks: deque[bytes] = deque()
        self._digest = hashlib.sha256()
        self._held = 0  # bytes in the window
        self._passed = 0  # bytes that were read
        self._came = 0  # bytes of the download that is on
        self._complete = False
        self._failure: BaseException | None = None

    def _begin(self) -> None:
        self._reset()
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        this = asyncio.current_task()
        try:
            await self._download(self)
            self._check(self.sha256)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            if self._task is this:
                self._failure = error
        finally:
            if self._task is this:
                self._complete = True
            self._changed.set()

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._changed.clear()
            await self._changed.wait()
