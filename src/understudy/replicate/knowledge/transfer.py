"""Bringing one file into the destination: fetched by the best route that is open, sent, checked."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Collection

from understudy.errors import (
    InterruptedRunError,
    LostAnswerError,
    PlaceError,
    RejectedError,
    SnapshotError,
    UnderstudyError,
)
from understudy.model.fidelity import Fidelity
from understudy.model.knowledge import File
from understudy.model.naming import wire_name
from understudy.platforms.knowledge import Content, Knowledge
from understudy.replicate.events import FileOutcome, FileStatus
from understudy.replicate.halt import Halt
from understudy.replicate.knowledge.fetch import Fetched, Fetcher, UnavailableError
from understudy.replicate.knowledge.plan import FileAction, FileStep
from understudy.replicate.knowledge.route import FIDELITY, Route
from understudy.replicate.lost import Created, Finder
from understudy.replicate.recorder import Recorder
from understudy.replicate.shelves import Files, Sent

#: Purposes that may be uploaded; others are given by the provider and become `assistants`.
UPLOADED = frozenset({"assistants", "user_data", "vision", "batch", "fine-tune", "evals"})


class Transfer:
    """Moves files between two places, each with at most one create in flight that looks alike."""

    def __init__(
        self,
        fetcher: Fetcher,
        destination: Knowledge,
        finisher: Knowledge,
        recorder: Recorder,
        halt: Halt,
        *,
        before: Collection[str],
        settle: float,
    ) -> None:
        self._fetcher = fetcher
        self._destination = destination
        self._finisher = finisher
        self._finder = Finder(Files(finisher), before=before, settle=settle)
        self._recorder = recorder
        self._halt = halt
        # Files carry no marker: those of one name and size must not be in flight together, nor
        # may their intents be open together. A text's size is not known beforehand.
        self._one_at_a_time: dict[tuple[str, int | None], asyncio.Lock] = defaultdict(asyncio.Lock)

    async def move(self, step: FileStep) -> FileOutcome:
        """Return what became of a file; raises OutputError, which would end every other, too."""
        as_text = bool(step.routes) and step.routes[0] is Route.TEXT
        alike = (step.name, None if as_text else step.bytes)
        async with self._one_at_a_time[alike]:
            # While the bytes are fetched, the journal has time to reach the disk.
            intent = asyncio.create_task(self._intend(step, step.name, step.bytes))
            try:
                done = await self._move(step, intent)
            except InterruptedRunError as error:  # nothing was made
                self._recorder.record(await intent, error=error.message)
                raise
            except BaseException:
                intent.cancel()
                await asyncio.gather(intent, return_exceptions=True)
                raise
            if done.status is not FileStatus.MOVED and not done.unsure:
                self._recorder.record(await intent, error=done.reason)
            return done

    async def _move(self, step: FileStep, intent: asyncio.Task[int]) -> FileOutcome:
        try:
            async with self._fetcher.best(step) as fetched:
                return await self._deliver(step, fetched, intent)
        except UnavailableError as error:
            return outcome(step, FileStatus.MISSING, reason=error.message)
        except LostAnswerError as error:
            return failed(step, f"{error.message} Run the same command again.", unsure=True)
        except SnapshotError as error:  # this file is damaged; others are not
            return failed(step, f"{error.message} {error.hint}".strip())
        except PlaceError as error:
            self._halt.note(error)
            return failed(step, f"{error.message} {error.hint}".strip())

    async def _intend(self, step: FileStep, name: str, size: int | None) -> int:
        return await self._recorder.intend(
            "upload file", step.source_id, name=wire_name(name), bytes=size
        )

    async def _deliver(
        self, step: FileStep, fetched: Fetched, intent: asyncio.Task[int]
    ) -> FileOutcome:
        made = await self._send(step, fetched, await intent)
        there, size = made.one, fetched.content.size
        if there.bytes is not None and there.bytes != size:
            await self._finisher.delete_file(there.id)
            raise RejectedError(
                f"The destination kept {there.bytes:,} of the {size:,} bytes of {step.name}; "
                "that copy was deleted."
            )
        unsure = f"It may exist twice: no list showed {there.id} in time to tell."
        return FileOutcome(
            step.source_id,
            step.name,
            FileStatus.MOVED,
            there.id,
            bytes=size,
            route=fetched.route,
            text=FIDELITY[fetched.route][0] is not Fidelity.EXACT or step.held_as_text,
            sha256=fetched.sha256,
            reason=fetched.reason,
            users=step.users,
            operations=made.steps,
            error="" if made.settled else unsure,
        )

    async def _send(self, step: FileStep, fetched: Fetched, ticket: int) -> Created[File]:
        purpose = step.purpose if step.purpose in UPLOADED else "assistants"
        sent = Sent(fetched.name, fetched.content.size)
        if (sent.name, sent.size) != (step.name, step.bytes):
            # A killed upload is recognised by what its intent says.
            self._recorder.record(ticket, error=f"sent as {sent.name}, {sent.size} bytes")
            ticket = await self._intend(step, sent.name, sent.size)
        try:
            made = await self._finder.create(
                lambda: self._upload(fetched.name, fetched.content, purpose),
                lambda: sent,
                lambda: self._halt.reached,
            )
        except LostAnswerError:
            raise  # it may be there: the intent stays open
        except (PlaceError, InterruptedRunError) as error:
            self._recorder.record(ticket, error=error.message)
            raise
        # The digest of a text says nothing of the file that is still to be found.
        exact = FIDELITY[fetched.route][0] is Fidelity.EXACT
        digest = {"sha256": fetched.sha256} if exact else {}
        self._recorder.record(ticket, id=made.one.id, **digest)
        return made

    async def _upload(self, name: str, content: Content, purpose: str) -> File:
        limits = self._destination.traits.limits
        if content.size <= limits.upload:
            return await self._destination.upload(name, content, purpose=purpose)
        upload = await self._destination.begin_upload(name, content.size, purpose=purpose)
        try:
            parts = [
                await self._destination.upload_part(
                    upload, content, start, min(limits.part, content.size - start)
                )
                for start in range(0, content.size, limits.part)
            ]
            return await self._destination.finish_upload(upload, parts)
        except LostAnswerError:
            raise  # the last request may have made the file: that is looked up
        except UnderstudyError:
            with contextlib.suppress(PlaceError):  # it expires
                await self._finisher.cancel_upload(upload)
            raise


def outcome(step: FileStep, status: FileStatus, *, reason: str = "") -> FileOutcome:
    """Return the outcome of a file that did not travel."""
    return FileOutcome(
        step.source_id,
        step.name,
        status,
        step.destination_id if status is FileStatus.THERE else None,
        bytes=step.bytes,
        text=step.text,
        sha256=step.sha256,
        reason=reason or step.reason,
        users=step.users,
        by_name=step.by_name,
    )


def failed(step: FileStep, error: str, *, unsure: bool = False) -> FileOutcome:
    """Return the outcome of a file that should have travelled and did not, or `unsure` whether."""
    return FileOutcome(
        step.source_id,
        step.name,
        FileStatus.FAILED,
        bytes=step.bytes,
        reason=error,
        users=step.users,
        error=error,
        unsure=unsure,
    )


#: How a step that moves nothing comes out.
AT_REST = {
    FileAction.THERE: FileStatus.THERE,
    FileAction.MISSING: FileStatus.MISSING,
    FileAction.LEFT_OUT: FileStatus.LEFT_OUT,
}
