"""The handlers of /containers and what is below it."""

from understudy.sandbox import checks, shapes
from understudy.sandbox.call import Call, listed, required_form
from understudy.sandbox.containers import Container, ContainerFile
from understudy.sandbox.wire import Reply, encode, file_reply, ok


def create_container(call: Call) -> Reply:
    """`POST /containers`."""
    fields = call.json()
    checks.CONTAINER.check(fields, lenient=call.lenient)
    files = call.project.file_desk.named(fields.get("file_ids") or [])
    desk = call.project.container_desk
    container = desk.add(fields)
    for file in files:
        container.put(file.name, file.content, container.created_at)
    return ok(desk.shown(container))


def list_containers(call: Call) -> Reply:
    """`GET /containers`."""
    desk = call.project.container_desk
    name = call.query.get("name")
    keep = None if name is None else (lambda container: container.name == name)
    page = desk.page(keep, **call.paging("name", before=False))
    return listed(page, lambda container: encode(desk.shown(container)))


def retrieve_container(call: Call) -> Reply:
    """`GET /containers/{id}`."""
    desk = call.project.container_desk
    return ok(desk.shown(desk.find(call.target)))


def delete_container(call: Call) -> Reply:
    """`DELETE /containers/{id}`."""
    call.project.container_desk.remove(call.target)
    return ok({"id": call.target, "object": "container.deleted", "deleted": True})


def create_container_file(call: Call) -> Reply:
    """`POST /containers/{id}/files`: from a form with a file, or from the id of one."""
    container = _container(call)
    now = int(call.project.now())
    if call.form is not None:
        file = required_form(call, "file").files["file"]
        return ok(container.put(file.name, file.content, now).fields)
    fields = call.json()
    if "file_id" not in fields:
        raise shapes.missing_parameter("file_id")
    (found,) = call.project.file_desk.named([str(fields["file_id"])])
    return ok(container.put(found.name, found.content, now).fields)


def list_container_files(call: Call) -> Reply:
    """`GET /containers/{id}/files`."""
    page = _container(call).files.page(**call.paging(before=False))
    return listed(page, lambda file: encode(file.fields))


def retrieve_container_file(call: Call) -> Reply:
    """`GET /containers/{id}/files/{id}`."""
    return ok(_file(call).fields)


def delete_container_file(call: Call) -> Reply:
    """`DELETE /containers/{id}/files/{id}`."""
    _container(call).files.remove(call.target)
    return ok({"id": call.target, "object": "container.file.deleted", "deleted": True})


def container_file_content(call: Call) -> Reply:
    """`GET /containers/{id}/files/{id}/content`: the bytes, whatever their purpose was."""
    return file_reply(_file(call).content)


def _container(call: Call) -> Container:
    return call.project.container_desk.use(call.ids[0])


def _file(call: Call) -> ContainerFile:
    return _container(call).files[call.target]
