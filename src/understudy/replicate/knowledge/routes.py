"""Finding out by which routes files can be had."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from understudy.errors import MissingError
from understudy.model.knowledge import File, Held
from understudy.platforms.knowledge import Knowledge
from understudy.replicate.knowledge.holdings import Holdings
from understudy.replicate.knowledge.needs import KnowledgeOptions
from understudy.replicate.knowledge.originals import Originals
from understudy.replicate.knowledge.route import Offer, Route


async def survey(
    files: Collection[File],
    holdings: Holdings,
    source: Knowledge,
    originals: Originals,
    options: KnowledgeOptions,
    *,
    digests: Mapping[str, str],
) -> dict[str, Offer]:
    """Return for each file how it can travel. Asks the source one question for each purpose.

    `digests` are the sha256 of files that were seen before, under the source's ids.
    """
    handed_out = await _purposes(files, source)
    in_stores = {
        inside.file_id: store_id
        for store_id, contents in holdings.contents.items()
        for inside in contents
        if inside.status == "completed"
    }
    offers = {}
    for file in files:
        routes: list[Route] = []
        reason = _refusal(file, handed_out.get(file.purpose, False))
        if not reason:
            routes.append(Route.DOWNLOAD)
        original = originals.find(file, digests.get(file.id, file.sha256))
        if original.path:
            routes.append(Route.ORIGINAL)
        elif not routes:
            reason = f"{reason}; {original.reason}"
        if options.containers and source.traits.containers and file.held is Held.WHOLE:
            routes.append(Route.CONTAINER)
        if options.texts and source.traits.texts and file.id in in_stores:
            routes.append(Route.TEXT)
        offers[file.id] = Offer(tuple(routes), original.path, reason)
    return offers


def _refusal(file: File, handed_out: bool) -> str:
    if file.held is Held.NOTHING:
        return "the snapshot has its name only"
    if not handed_out:
        return f"the source does not hand out files of purpose {file.purpose}"
    return ""


async def _purposes(files: Iterable[File], source: Knowledge) -> dict[str, bool]:
    """Tell for each purpose whether the source hands such files out."""
    answers: dict[str, bool] = {}
    # Some of the bytes may come although only the answer's beginning is asked for: few of them.
    for file in sorted(files, key=lambda file: file.bytes or 0):
        if file.purpose in answers or file.held is Held.NOTHING:
            continue
        try:
            answers[file.purpose] = await source.downloadable(file.id)
        except MissingError:
            continue  # deleted meanwhile; the next file of that purpose will tell
    return answers
