"""An Architect document as a place: each of its assistants of one prompt is an assistant.

Those of several prompts are workflows: they are told of, kept as they are, and never touched.
Which assistant is whose copy stands in the document's own `$understudy`, since the format has no
metadata; what begins with `$` is not part of it, and no reader minds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from understudy.architect.document import Document
from understudy.architect.limits import SHORTEST_NAME, VERSION
from understudy.architect.template import normal
from understudy.errors import MissingError, RejectedError, SnapshotError
from understudy.files import read_bytes, write_whole
from understudy.model.assistant import Assistant
from understudy.model.canonical import digest
from understudy.model.fieldmap.architect import CONTENT, FORM
from understudy.model.findings import Finding, Findings, Severity
from understudy.model.kinds import Kind
from understudy.model.limits import ARCHITECT
from understudy.platforms.base import Capabilities, Marker, Page, PlaceInfo, Rendered
from understudy.platforms.rendering import render_fields

NAME = "architect"

#: Where the document keeps what the format has no field for, under each assistant's name.
OURS = "$understudy"

_CAPABILITIES = Capabilities(limits=ARCHITECT, remote=False, kind=Kind.ARCHITECT)
_OF_PROMPT: Mapping[str, str] = {
    "instructions": "system_context",
    "model": "model_name",
    "content": "content",
    "input_mapping": "input_mapping",
}
_OF_ASSISTANT = (
    "description",
    "input_fields",
    "image_path",
    "timeout_seconds",
    "repositoryIds",
    "enabledTools",
)


class ArchitectFile:
    """One document. It is read once, and written whole at `flush`."""

    def __init__(self, path: str | Path, *, name: str = "", must_exist: bool = False) -> None:
        self._path = Path(path)
        self._name = name or str(path)
        self._must_exist = must_exist
        self._root: dict[str, Any] | None = None
        self._findings: Findings = ()
        self._changed = False

    @property
    def info(self) -> PlaceInfo:
        """Which file this is."""
        return PlaceInfo(self._name, NAME, str(self._path))

    @property
    def capabilities(self) -> Capabilities:
        """What one prompt can say."""
        return _CAPABILITIES

    @property
    def knowledge(self) -> None:
        """None: it holds no files."""
        return

    @property
    def environments(self) -> None:
        """None: it runs nothing."""
        return

    async def list_page(self, *, after: str | None = None, newest_first: bool = False) -> Page:
        """Return everything after that id, in the order of the document."""
        records = list(self._records())
        if newest_first:
            records.reverse()
        ids = [record.id for record in records]
        start = ids.index(after) + 1 if after in ids else 0
        return Page(tuple(records[start:]), None, self._findings if after is None else ())

    async def retrieve(self, assistant_id: str) -> Assistant:
        """Return one assistant or raise MissingError."""
        for record in self._records():
            if record.id == assistant_id:
                return record
        raise MissingError(f"{self._name} holds no {assistant_id}.")

    async def create(self, payload: Mapping[str, Any]) -> Assistant:
        """Add an assistant of one prompt; one of a taken name gets a number behind it."""
        root = self._document()
        name = self._free_name(payload.get("name"))
        one: dict[str, Any] = {
            "name": name,
            "description": "",
            "is_parallel": False,
            "prompts": [
                {
                    "name": "answer",
                    "content": CONTENT,
                    "system_context": None,
                    "model_name": payload.get("model"),
                    "position": 0,
                }
            ],
            "input_fields": [dict(field) for field in FORM],
        }
        marker = payload.get("metadata") or name
        kept = {"id": f"arch_{digest([marker, name, len(root['assistants'])])[:16]}"}
        root["assistants"].append(one)
        self._ours()[name] = kept
        self._set(one, kept, {"name": None, **payload})
        self._changed = True
        return await self.retrieve(kept["id"])

    async def update(self, assistant_id: str, fields: Mapping[str, Any]) -> Assistant:
        """Set the given fields; what else the document says stays."""
        one = self._raw((await self.retrieve(assistant_id)).id)
        before = one["name"]
        kept = self._ours().setdefault(before, {"id": assistant_id})
        if "name" in fields and fields["name"] != kept.get("name", before):
            one["name"] = self._free_name(fields["name"])
            self._ours().pop(before)
            self._ours()[one["name"]] = kept
        self._set(one, kept, fields)
        self._changed = True
        return await self.retrieve(assistant_id)

    async def delete(self, assistant_id: str) -> None:
        """Remove an assistant if it is there."""
        for record in self._records():
            if record.id == assistant_id:
                one = self._raw(assistant_id)
                self._document()["assistants"].remove(one)
                self._ours().pop(one["name"], None)
                self._changed = True

    async def models(self) -> Mapping[str, str | None] | None:
        """Return None: models are mapped where the document is imported."""
        return None

    def render(self, assistant: Assistant, marker: Marker) -> Rendered:
        """Return an assistant as one prompt."""
        return render_fields(assistant, marker, target=Kind.ARCHITECT)

    async def flush(self) -> None:
        """Write the document; what it says is checked first. Raises RejectedError."""
        if not self._changed:
            return
        root = self._document()
        if not self._ours():
            root.pop(OURS, None)
        text = json.dumps(root, indent=2, ensure_ascii=False) + "\n"
        write_whole(self._path, text)
        self._changed = False

    async def aclose(self) -> None:
        """Nothing to release."""

    def require_readable(self) -> None:
        """Read it; raises SnapshotError for what is no document."""
        self._document()

    def _document(self) -> dict[str, Any]:
        if self._root is None:
            self._root = self._load()
        return self._root

    def _load(self) -> dict[str, Any]:
        if not self._path.exists():
            if self._must_exist:
                raise SnapshotError(f"{self._path} does not exist.")
            return {"version": VERSION, "assistants": []}
        document = Document.parse(read_bytes(self._path), source=str(self._path))
        root = document.value
        fatal = [one for one in document.errors if not one.pointer.startswith("/assistants/")]
        empty = isinstance(root, dict) and root.get("assistants") == []
        if fatal and not (empty and {one.code for one in fatal} == {"no_assistants"}):
            first = fatal[0]
            place = f", line {first.line}, column {first.column}" if first.line else ""
            raise SnapshotError(f"{self._path}{place}: {first.message}", hint=first.hint)
        sound = set(document.sound)
        self._findings = tuple(self._unread(root, document, sound))
        self._sound = {id(root["assistants"][i]) for i in sound}
        assert isinstance(root, dict)  # noqa: S101 - what is none is fatal
        return root

    def _unread(self, root: Any, document: Document, sound: set[int]) -> Iterator[Finding]:
        for i, one in enumerate(root["assistants"]):
            name = str(one.get("name") if isinstance(one, dict) else "")[:80]
            if i not in sound:
                own = f"/assistants/{i}"
                why = next(
                    e.message for e in document.errors if f"{e.pointer}/".startswith(f"{own}/")
                )
                text = f"assistants[{i}] {name} cannot be used: {why}"
                yield Finding(
                    "invalid-assistant",
                    Severity.ERROR,
                    text,
                    f"assistants[{i}]",
                    "understudy architect validate tells all.",
                )
            elif len(one["prompts"]) > 1:
                count = len(one["prompts"])
                text = f"{name} has {count} prompts: a workflow, and no assistant; it is left out."
                yield Finding(
                    "workflow",
                    Severity.WARNING,
                    text,
                    f"assistants[{i}]",
                    "understudy architect import keeps and runs it.",
                )

    def _usable(self) -> Iterator[dict[str, Any]]:
        for one in self._document()["assistants"]:
            mine = isinstance(one, dict) and one.get("name") in self._ours()
            read = id(one) in getattr(self, "_sound", ())
            if (mine or read) and len(one["prompts"]) == 1:
                yield one

    def _records(self) -> Iterator[Assistant]:
        for one in self._usable():
            kept = self._ours().get(one["name"], {})
            yield Assistant(*_record(one, kept))

    def _raw(self, assistant_id: str) -> dict[str, Any]:
        return next(
            one
            for one in self._usable()
            if _record(one, self._ours().get(one["name"], {}))[0] == assistant_id
        )

    def _ours(self) -> dict[str, dict[str, Any]]:
        ours = self._document().setdefault(OURS, {})
        if not isinstance(ours, dict) or not all(isinstance(v, dict) for v in ours.values()):
            raise SnapshotError(
                f"{self._path}: {OURS} is not what this program wrote.", hint="Remove it."
            )
        return ours

    def _free_name(self, wanted: Any) -> str:
        name = normal(wanted).strip() if isinstance(wanted, str) else ""
        name = name if len(name) >= SHORTEST_NAME else f"Assistant {name}".strip()
        taken = {
            normal(str(one.get("name"))).strip()
            for one in self._document()["assistants"]
            if isinstance(one, dict)
        }
        free, number = name, 2
        while free in taken:
            free, number = f"{name} ({number})", number + 1
        return free

    def _set(self, one: dict[str, Any], kept: dict[str, Any], fields: Mapping[str, Any]) -> None:
        prompt = one["prompts"][0]
        for name, value in fields.items():
            if name in _OF_PROMPT:
                if name == "model" and not isinstance(value, str):
                    raise RejectedError(f"{one['name']} names no model.", param="model")
                prompt[_OF_PROMPT[name]] = CONTENT if (name, value) == ("content", None) else value
            elif name == "description":
                one[name] = value or ""
            elif name in _OF_ASSISTANT:
                one[name] = value
            elif name == "name":
                kept.pop("name", None)
                if value != one["name"]:
                    kept["name"] = value
            elif name == "metadata":
                kept.pop("metadata", None)
                if value:
                    kept["metadata"] = dict(value)


def _record(one: Mapping[str, Any], kept: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return an assistant's id and neutral record."""
    prompt = one["prompts"][0]
    one_id = kept.get("id")
    found: dict[str, Any] = {
        "id": one_id if isinstance(one_id, str) and one_id else one["name"],
        "object": Kind.ARCHITECT.value,
        "name": kept.get("name", one["name"]),
    }
    found |= {name: prompt.get(there) for name, there in _OF_PROMPT.items() if there in prompt}
    found |= {name: one[name] for name in _OF_ASSISTANT if name in one}
    metadata = kept.get("metadata")
    found["metadata"] = dict(metadata) if isinstance(metadata, dict) else {}
    return found["id"], found
