"""What a batch remembers of its rows: on the disk, however many they are."""

from __future__ import annotations

import subprocess
import sys
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.architect.inputs import InputFinding
from understudy.errors import StoreError
from understudy.ops.batch_spool import Spool
from understudy.runs.submitting import Row


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


@given(st.lists(st.sampled_from("abcd"), max_size=12), st.lists(st.sampled_from("abcd")))
def test_each_run_goes_to_the_first_row_that_enters_the_same(
    before: list[str], after: list[str]
) -> None:
    spool = Spool()
    spool.know((f"run_{row}", row, digest(text)) for row, text in enumerate(before, 1))
    assert spool.known == len(before)
    spare = {text: [row for row, one in enumerate(before, 1) if one == text] for text in "abcd"}
    moved, fresh = [], []
    for row, text in enumerate(after, 1):
        if spool.give(digest(text), row):
            old = spare[text].pop(0)
            moved += [(f"run_{old}", row)] if old != row else []
        else:
            assert not spare[text]
            spool.add(Row(row, {"a": text}))
            fresh.append(Row(row, {"a": text}))
    for _ in range(2):
        assert [*spool.moved] == moved
        left = sorted(row for rows in spare.values() for row in rows)
        assert [*spool.left] == [(f"run_{row}",) for row in left]
        assert [*spool.fresh] == fresh
    spool.close()


def test_refused_rows_are_told_with_their_findings() -> None:
    spool = Spool()
    findings = (InputFinding("a", "wrong_type", "It is none.", "Write one."),) * 2
    spool.refuse(3, findings)
    spool.refuse(1, findings[:1])
    assert (len(spool.refused), [*spool.refused]) == (2, [1, 3])
    assert spool.refused[3] == findings
    assert spool.refused.get(2) is None
    spool.close()


def test_no_room_is_told() -> None:
    spool = Spool()
    spool.close()
    with pytest.raises(StoreError, match="rows of a batch") as caught:
        spool.refuse(1, ())
    assert "TMPDIR" in caught.value.hint


_MANY = """
import resource
from understudy.ops.batch_spool import Spool
from understudy.runs.submitting import Row

def digests():
    for row in range(30_000):
        yield f"run_{row:016x}", row, f"{row:064x}"

def most():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

spool = Spool()
before = most()
spool.know(digests())
for row in range(30_000):
    if not spool.give(f"{row * 2:064x}", row):
        spool.add(Row(row, {"text": f"{row} " + "x" * 7000}))
assert sum(1 for _ in spool.moved) == 14_999
assert sum(len(one.inputs["text"]) for one in spool.fresh) > 100_000_000
print(most() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere memory is counted otherwise")
def test_memory_does_not_grow_with_the_rows() -> None:
    done = subprocess.run([sys.executable, "-c", _MANY], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 60_000  # kilobytes, for 100 MB of rows
