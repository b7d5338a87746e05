"""Gates of a registry: a command that decides by its exit code, or a function of the program."""

from __future__ import annotations

import asyncio
import json
import shlex
from collections.abc import Awaitable, Mapping
from contextlib import suppress
from typing import Any

from understudy.redact import redact
from understudy.registry.gate import Decision, Gate

#: Seconds that a gate may take.
TIMEOUT = 60.0

#: Seconds more for a gate that watches its own time, so that it says itself that it is late.
_GRACE = 5.0

_MOST = 4096  # bytes of what a command says that are read
_SHOWN = 300  # characters of it that are shown


class CommandGate:
    """Runs a command, without a shell, with the difference as JSON on its standard input.

    Exit code 0 approves. Anything else, a command that cannot be run and one that takes too long
    deny; the first line that it printed is the reason.
    """

    def __init__(self, command: str, *, timeout: float = TIMEOUT) -> None:
        self._command = command
        self.timeout = timeout

    async def __call__(self, asked: Mapping[str, Any]) -> Decision:
        """Return what the command decided; raises nothing."""
        try:
            process = await asyncio.create_subprocess_exec(
                *shlex.split(self._command),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
        except (OSError, ValueError, IndexError, TypeError) as error:
            return Decision(False, f"the gate cannot be run: {type(error).__name__}")
        try:
            said = await asyncio.wait_for(self._ask(process, asked), self.timeout)
        except TimeoutError:
            return Decision(False, f"the gate gave no answer within {self.timeout:g} s")
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        reason = _first_line(said) or f"exit code {process.returncode}"
        return Decision(process.returncode == 0, reason)

    async def _ask(self, process: asyncio.subprocess.Process, asked: Mapping[str, Any]) -> bytes:
        assert process.stdin is not None  # noqa: S101 - both were asked for
        assert process.stdout is not None  # noqa: S101
        reading = asyncio.create_task(_read(process.stdout))
        with suppress(ConnectionError):  # it decided without reading to the end
            process.stdin.write(json.dumps(asked).encode())
            await process.stdin.drain()
        process.stdin.close()
        said = await reading
        await process.wait()
        return said


async def decide(gate: Gate, asked: Mapping[str, Any], *, seconds: float = TIMEOUT) -> Decision:
    """Return a gate's decision; an error, a late answer and one that is none are denials.

    A gate with a `timeout` of its own has that much time, whatever `seconds` says.
    """
    own = getattr(gate, "timeout", None)
    seconds = own + _GRACE if isinstance(own, int | float) else seconds
    try:
        answer = gate(asked)
        if isinstance(answer, Awaitable):
            answer = await asyncio.wait_for(answer, seconds)
    except TimeoutError:
        return Decision(False, f"the gate gave no answer within {seconds:g} s")
    except Exception as error:  # whatever somebody's gate does, the old copy stays
        return Decision(False, f"the gate failed: {type(error).__name__}: {one_line(str(error))}")
    if isinstance(answer, Decision):
        return answer
    if isinstance(answer, bool):
        return Decision(answer, "" if answer else "the gate said no")
    return Decision(False, f"the gate's answer is no decision: {type(answer).__name__}")


async def _read(stream: asyncio.StreamReader) -> bytes:
    """Return the first bytes, and take the rest so that nobody waits to be read."""
    said = b""
    while piece := await stream.read(65536):
        said += piece[: _MOST - len(said)]
    return said


def _first_line(said: bytes) -> str:
    lines = said.decode("utf-8", "replace").strip().splitlines()
    return one_line(lines[0]) if lines else ""


def one_line(text: str) -> str:
    """Return somebody's words as a reason: on one line, bounded, without keys."""
    return redact(" ".join(text.split()))[:_SHOWN]
