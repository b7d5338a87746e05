"""A profile: a named place, its values, and the key that opens it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from pydantic import SecretStr

from understudy.errors import UsageError
from understudy.redact import mask, register

CONFIG_FILE = "understudy.toml"
OPENAI_URL = "https://api.openai.com/v1"
DEFAULT_PLATFORM = "openai-assistants"

#: Environment names of a profile's values, beside UNDERSTUDY_PROFILE_<NAME>_<KEY>.
SPECIFIED: Mapping[str, Mapping[str, str]] = {
    "src": {
        "api_key": "OPENAI_SRC_API_KEY",
        "organization": "OPENAI_SRC_ORG_ID",
        "project": "OPENAI_SRC_PROJECT_ID",
        "base_url": "OPENAI_SRC_BASE_URL",
        "platform": "OPENAI_SRC_PLATFORM",
    },
    "dst": {
        "api_key": "OPENAI_DST_API_KEY",
        "organization": "OPENAI_DST_ORG_ID",
        "project": "OPENAI_DST_PROJECT_ID",
        "base_url": "OPENAI_DST_BASE_URL",
        "platform": "OPENAI_DST_PLATFORM",
    },
    "default": {
        "api_key": "OPENAI_API_KEY",
        "organization": "OPENAI_ORG_ID",
        "project": "OPENAI_PROJECT_ID",
        "base_url": "OPENAI_BASE_URL",
        "platform": "OPENAI_PLATFORM",
    },
}

#: What a profile may hold; `api_key` never stands in a file that is committed.
KEYS = (
    "platform",
    "base_url",
    "api_version",
    "api_key",
    "key_command",
    "auth",
    "organization",
    "project",
    "path",
)

#: How a key is sent: `Authorization: Bearer KEY`, or `api-key: KEY`.
AUTHS = ("bearer", "api-key")

_PLACEHOLDERS = ("your-", "<", "xxx", "changeme", "sk-...")


@dataclass(frozen=True, slots=True)
class Value:
    """A setting as text, and where it came from."""

    text: str
    origin: str


@dataclass(frozen=True, slots=True)
class Profile:
    """A named place; `values` holds what was set, without the key itself."""

    name: str
    values: Mapping[str, Value] = field(default_factory=dict)
    secret: SecretStr | None = None

    def get(self, key: str, default: str = "") -> str:
        """Return a value's text, or the default."""
        value = self.values.get(key)
        return value.text if value else default

    @property
    def platform(self) -> str:
        """The platform's name."""
        return self.get("platform", DEFAULT_PLATFORM)

    @property
    def base_url(self) -> str:
        """The base URL, without a slash at its end."""
        return self.get("base_url", OPENAI_URL).rstrip("/")

    @property
    def has_key(self) -> bool:
        """Whether there is a key, or a command that says it."""
        return self.secret is not None or "key_command" in self.values

    @property
    def key_name(self) -> str:
        """The environment name under which its key is looked up first."""
        specified = SPECIFIED.get(self.name, {}).get("api_key")
        return specified or f"UNDERSTUDY_PROFILE_{upper(self.name)}_API_KEY"

    @property
    def api_version(self) -> str:
        """What every address carries as `api-version`; empty where that is not used."""
        return self.get("api_version").strip()

    @property
    def auth(self) -> str:
        """In which header the key goes; raises UsageError for one that there is not.

        Where there are API versions, a plain key goes by itself and a token as a bearer.
        """
        if value := self.values.get("auth"):
            if value.text.strip().lower() not in AUTHS:
                raise UsageError(
                    f"auth in {value.origin} must be {' or '.join(AUTHS)}, it is {value.text!r}."
                )
            return value.text.strip().lower()
        return "api-key" if self.api_version and self.secret is not None else "bearer"

    def require_key(self) -> SecretStr:
        """Return the key, asking `key_command` if there is one; raises UsageError."""
        if self.secret is not None:
            _check_key(self.secret.get_secret_value(), self.values["api_key"].origin)
            return self.secret
        if command := self.get("key_command"):
            return _key_from(command, self.name)
        raise UsageError(
            f"The profile {self.name} has no key: {self.key_name} is not set.",
            hint=f"Set {self.key_name} in the environment or in .env, or key_command in "
            f"{CONFIG_FILE}.",
        )

    def masked_key(self) -> str:
        """Return the key in a form that may be shown."""
        if self.secret is not None:
            return mask(self.secret.get_secret_value())
        return "from key_command" if "key_command" in self.values else ""


def upper(name: str) -> str:
    """Return a profile's name as it stands in environment names."""
    return name.upper().replace("-", "_")


def variables(name: str, key: str) -> list[str]:
    """Return the environment names of a profile's value, the first one first."""
    specified = SPECIFIED.get(name, {}).get(key)
    return [*([specified] if specified else []), f"UNDERSTUDY_PROFILE_{upper(name)}_{key.upper()}"]


def _check_key(key: str, origin: str) -> None:
    """Refuse what cannot be a key, naming the variable and never the value."""
    if any(not 33 <= ord(character) <= 126 for character in key):
        raise UsageError(
            f"The key in {origin} holds spaces, line breaks or characters that no key has.",
            hint="Copy it again; the value is not shown here on purpose.",
        )
    if len(key) < 8 or key.lower().startswith(_PLACEHOLDERS):
        raise UsageError(
            f"The key in {origin} is not a key ({len(key)} characters).",
            hint="It looks like a placeholder; put the real key there.",
        )


def _key_from(command: str, profile: str) -> SecretStr:
    """Run a key_command without a shell and return the first line it prints."""
    import shlex
    import subprocess

    origin = f"key_command of {profile}"
    try:
        done = subprocess.run(  # noqa: S603 - the owner's own command, no shell
            shlex.split(command), capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, ValueError, IndexError, subprocess.TimeoutExpired) as error:
        raise UsageError(f"The {origin} cannot be run: {type(error).__name__}.") from error
    key = done.stdout.split("\n", 1)[0].strip()
    if done.returncode != 0 or not key:
        raise UsageError(
            f"The {origin} gave no key (exit code {done.returncode}).",
            hint="Run it by hand; its output is not shown here on purpose.",
        )
    register(key)
    _check_key(key, origin)
    return SecretStr(key)


def check_url(url: str, origin: str) -> None:
    """Refuse a base URL that cannot be one, or that carries a password; raises UsageError."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise UsageError(f"The base_url in {origin} is broken: {error}.") from error
    if parts.username or parts.password:
        raise UsageError(f"The base_url in {origin} holds a user or password; use the key instead.")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(
            f"The base_url in {origin} is not a web address: {without_password(url)}",
            hint="It looks like https://api.openai.com/v1.",
        )


def without_password(url: str) -> str:
    """Return an address in a form that may be shown, whatever stands before an @."""
    return re.sub(r"[^/@]*@", "...@", url)
