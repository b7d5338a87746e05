"""A sync in a process of its own, so that its work never delays what is being served.

The job goes in and the outcome comes out as one line of JSON; keys travel in the environment alone.
The process finishes what it began, whatever signal the group gets: it ends by itself.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from understudy import errors
from understudy.config import load_here
from understudy.errors import LostAnswerError, UnderstudyError
from understudy.ops.gating import gate_seconds
from understudy.ops.registry import Registry, Synced
from understudy.redact import redact
from understudy.report.logs import log_to_stderr

_MODULE = "understudy.ops.syncing"

#: Where there is no better way to let others go first.
_NICE = 10


@dataclass(frozen=True, slots=True)
class Job:
    """What to sync; the settings are read anew, from `config` or where they lie.

    After `longest` seconds, and those that a gate may take, it is given up.
    """

    path: str
    source: str
    config: str | None = None
    allow_removal: bool = False
    level: int = logging.WARNING
    json_logs: bool = False
    longest: float = 900.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a sync that was carried out; `lacking` is what of the source was not usable."""

    count: int
    changed: bool
    lacking: tuple[str, ...] = ()


async def sync_apart(job: Job) -> Outcome:
    """Carry out a job in a process of its own and return its outcome.

    Raises what `Registry.sync` raises. Cancelled, the process is killed, which the file survives.
    """
    # Not by the event loop: some of them copy this whole process first, and all wait for it.
    try:
        process = await asyncio.to_thread(_spawn)
    except OSError as error:
        raise UnderstudyError(f"No process could be started: {error.strerror}.") from error
    try:
        said, _ = await asyncio.to_thread(process.communicate, json.dumps(asdict(job)).encode())
    finally:
        if process.poll() is None:  # its thread then ends, too
            process.kill()
    lines = said.splitlines()
    try:
        answer = json.loads(lines[-1])
    except (IndexError, ValueError) as error:
        code = process.returncode
        raise UnderstudyError(f"The sync ended without a word, with {code}.") from error
    return _outcome(answer)


def _spawn() -> subprocess.Popen[bytes]:
    # With -P no file of the working directory is taken for one of the modules that are needed.
    return subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-P", "-m", _MODULE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )


def _outcome(answer: Mapping[str, Any]) -> Outcome:
    """Return what the process reported, or raise it."""
    if "error" not in answer:
        return Outcome(answer["count"], answer["changed"], tuple(answer["lacking"]))
    kind = getattr(errors, answer["error"], UnderstudyError)
    raise kind(answer["message"], hint=answer["hint"])


async def _carry_out(job: Job) -> dict[str, Any]:
    config = Path(job.config) if job.config else None
    settings = load_here(config)
    registry = Registry(job.path, source=job.source, settings=settings)
    longest = job.longest + gate_seconds(settings)
    try:
        async with asyncio.timeout(longest):
            done = await registry.sync(allow_removal=job.allow_removal)
    except UnderstudyError as error:
        return _error(error)
    except TimeoutError:
        said = f"The sync from {job.source} was given up after {longest:g} s."
        return _error(LostAnswerError(said, hint="The file is as it was."))
    return asdict(Outcome(done.count, bool(done.proposal.difference), tuple(_lacking(done))))


def _lacking(done: Synced) -> list[str]:
    quarantined = done.proposal.quarantined.items()
    return [f"{one} cannot be used: {why}" for one, why in quarantined] + [
        finding.message for finding in done.unread if finding.blocks
    ]


def _error(error: UnderstudyError) -> dict[str, Any]:
    # Those that need more than words to be made are raised as what they are by their parents.
    kinds = (kind.__name__ for kind in type(error).__mro__)
    known = next(name for name in kinds if hasattr(errors, name))
    return {"error": known, "message": redact(error.message), "hint": redact(error.hint)}


def main() -> None:
    """Read a job from standard input, carry it out, write what came of it."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    _make_way()
    job = Job(**json.loads(sys.stdin.read()))
    log_to_stderr(job.level, json_lines=job.json_logs)
    try:
        answer = asyncio.run(_carry_out(job))
    except UnderstudyError as error:
        answer = _error(error)
    except Exception as error:
        logging.getLogger("understudy.registry").exception("a sync failed")
        answer = _error(UnderstudyError(f"internal error: {type(error).__name__}: {error}"))
    with suppress(BrokenPipeError):  # nobody waits for it any more; the file is what counts
        print(json.dumps(answer), flush=True)  # noqa: T201 - standard output is the way back


def _make_way() -> None:
    """Let everything else on the machine go first: a sync can wait, a look-up cannot."""
    with suppress(OSError):
        if hasattr(os, "sched_setscheduler"):  # Linux: others then need not wait for a tick
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        else:
            os.nice(_NICE)


if __name__ == "__main__":
    main()
