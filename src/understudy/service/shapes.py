"""What answers look like, for the OpenAPI document, with examples."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

_TIME = "2025-01-01T12:00:00.000Z"
_ENTRY: dict[str, Any] = {
    "id": "asst_abc123",
    "name": "Arcanos Runtime Companion",
    "instructions": "You are a helpful assistant...",
    "tools": [
        {
            "type": "function",
            "function": {"name": "example_function", "description": "An example function"},
        }
    ],
    "model": "gpt-4",
}
_KEY = "ARCANOS_RUNTIME_COMPANION"


class Shape(BaseModel):
    """An answer that went well."""

    model_config = ConfigDict(extra="forbid")

    success: Literal[True]
    timestamp: str = Field(examples=[_TIME])


class Entry(BaseModel):
    """One assistant. With the scope `read` alone: id and name."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [_ENTRY]})

    id: str
    name: str | None
    instructions: str | None = None
    tools: list[Any] = []
    model: str | None = None


class Assistants(Shape):
    """All assistants under their keys."""

    count: int = Field(examples=[1])
    assistants: dict[str, Entry] = Field(examples=[{_KEY: _ENTRY}])
    assistantNames: list[str] = Field(examples=[[_KEY]])  # noqa: N815 - the specification's name


class OneAssistant(Shape):
    """One assistant."""

    assistant: Entry


class Lost(BaseModel):
    """A field that did not get into the arguments as it was, and why."""

    model_config = ConfigDict(extra="forbid")

    field: str = Field(examples=["tool_resources"])
    fidelity: Literal["degraded", "dropped"]
    reason: str


class Arguments(Shape):
    """Arguments of `client.responses.create(**arguments, input=...)`, and what they lack."""

    arguments: dict[str, Any] = Field(examples=[{"model": "gpt-4", "instructions": "You are..."}])
    lost: list[Lost]


class SyncRequest(BaseModel):
    """What a sync may do."""

    model_config = ConfigDict(extra="forbid", strict=True)

    allowRemoval: bool = Field(  # noqa: N815 - like the other names
        default=False, description="Store it even if more than half goes; needs the scope admin."
    )


class SyncDone(Shape):
    """A sync that was carried out. `warnings` are records that could not be used, if any."""

    message: str = Field(examples=["Assistant sync completed successfully"])
    count: int = Field(examples=[1])
    assistantNames: list[str] = Field(examples=[[_KEY]])  # noqa: N815 - the specification's name
    warnings: list[str] = []


class Sync(BaseModel):
    """One sync of the past; `changed` holds the names of fields under the keys."""

    model_config = ConfigDict(extra="forbid")

    id: str
    at: str = Field(examples=[_TIME])
    result: Literal["changed", "unchanged", "refused", "denied", "failed", "restored"]
    source: str
    count: int
    added: list[str]
    changed: dict[str, list[str]]
    removed: list[str]
    reason: str = ""


class Syncs(Shape):
    """The last syncs, newest first."""

    count: int
    syncs: list[Sync]


class WorkerState(BaseModel):
    """One worker; times in UTC, null where there is none."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(examples=["registry-sync"])
    last: str | None = Field(examples=[_TIME])
    next: str | None = Field(examples=[_TIME])
    running: bool
    result: str = Field(examples=["25 assistants"])


class DeadLetter(BaseModel):
    """A change that a webhook was not told of, and will not be by itself."""

    model_config = ConfigDict(extra="forbid")

    id: str
    at: str = Field(examples=[_TIME])
    reason: str
    attempts: int


class WebhookState(BaseModel):
    """One webhook; `reason` says why its last attempt failed."""

    model_config = ConfigDict(extra="forbid")

    name: str
    url: str = Field(examples=["https://hooks.example.com/registry"])
    waiting: int
    reason: str
    dead: list[DeadLetter]


class CopyState(BaseModel):
    """What is served; `ageSeconds` since a sync last found it right."""

    model_config = ConfigDict(extra="forbid")

    count: int
    source: str
    schedule: str
    confirmed: str | None
    ageSeconds: float | None  # noqa: N815 - like the other names
    problems: list[str]


class Status(Shape):
    """How the service stands. In limited mode it reads and does not sync; `reason` says why."""

    version: str
    mode: Literal["full", "limited"]
    reason: str
    registry: CopyState
    workers: list[WorkerState]
    webhooks: list[WebhookState]


class Health(Shape):
    """It is there, or ready."""

    status: Literal["ok", "ready"]


class Failure(BaseModel):
    """What happened, for machines (`code`) and people; `near` are keys that look alike."""

    model_config = ConfigDict(extra="allow")

    code: str = Field(examples=["not_found"])
    message: str = Field(examples=["The registry has no assistant 'SUPORT_BOT'."])
    hint: str = ""


class Problem(BaseModel):
    """Everything that goes wrong looks like this."""

    model_config = ConfigDict(extra="forbid")

    success: Literal[False]
    error: Failure
    requestId: str = Field(examples=["5f2b8c1d9a7e4630"])  # noqa: N815 - like the other names
    timestamp: str = Field(examples=[_TIME])


def answers(good: type[BaseModel], *statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the answers of a route for the document: one good one and its problems."""
    return {
        200: {"model": good, "description": good.__doc__ or ""},
        **{status: {"model": Problem, "description": _MEANING[status]} for status in statuses},
    }


_MEANING = {
    400: "The request cannot be read.",
    401: "A key is needed, or this one is not known.",
    403: "The key lacks the scope that is needed.",
    404: "There is no such assistant; those alike are named.",
    408: "The body did not arrive in time.",
    409: "It cannot be done as things stand; nothing has changed.",
    413: "The body is too large.",
    415: "The body is of a kind that is not read here.",
    421: "Without keys, the service answers to this machine's name only.",
    422: "The body does not fit, or the assistant fits into no request.",
    429: "Too many requests; `Retry-After` says when to come back.",
    500: "Something went wrong here.",
    502: "The source failed; the last good copy stays.",
    503: "There is no key to sync with, nothing to serve yet, or no library.",
}
