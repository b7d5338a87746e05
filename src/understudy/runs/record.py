"""One run as its worker writes it down: what is there already, what is new, and who is told when.

A run may have changed hands before: what its present attempt has said already is not said again,
and answers that it has are not asked for again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace

from understudy.architect.engine import PromptError, StoppedError, Work
from understudy.architect.run_events import (
    Answered,
    Failure,
    Partial,
    PromptCompleted,
    PromptFailed,
    PromptStarted,
    RunEnded,
    RunEvent,
    RunStarted,
)
from understudy.runs.endings import why
from understudy.runs.journal import Journal, LostError, Page
from understudy.runs.records import Numbered
from understudy.runs.workers import Claimed


class Record:
    """The recorder and the listener of one run; `written` are its events so far."""

    def __init__(self, journal: Journal, claimed: Claimed, written: Iterable[Numbered]) -> None:
        self._journal = journal
        self._attempt = claimed.attempt
        self.page = Page(claimed.run, claimed.epoch, claimed.last_event)
        self.ended: RunEnded | None = None
        self._kept: dict[int, Answered] = {}
        self._failed: dict[int, Failure] = {}
        self._partials: dict[int, Partial] = {}  # what broke off and was not asked again
        self._voided: list[Partial] = []  # what was, where somebody said what it took
        self._answered: dict[int, Answered] = {}  # also what is not kept yet
        self._begun = False
        self._since: float | None = None  # when it was begun here
        self._until: float | None = None  # when it was played no more
        self._said: set[int] = set()  # whose answers this attempt has told already
        self._asked: dict[int, int] = {}
        for one in written:
            self._read(one.event, of_now=one.number > claimed.attempt_from)

    def _read(self, event: RunEvent, *, of_now: bool) -> None:
        if isinstance(event, PromptCompleted):
            self._kept[event.prompt] = self._answered[event.prompt] = event.answer
            if of_now:
                self._said.add(event.prompt)
        self._broke_off(event)
        if isinstance(event, PromptCompleted) or not of_now:
            return
        if isinstance(event, RunStarted):
            self._begun = True
        elif isinstance(event, PromptStarted):
            self._asked[event.prompt] = max(event.attempt, self._asked.get(event.prompt, 0))
        elif isinstance(event, PromptFailed):
            self._failed[event.prompt] = event.failure

    def _broke_off(self, event: RunEvent) -> None:
        """Take note of what an event says of answers that broke off."""
        if isinstance(event, PromptFailed) and event.partial is not None:
            self._partials[event.prompt] = event.partial
        elif isinstance(event, PromptStarted | PromptCompleted):
            before = self._partials.pop(event.prompt, None)
            if before is not None and before.counted is not None:
                self._voided.append(before)

    @property
    def answers(self) -> dict[int, Answered]:
        """Return the answers that are kept, by the prompt's index."""
        return dict(sorted(self._kept.items()))

    @property
    def played(self) -> float:
        """Return for how many seconds the run has been played here."""
        if self._since is None:
            return 0.0
        return (_clock() if self._until is None else self._until) - self._since

    async def step(self, key: str, work: Work, /) -> Answered:
        """Return the answer that is kept, or have the work done and keep it.

        Raises PromptError, StoppedError for a run that was lost, StoreError.
        """
        prompt = int(key.removeprefix("prompt-"))
        if prompt in self._kept:
            return self._kept[prompt]
        if prompt in self._failed:
            raise PromptError(self._failed[prompt])
        told: RunEvent
        try:
            answer = await work()
        except PromptError as error:
            told = PromptFailed(prompt, error.failure, error.partial)
            self._broke_off(told)
            self._failed[prompt] = error.failure
            await self._write(told)
            raise
        self._answered[prompt] = answer
        await self._write(PromptCompleted(prompt, answer))
        self._kept[prompt] = answer
        self._said.add(prompt)
        return answer

    def hear(self, _: int, event: RunEvent) -> None:
        """Write down what is new; the end only when `close` says so."""
        if isinstance(event, RunEnded):
            self.ended = event
            self._until = _clock()  # to write it may take a while, which is no playing
        elif isinstance(event, RunStarted):
            self._since = _clock()
            if not self._begun:
                self._journal.add(self.page, replace(event, attempt=self._attempt))
        elif isinstance(event, PromptStarted):
            self._broke_off(event)
            before = self._asked.get(event.prompt, 0)
            # The engine counts anew in each hand.
            self._journal.add(self.page, replace(event, attempt=event.attempt + before))
        elif isinstance(event, PromptCompleted):
            if event.prompt not in self._said:
                self._said.add(event.prompt)
                self._journal.add(self.page, event)
        elif not isinstance(event, PromptFailed):  # those were written by `step`
            self._journal.add(self.page, event)

    def paid(self, ended: RunEnded) -> tuple[Answered | Partial, ...]:
        """Return what there is to pay for at the end: answers, and what broke off."""
        return replace(
            ended,
            partials={**self._partials, **ended.partials},
            answers={**self._answered, **ended.answers},
            voided=tuple(self._voided),
        ).paid

    async def close(self, ended: RunEnded, cost: float | None) -> None:
        """Write the end, and what it broke off; raises LostError, StoreError."""
        self.page.cost = cost
        for prompt, partial in ended.partials.items():
            if prompt not in self._kept and prompt not in self._failed:
                self._journal.add(self.page, PromptFailed(prompt, why(ended), partial))
        self._journal.add(self.page, ended)
        await self._journal.wrote(self.page)

    async def closed(self) -> None:
        """Wait until the end is written that `close` was to write; raises as it does."""
        await self._journal.wrote(self.page)

    async def give_back(self) -> None:
        """Leave the run to others, who have the rest of its time; raises LostError, StoreError."""
        self.page.played = self.played
        await self._journal.wrote(self.page)  # if it is to be cancelled, what was said is looked up
        await self._journal.give_back(self.page)

    def forget(self) -> None:
        """Write no more: the run is somebody else's."""
        self._journal.forget(self.page)

    async def _write(self, event: RunEvent) -> None:
        self._journal.add(self.page, event)
        try:
            await self._journal.wrote(self.page)
        except LostError as error:
            raise StoppedError from error


def _clock() -> float:
    return asyncio.get_running_loop().time()
