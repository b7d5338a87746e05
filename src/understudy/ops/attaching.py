"""Files that go along with a question: uploaded, and deleted once nobody needs them."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path

from understudy.errors import LostAnswerError, PlaceError
from understudy.model.dialogue import Noted
from understudy.model.knowledge import File
from understudy.platforms.knowledge import Knowledge
from understudy.platforms.openai_wire import WireClient
from understudy.replicate.knowledge.spool import Local
from understudy.replicate.reading import every
from understudy.replicate.shelves import Files, Sent

PURPOSE = "user_data"

_SKEW = 300.0  # seconds by which the place's clock may be behind ours

Tell = Callable[[Noted], None]


@asynccontextmanager
async def attached(
    client: WireClient, paths: Sequence[Path], *, lasting: bool, tell: Tell
) -> AsyncIterator[list[str]]:
    """Upload files for as long as they are needed; a conversation needs them for good.

    Raises PlaceError. Of an upload whose answer was lost it is told what may be left of it.
    """
    if not paths:
        yield []
        return
    from understudy.platforms.openai_knowledge import OpenAIKnowledge

    contents = [Local(path) for path in paths]
    knowledge = OpenAIKnowledge(client)
    ids: list[str] = []
    try:
        for path, content in zip(paths, contents, strict=True):
            with closing(content):
                uploaded = await _upload(knowledge, path.name, content, ids, tell)
            ids.append(uploaded.id)
            until = "stays for the conversation" if lasting else "is deleted after the answer"
            tell(Noted(f"{path.name} is there as {uploaded.id}, and {until}."))
        yield ids
    finally:
        for one in () if lasting else ids:
            try:
                await knowledge.delete_file(one)
            except PlaceError as error:
                tell(Noted(f"{one} was not deleted: {error.message}"))


async def _upload(
    knowledge: Knowledge, name: str, content: Local, ours: Sequence[str], tell: Tell
) -> File:
    began = time.time()
    try:
        return await knowledge.upload(name, content, purpose=PURPOSE)
    except LostAnswerError:
        sent = Sent(name, content.size)
        tell(Noted(await _remains(knowledge, sent, since=began - _SKEW, ours=ours)))
        raise


async def _remains(knowledge: Knowledge, sent: Sent, *, since: float, ours: Sequence[str]) -> str:
    """Return what to say of an upload whose answer was lost.

    Nothing is deleted: another program may have uploaded the same file at the same time.
    """
    shelf = Files(knowledge)
    try:
        files = await every(shelf.page, lambda file: file.id, what="files")
    except PlaceError as error:
        return f"{sent.name} may be there all the same; the files cannot be listed: {error.message}"
    found = [
        file.id
        for file in files.values()
        if shelf.made_by(file, sent) and file.purpose == PURPOSE and file.id not in ours
        if file.created_at is None or file.created_at >= since
    ]
    if not found:
        return f"{sent.name} does not seem to have arrived."
    return (
        f"{sent.name} is there all the same, as {' or '.join(found)}: delete it in the project "
        "unless another program put it there."
    )
