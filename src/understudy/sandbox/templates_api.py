"""The handlers of /agents/environments/templates."""

from collections.abc import Mapping
from typing import Any

from understudy.sandbox import template_shapes
from understudy.sandbox.call import Call, listed
from understudy.sandbox.wire import ApiError, Reply, encode, ok


def create_template(call: Call) -> Reply:
    """`POST /agents/environments/templates`."""
    fields = call.json()
    template_shapes.check(template_shapes.CREATE, fields, lenient=call.lenient)
    _check_files(call, fields)
    return ok(call.project.template_desk.add(fields).shown())


def list_templates(call: Call) -> Reply:
    """`GET /agents/environments/templates`."""
    page = call.project.template_desk.page(**call.paging(before=False))
    return listed(page, lambda template: encode(template.shown()))


def retrieve_template(call: Call) -> Reply:
    """`GET /agents/environments/templates/{id}`."""
    return ok(call.project.template_desk.find(call.target).shown())


def update_template(call: Call) -> Reply:
    """`POST /agents/environments/templates/{id}`: what is present is replaced as a whole."""
    call.project.template_desk.find(call.target)
    fields = call.json()
    template_shapes.check(template_shapes.UPDATE, fields, lenient=call.lenient)
    _check_files(call, fields)
    return ok(call.project.template_desk.edit(call.target, fields).shown())


def delete_template(call: Call) -> Reply:
    """`DELETE /agents/environments/templates/{id}`."""
    call.project.template_desk.remove(call.target)
    deleted = {"object": "agent.environment.template.deleted", "deleted": True}
    return ok({"id": call.target, **deleted})


def _check_files(call: Call, fields: Mapping[str, Any]) -> None:
    """Refuse (`ApiError` 404) files that the project does not have."""
    for index, file in enumerate(fields.get("files") or ()):
        file_id = file.get("file_id")
        if file_id is not None and file_id not in call.project.file_desk.shelf:
            param = f"files[{index}].file_id"
            raise ApiError(404, f"No such File object: {file_id}", param=param)
