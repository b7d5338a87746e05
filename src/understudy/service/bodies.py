"""The bodies of look-ups, made of the registry's own bytes. One `Bodies` serves one state of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from functools import cached_property, lru_cache
from hashlib import sha256
from typing import Any

from understudy.model.assistant import Assistant
from understudy.model.fidelity import LOSSY
from understudy.ops.loading import request_of
from understudy.registry.shelf import Shelf
from understudy.report.jsonlines import ledger_fields
from understudy.service.replies import Piece, Squeezed, squeeze

#: Shorter bodies are not worth compressing, longer ones are compressed in a thread; bytes.
_WORTH = 1024
_LONG = 1 << 16

_KEPT = 1024  # compressed bodies and arguments that are kept


class Body:
    """A body without its end (the time), its tag, and its compressed form once somebody asked."""

    def __init__(self, tag: str, *parts: Piece) -> None:
        self.etag = f'W/"{tag}"'
        self.parts = parts
        self.size = sum(map(len, parts))
        self._squeezed: Squeezed | None = None
        self._squeezing: asyncio.Task[Squeezed] | None = None

    async def squeezed(self) -> Squeezed | None:
        """Return the compressed form, None where it is not worth it."""
        if self.size < _WORTH:
            return None
        if self._squeezed is None:
            if self.size < _LONG:
                self._squeezed = squeeze(*self.parts)
            else:  # once, however many ask meanwhile
                if self._squeezing is None:
                    work = asyncio.to_thread(squeeze, *self.parts)
                    self._squeezing = asyncio.create_task(work)
                self._squeezed = await asyncio.shield(self._squeezing)
        return self._squeezed


class Bodies:
    """All look-ups of one shelf; `full` ones hold whole entries, others ids and names alone."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf
        self._one = lru_cache(_KEPT)(self._make_one)
        self._arguments = lru_cache(_KEPT)(self._make_arguments)

    def everything(self, *, full: bool) -> Body:
        """Return the body of all assistants."""
        return self._everything if full else self._names_alone

    def one(self, key: str, *, full: bool) -> Body:
        """Return the body of one assistant; raises KeyError."""
        return self._one(key, full)

    def arguments(self, key: str) -> Body:
        """Return the body with an assistant's arguments for the Responses API, and their lacks."""
        return self._arguments(key)

    @property
    def names(self) -> list[str]:
        """The keys, in order."""
        return list(self.shelf.slots)

    @cached_property
    def _everything(self) -> Body:
        return self._all(self.shelf.content)

    @cached_property
    def _names_alone(self) -> Body:
        brief = {key: {"id": s.id, "name": s.name} for key, s in self.shelf.slots.items()}
        return self._all(_compact(brief))

    def _all(self, assistants: Piece) -> Body:
        names = _compact(self.names)
        count = len(self.shelf.slots)
        head = b'{"success":true,"count":%d,"assistants":' % count
        return Body(_tag(assistants), head, assistants, b',"assistantNames":' + names)

    def _make_one(self, key: str, full: bool) -> Body:
        if full:
            entry = self.shelf.entry(key)
        else:
            slot = self.shelf.slots[key]
            entry = _compact({"id": slot.id, "name": slot.name})
        return Body(_tag(entry), b'{"success":true,"assistant":', entry)

    def _make_arguments(self, key: str) -> Body:
        raw = json.loads(self.shelf.entry(key))
        arguments, ledger = request_of(Assistant(str(raw["id"]), raw))
        lost = ledger_fields(one for one in ledger if one.fidelity in LOSSY)
        content = _compact(arguments) + b',"lost":' + _compact(lost)
        return Body(_tag(content), b'{"success":true,"arguments":', content)


class Current:
    """The bodies of the shelf that is served now, made anew when it is another."""

    def __init__(self, shelf: Callable[[], Shelf]) -> None:
        self._shelf = shelf
        self._bodies: Bodies | None = None

    def __call__(self) -> Bodies:
        """Return them."""
        shelf = self._shelf()
        if self._bodies is None or self._bodies.shelf is not shelf:
            self._bodies = Bodies(shelf)
        return self._bodies


def _compact(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _tag(content: Piece) -> str:
    return sha256(content).hexdigest()[:32]
