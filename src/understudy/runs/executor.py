"""Which process plays a run, and whether it is still there."""

from __future__ import annotations

import os
import socket
from pathlib import Path


def executor_id() -> str:
    """Return a name of this process that no other process ever has: host/pid/start."""
    return f"{_host()}/{os.getpid()}/{_started(os.getpid())}"


def is_gone(executor: str) -> bool:
    """Tell whether a process surely is no more; False for those of other machines."""
    host, pid, started = (*executor.rsplit("/", 2), "", "")[:3]
    if host != _host() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        pass
    return _started(int(pid)) != started


def is_here(executor: str) -> bool:
    """Tell whether a process can be seen from here, and is there."""
    return executor.rsplit("/", 2)[0] == _host() and not is_gone(executor)


def _host() -> str:
    """Return the machine's name; containers of one name differ by the space of their processes."""
    try:
        space = f"~{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        space = ""
    return f"{socket.gethostname()}{space}"


def _started(pid: int) -> str:
    """Return when a process was started, in ticks since boot; empty where nobody tells."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]
