"""What a project holds: its assistants and its models. No I/O; time comes from a clock."""

import string
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from random import Random
from types import MappingProxyType
from typing import Any

from understudy.sandbox import fill
from understudy.sandbox.models import DEFAULT_MODELS
from understudy.sandbox.wire import encode

_LETTERS = string.ascii_letters + string.digits
_LONG_AGO = float("-inf")


@dataclass(frozen=True, slots=True)
class _Stored:
    """One assistant, with what a reply needs ready to send, and since when lists may show it."""

    serial: int
    fields: dict[str, Any]
    encoded: bytes
    born: float
    born_at_call: float


@dataclass(frozen=True, slots=True)
class Lag:
    """How far lists lag behind creates: in seconds, and in list calls."""

    seconds: float = 0.0
    calls: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list, in the order asked for."""

    ids: tuple[str, ...]
    items: tuple[bytes, ...]
    has_more: bool


class UnknownAssistantError(KeyError):
    """There is no assistant with this id in the project."""


class Project:
    """One project's state. What `add` and `edit` are given is not validated."""

    def __init__(
        self,
        label: str,
        *,
        seed: str = "",
        clock: Callable[[], float],
        models: Sequence[str] = DEFAULT_MODELS,
        lag: Lag = Lag(),
    ) -> None:
        self.label = label
        self.models: Sequence[str] = tuple(models)
        self.organization: str | None = None
        self.project: str | None = None
        self._clock = clock
        self._lag = lag
        self._dice = Random(seed)  # noqa: S311 - ids that a seed repeats, not secrets
        self._stored: dict[str, _Stored] = {}
        self._order: list[int] = []
        self._ids: dict[int, str] = {}
        self._last_serial = 0
        self._last_created = 0
        self._list_calls = 0

    @property
    def assistants(self) -> Mapping[str, dict[str, Any]]:
        """All assistants by id, oldest first. Read only: change them with `edit`."""
        return MappingProxyType({id_: stored.fields for id_, stored in self._stored.items()})

    def add(self, **fields: Any) -> dict[str, Any]:
        """Put an assistant here, as if long ago: lists show it at once. Returns it complete."""
        return self._insert(deepcopy(fields), _LONG_AGO, _LONG_AGO).fields

    def create(self, fields: Mapping[str, Any]) -> bytes:
        """Create through the API: lists may lag behind. Returns the assistant as JSON."""
        return self._insert(fields, self._clock(), self._list_calls).encoded

    def encoded(self, assistant_id: str) -> bytes:
        """Return the assistant as JSON. Raises `UnknownAssistantError`."""
        return self._find(assistant_id).encoded

    def fields(self, assistant_id: str) -> dict[str, Any]:
        """Return the assistant's fields, not to be changed. Raises `UnknownAssistantError`."""
        return self._find(assistant_id).fields

    def edit(self, assistant_id: str, **fields: Any) -> dict[str, Any]:
        """Change these fields and no others. Raises `UnknownAssistantError`."""
        old = self._find(assistant_id)
        new = old.fields | fill.changes(deepcopy(fields), self._new_id)
        stored = _Stored(old.serial, new, encode(new), old.born, old.born_at_call)
        self._stored[assistant_id] = stored
        return new

    def remove(self, assistant_id: str) -> None:
        """Delete the assistant. Raises `UnknownAssistantError`."""
        serial = self._find(assistant_id).serial
        del self._stored[assistant_id], self._ids[serial]
        del self._order[bisect_left(self._order, serial)]

    def page(
        self, *, limit: int, newest_first: bool, after: str | None = None, before: str | None = None
    ) -> Page:
        """Return one page of the list; counts as a list call. Raises `UnknownAssistantError`."""
        visible = self._visible()
        self._list_calls += 1
        start, stop = 0, len(visible)
        for cursor, follows in ((after, True), (before, False)):
            if cursor is None:
                continue
            serial = self._find(cursor).serial
            if follows != newest_first:
                start = bisect_right(visible, serial)
            else:
                stop = bisect_left(visible, serial)
        # `before` alone asks for what stands directly before the cursor.
        backwards = before is not None and after is None
        if newest_first != backwards:
            cut = visible[max(start, stop - limit) : stop]
        else:
            cut = visible[start : min(stop, start + limit)]
        ids = tuple(self._ids[serial] for serial in (reversed(cut) if newest_first else cut))
        items = tuple(self._stored[id_].encoded for id_ in ids)
        return Page(ids, items, has_more=stop - start > limit)

    def _visible(self) -> list[int]:
        lag = self._lag
        if not lag.seconds and not lag.calls:
            return self._order
        latest = self._clock() - lag.seconds
        latest_call = self._list_calls - lag.calls
        return [
            stored.serial
            for stored in self._stored.values()
            if stored.born <= latest and stored.born_at_call <= latest_call
        ]

    def _insert(self, fields: Mapping[str, Any], born: float, born_at_call: float) -> _Stored:
        self._last_created = max(self._last_created, int(self._clock()))
        self._last_serial += 1
        identity: dict[str, Any] = {
            "id": self._new_id("asst_"),
            "object": "assistant",
            "created_at": self._last_created,
        }
        complete = identity | fill.defaults() | fill.changes(fields, self._new_id)
        stored = _Stored(self._last_serial, complete, encode(complete), born, born_at_call)
        if complete["id"] in self._stored:
            raise ValueError(f"{complete['id']} exists already")
        self._stored[complete["id"]] = stored
        self._ids[stored.serial] = complete["id"]
        self._order.append(stored.serial)
        return stored

    def _find(self, assistant_id: str) -> _Stored:
        try:
            return self._stored[assistant_id]
        except KeyError:
            raise UnknownAssistantError(assistant_id) from None

    def _new_id(self, prefix: str) -> str:
        return prefix + "".join(self._dice.choices(_LETTERS, k=24))
