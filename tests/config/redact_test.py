import json
import logging

import pytest

from understudy.profile import without_password
from understudy.redact import RedactingFilter, hide, mask, redact, register

SECRET = 'Secret"with\\everything_0123'


def test_a_registered_secret_goes_wherever_it_stands() -> None:
    register(SECRET)
    assert hide(f"a {SECRET} b") == "a [redacted] b"
    assert SECRET[:12] not in hide(json.dumps({"key": SECRET}))
    assert json.loads(hide(json.dumps({"key": SECRET}))) == {"key": "[redacted]"}


@pytest.mark.parametrize("secret", ["", "gpt-4o", "ollama"])
def test_what_is_too_short_for_a_key_hides_nothing(secret: str) -> None:
    register(secret)
    assert hide("gpt-4o of ollama") == "gpt-4o of ollama"


@pytest.mark.parametrize(
    "text",
    [
        "sk-abcdefghijk",
        "SK-ABCDEFGHIJK",
        "sess-0123456789",
        "Bearer xyz.abc/12=",
        "sk-proj-a_b-c***defg",
    ],
)
def test_what_looks_like_a_key_goes_from_what_servers_say(text: str) -> None:
    assert redact(f"({text})").replace("Bearer ", "") in ("([redacted])", "([redacted]")


@pytest.mark.parametrize("text", ["task-forces-unite", "sk-short", "the bearer of news"])
def test_ordinary_words_stay(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize("secret", ["sk-0123456789abcdef", "0123456789abcdef"])
def test_a_mask_tells_the_kind_and_the_length_only(secret: str) -> None:
    assert secret[3:] not in mask(secret)
    assert f"({len(secret)} characters)" in mask(secret)


def test_the_log_is_redacted_with_its_arguments_and_tracebacks() -> None:
    register(SECRET)
    error = ValueError(SECRET)
    record = logging.LogRecord("n", 40, "p", 1, "said %s", (SECRET,), None)
    record.exc_info = (type(error), error, None)
    assert RedactingFilter().filter(record)
    assert SECRET not in logging.Formatter().format(record)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://me:pass@host/v1", "https://...@host/v1"),
        ("me:pass@host", "...@host"),
        ("https://host/v1", "https://host/v1"),
    ],
)
def test_an_address_is_shown_without_its_password(url: str, shown: str) -> None:
    assert without_password(url) == shown
