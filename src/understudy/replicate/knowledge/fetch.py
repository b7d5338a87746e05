"""Getting a file's bytes out of the source, by one route."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from understudy.errors import (
    EndpointGoneError,
    LostAnswerError,
    MissingError,
    PlaceError,
    RejectedError,
    SnapshotError,
)
from understudy.platforms.knowledge import Content, Knowledge
from understudy.replicate.events import FilePassed, Listener, silent
from understudy.replicate.knowledge.holdings import Holdings
from understudy.replicate.knowledge.matching import text_name
from understudy.replicate.knowledge.originals import Originals
from understudy.replicate.knowledge.plan import FileStep
from understudy.replicate.knowledge.relay import BrokenOffError, Relay
from understudy.replicate.knowledge.route import Route
from understudy.replicate.knowledge.spool import IN_MEMORY, Local, Spool
from understudy.replicate.knowledge.texts import Joiner, share_of
from understudy.replicate.recorder import Recorder

log = logging.getLogger("understudy.replicate")

#: Bytes of a large file after which its progress is told again.
_TELL = 4 * 1024 * 1024

#: Pages of one file's text; far more than the 2,000,000 tokens that a file may have.
_MOST_PAGES = 100_000


@dataclass(frozen=True, slots=True)
class Fetched:
    """Bytes that are here now, under which name they are to be sent, and how they came.

    `reason` says why they did not come by the route that was planned.
    """

    name: str
    content: Content
    route: Route
    digest: Callable[[], str]
    reason: str = ""

    @property
    def sha256(self) -> str:
        """The digest of the bytes; while they still come, of what has come so far."""
        return self.digest()


class UnavailableError(RejectedError):
    """Every route to a file is closed; the message gives the reason of each."""


class Fetcher:
    """Fetches from one source.

    Files of up to `in_one_piece` bytes are passed on while they come; `spool` is the folder that
    larger ones pass through, since their parts may have to be sent again. `closer` is the source
    for what has to be done even after a stop.
    """

    def __init__(
        self,
        source: Knowledge,
        holdings: Holdings,
        originals: Originals,
        recorder: Recorder,
        *,
        spool: Path | None,
        in_one_piece: int,
        closer: Knowledge | None = None,
        listener: Listener = silent,
    ) -> None:
        self._source = source
        self._closer = closer or source
        self._in_one_piece = in_one_piece
        self._listener = listener
        self._holdings = holdings
        self._originals = originals
        self._recorder = recorder
        self._spool = spool
        self._in_stores: Mapping[str, str] = {
            inside.file_id: store
            for store, contents in holdings.contents.items()
            for inside in contents
            if inside.status == "completed"
        }

    @asynccontextmanager
    async def best(self, step: FileStep) -> AsyncIterator[Fetched]:
        """Hold a file's bytes for the length of the block, by the best route that is open.

        Raises UnavailableError when all are closed. A route that is only broken for the moment
        is not left for a lesser one: that raises LostAnswerError.
        """
        reasons = [step.reason] if step.reason else []
        async with AsyncExitStack() as stack:
            for route in step.routes:
                try:
                    fetched = await stack.enter_async_context(self.bytes_of(step, route))
                except MissingError:
                    reasons.append("the source has no such file any more")
                except (RejectedError, SnapshotError) as error:
                    reasons.append(error.message.rstrip("."))
                else:
                    fallen = route is not step.routes[0]
                    why = "; ".join(dict.fromkeys(reasons)) if fallen else step.reason
                    yield replace(fetched, reason=why)
                    return
        raise UnavailableError("; ".join(dict.fromkeys(reasons)))

    @asynccontextmanager
    async def bytes_of(self, step: FileStep, route: Route) -> AsyncIterator[Fetched]:
        """Hold a file's bytes for the length of the block.

        Raises RejectedError or MissingError when this route is closed, LostAnswerError when it
        broke, OutputError when there is no room for them.
        """
        size = step.bytes or 0
        if route is Route.DOWNLOAD and IN_MEMORY < size <= self._in_one_piece:
            async with self._passed_on(step, size) as fetched:
                yield fetched
            return
        if route is Route.ORIGINAL:
            content = Local(self._originals.path(step.path))
            try:
                yield await self._original(step, content)
            finally:
                content.close()
            return
        with Spool(self._spool) as spool:
            name = step.name
            if route is Route.DOWNLOAD:
                await self._source.download(step.source_id, spool, size=step.bytes)
            elif route is Route.CONTAINER:
                await self._through_container(step, spool)
            else:
                await self._text(step, spool)
                name = text_name(self._holdings.files[step.source_id])
            if route is not Route.TEXT:
                _require_digest(step, spool.sha256)
            yield Fetched(name, spool, route, lambda: spool.sha256)

    @asynccontextmanager
    async def _passed_on(self, step: FileStep, size: int) -> AsyncIterator[Fetched]:
        """Hold a large file that is sent while it still comes."""

        def check(sha256: str) -> None:
            _require_digest(step, sha256)

        told = 0

        def tell(passed: int) -> None:
            nonlocal told
            if not 0 <= passed - told < _TELL:  # it may have begun again
                told = passed
                self._listener(FilePassed(step.source_id, passed))

        relay = Relay(
            size,
            lambda sink: self._source.download(step.source_id, sink, size=size),
            check,
            tell,
        )
        try:
            await relay.open()
            yield Fetched(step.name, relay, Route.DOWNLOAD, lambda: relay.sha256)
        except BrokenOffError as error:
            raise relay.failure or error from error
        finally:
            await relay.aclose()

    async def _original(self, step: FileStep, content: Local) -> Fetched:
        if step.bytes is not None and content.size != step.bytes:
            raise RejectedError(f"{step.path} has {content.size:,} bytes now, not {step.bytes:,}.")
        sha256 = await asyncio.to_thread(content.sha256)
        if step.sha256 and sha256 != step.sha256:
            raise RejectedError(f"{step.path} has other bytes than the source's file.")
        return Fetched(step.name, content, Route.ORIGINAL, lambda: sha256)

    async def _through_container(self, step: FileStep, spool: Spool) -> None:
        ticket = await self._recorder.intend("create container", step.source_id)
        try:
            container = await self._source.create_container("understudy", [step.source_id])
        except EndpointGoneError as error:  # this route is closed; that ends no run
            self._recorder.record(ticket, error=error.message)
            raise RejectedError(f"{step.name}: the source has no containers") from error
        self._recorder.record(ticket, id=container)
        try:
            page = await self._source.list_container_files(container)
            if len(page.items) != 1:
                raise RejectedError(f"The container made for {step.name} holds no copy of it.")
            await self._source.download_from_container(
                container, page.items[0].id, spool, size=step.bytes
            )
        finally:
            await self._discard(step, container)

    async def _discard(self, step: FileStep, container: str) -> None:
        """Delete a container; one that stays costs no file, and the next run tries again."""
        ticket = await self._recorder.intend("delete container", step.source_id, id=container)
        try:
            await self._closer.delete_container(container)
        except PlaceError as error:
            log.warning("container %s was not deleted: %s", container, error.message)
            self._recorder.record(ticket, error=error.message)
        else:
            self._recorder.record(ticket, id=container)

    async def _text(self, step: FileStep, spool: Spool) -> None:
        store = self._in_stores.get(step.source_id)
        if store is None:
            raise RejectedError(f"{step.name} is in no vector store that shows its text.")
        spool.restart()
        inside = self._holdings.contents[store]
        chunking = next((f.chunking for f in inside if f.file_id == step.source_id), None)
        joiner = Joiner(share_of(chunking))
        after: str | None = None
        seen: set[str] = set()
        while True:
            page = await self._source.text_page(store, step.source_id, after=after)
            for chunk in page.texts:
                spool.write(joiner.add(chunk).encode("utf-8", "replace"))
            if (after := page.after) is None:
                break
            if after in seen or len(seen) == _MOST_PAGES:
                raise LostAnswerError(f"The parsed text of {step.name} repeats itself.")
            seen.add(after)
        if not spool.size:
            raise RejectedError(f"The parsed text of {step.name} is empty.")


def _require_digest(step: FileStep, sha256: str) -> None:
    if step.sha256 and sha256 != step.sha256:
        raise RejectedError(
            f"{step.name} ({step.source_id}) came with bytes that do not fit its digest.",
            hint="Check the source: understudy verify SNAPSHOT.",
        )
