"""Who may pass: keys and their projects, organization headers, requests per second."""

import math
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence

from understudy.sandbox.disk import Folder
from understudy.sandbox.ground import Rules
from understudy.sandbox.models import DEFAULT_MODELS, Models, table
from understudy.sandbox.shelf import Lag
from understudy.sandbox.state import Project
from understudy.sandbox.wire import (
    ApiError,
    gateway_error,
    invalid_key,
    mismatched,
    missing_key,
    rate_limited,
)

Clock = Callable[[], float]


class Projects:
    """The project of each key, made upon first use."""

    def __init__(
        self,
        *,
        keys: Collection[str] | None,
        models: Models | Sequence[str] | None,
        today: str | None,
        seed: int,
        clock: Clock,
        lag: Lag,
        rules: Rules,
        folder: Folder,
    ) -> None:
        self._keys = None if keys is None else frozenset(keys)
        self._models = table(DEFAULT_MODELS if models is None else models, today)
        self._seed = seed
        self._clock = clock
        self._lag = lag
        self._rules = rules
        self._folder = folder
        self._projects: dict[str, Project] = {}

    def get(self, key: str) -> Project:
        """Return the project of `key`. Raises `ApiError` (401) for a key that is not welcome."""
        project = self._projects.get(key)
        if project is None:
            if not self._knows(key):
                raise invalid_key(key)
            # Seeded by the key, so that ids do not depend on which key comes first.
            project = self._projects[key] = Project(
                f"project-{len(self._projects) + 1}",
                seed=f"{self._seed}/{key}",
                clock=self._clock,
                models=self._models,
                lag=self._lag,
                rules=self._rules,
                folder=self._folder,
            )
        return project

    def _knows(self, key: str) -> bool:
        if self._keys is not None:
            return key in self._keys
        return key.startswith("sk-") or (bool(key) and self._rules.api_version is not None)


def admit(projects: Projects, headers: Mapping[str, str]) -> Project:
    """Return the project that the request's headers open. Raises `ApiError` (401)."""
    key = _key(headers)
    if not key:
        raise missing_key()
    project = projects.get(key)
    for what, own in (("organization", project.organization), ("project", project.project)):
        named = headers.get(f"OpenAI-{what.capitalize()}")
        if named is not None and own is not None and named != own:
            raise mismatched(what)
    return project


def admit_version(
    projects: Projects, rules: Rules, headers: Mapping[str, str], query: Mapping[str, str]
) -> Project:
    """Return the project that a request opens at Azure. Raises `ApiError` (400, 401)."""
    asked = query.get("api-version")
    if not asked:
        message = "Missing required query parameter: api-version"
        raise gateway_error(400, "MissingApiVersionParameter", message)
    if asked != rules.api_version:
        raise gateway_error(400, "BadRequest", "API version not supported")
    try:
        return projects.get(headers.get("api-key") or _key(headers))
    except ApiError:
        raise gateway_error(
            401,
            "401",
            "Access denied due to invalid subscription key or wrong API endpoint. Make sure to"
            " provide a valid key for an active subscription and use a correct regional API"
            " endpoint for your resource.",
        ) from None


def _key(headers: Mapping[str, str]) -> str:
    scheme, _, key = headers.get("Authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def asks_for(version: str, headers: Mapping[str, str]) -> bool:
    """Tell whether the request asks for this version of a beta API, as it must."""
    return version in headers.get("OpenAI-Beta", "").replace(" ", "").split(",")


class RateLimit:
    """A sliding window per project. Refused requests count too, as they do at OpenAI."""

    def __init__(self, per_second: float, clock: Clock) -> None:
        if not 0 < per_second < math.inf:
            raise ValueError("a rate limit is a positive number of requests per second")
        self._rate = per_second
        self._most = max(1, int(per_second))
        self._window = self._most / per_second
        self._clock = clock
        self._seen: dict[str, deque[float]] = {}

    def check(self, project: Project) -> None:
        """Count one request of `project`. Raises `ApiError` (429) if it is one too many."""
        now = self._clock()
        seen = self._seen.setdefault(project.label, deque())
        while seen and seen[0] <= now - self._window:
            seen.popleft()
        seen.append(now)
        if len(seen) <= self._most:
            return
        # Room for one more once all but the newest `most - 1` have left the window.
        wait = seen[-self._most] + self._window - now
        headers = {
            "Retry-After": str(math.ceil(wait)),
            "retry-after-ms": str(math.ceil(wait * 1000)),
            "x-ratelimit-limit-requests": str(self._most),
            "x-ratelimit-remaining-requests": "0",
        }
        raise rate_limited(self._rate, wait, headers)
