"""Which assistants are meant."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from understudy.errors import SelectionError, UsageError
from understudy.model.assistant import Assistant
from understudy.model.naming import near


@dataclass(frozen=True, slots=True)
class Selection:
    """Ids and name patterns, either of which selects; with neither, everything is meant.

    A pattern is a glob (`support*`), or a regular expression between slashes (`/^support/`).
    Both ignore case.
    """

    ids: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def everything(self) -> bool:
        """Whether nothing is left out."""
        return not self.ids and not self.names

    def choose(self, assistants: Iterable[Assistant], *, place: str) -> tuple[Assistant, ...]:
        """Return what is meant, in the given order.

        Raises SelectionError for an id that does not exist or a pattern that matches nothing.
        """
        every = tuple(assistants)
        if self.everything:
            return every
        self._require_ids(every, place)
        matchers = [self._require_match(pattern, every, place) for pattern in self.names]
        wanted = set(self.ids)
        return tuple(a for a in every if a.id in wanted or any(m(a.name) for m in matchers))

    def _require_ids(self, every: tuple[Assistant, ...], place: str) -> None:
        missing = [i for i in self.ids if all(a.id != i for a in every)]
        if missing:
            raise SelectionError(
                f"{place} holds no assistant {', '.join(missing)}.",
                hint=f"understudy list {place} shows the ids.",
            )

    def _require_match(
        self, pattern: str, every: tuple[Assistant, ...], place: str
    ) -> Callable[[str], bool]:
        matches = matcher(pattern)
        if not any(matches(a.name) for a in every):
            alike = near(pattern, (a.name for a in every))
            raise SelectionError(
                f"No assistant in {place} has a name like {pattern!r}.",
                hint=f"Near names: {', '.join(alike)}" if alike else f"{place} holds no near name.",
            )
        return matches


def matcher(pattern: str) -> Callable[[str], bool]:
    """Return a predicate on names; raises UsageError for a broken regular expression."""
    if len(pattern) > 2 and pattern.startswith("/") and pattern.endswith("/"):
        try:
            expression = re.compile(pattern[1:-1], re.IGNORECASE)
        except re.error as error:
            raise UsageError(
                f"The regular expression {pattern} is broken: {error}.",
                hint="Outside slashes a pattern is a glob: --name 'support*'.",
            ) from error
        return lambda name: expression.search(name) is not None
    folded = pattern.casefold()
    return lambda name: fnmatch.fnmatchcase(name.casefold(), folded)
