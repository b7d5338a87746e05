"""Which process plays a run, and whether it is still there."""

from __future__ import annotations

import os
import socket
from pathlib import Path


def executor_id() -> str:
    """Return a name of this process that no other process ever has: host/pid/start."""
    return f"{socket.gethostname()}/{os.getpid()}/{_started(os.getpid())}"


def is_gone(executor: str) -> bool:
    """Tell whether a process surely is no more; False for those of other machines."""
    host, pid, started = (*executor.rsplit("/", 2), "", "")[:3]
    if host != socket.gethostname() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    return _started(int(pid)) != started


def _started(pid: int) -> str:
    """Return when a process was started, in ticks since boot; empty where nobody tells."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]
