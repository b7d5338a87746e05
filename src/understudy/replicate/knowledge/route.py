"""The routes that a file's bytes can take, and what a copy by each of them is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from understudy.model.fidelity import Fidelity


class Route(StrEnum):
    """How bytes travel."""

    DOWNLOAD = "download"  # the source hands them out
    ORIGINAL = "original"  # the owner's file in --files-dir
    CONTAINER = "container"  # through a container in the source
    TEXT = "text"  # the parsed text of a file in a vector store


#: What a copy by that route is, and how to say it.
FIDELITY: Mapping[Route, tuple[Fidelity, str]] = {
    Route.DOWNLOAD: (Fidelity.EXACT, "downloaded from the source"),
    Route.ORIGINAL: (Fidelity.EXACT, "the owner's original, by name and size"),
    Route.CONTAINER: (Fidelity.EXACT, "through a container in the source"),
    Route.TEXT: (Fidelity.DEGRADED, "its parsed text only"),
}


@dataclass(frozen=True, slots=True)
class Offer:
    """The routes open to one file, best first; `reason` says why there is none, or not the best.

    `path` is the original's, relative to the folder; `sha256` what it must have.
    """

    routes: tuple[Route, ...] = ()
    path: str = ""
    reason: str = ""

    @property
    def exact(self) -> bool:
        """Whether the very bytes can be had."""
        return any(FIDELITY[route][0] is Fidelity.EXACT for route in self.routes)
