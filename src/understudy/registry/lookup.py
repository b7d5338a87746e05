"""Looking up in one state of a registry, wherever that state came from. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import cached_property

from understudy.errors import SelectionError
from understudy.registry.entries import Entry
from understudy.registry.names import Index


class Lookup:
    """Answers questions about one state. The index is made by the first question that needs it.

    `read` returns the entry of a key, to be kept and changed by whoever asked.
    """

    def __init__(
        self, keys: Collection[str], index: Callable[[], Index], read: Callable[[str], Entry]
    ) -> None:
        self._keys = keys
        self._make_index = index
        self._read = read

    def __len__(self) -> int:
        return len(self._keys)

    @cached_property
    def index(self) -> Index:
        """What finds a key by another name; takes a moment for thousands."""
        return self._make_index()

    def names(self) -> list[str]:
        """Return the keys of all assistants, in order."""
        return sorted(self._keys)

    def find(self, name: str) -> Entry | None:
        """Return the entry of a key, id, exact name or any spelling of the key; None for none."""
        key = name if name in self._keys else self.index.find(name)
        return None if key is None else self._read(key)

    def unknown(self, name: str, *, hint: str = "") -> SelectionError:
        """Return the error for a name that nobody has, with near ones, else with the hint."""
        if near := ", ".join(self.index.near(name)):
            hint = f"Near are: {near}."
        shown = name if len(name) <= _SHOWN else name[:_SHOWN] + "..."
        return SelectionError(f"The registry has no assistant {shown!r}.", hint=hint)


_SHOWN = 256  # characters of a name in an error
