"""The handlers of /vector_stores and what is below it."""

import base64
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from understudy.sandbox import checks, shapes
from understudy.sandbox.call import Call, listed
from understudy.sandbox.chunking import Chunks, is_text
from understudy.sandbox.members import STATUSES, Batch, Member
from understudy.sandbox.stores import Addition, Store
from understudy.sandbox.wire import ApiError, Reply, encode, ok

_PAGE = re.compile(rb"page:(\d{1,9})")


def create_store(call: Call) -> Reply:
    """`POST /vector_stores`."""
    fields = call.json()
    checks.STORE.check(fields, lenient=call.lenient)
    checks.check_count(fields, "file_ids", checks.MAX_STORE_FILES)
    chunking = fields.pop("chunking_strategy", None)
    additions = _additions(call, fields.pop("file_ids", []), {"chunking_strategy": chunking})
    desk = call.project.store_desk
    return ok(desk.shown(desk.add(fields, additions)))


def list_stores(call: Call) -> Reply:
    """`GET /vector_stores`."""
    desk = call.project.store_desk
    return listed(desk.page(**call.paging()), lambda store: encode(desk.shown(store)))


def retrieve_store(call: Call) -> Reply:
    """`GET /vector_stores/{id}`."""
    return ok(call.project.store_desk.shown(_store(call)))


def update_store(call: Call) -> Reply:
    """`POST /vector_stores/{id}`: only what is present changes, metadata as a whole."""
    store = _store(call)
    fields = call.json()
    checks.STORE_UPDATE.check(fields, lenient=call.lenient)
    store.check_alive()
    desk = call.project.store_desk
    desk.edit(store, fields)
    return ok(desk.shown(store))


def delete_store(call: Call) -> Reply:
    """`DELETE /vector_stores/{id}`: the files stay."""
    call.project.store_desk.remove(call.target)
    return ok({"id": call.target, "object": "vector_store.deleted", "deleted": True})


def create_store_file(call: Call) -> Reply:
    """`POST /vector_stores/{id}/files`."""
    store = _store(call)
    fields = call.json()
    checks.STORE_FILE.check(fields, lenient=call.lenient)
    additions = _additions(call, [fields["file_id"]], fields)
    (member,) = call.project.store_desk.attach(store, additions)
    return _member_reply(call, member)


def list_store_files(call: Call) -> Reply:
    """`GET /vector_stores/{id}/files`: those of an expired store too, so that it can be rebuilt."""
    return _list_members(call, _store(call))


def retrieve_store_file(call: Call) -> Reply:
    """`GET /vector_stores/{id}/files/{id}`."""
    return _member_reply(call, _member(call))


def update_store_file(call: Call) -> Reply:
    """`POST /vector_stores/{id}/files/{id}`: replaces the attributes."""
    member = _member(call)
    fields = call.json()
    checks.STORE_FILE_UPDATE.check(fields, lenient=call.lenient)
    _store(call).check_alive()
    member.attributes = fields["attributes"] or {}
    return _member_reply(call, member)


def delete_store_file(call: Call) -> Reply:
    """`DELETE /vector_stores/{id}/files/{id}`: the file itself stays."""
    call.project.store_desk.detach(_store(call), call.target)
    return ok({"id": call.target, "object": "vector_store.file.deleted", "deleted": True})


def store_file_content(call: Call) -> Reply:
    """`GET /vector_stores/{id}/files/{id}/content`: the parsed text, in overlapping chunks."""
    call.known(("page",))
    store, member = _store(call), _member(call)
    store.check_alive()
    status = member.status(call.project.now())
    if status != "completed":
        message = f"File '{member.file.id}' has no parsed content: its status is '{status}'."
        raise ApiError(400, message)
    first = _page_number(call.query.get("page"))
    texts, more = _texts(member, first, call.project.rules.content_page)
    document = {
        "object": "vector_store.file_content.page",
        "data": [{"type": "text", "text": text} for text in texts],
        "has_more": more is not None,
        "next_page": None if more is None else _page_token(more),
    }
    body = encode(document)
    return Reply(200, body, moved=len(body))


def create_batch(call: Call) -> Reply:
    """`POST /vector_stores/{id}/file_batches`."""
    store = _store(call)
    fields = call.json()
    for name in ("file_ids", "files"):
        checks.check_count(fields, name, call.project.rules.batch_limit, least=1)
    checks.BATCH.check(fields, lenient=call.lenient)
    match fields:
        case {"file_ids": _, "files": _}:
            message = "Mutually exclusive parameters: 'file_ids' and 'files'."
            raise ApiError(400, message, param="files", code="mutually_exclusive_parameters")
        case {"file_ids": list(file_ids)}:
            additions = _additions(call, file_ids, fields)
        case {"files": list(files)}:
            found = _additions(call, [one["file_id"] for one in files], {})
            wanted = {one["file_id"]: one for one in files}
            additions = [_addition(one, wanted[one.file.id]) for one in found]
        case _:
            raise shapes.missing_parameter("file_ids")
    desk = call.project.store_desk
    return _batch_reply(call, desk.batch(store, additions))


def retrieve_batch(call: Call) -> Reply:
    """`GET /vector_stores/{id}/file_batches/{id}`."""
    return _batch_reply(call, _batch(call))


def cancel_batch(call: Call) -> Reply:
    """`POST /vector_stores/{id}/file_batches/{id}/cancel`: what is indexed stays."""
    batch = _batch(call)
    batch.cancel(call.project.now())
    return _batch_reply(call, batch)


def list_batch_files(call: Call) -> Reply:
    """`GET /vector_stores/{id}/file_batches/{id}/files`."""
    return _list_members(call, _store(call), _batch(call))


def _store(call: Call) -> Store:
    return call.project.store_desk.find(call.ids[0])


def _member(call: Call) -> Member:
    return _store(call).files[call.ids[1]]


def _batch(call: Call) -> Batch:
    return _store(call).batches[call.ids[1]]


def _member_reply(call: Call, member: Member) -> Reply:
    return ok(member.shown(call.project.now()))


def _batch_reply(call: Call, batch: Batch) -> Reply:
    return ok(batch.shown(call.project.now()))


def _list_members(call: Call, store: Store, batch: Batch | None = None) -> Reply:
    paging = call.paging("filter")
    status = call.choice("filter", STATUSES, None)
    now = call.project.now()
    chosen = None if batch is None else {id(member) for member in batch.members}

    def keep(member: Member) -> bool:
        wanted = chosen is None or id(member) in chosen
        return wanted and status in (None, member.status(now))

    everything = status is None and batch is None
    page = store.files.page(keep=None if everything else keep, **paging)
    return listed(page, lambda member: encode(member.shown(now)))


def _additions(call: Call, file_ids: list[str], how: Mapping[str, Any]) -> list[Addition]:
    files = call.project.file_desk.named(file_ids)
    return [_addition(Addition(file), how) for file in files]


def _addition(addition: Addition, how: Mapping[str, Any]) -> Addition:
    return Addition(addition.file, how.get("attributes"), how.get("chunking_strategy"))


def _texts(member: Member, first: int, most: int) -> tuple[list[str], int | None]:
    """Return the texts of one page, and where the next one begins."""
    content = member.file.content
    if not is_text(content):
        return [f"[Parsed text of {member.file.name}, {content.size} bytes.]"][first:], None
    chunks = Chunks(content, member.chunking)
    stop = first + most
    return list(chunks.read(first, stop)), stop if stop < chunks.count else None


def _page_token(number: int) -> str:
    return base64.urlsafe_b64encode(b"page:%d" % number).decode().rstrip("=")


def _page_number(token: str | None) -> int:
    if not token:
        return 0
    with suppress(ValueError):  # a token that nobody gave out begins anew
        text = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        if match := _PAGE.fullmatch(text):
            return int(match[1])
    message = f"Invalid value for 'page': '{token[:40]}' is not a page token."
    raise ApiError(400, message, param="page", code="invalid_value")
