import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.errors import OutputError, SnapshotError
from understudy.platforms.knowledge import PIECE
from understudy.replicate.knowledge.spool import IN_MEMORY, Local, Spool

pieces = st.lists(st.binary(max_size=200), max_size=8)
sizes = st.sampled_from([0, 1, PIECE - 1, PIECE, PIECE + 1, IN_MEMORY, IN_MEMORY + 1, 3 * PIECE])


@settings(max_examples=60, deadline=None)
@given(pieces, sizes, pieces)
def test_what_was_written_comes_back_with_its_digest(
    before: list[bytes], size: int, after: list[bytes]
) -> None:
    parts = [*before, os.urandom(size), *after]
    whole = b"".join(parts)
    with Spool() as spool:
        for part in parts:
            spool.write(part)
        assert (spool.size, spool.sha256) == (len(whole), hashlib.sha256(whole).hexdigest())
        for _ in range(2):
            assert b"".join(spool.chunks()) == whole
        half = len(whole) // 2
        assert b"".join(spool.chunks(half)) == whole[half:]
        some = min(7, len(whole) - half)
        assert b"".join(spool.chunks(half, some)) == whole[half : half + some]
        assert all(len(chunk) <= PIECE for chunk in spool.chunks())
        spool.restart()
        spool.write(b"again")
        assert b"".join(spool.chunks()) == b"again"
        assert spool.sha256 == hashlib.sha256(b"again").hexdigest()


def test_nothing_of_it_is_ever_to_be_seen_in_the_folder(tmp_path: Path) -> None:
    with Spool(tmp_path) as spool:
        spool.write(bytes(2 * IN_MEMORY))
        assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_gone_is_said(tmp_path: Path) -> None:
    with Spool(tmp_path / "gone") as spool, pytest.raises(OutputError, match="cannot be kept in"):
        spool.write(bytes(2 * IN_MEMORY))


def test_an_original_that_shrinks_while_it_is_read_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(bytes(2 * PIECE))
    local = Local(path)
    try:
        os.truncate(path, PIECE)
        with pytest.raises(SnapshotError, match="became shorter"):
            list(local.chunks())
    finally:
        local.close()


def test_an_original_that_cannot_be_opened_is_said(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match=r"a\.txt cannot be read"):
        Local(tmp_path / "a.txt")
