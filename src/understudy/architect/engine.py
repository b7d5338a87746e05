"""Playing one assistant: its stages in order, the prompts of a stage at once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

from understudy.architect import limits
from understudy.architect.definition import Definition
from understudy.architect.flow import Flow
from understudy.architect.rendering import rendered
from understudy.architect.run_events import (
    Answered,
    Failure,
    Partial,
    PromptCompleted,
    PromptDelta,
    PromptFailed,
    PromptStarted,
    RunEnded,
    RunEvent,
    RunListener,
    RunStarted,
    RunStatus,
    Used,
)
from understudy.providers.base import Message, Provider, Request, Usage
from understudy.providers.errors import ProviderError, ProviderLostError, ProviderRejectedError

_ATTEMPTS = 5  # of one prompt, as far as its deadline allows
_FIRST_PAUSE = 0.5  # seconds before a second attempt at most; doubled each time
_LONGEST_PAUSE = 20.0
_LONGEST_ANSWER = 10_000_000  # characters; a provider that streams for ever is left

Work = Callable[[], Awaitable[Answered]]


class Recorder(Protocol):
    """Decides what is asked: gives the answer that it has, or has the work done and keeps it."""

    async def step(self, key: str, work: Work, /) -> Answered:
        """Return the answer under a key, which names a prompt of the run.

        Raises what `work` raises, and StoppedError.
        """
        ...


class Forgetful:
    """Keeps nothing: each prompt is asked."""

    async def step(self, _: str, work: Work) -> Answered:
        """Do the work."""
        return await work()


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """What is to be played. `models` are the providers' names (PROVIDER/NAME) by portable name.

    `tools` are those that a model gets, by the provider's name.
    """

    definition: Definition
    flow: Flow
    models: Mapping[str, str]
    inputs: Mapping[str, str]
    tools: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Concurrency:
    """How many prompts are asked at once: of one run, of one provider, and of all together."""

    per_run: int = 8
    per_provider: int = 16
    overall: int = 64


class PromptError(Exception):
    """A prompt has no answer; `failure` says why, `partial` is what had come of one."""

    def __init__(self, failure: Failure, partial: Partial | None = None) -> None:
        super().__init__(failure.message)
        self.failure = failure
        self.partial = partial


class StoppedError(Exception):
    """A run was ended from elsewhere; a recorder raises it."""


class Engine:
    """Plays runs, several at once. `provider` returns who answers for PROVIDER/NAME."""

    def __init__(
        self,
        provider: Callable[[str], Provider],
        *,
        concurrency: Concurrency | None = None,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._provider = provider
        self._concurrency = concurrency or Concurrency()
        self._pause = pause
        self._all = asyncio.Semaphore(self._concurrency.overall)
        self._own: dict[str, asyncio.Semaphore] = {}

    async def run(
        self,
        play: Play,
        listener: RunListener,
        recorder: Recorder | None = None,
        *,
        played: float = 0.0,
    ) -> RunEnded:
        """Play an assistant to its end, and return the last event.

        `played` are seconds that others have played it for: they count for its deadline.
        Raises CancelledError, and what a recorder or a listener raises, after the event that says
        so. A prompt that fails lets its siblings end; the deadline of the run does not.
        """
        most = self._concurrency.per_run
        run = _Run(self, play, listener, recorder or Forgetful(), most, played)
        return await run.to_its_end()

    @asynccontextmanager
    async def turn(self, model: str) -> AsyncIterator[Provider]:
        """Wait until one more prompt may be asked, and give its provider."""
        name = model.partition("/")[0]
        own = self._own.setdefault(name, asyncio.Semaphore(self._concurrency.per_provider))
        async with own, self._all:
            yield self._provider(model)

    async def wait(self, seconds: float) -> None:
        """Wait before the next attempt."""
        await self._pause(seconds)


@dataclass(slots=True)
class _Answer:
    """An answer in the making."""

    model: str
    pieces: list[str] = field(default_factory=list)
    usage: Usage | None = None

    @property
    def used(self) -> Used | None:
        usage = self.usage
        return Used(usage.input_tokens, usage.output_tokens) if usage else None

    @property
    def partial(self) -> Partial:
        return Partial("".join(self.pieces), self.model, self.used)


@dataclass(slots=True)
class _Run:
    engine: Engine
    play: Play
    listener: RunListener
    recorder: Recorder
    per_run: int
    played: float
    number: int = 0
    answers: dict[int, Answered] = field(default_factory=dict)
    open: dict[int, _Answer] = field(default_factory=dict)

    async def to_its_end(self) -> RunEnded:
        clock = asyncio.get_running_loop().time
        begun = clock() - self.played
        longest = self.play.definition.timeout or limits.LONGEST_RUN

        def end(status: RunStatus, failure: Failure | None = None) -> RunEnded:
            answers = dict(sorted(self.answers.items()))
            partials = {index: one.partial for index, one in sorted(self.open.items())}
            ended = RunEnded(status, answers, failure, clock() - begun, partials)
            self._tell(ended)
            return ended

        self._tell(RunStarted(tuple(stage.prompts for stage in self.play.flow.stages)))
        try:
            async with asyncio.timeout_at(begun + longest) as whole:
                failure = await self._stages()
        except TimeoutError as error:
            if not whole.expired():
                end(RunStatus.FAILED, _broken_off(error))
                raise
            message = f"The run took more than the {longest:g} s that it may take."
            return end(RunStatus.FAILED, Failure("run_deadline", message))
        except StoppedError:
            return end(RunStatus.CANCELLED)
        except asyncio.CancelledError:
            end(RunStatus.CANCELLED)
            raise
        except Exception as error:  # a recorder's, a listener's: who listens learns that it is over
            end(RunStatus.FAILED, _broken_off(error))
            raise
        return end(RunStatus.FAILED if failure else RunStatus.COMPLETED, failure)

    def _tell(self, event: RunEvent) -> None:
        self.number += 1
        self.listener(self.number, event)

    async def _stages(self) -> Failure | None:
        """Play stage by stage; return why it ended early, if it did.

        Even a prompt that is alone has a task of its own: a provider that swallows being cancelled
        then ends its prompt late, but cannot make the run go on.
        """
        turns = asyncio.Semaphore(self.per_run)
        for stage in self.play.flow.stages:
            tasks = [asyncio.create_task(self._prompt(i, turns)) for i in stage.prompts]
            try:
                failures = [failure for failure in await asyncio.gather(*tasks) if failure]
            except BaseException:  # else all of them have ended
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                raise
            if failures:
                return failures[0]
        return None

    async def _prompt(self, index: int, turns: asyncio.Semaphore) -> Failure | None:
        """Play one prompt; return why it failed, if it did."""
        asked = False

        async def work() -> Answered:
            nonlocal asked
            asked = True
            async with turns:
                return await self._within_deadline(index)

        try:
            answer = await self.recorder.step(f"prompt-{index}", work)
        except PromptError as error:
            self._tell(PromptFailed(index, error.failure, error.partial))
            return error.failure
        self.answers[index] = answer
        self._tell(PromptCompleted(index, answer, kept=not asked))
        return None

    async def _within_deadline(self, index: int) -> Answered:
        prompt = self.play.definition.prompts[index]
        if prompt.timeout is None:  # one that never comes would cost all the same
            return await self._attempts(index)
        try:
            async with asyncio.timeout(prompt.timeout) as own:
                return await self._attempts(index)
        except TimeoutError as error:
            if not own.expired():
                raise
            message = f'"{prompt.name}" took more than the {prompt.timeout:g} s that it may take.'
            raise PromptError(Failure("prompt_deadline", message), self._broken(index)) from error

    async def _attempts(self, index: int) -> Answered:
        """Ask until there is an answer; raises PromptError."""
        prompt = self.play.definition.prompts[index]
        outputs = {i: answer.text for i, answer in self.answers.items()}
        text = rendered(
            self.play.definition, index, self.play.flow.reads[index], self.play.inputs, outputs
        )
        request = Request(
            model=self.play.models[prompt.model_name],
            messages=(Message("user", text),),
            instructions=prompt.system_context or "",
            tools=self.play.tools.get(self.play.models[prompt.model_name], ()),
        )
        clock = asyncio.get_running_loop().time
        begun, attempt = clock(), 0
        while True:
            attempt += 1
            before = self.open.get(index)
            try:
                async with self.engine.turn(request.model) as provider:
                    self._tell(PromptStarted(index, request.model, attempt))
                    self.open[index] = _Answer(request.model)
                    said, used = await self._ask(self.open[index], index, provider, request)
                del self.open[index]
                return Answered(said, used, request.model, attempt, clock() - begun)
            except ProviderError as error:
                answer = self.open.get(index)
                if answer and not (answer.pieces or answer.usage):  # refused: nothing to pay for
                    del self.open[index]
                    if before is not None:  # but for what had come of the attempt before
                        self.open[index] = before
                if not error.retryable or attempt == _ATTEMPTS:
                    raise PromptError(_failure(error, attempt), self._broken(index)) from error
                most = min(_FIRST_PAUSE * 2 ** (attempt - 1), _LONGEST_PAUSE)
                # Not for secrets: that many who were refused at once do not come back at once.
                chance = random.uniform(0, most)  # noqa: S311
                await self.engine.wait(max(error.retry_after or 0, chance))

    def _broken(self, index: int) -> Partial | None:
        """Return what has come of a prompt's answer that nobody waits for any more."""
        answer = self.open.pop(index, None)
        return answer.partial if answer else None

    async def _ask(
        self, answer: _Answer, index: int, provider: Provider, request: Request
    ) -> tuple[str, Used]:
        """Return one attempt's whole answer; raises ProviderError."""
        size = 0
        async with aclosing(provider.stream(request)) as stream:
            async for delta in stream:
                answer.usage = delta.usage or answer.usage
                if not delta.text:
                    continue
                answer.pieces.append(delta.text)
                size += len(delta.text)
                if size > _LONGEST_ANSWER:
                    raise ProviderRejectedError(
                        f"The answer of {request.model} has no end: more than "
                        f"{_LONGEST_ANSWER:,} characters came."
                    )
                self._tell(PromptDelta(index, delta.text))
        if answer.used is None:
            raise ProviderLostError(f"The answer of {request.model} broke off.")
        return "".join(answer.pieces), answer.used


def _broken_off(error: Exception) -> Failure:
    # What was raised is for the log alone: nobody knows what stands in it.
    return Failure("run_broke_off", f"The run broke off: {type(error).__name__}.")


def _failure(error: ProviderError, attempts: int) -> Failure:
    times = f" (asked {attempts} times)" if attempts > 1 else ""
    kind = type(error).__name__.removeprefix("Provider").removesuffix("Error").lower() or "failed"
    return Failure(f"provider_{kind}", f"{error.message}{times}", error.hint)
