"""What a webhook says, and how a receiver tells that it is ours."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy import verify_webhook
from understudy.errors import SignatureError
from understudy.registry.entries import Difference
from understudy.registry.history import Record
from understudy.registry.notify import body_of, signature

SECRET = "a secret of some length"
NOW = 1_800_000_000


def header(body: bytes, *, at: int = NOW, secret: str = SECRET) -> str:
    signed = f"{at}.".encode() + body
    return f"t={at},v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


def test_a_body_names_keys_and_fields_and_no_content() -> None:
    gone = {"GONE": {"id": "asst_1", "name": "Gone", "instructions": "Hush.", "tools": []}}
    difference = Difference(("NEW",), {"EDITED": ("instructions", "model")}, ("GONE",))
    record = Record("1", "2026-01-01T00:00:00.000Z", "changed", "src", 2, difference, gone)
    assert json.loads(body_of(record)) == {
        "type": "registry.changed",
        "format_version": 1,
        "id": "1",
        "at": "2026-01-01T00:00:00.000Z",
        "source": "src",
        "count": 2,
        "added": ["NEW"],
        "changed": {"EDITED": ["instructions", "model"]},
        "removed": ["GONE"],
    }
    assert b"Hush" not in body_of(record)
    assert body_of(record) == body_of(record)


def test_a_key_that_no_utf_8_can_hold_is_told_all_the_same() -> None:
    body = body_of(Record("1", "", "changed", difference=Difference(("\ud800日",))))
    assert json.loads(body)["added"] == ["\ud800日"]


@given(st.binary(), st.text(st.characters(codec="utf-8"), min_size=1), st.integers(0, 10**11))
def test_what_was_signed_is_verified(body: bytes, secret: str, at: int) -> None:
    made = signature(secret, body, at=at)
    assert made == header(body, at=at, secret=secret)
    verify_webhook(secret, made, body, now=at + 299.0)


@given(st.binary(), st.binary(min_size=1))
def test_another_body_is_refused(body: bytes, more: bytes) -> None:
    with pytest.raises(SignatureError, match="does not fit"):
        verify_webhook(SECRET, header(body), body + more, now=NOW)


def test_another_secret_and_another_time_are_refused() -> None:
    with pytest.raises(SignatureError, match="does not fit"):
        verify_webhook(SECRET + ".", header(b"{}"), b"{}", now=NOW)
    moved = header(b"{}").replace(str(NOW), str(NOW + 1))
    with pytest.raises(SignatureError, match="does not fit"):
        verify_webhook(SECRET, moved, b"{}", now=NOW)


@pytest.mark.parametrize(("off", "word"), [(301, "old"), (-301, "early"), (10**9, "old")])
def test_a_late_or_early_one_is_refused(off: int, word: str) -> None:
    with pytest.raises(SignatureError, match=word):
        verify_webhook(SECRET, header(b"{}"), b"{}", now=NOW + off)
    with pytest.raises(SignatureError):
        verify_webhook(SECRET, header(b"{}"), b"{}", now=float("nan"))
    verify_webhook(SECRET, header(b"{}"), b"{}", now=NOW + 10, window=10)


def test_the_clock_is_used_where_no_time_is_given() -> None:
    with pytest.raises(SignatureError, match="early"):
        verify_webhook(SECRET, header(b"{}", at=99_999_999_999), b"{}")


def test_one_of_several_signatures_is_enough() -> None:
    made = header(b"{}")
    verify_webhook(SECRET, made.replace("v1=", f"v1={'0' * 64}, v1="), b"{}", now=NOW)
    verify_webhook(SECRET, made + ",v2=abc", b"{}", now=NOW)


@given(st.text())
def test_rubbish_is_refused_and_breaks_nothing(text: str) -> None:
    with pytest.raises(SignatureError):
        verify_webhook(SECRET, text, b"{}", now=NOW)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "t=1",
        "v1=ab",
        "t=,v1=ab",
        "t=x,v1=ab",
        "t=1,t=1,v1=ab",
        "t=١,v1=ab",
        "t=1,v1=é",
        "t=0x1,v1=ab",
        "t=1e9,v1=ab",
        "t=9999999999999,v1=ab",
        "t=-1,v1=ab",
    ],
)
def test_what_is_no_signature_is_refused(text: str) -> None:
    with pytest.raises(SignatureError, match="no signature"):
        verify_webhook(SECRET, text, b"{}", now=NOW)
