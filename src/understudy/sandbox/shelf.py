"""Things in the order of their creation, as list calls see them."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

_LONG_AGO = float("-inf")

Item = TypeVar("Item")
Shown = TypeVar("Shown")


class UnknownIdError(KeyError):
    """Nothing of this `kind` has this `id`, in this `place` if there are many."""

    def __init__(self, kind: str, id_: str, place: str = "") -> None:
        super().__init__(id_)
        self.kind = kind
        self.id = id_
        self.place = place


@dataclass(frozen=True, slots=True)
class Lag:
    """How far lists lag behind creates: in seconds, and in list calls."""

    seconds: float = 0.0
    calls: int = 0


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """A part of a list, in the order asked for."""

    ids: tuple[str, ...]
    items: tuple[Item, ...]
    has_more: bool


@dataclass(slots=True)
class _Slot(Generic[Item]):
    """One thing, its place in the order, and since when lists may show it."""

    serial: int
    item: Item
    born: float
    born_at_call: float


class Shelf(Generic[Item]):
    """Things by id, oldest first, with a count of the list calls made on them."""

    def __init__(
        self, kind: str, clock: Callable[[], float], lag: Lag = Lag(), place: str = ""
    ) -> None:
        self._kind = kind
        self._place = place
        self._clock = clock
        self._lag = lag
        self._slots: dict[str, _Slot[Item]] = {}
        self._order: list[int] = []
        self._ids: dict[int, str] = {}
        self._last_serial = 0
        self._calls = 0

    def __len__(self) -> int:
        return len(self._slots)

    def __contains__(self, id_: object) -> bool:
        return id_ in self._slots

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._slots))

    def __getitem__(self, id_: str) -> Item:
        return self._slot(id_).item

    def all(self) -> list[Item]:
        """Return everything, oldest first; later changes do not show in it."""
        return [slot.item for slot in list(self._slots.values())]

    def add(self, id_: str, item: Item, *, at_once: bool = False) -> None:
        """Put a new thing last; lists may lag behind, unless `at_once`. Raises `ValueError`."""
        if id_ in self._slots:
            raise ValueError(f"{id_} exists already")
        self._last_serial += 1
        born, call = (_LONG_AGO, _LONG_AGO) if at_once else (self._clock(), self._calls)
        self._slots[id_] = _Slot(self._last_serial, item, born, call)
        self._ids[self._last_serial] = id_
        self._order.append(self._last_serial)

    def replace(self, id_: str, item: Item) -> None:
        """Put another thing in the place of one. Raises `UnknownIdError`."""
        self._slot(id_).item = item

    def remove(self, id_: str) -> Item:
        """Take a thing away and return it. Raises `UnknownIdError`."""
        slot = self._slot(id_)
        del self._slots[id_], self._ids[slot.serial]
        del self._order[bisect_left(self._order, slot.serial)]
        return slot.item

    def page(
        self,
        *,
        limit: int,
        newest_first: bool,
        after: str | None = None,
        before: str | None = None,
        keep: Callable[[Item], bool] | None = None,
    ) -> Page[Item]:
        """Return one page of what `keep` lets pass; one list call. Raises `UnknownIdError`."""
        visible = self._visible(keep)
        self._calls += 1
        start, stop = 0, len(visible)
        for cursor, follows in ((after, True), (before, False)):
            if cursor is None:
                continue
            serial = self._slot(cursor).serial
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
        items = tuple(self._slots[id_].item for id_ in ids)
        return Page(ids, items, has_more=stop - start > limit)

    def _visible(self, keep: Callable[[Item], bool] | None) -> list[int]:
        lag = self._lag
        if not lag.seconds and not lag.calls and keep is None:
            return self._order
        latest = self._clock() - lag.seconds
        latest_call = self._calls - lag.calls
        return [
            slot.serial
            for slot in list(self._slots.values())  # other threads may put things here
            if slot.born <= latest
            and slot.born_at_call <= latest_call
            and (keep is None or keep(slot.item))
        ]

    def _slot(self, id_: str) -> _Slot[Item]:
        try:
            return self._slots[id_]
        except KeyError:
            raise UnknownIdError(self._kind, id_, self._place) from None


class View(Mapping[str, Shown], Generic[Item, Shown]):
    """What is on a shelf at any moment, each thing as the API shows it; oldest first."""

    def __init__(self, shelf: Callable[[], Shelf[Item]], show: Callable[[Item], Shown]) -> None:
        self._shelf = shelf
        self._show = show

    def __getitem__(self, id_: str) -> Shown:
        return self._show(self._shelf()[id_])

    def __iter__(self) -> Iterator[str]:
        return iter(self._shelf())

    def __len__(self) -> int:
        return len(self._shelf())
