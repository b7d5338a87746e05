"""Keeping Python's cycle collector from looking through a million JSON objects again and again.

JSON has no cycles, yet looking for them takes half of the time of a run that has nothing to do
for 10,000 assistants.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

#: Whether what is frozen was frozen here; an application may do so for its own reasons.
_ours = False


@contextmanager
def resting() -> Iterator[None]:
    """Switch the collector off, and keep what came meanwhile out of its sight until `release`."""
    global _ours  # noqa: PLW0603 - the collector is one for the process, too
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        if gc.get_freeze_count() == 0:
            gc.freeze()
            _ours = True
        gc.enable()


def release() -> None:
    """Put everything back under the collector's care; may be repeated."""
    global _ours  # noqa: PLW0603
    if _ours:
        gc.unfreeze()
        _ours = False
