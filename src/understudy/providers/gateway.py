"""Providers over the network, through the direct requests of pydantic-ai.

The library is imported upon the first request, in a thread: that takes a second or two.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from understudy.errors import UsageError
from understudy.providers.base import Delta, Request, Usage
from understudy.providers.errors import (
    ProviderError,
    ProviderLostError,
    ProviderRejectedError,
)
from understudy.providers.hanging_up import hung_up
from understudy.providers.vendors import Access, Vendor
from understudy.redact import redact, register

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage, ModelResponse
    from pydantic_ai.models import Model, ModelRequestParameters, StreamedResponse
    from pydantic_ai.usage import RequestUsage

_EXTRA = "pip install 'understudy[providers]'"
_MOST_PAUSES = 10  # of one answer; one takes minutes

#: Why an answer is none, by the reason for which the model stopped.
_STOPPED = {
    "length": "is not complete: it reached the limit of tokens",
    "content_filter": "was refused or filtered",
    "error": "failed",
}


class Gateway:
    """A vendor's models. Raises UsageError where its key or the library is not there."""

    def __init__(self, name: str, vendor: Vendor, environment: Mapping[str, str]) -> None:
        self._name = name
        self._vendor = vendor
        self._open = AsyncExitStack()
        self._access = _access(name, vendor, environment, self._open)
        self._make: Callable[[str], Model] | None = None
        self._models: dict[str, Model] = {}
        self._opening = asyncio.Lock()
        if find_spec("pydantic_ai") is None:
            raise _not_installed(name)

    async def stream(self, request: Request) -> AsyncGenerator[Delta, None]:
        """Yield the answer's pieces, last the usage; raises ProviderError."""
        try:
            self._check_tools(request)
            model = await self._model(request.model)
            async with contextlib.aclosing(self._ask(model, request)) as pieces:
                async for piece in pieces:
                    yield piece
        except (ProviderError, UsageError):
            raise
        except Exception as error:  # the vendors' own libraries raise what they like
            from understudy.providers.translate import translated

            raise translated(error, request.model) from error

    async def aclose(self) -> None:
        """Close all connections. May be repeated."""
        self._models.clear()
        self._make = None
        await self._open.aclose()

    def _check_tools(self, request: Request) -> None:
        name = request.model.partition("/")[2]
        for tool in request.tools:
            if not self._vendor.has(tool, name):
                raise ProviderRejectedError(
                    f"{request.model} has no tool {tool!r}.", hint="Choose a model that has it."
                )

    async def _model(self, name: str) -> Model:
        async with self._opening:
            if name not in self._models:
                model = await asyncio.to_thread(self._made, name.partition("/")[2])
                self._models[name] = await self._open.enter_async_context(model)
        return self._models[name]

    def _made(self, name: str) -> Model:
        try:
            self._make = self._make or self._vendor.make(self._access)
            return self._make(name)
        except ImportError as error:
            raise _not_installed(self._name) from error

    async def _ask(self, model: Model, request: Request) -> AsyncGenerator[Delta, None]:
        from understudy.providers.asking import Text, messages, parameters

        asked, form = messages(request), parameters(model, request)
        # Only where JSON comes as text is it an answer from its first piece on.
        at_once = request.schema is None or form.output_mode == "native"
        text, used = Text(), Usage()
        for _ in range(_MOST_PAUSES):
            async with hung_up(), self._streamed(model, request, asked, form) as stream:
                async for event in stream:
                    if (said := text.of(event)) and at_once:
                        yield Delta(said)
                whole = stream.get()
            used = _added(used, whole.usage)
            if whole.state != "suspended":
                break
            asked.append(whole)  # paused at its tools: it goes on when its own words are sent back
        try:
            _check(whole, request.model)
        except ProviderRejectedError:  # it has ended, and is paid for
            if used != Usage():
                yield Delta(usage=used)
            raise
        if not at_once:
            yield Delta(_structured(whole))
        yield Delta(usage=used)

    def _streamed(
        self,
        model: Model,
        request: Request,
        asked: list[ModelMessage],
        form: ModelRequestParameters,
    ) -> AbstractAsyncContextManager[StreamedResponse]:
        from pydantic_ai.direct import model_request_stream

        from understudy.providers.asking import settings

        return model_request_stream(
            model,
            asked,
            model_settings=settings(request, self._vendor.settings),
            model_request_parameters=form,
            instrument=False,
        )


def _access(
    name: str, vendor: Vendor, environment: Mapping[str, str], closing: AsyncExitStack
) -> Access:
    """Return the key and the address that the environment holds; raises UsageError."""
    # An empty variable counts as unset: CI systems export empty ones for missing secrets.
    for variable in (*vendor.keys, *vendor.secrets):
        register(environment.get(variable, ""))
    key = next((found for v in vendor.keys if (found := environment.get(v, "").strip())), None)
    base_url = environment.get(vendor.base_url, "").strip() or None
    with contextlib.suppress(ValueError):  # of an address that is none, which is said later
        register(urlsplit(base_url or "").password or "")
    if key is None and base_url is None and not vendor.keyless:
        raise UsageError(
            f"Models of {name} need a key, and {' or '.join(vendor.keys)} is not set.",
            hint="Set it in the environment or in .env.",
        )
    return Access(key, base_url, environment, closing)


def _not_installed(name: str) -> UsageError:
    return UsageError(f"Models of {name} need a library that is not there.", hint=_EXTRA)


def _added(used: Usage, more: RequestUsage) -> Usage:
    return Usage(used.input_tokens + more.input_tokens, used.output_tokens + more.output_tokens)


def _check(whole: ModelResponse, model: str) -> None:
    """Raise ProviderError unless the model said all that it wanted to say."""
    reason = whole.finish_reason
    if reason is None:
        raise ProviderLostError(f"The answer of {model} broke off.")
    if reason in _STOPPED:
        details: Mapping[str, Any] = whole.provider_details or {}
        said = redact(str(details.get("refusal") or ""))[:200].rstrip(".")
        more = f": {said}" if said else ""
        raise ProviderRejectedError(f"The answer of {model} {_STOPPED[reason]}{more}.")


def _structured(whole: ModelResponse) -> str:
    return next((call.args_as_json_str() for call in whole.tool_calls), whole.text or "")
