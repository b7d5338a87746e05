"""The handlers of /assistants."""

from collections.abc import Mapping
from operator import attrgetter
from typing import Any

from understudy.sandbox import fill, limits, shapes
from understudy.sandbox.call import Call, listed
from understudy.sandbox.models_api import check_sampling, find_model
from understudy.sandbox.state import Project
from understudy.sandbox.wire import ApiError, Reply, ok


def create_assistant(call: Call) -> Reply:
    """`POST /assistants`."""
    fields = call.json()
    shapes.check(shapes.CREATE, fields, lenient=call.lenient)
    if "model" not in fields:
        raise shapes.missing_parameter("model")
    limits.check(fields)
    _check_model(call.project, fields)
    _check_resources(call.project, fields)
    return Reply(200, call.project.create(fields))


def list_assistants(call: Call) -> Reply:
    """`GET /assistants`."""
    return listed(call.project.page(**call.paging()), attrgetter("encoded"))


def retrieve_assistant(call: Call) -> Reply:
    """`GET /assistants/{id}`."""
    return Reply(200, call.project.encoded(call.target))


def update_assistant(call: Call) -> Reply:
    """`POST /assistants/{id}`: only what is present changes, metadata as a whole."""
    old = call.project.fields(call.target)
    fields = call.json()
    shapes.check(shapes.UPDATE, fields, lenient=call.lenient)
    limits.check(fields)
    _check_model(call.project, old | fields)
    _check_resources(call.project, fields)
    call.project.edit(call.target, **fields)
    return Reply(200, call.project.encoded(call.target))


def delete_assistant(call: Call) -> Reply:
    """`DELETE /assistants/{id}`."""
    call.project.remove(call.target)
    return ok({"id": call.target, "object": "assistant.deleted", "deleted": True})


def _check_model(project: Project, fields: Mapping[str, Any]) -> None:
    check_sampling(find_model(project, fields["model"]), fields, fill.defaults())


def _check_resources(project: Project, fields: Mapping[str, Any]) -> None:
    """Refuse (`ApiError` 404) ids of files and stores that the project does not have."""
    if not project.rules.check_resources:
        return
    resources = fields.get("tool_resources") or {}
    search = resources.get("file_search") or {}
    for store_id in search.get("vector_store_ids") or ():
        if store_id not in project.stores:
            raise ApiError(404, f"Vector store with id [{store_id}] not found")
    groups = [resources.get("code_interpreter") or {}, *(search.get("vector_stores") or ())]
    for file_id in (id_ for group in groups for id_ in group.get("file_ids") or ()):
        if file_id not in project.files:
            raise ApiError(404, f"No such File object: {file_id}")
