"""The handlers of /uploads."""

import asyncio

from understudy.sandbox import checks
from understudy.sandbox.call import Call, required_form
from understudy.sandbox.disk import NOTHING, Content
from understudy.sandbox.uploads import Upload
from understudy.sandbox.wire import ApiError, Reply, ok


def create_upload(call: Call) -> Reply:
    """`POST /uploads`."""
    fields = call.json()
    checks.UPLOAD.check(fields, lenient=call.lenient)
    lifetime = (fields.get("expires_after") or {}).get("seconds")
    upload = call.project.upload_desk.add(
        fields["bytes"], fields["filename"], fields["purpose"], lifetime
    )
    return ok(upload.shown())


def add_part(call: Call) -> Reply:
    """`POST /uploads/{id}/parts`."""
    desk = call.project.upload_desk
    upload = desk.pending(call.target)
    form = required_form(call, "data")
    return ok(desk.add_part(upload, form.files["data"].content))


async def complete_upload(call: Call) -> Reply:
    """`POST /uploads/{id}/complete`."""
    desk = call.project.upload_desk
    upload = desk.pending(call.target)
    fields = call.json()
    checks.COMPLETE.check(fields, lenient=call.lenient)
    content = _joined(upload, fields["part_ids"])
    md5 = fields.get("md5")
    if md5 is not None and await asyncio.to_thread(content.digest, "md5") != md5.lower():
        message = "The MD5 checksum of the parts is not the one that was given."
        raise ApiError(400, message, param="md5", code="invalid_value")
    desk.pending(upload.id)  # it may have ended meanwhile
    upload.file = call.project.file_desk.add(
        upload.filename, content, purpose=upload.purpose, lifetime=upload.lifetime
    )
    upload.end("completed")
    return ok(upload.shown())


def cancel_upload(call: Call) -> Reply:
    """`POST /uploads/{id}/cancel`."""
    upload = call.project.upload_desk.pending(call.target)
    upload.end("cancelled")
    return ok(upload.shown())


def _joined(upload: Upload, part_ids: list[str]) -> Content:
    content = NOTHING
    for index, part_id in enumerate(part_ids):
        if part_id not in upload.parts or part_id in part_ids[:index]:
            message = f"Part '{part_id}' is not in upload '{upload.id}', or is named twice."
            raise ApiError(400, message, param=f"part_ids[{index}]", code="invalid_value")
        content += upload.parts[part_id]
    if content.size != upload.size:
        message = f"The parts have {content.size} bytes, but {upload.size} were announced."
        raise ApiError(400, message, param="part_ids", code="invalid_value")
    return content
