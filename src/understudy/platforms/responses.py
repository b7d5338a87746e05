"""A bundle: a directory with one JSON file for each assistant, ready for the Responses API.

A file is called by the assistant's registry key and holds exactly the arguments of
`client.responses.create(**arguments, input=…)`. Its name is its identity here; a file that
somebody renamed or wrote by hand is as good as one of ours.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from understudy.errors import MissingError, SnapshotError
from understudy.files import read_json, reading, write_whole, writing
from understudy.model.assistant import CLONED_FROM, Assistant
from understudy.model.canonical import pretty
from understudy.model.kinds import FIELDS_OF, Kind
from understudy.model.limits import RESPONSES
from understudy.model.naming import DEVICES, registry_key, unique
from understudy.platforms.base import Capabilities, Marker, Page, PlaceInfo, Rendered
from understudy.platforms.knowledge import Knowledge, KnowledgeLimits
from understudy.platforms.openai_models import list_models
from understudy.platforms.openai_wire import Wire, WireClient
from understudy.platforms.rendering import render_fields
from understudy.platforms.responses_form import HEADER, check_arguments, folded, lifted

NAME = "responses"

FORMAT_VERSION = 1

#: Characters of a key; file systems allow 255 bytes, and a suffix has to fit.
_KEY = 200
_HEADERS = {"OpenAI-Beta": "assistants=v2"}
_CAPABILITIES = Capabilities(
    limits=RESPONSES, remote=False, kind=Kind.RESPONSE, runs=True, inline=True
)


class Bundle:
    """Requests in a directory; with a `wire`, what they lean on lies in that project."""

    def __init__(
        self,
        path: str | Path,
        *,
        name: str = "",
        wire: Wire | None = None,
        must_exist: bool = False,
        limits: KnowledgeLimits | None = None,
    ) -> None:
        self._path = Path(path)
        self._name = name or str(path)
        self._wire = wire
        self._must_exist = must_exist
        self._limits = limits or KnowledgeLimits()
        self._client = None if wire is None else WireClient(wire, headers=_HEADERS)
        self._taken: set[str] | None = None

    @property
    def info(self) -> PlaceInfo:
        """Which directory this is."""
        return PlaceInfo(self._name, NAME, str(self._path))

    @property
    def capabilities(self) -> Capabilities:
        """What a request can say."""
        return _CAPABILITIES

    @cached_property
    def knowledge(self) -> Knowledge | None:
        """The files and vector stores of the project where the requests will be sent."""
        if self._client is None:
            return None
        from understudy.platforms.openai_knowledge import OpenAIKnowledge

        return OpenAIKnowledge(self._client, limits=self._limits)

    @property
    def environments(self) -> None:
        """None: a request brings its own container."""
        return None

    async def list_page(self, *, after: str | None = None, newest_first: bool = False) -> Page:
        """Return everything after that key, in the order of the keys."""
        keys = self._keys()
        if newest_first:
            keys.reverse()
        start = keys.index(after) + 1 if after in keys else 0
        return Page(tuple(self._read(key) for key in keys[start:]), None)

    async def retrieve(self, assistant_id: str) -> Assistant:
        """Return one request or raise MissingError."""
        return self._read(self._require(assistant_id))

    async def create(self, payload: Mapping[str, Any]) -> Assistant:
        """Write a file that is not there yet."""
        arguments = folded(payload)
        check_arguments(arguments)
        key = self._free_key(payload)
        self._write(key, arguments)
        return Assistant(key, {**self._read(key).raw, "name": payload.get("name")})

    async def update(self, assistant_id: str, fields: Mapping[str, Any]) -> Assistant:
        """Set the given arguments; null takes one out. What else stands in the file stays."""
        before = self._read(self._require(assistant_id))
        arguments = folded({**before.raw, **fields})
        sent = {"tools" if name == "tool_resources" else name for name in fields}
        check_arguments({name: arguments[name] for name in arguments.keys() & sent})
        self._write(assistant_id, arguments)
        return self._read(assistant_id)

    async def delete(self, assistant_id: str) -> None:
        """Remove a file if it is there."""
        if self._holds(assistant_id):
            with writing(self._path):
                self._file(assistant_id).unlink(missing_ok=True)
            self._taken = None

    async def models(self) -> Mapping[str, str | None] | None:
        """Return the models of the project where the requests will be sent, None without one."""
        return None if self._client is None else await list_models(self._client)

    def render(self, assistant: Assistant, marker: Marker) -> Rendered:
        """Return a request as it is, other kinds as a request; `name` becomes the file's."""
        rendered = render_fields(assistant, marker, target=Kind.RESPONSE)
        payload = {"name": assistant.name, **rendered.payload}
        return Rendered(payload, rendered.ledger, rendered.findings, rendered.fields)

    async def flush(self) -> None:
        """Every file is written when its call returns."""

    async def aclose(self) -> None:
        """Close the connections to the project."""
        if self._client is not None:
            await self._client.aclose()

    def require_readable(self) -> None:
        """Read all files; raises SnapshotError for what is broken."""
        for key in self._keys():
            self._read(key)

    def _keys(self) -> list[str]:
        stems = (name.removesuffix(".json") for name in self._listing() if name.endswith(".json"))
        return sorted(stem for stem in stems if self._holds(stem))

    def _free_key(self, payload: Mapping[str, Any]) -> str:
        marker = str((payload.get("metadata") or {}).get(CLONED_FROM) or "")
        hint = registry_key(marker)[-8:]
        wanted = _key(str(payload.get("name") or "")) or hint or "ASSISTANT"
        if self._taken is None:  # whatever has a place in the directory, in one case
            self._taken = {Path(name).stem.casefold() for name in self._listing()}
        while True:
            key = unique(wanted, self._taken, hint=hint, joint="_")
            if not os.path.lexists(self._file(key)):  # else somebody wrote it meanwhile
                return key

    def _listing(self) -> list[str]:
        if not self._path.exists():
            if self._must_exist:
                raise SnapshotError(f"{self._path} does not exist.")
            return []
        if not self._path.is_dir():
            raise SnapshotError(f"{self._path} is a file; a bundle is a directory.")
        with reading(self._path):
            return [path.name for path in self._path.iterdir()]

    def _holds(self, key: str) -> bool:
        """Tell whether a key is that of a request; what a link brings in from outside is none."""
        if not key or key[0] in "._" or key != Path(key).name:
            return False
        path = self._file(key)
        if path.is_symlink() and not path.resolve().is_relative_to(self._path.resolve()):
            return False
        return path.is_file()

    def _require(self, key: str) -> str:
        if not self._holds(key):
            raise MissingError(f"{self._name} holds no {key}.")
        return key

    def _read(self, key: str) -> Assistant:
        path = self._file(key)
        arguments = read_json(path)
        if not isinstance(arguments, dict):
            raise SnapshotError(f"{path} must hold an object: the arguments of a request.")
        return Assistant(
            key, {**lifted(arguments), "id": key, "object": Kind.RESPONSE.value, "name": key}
        )

    def _write(self, key: str, arguments: Mapping[str, Any]) -> None:
        known = [name for name in FIELDS_OF[Kind.RESPONSE] if name in arguments]
        ordered = {name: arguments[name] for name in (*known, *sorted(arguments.keys() - known))}
        with writing(self._path):
            self._path.mkdir(parents=True, exist_ok=True)
        if not (self._path / HEADER).exists():
            about = {"format_version": FORMAT_VERSION, "holds": "arguments of responses.create"}
            write_whole(self._path / HEADER, pretty(about))
        write_whole(self._file(key), pretty(ordered, sort_keys=False))

    def _file(self, key: str) -> Path:
        return self._path / f"{key}.json"


def _key(name: str) -> str:
    """Return an assistant's registry key, as far as it can be a file's name anywhere."""
    key = registry_key(name)[:_KEY].rstrip("_")
    return f"{key}_ASSISTANT" if key.casefold() in DEVICES else key
