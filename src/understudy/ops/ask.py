"""One question to one definition, answered over the Responses API, functions included."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from understudy.config import Settings
from understudy.errors import (
    BusyError,
    LostAnswerError,
    QuotaError,
    RejectedError,
    UnderstudyError,
    UsageError,
)
from understudy.model.dialogue import (
    Answer,
    Call,
    Heard,
    Noted,
    Output,
    Reading,
    Said,
    Turn,
    first_request,
    next_request,
    summed,
    unanswerable,
)
from understudy.model.retirement import traits
from understudy.ops.attaching import attached
from understudy.ops.loading import Definition
from understudy.ops.places import Places, place_settings
from understudy.platforms.catalog import wire_of
from understudy.platforms.openai_errors import classify
from understudy.platforms.openai_responses import PATIENCE, ResponsesClient
from understudy.profile import Profile

#: In the place of a conversation's id: begin one.
NEW = "new"
DEFAULT_TURNS = 10

#: Platforms whose profiles say how a project is reached.
_PROJECTS = frozenset({"openai-assistants", "openai-agents", "responses"})

Answerer = Callable[[Call], Awaitable[Output]]
Listener = Callable[[Heard], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What is asked, and how. `conversation` is an id, `new`, or empty."""

    question: str
    files: tuple[Path, ...] = ()
    conversation: str = ""
    max_turns: int = DEFAULT_TURNS


async def ask(
    definition: Definition,
    asking: Asking,
    profile: Profile,
    *,
    answer: Answerer,
    tell: Listener = lambda _: None,
) -> Answer:
    """Return the answer, told piece by piece as it comes; `answer` answers calls of functions.

    Raises UnderstudyError for whatever is no whole answer: a refusal, one that broke off or is not
    complete, more turns than allowed. Must not be repeated by itself.
    """
    arguments = definition.responses_kwargs()
    async with _client(profile) as client:
        conversation = asking.conversation
        if conversation == NEW:
            conversation = await client.create_conversation()
            tell(Noted(f"Go on with: --conversation {conversation}"))
        lasting = bool(conversation or arguments.get("conversation"))
        async with attached(client, asking.files, lasting=lasting, tell=tell) as files:
            request = first_request(
                arguments,
                asking.question,
                files=files,
                conversation=conversation,
                reasons=_reasons(arguments),
            )
            usage: dict[str, int] = {}
            for number in range(1, asking.max_turns + 1):
                turn = await _turn(client, request, tell)
                usage = summed(usage, turn.usage)
                if not turn.calls:
                    done = Answer(turn.text, turn.response_id, usage, conversation, number)
                    tell(done)
                    return done
                if number < asking.max_turns:
                    outputs = [await _answered(call, answer, tell) for call in turn.calls]
                    request = next_request(request, turn, outputs)
    names = ", ".join(dict.fromkeys(call.name for call in turn.calls))
    raise UnderstudyError(
        f"No answer after {asking.max_turns} turns: the last one called {names}.",
        hint="--max-turns allows more.",
    )


def project_for(place: str, settings: Settings, using: str | None) -> Profile:
    """Return the profile of the project that is asked; raises UsageError.

    Without `using` it is the place's own, also where a path was given to what a profile holds;
    else `default`, else `dst`.
    """
    if using is not None:
        profile = settings.profile(using)
        if profile is None:
            known = ", ".join(sorted(settings.profiles)) or "none"
            raise UsageError(f"There is no profile {using!r}.", hint=f"Profiles: {known}.")
        if profile.platform not in _PROJECTS:
            raise UsageError(
                f"The profile {using} is a {profile.platform}: nobody there answers questions.",
                hint="--using takes a profile with a key for the OpenAI API.",
            )
        return profile
    for name in (*_profiles_of(place, settings), "default", "dst"):
        profile = settings.profile(name)
        if profile is not None and _answers(profile):
            return profile
    raise UsageError(
        "No project is configured that could answer.",
        hint="Set OPENAI_API_KEY in the environment or in .env, or name a profile: --using NAME.",
    )


def _profiles_of(place: str, settings: Settings) -> list[str]:
    """Return the name of the profile that a place is, or lies in; raises UsageError for several."""
    if settings.profile(place) is not None:
        return [place]
    places, known = Places(settings), settings.profiles.values()
    held = [one.name for one in known if one.get("path") and _answers(one)]
    found = [name for name in held if places.same(place, name)]
    if len(found) > 1:
        raise UsageError(
            f"{place} is the place of several profiles: {' and '.join(found)}.",
            hint="Say whose project answers: --using PROFILE.",
        )
    return found


def _answers(profile: Profile) -> bool:
    return profile.platform in _PROJECTS and profile.has_key


def _reasons(arguments: dict[str, Any]) -> bool:
    found = traits(str(arguments.get("model") or ""))
    said = arguments.get("reasoning")
    effort = said.get("effort") if isinstance(said, dict) else None
    return found is not None and found.reasons and effort != "none"


@asynccontextmanager
async def _client(profile: Profile) -> AsyncIterator[ResponsesClient]:
    wire = replace(wire_of(place_settings(profile)), read_timeout=PATIENCE)
    client = ResponsesClient(wire, headers={})
    try:
        yield client
    finally:
        await client.aclose()


async def _turn(client: ResponsesClient, request: dict[str, Any], tell: Listener) -> Turn:
    """Return one response that ended well; raises what is to be said of any other."""
    heard, begun = Reading(), False
    try:
        async with aclosing(client.stream_response(request)) as events:
            async for event in events:
                begun = True
                if text := heard.feed(event):
                    tell(Said(text))
                if heard.turn is not None:
                    break
    except LostAnswerError as error:
        if not begun:
            raise
        raise LostAnswerError(f"The answer broke off. {error.message}") from error
    if heard.turn is None:
        raise LostAnswerError(
            f"The answer broke off: {client.wire.place} ended it before its end.",
            hint="What is above is only its beginning." if begun else "",
        )
    _check(heard.turn, client.wire.place)
    return heard.turn


def _check(turn: Turn, place: str) -> None:
    """Raise UnderstudyError unless the turn is whole."""
    if turn.status in ("failed", "cancelled"):
        kind, hint = classify(429, turn.code, turn.reason, "/responses", collection=False)
        kind = kind if kind is QuotaError or "rate_limit" in turn.code else RejectedError
        why = turn.reason.rstrip(".") or "no reason given"
        raise kind(
            f"{place}: the answer {turn.status} ({turn.code or 'no code'}): {why}.",
            hint=hint if kind is QuotaError else "Ask again later." if kind is BusyError else "",
            code=turn.code or None,
        )
    if turn.status == "incomplete":
        hint = "Raise max_output_tokens." if turn.reason == "max_output_tokens" else ""
        raise UnderstudyError(
            f"The answer is not complete: {turn.reason or 'no reason given'}.", hint=hint
        )
    if turn.refusal:
        raise UnderstudyError(f"The model refused: {turn.refusal}")
    if kind_of_call := unanswerable(turn):
        raise UnderstudyError(
            f"The model made a {kind_of_call}, which only a program of its own can answer.",
            hint="understudy ask answers calls of functions.",
        )


async def _answered(call: Call, answer: Answerer, tell: Listener) -> Output:
    tell(call)
    output = await answer(call)
    tell(output)
    return output
