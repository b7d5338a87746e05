"""The handlers of /agents."""

from operator import attrgetter

from understudy.sandbox import agent_shapes, shapes
from understudy.sandbox.call import Call, listed
from understudy.sandbox.models_api import find_model
from understudy.sandbox.wire import Reply, ok


def create_agent(call: Call) -> Reply:
    """`POST /agents`."""
    fields = call.json()
    agent_shapes.check(agent_shapes.CREATE, fields, lenient=call.lenient)
    if "model" not in fields:
        raise shapes.missing_parameter("model")
    find_model(call.project, str(fields["model"]))
    return Reply(200, call.project.agent_desk.add(fields).encoded)


def list_agents(call: Call) -> Reply:
    """`GET /agents`."""
    page = call.project.agent_desk.page(**call.paging(before=False))
    return listed(page, attrgetter("encoded"))


def retrieve_agent(call: Call) -> Reply:
    """`GET /agents/{id}`."""
    return Reply(200, call.project.agent_desk.find(call.target).encoded)


def update_agent(call: Call) -> Reply:
    """`POST /agents/{id}`: only what is present changes, metadata and tools as a whole."""
    call.project.agent_desk.find(call.target)
    fields = call.json()
    agent_shapes.check(agent_shapes.UPDATE, fields, lenient=call.lenient)
    if "model" in fields:
        find_model(call.project, str(fields["model"]))
    return Reply(200, call.project.agent_desk.edit(call.target, fields).encoded)


def delete_agent(call: Call) -> Reply:
    """`DELETE /agents/{id}`."""
    call.project.agent_desk.remove(call.target)
    return ok({"id": call.target, "object": "agent.deleted", "deleted": True})
