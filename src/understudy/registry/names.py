"""Under which key each assistant is looked up. Pure.

The keys are those of the specification: the name in upper case, words joined by underscores,
everything but letters and digits of ASCII left out. Where that leaves a hole:

- an assistant without a name, or with nothing left of it, is kept under its id;
- of several with one key, whoever had it keeps it, else the oldest gets it; the others get a
  suffix from their ids. A key once given stays as long as the name's own key does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from understudy.model.assistant import Assistant
from understudy.model.naming import near, registry_key

_SUFFIX = 6  # characters of an id
_LONGEST = 256  # characters: comparing longer ones with all names would cost too much


@dataclass(frozen=True, slots=True)
class Keys:
    """The assistants under their keys; `shared` are the plain keys that several wanted."""

    by_key: Mapping[str, Assistant]
    shared: Mapping[str, tuple[str, ...]]


def assign(assistants: Iterable[Assistant], before: Mapping[str, str] | None = None) -> Keys:
    """Return each assistant under a key of its own, sorted by key; the order given is no matter.

    `before` are ids under the keys of the last time.
    """
    known = {one: key for key, one in (before or {}).items()}
    wanted = {one.id: (registry_key(one.name) or one.id, one) for one in assistants}
    by_key: dict[str, Assistant] = {}
    for one, (plain, assistant) in wanted.items():
        if (key := known.get(one)) is not None and _belongs(key, plain, one):
            by_key[key] = assistant
    given = {assistant.id for assistant in by_key.values()}
    rest = [(plain, one) for i, (plain, one) in wanted.items() if i not in given]
    for plain, assistant in sorted(rest, key=lambda pair: _age(pair[1])):
        by_key[_free(plain, assistant.id, by_key)] = assistant
    groups: dict[str, list[str]] = {}
    for one, (plain, _) in wanted.items():
        groups.setdefault(plain, []).append(one)
    shared = {plain: tuple(sorted(ids)) for plain, ids in sorted(groups.items()) if len(ids) > 1}
    return Keys(dict(sorted(by_key.items())), shared)


class Index:
    """Finds keys by what people call an assistant; built once for many questions.

    `names` are id and name under each key.
    """

    def __init__(self, names: Mapping[str, tuple[str, str]]) -> None:
        self._keys = frozenset(names)
        self._ids: dict[str, list[str]] = {}
        self._names: dict[str, list[str]] = {}
        self._plain: dict[str, list[str]] = {}
        for key, (one, name) in names.items():
            self._ids.setdefault(one, []).append(key)
            self._names.setdefault(name, []).append(key)
            self._plain.setdefault(registry_key(name), []).append(key)

    def find(self, wanted: str) -> str | None:
        """Return the key of what is meant: by key, id, exact name, or any spelling of the key.

        None where nobody, or nobody in particular, is meant.
        """
        if wanted in self._keys:
            return wanted
        for known in (self._ids, self._names):
            if len(found := known.get(wanted, [])) == 1:
                return found[0]
        plain = registry_key(wanted)
        if plain in self._keys:
            return plain
        found = self._plain.get(plain, []) if plain else []
        return found[0] if len(found) == 1 else None

    def near(self, wanted: str) -> list[str]:
        """Return keys that look like what was wanted, most alike first."""
        if len(wanted) > _LONGEST:
            return []
        return near(registry_key(wanted) or wanted, self._keys)


def _belongs(key: str, plain: str, one: str) -> bool:
    """Tell whether a key of the last time is still one that this assistant could be given."""
    return key == plain or any(key == suffixed for suffixed in _suffixed(plain, one))


def _free(plain: str, one: str, taken: Mapping[str, Assistant]) -> str:
    candidates = (plain, *_suffixed(plain, one), f"{plain}_{one}")
    return next(key for key in candidates if key not in taken)


def _suffixed(plain: str, one: str) -> Iterable[str]:
    tail = re.sub(r"[^A-Za-z0-9]", "", one).upper()
    return (f"{plain}_{tail[-length:]}" for length in range(_SUFFIX, len(tail) + 1))


def _age(assistant: Assistant) -> tuple[float, str]:
    created = assistant.raw.get("created_at")
    if isinstance(created, int | float) and not isinstance(created, bool):
        return (float(created), assistant.id)
    return (float("inf"), assistant.id)
