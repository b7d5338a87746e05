"""The handlers of /files."""

from collections.abc import Mapping
from operator import attrgetter

from understudy.sandbox import checks, shapes
from understudy.sandbox.call import Call, listed, required_form
from understudy.sandbox.files import PURPOSES
from understudy.sandbox.wire import Reply, file_reply, ok

_EXPIRY = {"expires_after[anchor]": "anchor", "expires_after[seconds]": "seconds"}
_FIELDS = ("purpose", *_EXPIRY)


def create_file(call: Call) -> Reply:
    """`POST /files`."""
    form = required_form(call, "file")
    for name in form.fields:
        if name not in _FIELDS and not call.lenient:
            raise shapes.unknown_parameter(name)
    if "purpose" not in form.fields:
        raise shapes.missing_parameter("purpose")
    purpose = form.fields["purpose"]
    if purpose not in PURPOSES:
        raise shapes.wrong_value("purpose", purpose, [f"'{one}'" for one in PURPOSES])
    lifetime = _lifetime(form.fields)
    file = form.files["file"]
    made = call.project.file_desk.add(file.name, file.content, purpose=purpose, lifetime=lifetime)
    return Reply(200, made.encoded)


def list_files(call: Call) -> Reply:
    """`GET /files`."""
    paging = call.paging("purpose", before=False, most=10_000, default=10_000)
    purpose = call.query.get("purpose") or None
    return listed(call.project.file_desk.page(purpose=purpose, **paging), attrgetter("encoded"))


def retrieve_file(call: Call) -> Reply:
    """`GET /files/{id}`."""
    return Reply(200, call.project.file_desk.find(call.target).encoded)


def delete_file(call: Call) -> Reply:
    """`DELETE /files/{id}`: the file leaves all stores too."""
    call.project.file_desk.remove(call.target)
    return ok({"id": call.target, "object": "file", "deleted": True})


def file_content(call: Call) -> Reply:
    """`GET /files/{id}/content`."""
    return file_reply(call.project.file_desk.download(call.target))


def _lifetime(fields: Mapping[str, str]) -> int | None:
    given = {_EXPIRY[name]: value for name, value in fields.items() if name in _EXPIRY}
    if not given:
        return None
    seconds = given.get("seconds", "")
    number = int(seconds[:12]) if seconds.isascii() and seconds.isdecimal() else None
    policy = given if number is None else given | {"seconds": number}
    checks.check_lifetime(policy)
    return number
