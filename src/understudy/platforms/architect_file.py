"""An Architect document as a place: each of its assistants of one prompt is an assistant.

Those of several prompts are workflows: they are told of, kept as they are, and never touched.
Which assistant is whose copy stands in the document's own `$understudy`, since the format has no
metadata; what begins with `$` is not part of it, and no reader minds.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from understudy.architect.document import Document
from understudy.architect.limits import LONGEST_NAME, MOST_BYTES, SHORTEST_NAME, VERSION
from understudy.architect.template import normal
from understudy.errors import MissingError, RejectedError, SnapshotError
from understudy.files import read_bytes, stamp, write_whole
from understudy.model.assistant import Assistant
from understudy.model.canonical import digest
from understudy.model.fieldmap.architect import CONTENT, FORM
from understudy.model.findings import Finding, Findings, Severity
from understudy.model.kinds import Kind
from understudy.model.limits import ARCHITECT
from understudy.platforms.architect_text import slices, spelt
from understudy.platforms.base import Capabilities, Marker, Page, PlaceInfo, Rendered
from understudy.platforms.rendering import render_fields

NAME = "architect"

#: Where the document keeps what the format has no field for, under each assistant's name.
OURS = "$understudy"

_BREAKS = frozenset({"Cc", "Zl", "Zp"})  # no name holds such characters
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
        self._seen: object = None
        self._text = ""
        #: The entries as they were read, in order, and which of them were changed since, by `id`.
        self._read: list[Any] = []
        self._touched: set[int] = set()
        self._sound: frozenset[int] = frozenset()
        #: What can be used, by identity, in the order of the document; and how often names stand.
        self._by_id: dict[str, dict[str, Any]] = {}
        self._names: Counter[str] = Counter()

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
        self._document()
        ids = list(self._by_id)
        if newest_first:
            ids.reverse()
        start = ids.index(after) + 1 if after in self._by_id else 0
        records = tuple(self._record(one) for one in ids[start:])
        return Page(records, None, self._findings if after is None else ())

    async def retrieve(self, assistant_id: str) -> Assistant:
        """Return one assistant or raise MissingError."""
        self._document()
        if assistant_id not in self._by_id:
            raise MissingError(f"{self._name} holds no {assistant_id}.")
        return self._record(assistant_id)

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
        self._set(one, kept, {"name": None, **payload})
        root["assistants"].append(one)
        self._ours()[name] = kept
        self._by_id[kept["id"]] = one
        self._names[name] += 1
        self._changed = True
        return self._record(kept["id"])

    async def update(self, assistant_id: str, fields: Mapping[str, Any]) -> Assistant:
        """Set the given fields; what else the document says stays."""
        await self.retrieve(assistant_id)
        one = self._by_id[assistant_id]
        before = one["name"]
        kept = self._ours().setdefault(before, {"id": assistant_id})
        if "name" in fields and fields["name"] != kept.get("name", before):
            self._names[_compared(before)] -= 1
            one["name"] = self._free_name(fields["name"])
            self._names[one["name"]] += 1
            self._ours().pop(before)
            self._ours()[one["name"]] = kept
        self._set(one, kept, fields)
        self._changed = True
        self._touched.add(id(one))
        return self._record(assistant_id)

    async def delete(self, assistant_id: str) -> None:
        """Remove an assistant if it is there."""
        listed = self._document()["assistants"]
        one = self._by_id.pop(assistant_id, None)
        if one is not None:
            listed[:] = [each for each in listed if each is not one]
            self._ours().pop(one["name"], None)
            self._names[_compared(one["name"])] -= 1
            self._changed = True

    async def models(self) -> Mapping[str, str | None] | None:
        """Return None: models are mapped where the document is imported."""
        return None

    def render(self, assistant: Assistant, marker: Marker) -> Rendered:
        """Return an assistant as one prompt."""
        return render_fields(assistant, marker, target=Kind.ARCHITECT)

    async def flush(self) -> None:
        """Write the document; entries that were not changed keep their spelling.

        Raises RejectedError for what could not be read again, or where somebody else wrote the
        document meanwhile; OutputError.
        """
        if not self._changed:
            return
        root = self._document()
        if not self._ours():
            root.pop(OURS, None)
        try:
            kept = slices(self._text, self._read, self._touched)
            data = spelt(root, kept).encode()
        except ValueError as error:
            raise RejectedError(
                f"{self._path}: a text holds half of a character, or a number is none; "
                "no document can keep that."
            ) from error
        if len(data) > MOST_BYTES:
            raise RejectedError(
                f"{self._path} would have {len(data):,} bytes; at most {MOST_BYTES:,} are read."
            )
        if stamp(self._path) != self._seen:
            raise RejectedError(
                f"{self._path} was changed by somebody else meanwhile, and stays as it is. "
                "Run the same command again."
            )
        write_whole(self._path, data)
        self._seen = stamp(self._path)
        self._changed = False

    async def aclose(self) -> None:
        """Nothing to release."""

    def require_readable(self) -> None:
        """Read it; raises SnapshotError for what is no document."""
        self._document()

    def _document(self) -> dict[str, Any]:
        if self._root is None:
            self._root = self._load()
            ours = self._ours()
            usable = self._usable(self._root)
            self._by_id = {_record(one, ours.get(one["name"], {}))[0]: one for one in usable}
            listed = (one for one in self._root["assistants"] if isinstance(one, dict))
            self._names = Counter(_compared(str(one.get("name"))) for one in listed)
        return self._root

    def _load(self) -> dict[str, Any]:
        self._seen = stamp(self._path)
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
        assert isinstance(root, dict)  # noqa: S101 - what is none is fatal
        sound = set(document.sound)
        self._findings = tuple(self._unread(root, document, sound))
        self._text, self._read = document.text, list(root["assistants"])
        self._sound = frozenset(id(self._read[i]) for i in sound)
        self._require_ours(root)
        return root

    def _require_ours(self, root: dict[str, Any]) -> None:
        """Refuse what stands under our name and is not ours, or gives two assistants one id."""
        ours = root.setdefault(OURS, {})
        if not isinstance(ours, dict) or not all(map(_is_ours, ours.values())):
            raise SnapshotError(
                f"{self._path}: {OURS} is not what this program wrote.", hint="Remove it."
            )
        ids = Counter(_record(one, ours.get(one["name"], {}))[0] for one in self._usable(root))
        if twice := [one for one, count in ids.items() if count > 1]:
            raise SnapshotError(
                f"{self._path}: {OURS} gives two assistants the id {twice[0]!r}.",
                hint="Remove the entry of one of them.",
            )

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

    def _usable(self, root: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        ours = root.get(OURS, {})
        for one in root["assistants"]:
            if not isinstance(one, dict) or not isinstance(one.get("name"), str):
                continue
            prompts = one.get("prompts")
            if (
                (one["name"] in ours or id(one) in self._sound)
                and isinstance(prompts, list)
                and [type(prompt) for prompt in prompts] == [dict]
            ):
                yield one

    def _record(self, assistant_id: str) -> Assistant:
        one = self._by_id[assistant_id]
        return Assistant(*_record(one, self._ours().get(one["name"], {})))

    def _ours(self) -> dict[str, dict[str, Any]]:
        ours: dict[str, dict[str, Any]] = self._document().setdefault(OURS, {})
        return ours

    def _free_name(self, wanted: Any) -> str:
        """Return a name that the document may hold and that no other assistant has."""
        name = _in_one_line(normal(wanted)) if isinstance(wanted, str) else ""
        name = name if len(name) >= SHORTEST_NAME else f"Assistant {name}".strip()
        free, number = name, 2
        while self._names[free] > 0:
            tail = f" ({number})"
            free, number = name[: LONGEST_NAME - len(tail)].rstrip() + tail, number + 1
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


def _compared(name: str) -> str:
    """Return a name as those of a document are compared."""
    return normal(name).strip()


def _is_ours(kept: Any) -> bool:
    return (
        isinstance(kept, dict)
        and isinstance(kept.get("id", ""), str)
        and isinstance(kept.get("name"), str | None)
        and isinstance(kept.get("metadata", {}), dict)
    )


def _in_one_line(name: str) -> str:
    """Return a name without line breaks and other control characters."""
    return "".join(" " if unicodedata.category(c) in _BREAKS else c for c in name).strip()
