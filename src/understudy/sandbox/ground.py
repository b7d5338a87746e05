"""What all parts of a project stand on: time, ids, rules, disk."""

import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from understudy.sandbox.disk import Folder
from understudy.sandbox.script import Script
from understudy.sandbox.shelf import Lag, Shelf

_LETTERS = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How the server behaves; sizes in bytes, `indexing` in seconds per file.

    `indexing_failures` gives for a pattern of file names the code and the message of the error.
    `pace` is in seconds, between the events of a stream.
    """

    purpose_rule: bool = True
    indexing: float = 0.0
    indexing_failures: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    batch_limit: int = 2000
    containers: bool = True
    content_page: int = 20
    max_file: int = 512 * 1024 * 1024
    upload_part_limit: int = 64 * 1024 * 1024
    check_resources: bool = True
    assistants: bool = True
    api_version: str | None = None
    pace: float = 0.0
    script: Script = field(default_factory=list)


class Ids:
    """Ids that a seed repeats."""

    def __init__(self, seed: str) -> None:
        self._dice = Random(seed)  # noqa: S311 - to be repeated, not secret

    def new(self, prefix: str) -> str:
        """Return an id that was not there before."""
        return prefix + "".join(self._dice.choices(_LETTERS, k=24))


class Ground:
    """The clock, the rules and the disk of a project."""

    def __init__(
        self, *, seed: str, clock: Callable[[], float], lag: Lag, rules: Rules, folder: Folder
    ) -> None:
        self.clock = clock
        self.rules = rules
        self.folder = folder
        self._seed = seed
        self._lag = lag

    def now(self) -> int:
        """Return the time in whole seconds, as the API gives it."""
        return int(self.clock())

    def ids(self, part: str) -> Ids:
        """Return a source of ids that no other part of the project draws from."""
        return Ids(f"{self._seed}/{part}")

    def shelf(self, kind: str, place: str = "") -> "Shelf[Any]":
        """Return an empty shelf whose lists lag behind as the project's do."""
        return Shelf(kind, self.clock, self._lag, place)
