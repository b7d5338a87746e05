"""What goes over the wire: replies, and errors in OpenAI's shape."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from understudy.sandbox.disk import Content
from understudy.sandbox.shelf import UnknownIdError


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer, ready to be sent.

    `content` is sent in place of `body`; all of it is promised, `cut` bytes are kept back. `moved`
    is how many bytes of knowledge are in `body`. `events` are sent in place of it too, `pause`
    seconds apart, in a stream without a length, which breaks off if it `breaks`.
    """

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    content: Content | None = None
    cut: int = 0
    moved: int = 0
    events: tuple[bytes, ...] | None = None
    pause: float = 0.0
    breaks: bool = False


class ApiError(Exception):
    """A request that is answered with an error reply; `reply` is what to send."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type: str = "invalid_request_error",  # noqa: A002 - the wire's own name
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        error = {"message": message, "type": type, "param": param, "code": code}
        self.reply = Reply(status, encode({"error": error}), headers or {})


def encode(value: object) -> bytes:
    """Return JSON as bytes. ASCII only, so that lone surrogates survive.

    Raises `ValueError` for what JSON cannot hold, such as infinity.
    """
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def encode_readable(value: object) -> bytes:
    """Return JSON as UTF-8, as short as it can be; lone surrogates become three bytes."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", errors="surrogatepass")


def ok(value: object) -> Reply:
    """Reply 200 with `value` as JSON."""
    return Reply(200, encode(value))


def decode_object(body: bytes) -> dict[str, object]:
    """Return the object in `body`; an empty body counts as `{}`. Raises `ApiError` (400)."""
    if not body:
        return {}
    try:
        value = json.loads(body, parse_constant=_refuse_constant)
        encode(value)  # a number like 1e999 reads as infinity and could not be sent back
    except (ValueError, RecursionError):
        raise _bad_json() from None
    if not isinstance(value, dict):
        raise _bad_json()
    return value


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _bad_json() -> ApiError:
    return ApiError(
        400,
        "We could not parse the JSON body of your request. (HINT: This likely means you aren't"
        " using your HTTP library correctly. The OpenAI API expects a JSON payload, but what was"
        " sent was not valid JSON. If you have trouble figuring out how to fix this, please"
        " contact us through our help center at help.openai.com.)",
    )


def invalid_url(method: str, path: str) -> ApiError:
    """Say that there is no such address; also said of /assistants once that is gone."""
    return ApiError(404, f"Invalid URL ({method} {path})")


def wrong_method(method: str, path: str) -> ApiError:
    """Say that the address exists, the method does not."""
    message = f"Not allowed to {method} on {path}. (HINT: Perhaps you meant to use a different"
    return ApiError(405, f"{message} HTTP method?)", code="method_not_supported")


def missing_key() -> ApiError:
    """Say that the request carries no key."""
    return ApiError(
        401,
        "You didn't provide an API key. You need to provide your API key in an Authorization"
        " header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).",
    )


def invalid_key(key: str) -> ApiError:
    """Say that the key is unknown, showing no more of it than OpenAI would."""
    message = f"Incorrect API key provided: {masked(key)}. You can find your API key at"
    return ApiError(
        401, f"{message} https://platform.openai.com/account/api-keys.", code="invalid_api_key"
    )


def masked(key: str) -> str:
    """Keep the first three and last four characters of a long key, nothing of a short one."""
    return f"{key[:3]}***{key[-4:]}" if len(key) >= 16 else "***"


def mismatched(what: str) -> ApiError:
    """Say that the header `OpenAI-Organization` or `OpenAI-Project` is not the key's own."""
    message = f"OpenAI-{what.capitalize()} header should match {what} for API key"
    return ApiError(401, message, code=f"mismatched_{what}")


def gateway_error(status: int, code: str, message: str) -> ApiError:
    """Say something as the gateway in front of Azure does."""
    error = ApiError(status, message)
    error.reply = Reply(status, encode({"error": {"code": code, "message": message}}))
    return error


def invalid_beta(api: str, header: str) -> ApiError:
    """Say that the header that opens an API is absent or another."""
    return ApiError(
        400,
        f"You must provide the 'OpenAI-Beta' header to access the {api} API. Please try"
        f" again by setting the header 'OpenAI-Beta: {header}'.",
        code="invalid_beta",
    )


def too_large(limit: int) -> ApiError:
    """Say that the body is larger than the server is willing to read."""
    return ApiError(413, f"Request body is too large: the maximum size is {limit} bytes.")


def rate_limited(per_second: float, wait: float | None, headers: Mapping[str, str]) -> ApiError:
    """Say that this was too fast; `wait` is in seconds, None leaves the client to guess."""
    hint = "" if wait is None else f" Please try again in {wait:g}s."
    message = f"Rate limit reached for requests. Limit: {per_second:g} / s.{hint}"
    code = "rate_limit_exceeded"
    return ApiError(429, message, type="requests", code=code, headers=headers)


def out_of_quota() -> ApiError:
    """Say 429 in the way that no waiting cures."""
    return ApiError(
        429,
        "You exceeded your current quota, please check your plan and billing details. For more"
        " information on this error, read the docs:"
        " https://platform.openai.com/docs/guides/error-codes/api-errors.",
        type="insufficient_quota",
        code="insufficient_quota",
    )


#: What is said of an id that nobody knows, by the kind of thing; and the parameter, if it is named.
_UNKNOWN: Mapping[str, tuple[str, str | None]] = {
    "assistant": ("No assistant found with id '{}'.", None),
    "agent": ("No agent found with id '{}'.", None),
    "template": ("No environment template found with id '{}'.", None),
    "response": ("Response with id '{}' not found.", None),
    "conversation": ("Conversation with id '{}' not found.", None),
    "item": ("Item with id '{}' not found in conversation '{}'.", None),
    "file": ("No such File object: {}", "id"),
    "vector store": ("No vector store found with id '{}'.", None),
    "store file": ("No file found with id '{}' in vector store '{}'.", None),
    "batch": ("No file batch found with id '{}' in vector store '{}'.", None),
    "upload": ("No upload found with id '{}'.", None),
    "container": ("Container with id '{}' not found.", None),
    "container file": ("Container file with id '{}' not found.", None),
}


def unknown(error: UnknownIdError) -> ApiError:
    """Say that there is no such thing in the project."""
    message, param = _UNKNOWN[error.kind]
    return ApiError(404, message.format(error.id, error.place), param=param)


def file_reply(content: Content) -> Reply:
    """Reply 200 with the bytes of a file."""
    return Reply(200, b"", content_type="application/octet-stream", content=content)
