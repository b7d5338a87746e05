"""What the answers about Architect documents look like, for the OpenAPI document."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from understudy.service.shapes import Shape

_STATES = Literal["pending_approval", "approved", "rejected", "disabled", "superseded"]


class ArchitectFinding(BaseModel):
    """One finding; line and column begin at 1."""

    model_config = ConfigDict(extra="forbid")

    code: str = Field(examples=["unknown_variable"])
    severity: Literal["error", "warning", "info"]
    message: str
    hint: str
    pointer: str = Field(examples=["/assistants/0/prompts/1/content"])
    line: int | None = None
    column: int | None = None


class Validation(Shape):
    """What a check found; `total` counts all findings, of which the first 1,000 are listed."""

    valid: bool
    total: int
    findings: list[ArchitectFinding]
    assistants: list[dict[str, Any]]
    models: dict[str, Any]


class ImportedOne(BaseModel):
    """What an import did with one assistant."""

    model_config = ConfigDict(extra="forbid")

    id: str
    name: str
    change: Literal["created", "updated", "unchanged"]
    version: int
    state: _STATES


class ArchitectImport(Shape):
    """An import that was carried out; `leftOut` are indices of assistants with errors."""

    id: str
    created: int
    updated: int
    unchanged: int
    failed: int
    assistants: list[ImportedOne]
    leftOut: list[int]  # noqa: N815 - like the other names
    findings: list[ArchitectFinding]


class OneVersion(BaseModel):
    """One version, without its content."""

    model_config = ConfigDict(extra="forbid")

    version: int
    state: _STATES
    digest: str
    description: str
    prompts: int
    input_fields: int
    models: list[str]
    bytes: int
    imported_at: str
    imported_by: str
    changed_at: str
    import_: str = Field(alias="import")


class KeptOne(BaseModel):
    """One assistant of the library."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(examples=["aa_0123456789abcdef"])
    name: str
    created_at: str
    created_by: str
    latest: OneVersion
    in_force: OneVersion | None
    pending: int | None


class KeptPage(Shape):
    """A page of assistants by name; `next` is the `after` of the next page, empty at the end."""

    count: int
    next: str
    assistants: list[KeptOne]


class KeptAnswer(Shape):
    """One assistant, with the version asked for, or the latest, as a document."""

    assistant: KeptOne
    version: OneVersion
    document: dict[str, Any]


class Versions(Shape):
    """All versions, newest first."""

    count: int
    versions: list[OneVersion]


def _spelt(number: Any) -> Any:
    """Return a whole number that JSON spells as 1.0 as a whole number."""
    return int(number) if isinstance(number, float) and number.is_integer() else number


class Decision(BaseModel):
    """Which version (else the one that is due), why, and which content was reviewed."""

    model_config = ConfigDict(extra="forbid", strict=True)

    reason: str = Field(default="", max_length=2000)
    version: Annotated[int | None, BeforeValidator(_spelt)] = Field(
        default=None, ge=1, le=2**31 - 1
    )
    digest: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    allowUnknownVariables: bool = False  # noqa: N815 - like the other names


class Decided(Shape):
    """A decision that was carried out."""

    id: str
    name: str
    action: Literal["approved", "rejected", "disabled", "enabled"]
    version: OneVersion
    superseded: int | None


class ArchitectDocument(BaseModel):
    """A document, which imports back to the same content."""

    model_config = ConfigDict(extra="forbid")

    version: Literal["1.0"]
    exported_at: str
    export_source: str
    assistants: list[dict[str, Any]]
