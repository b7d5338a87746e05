"""The contract of a model provider: a request, its answer piece by piece, and what it used."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from understudy.providers.errors import ProviderLostError, ProviderRejectedError

#: Bytes of an answer that `answer` takes.
MOST_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Message:
    """What somebody said before."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One prompt. `model` is the whole name, PROVIDER/NAME; a `schema` asks for JSON of that form.

    The schema is a JSON schema of an object in the strict subset: every property is required, and
    no others are allowed. `tools` are those that the vendor runs itself (`web_search`,
    `code_execution`, `web_fetch`); the models for demos ignore them, others refuse one they lack.
    """

    model: str
    messages: tuple[Message, ...]
    instructions: str = ""
    schema: Mapping[str, Any] | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    tools: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that a request took, as its provider counts them."""

    input_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of an answer. The last one of a stream, and no other, has the usage.

    An answer that is none may have one, too, before the error that says so.
    """

    text: str = ""
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer."""

    text: str
    usage: Usage


class Provider(Protocol):
    """Answers prompts. Several streams may be open at once; nothing is retried."""

    def stream(self, request: Request) -> AsyncGenerator[Delta, None]:
        """Yield the answer's pieces, last the usage; raises ProviderError.

        What a tool of the vendor's is asked and gives is no piece; texts before and after it stand
        in paragraphs of their own. A stream that ends without the usage is not whole. Closing it
        early ends the request.
        """
        ...

    async def aclose(self) -> None:
        """Close all connections. May be repeated."""
        ...


async def answer(provider: Provider, request: Request, *, most_bytes: int = MOST_BYTES) -> Answer:
    """Return the whole answer; raises ProviderError, also for one above `most_bytes`."""
    pieces: list[str] = []
    size = 0
    usage: Usage | None = None
    async with aclosing(provider.stream(request)) as stream:
        async for delta in stream:
            pieces.append(delta.text)
            size += len(delta.text.encode("utf-8", "surrogatepass"))
            usage = delta.usage or usage
            if size > most_bytes:
                raise ProviderRejectedError(
                    f"The answer of {request.model} is longer than {most_bytes} bytes."
                )
    if usage is None:
        raise ProviderLostError(f"The answer of {request.model} broke off.")
    return Answer("".join(pieces), usage)
