"""Profiles as text and as JSON lines, without keys."""

from __future__ import annotations

from collections.abc import Iterator

import click

from understudy.errors import UnderstudyError
from understudy.profile import KEYS, Profile, without_password
from understudy.redact import redact
from understudy.report.clean import clean
from understudy.report.jsonlines import line


def profile_text(profile: Profile, answer: str, error: UnderstudyError | None) -> Iterator[str]:
    """Yield a profile's values with their origins, and what its place said."""
    yield click.style(profile.name, bold=True)
    for key, shown, origin in _rows(profile):
        yield f"  {key:<13} {clean(shown):<40} {clean(origin)}".rstrip()
    if answer:
        yield click.style(f"  {answer}", fg="green")
    if error is not None:
        yield click.style(f"  does not answer: {clean(redact(error.message))}", fg="red")
        yield f"  {clean(redact(error.hint))}".rstrip()


def profile_line(profile: Profile, answer: str, error: UnderstudyError | None) -> str:
    """Return a profile as one JSON line."""
    values = {key: {"value": shown, "origin": origin} for key, shown, origin in _rows(profile)}
    fields = {
        "name": profile.name,
        "values": values,
        "answer": answer or None,
        "error": redact(error.message) if error else None,
    }
    return line("profile", fields)


def _rows(profile: Profile) -> Iterator[tuple[str, str, str]]:
    for key in KEYS:
        value = profile.values.get(key)
        if key == "api_key":
            if profile.secret is not None and value:
                yield key, profile.masked_key(), value.origin
            elif "key_command" not in profile.values and profile.platform.startswith("openai"):
                yield key, "(not set)", f"set {profile.key_name}"
        elif key == "key_command" and value:
            yield key, "(a command, not shown)", value.origin
        elif value:
            yield key, without_password(value.text), value.origin
        elif shown := _default(profile, key):
            yield key, shown, "default"


def _default(profile: Profile, key: str) -> str:
    if key == "platform":
        return profile.platform
    if key == "auth" and profile.api_version:
        return profile.auth
    remote = profile.platform.startswith("openai")
    return profile.base_url if key == "base_url" and remote else ""
