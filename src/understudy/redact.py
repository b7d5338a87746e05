"""Keeping keys out of everything that people or files get to see."""

from __future__ import annotations

import json
import logging
import re

#: What keys look like, for those that nobody registered (a server may echo one).
_KEY_LIKE = re.compile(r"\b(sk|sess|ek)-[A-Za-z0-9_\-*]{8,}|(?<=Bearer )\S{8,}", re.IGNORECASE)
_SHORTEST = 8  # shorter ones are refused as keys, and would blank out ordinary words

_secrets: set[str] = set()


def register(secret: str) -> None:
    """Remember a secret, so that `redact` removes it wherever it turns up, in JSON too."""
    if len(secret) >= _SHORTEST:
        _secrets.update((secret, json.dumps(secret)[1:-1]))


def hide(text: str) -> str:
    """Return the text without registered secrets; for data, which must not change otherwise."""
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, "[redacted]")
    return text


def redact(text: str) -> str:
    """Return the text without registered secrets and without anything that looks like a key.

    For what servers and libraries say: they may echo keys that nobody registered.
    """
    return _KEY_LIKE.sub("[redacted]", hide(text))


def mask(secret: str) -> str:
    """Return a form that tells keys apart and gives nothing away: `sk-p...` and the length."""
    head = secret[:3] if secret.startswith("sk-") else ""
    return f"{head}... ({len(secret)} characters)"


class RedactingFilter(logging.Filter):
    """Redacts the finished message of every record that passes, and its traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record; always lets it through."""
        record.msg = redact(record.getMessage())
        record.args = ()
        if record.exc_info:
            text = logging.Formatter().formatException(record.exc_info)
            record.exc_text = redact(text)
            record.exc_info = None
        return True
