"""Webhooks as text and as JSON lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict

from understudy.registry.outbox import HookState
from understudy.report.clean import clean
from understudy.report.jsonlines import line


def webhook_text(states: Mapping[str, HookState]) -> Iterator[str]:
    """Yield a line for each webhook, and one for each of its dead letters."""
    if not states:
        yield "No webhook is configured."
    for name, state in states.items():
        found = state.progress
        yield (
            f"{clean(name)}  {clean(state.url)}  {state.waiting} waiting, {len(found.dead)} dead"
        )
        if state.waiting and found.attempts:
            tries = numbered(found.attempts, "attempt")
            yield f"  waits  {found.trying}  {tries}: {clean(found.reason)}"
        for letter in found.dead:
            tries = numbered(letter.attempts, "attempt")
            yield f"  dead   {clean(letter.id)}  {tries}: {clean(letter.reason)}"


def numbered(number: int, what: str) -> str:
    """Return a number of things in words."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def webhook_lines(states: Mapping[str, HookState]) -> Iterator[str]:
    """Yield a JSON line for each webhook."""
    for name, state in states.items():
        found = state.progress
        fields = {
            "name": name,
            "url": state.url,
            "waiting": state.waiting,
            "attempts": found.attempts,
            "reason": found.reason or None,
            "dead": [asdict(letter) for letter in found.dead],
        }
        yield line("webhook", {key: value for key, value in fields.items() if value is not None})
