"""Carrying out deletions: assistants first, then what only they leaned on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from understudy.errors import InterruptedRunError, PlaceError, UnderstudyError
from understudy.platforms.base import Platform
from understudy.replicate.events import Deleted
from understudy.replicate.halt import Halt
from understudy.replicate.prune import Deletion, Kind
from understudy.replicate.recorder import Recorder


async def delete_all(
    deletions: Sequence[Deletion], destination: Platform, recorder: Recorder, halt: Halt
) -> tuple[Deleted, ...]:
    """Delete one after the other and return what became of each; what fails is left and said.

    Once an assistant could not be deleted, knowledge stays: it may still lean on it. All is in the
    journal before anything goes: without the assistant, nobody could tell what it leaned on.
    """
    done: list[Deleted] = []
    tickets = [0] * len(deletions)
    if deletions and not halt.reached:
        try:
            tickets = await asyncio.gather(*(_intend(one, recorder) for one in deletions))
        except UnderstudyError as error:
            halt.end(error)
    for deletion, ticket in zip(deletions, tickets, strict=True):
        if halt.reached:
            done.append(Deleted(deletion, "the run ended before its turn"))
            continue
        if deletion.kind is not Kind.ASSISTANT and any(d.error for d in done):
            done.append(Deleted(deletion, "something that may lean on it is still there"))
            continue
        try:
            await _delete(deletion, destination)
        except InterruptedRunError:
            done.append(Deleted(deletion, "the run ended before its turn"))
        except UnderstudyError as error:
            if isinstance(error, PlaceError):
                halt.note(error)
            else:
                halt.end(error)
            done.append(Deleted(deletion, f"{error.message} {error.hint}".strip()))
        else:
            recorder.record(ticket, id=deletion.destination_id)
            done.append(Deleted(deletion))
    return tuple(done)


async def _intend(deletion: Deletion, recorder: Recorder) -> int:
    return await recorder.intend(
        f"delete {deletion.kind}", deletion.source_id, id=deletion.destination_id
    )


async def _delete(deletion: Deletion, destination: Platform) -> None:
    knowledge = destination.knowledge
    if deletion.kind is Kind.ASSISTANT:
        await destination.delete(deletion.destination_id)
    elif deletion.kind is Kind.ENVIRONMENT:
        if destination.environments is not None:
            await destination.environments.delete(deletion.destination_id)
    elif knowledge is not None and deletion.kind is Kind.STORE:
        await knowledge.delete_store(deletion.destination_id)
    elif knowledge is not None:
        await knowledge.delete_file(deletion.destination_id)
