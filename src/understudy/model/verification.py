"""What a check of a snapshot's files found."""

from __future__ import annotations

from dataclasses import dataclass

from understudy.model.knowledge import File


@dataclass(frozen=True, slots=True)
class Verification:
    """`blobs` and `bytes` say how much was read; everything else names what is wrong.

    A file is in one of `damaged` (its bytes have another digest), `wrong_size` (the digest is
    right, the size that is noted is not) and `missing` (its bytes are not there) at most.
    `stray` are digests of bytes that no file refers to; `unknown` pairs a store's name with the
    id of a file in it that the snapshot does not list.
    """

    blobs: int = 0
    bytes: int = 0
    damaged: tuple[File, ...] = ()
    wrong_size: tuple[File, ...] = ()
    missing: tuple[File, ...] = ()
    stray: tuple[str, ...] = ()
    unknown: tuple[tuple[str, str], ...] = ()

    @property
    def whole(self) -> bool:
        """Whether every file can be had as it was kept; what is stray does no harm."""
        return not (self.damaged or self.wrong_size or self.missing or self.unknown)
