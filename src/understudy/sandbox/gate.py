"""Who may pass: keys and their projects, organization headers, requests per second."""

import math
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence

from understudy.sandbox.disk import Folder
from understudy.sandbox.ground import Rules
from understudy.sandbox.models import DEFAULT_MODELS
from understudy.sandbox.shelf import Lag
from understudy.sandbox.state import Project
from understudy.sandbox.wire import (
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
        models: Sequence[str] | None,
        seed: int,
        clock: Clock,
        lag: Lag,
        rules: Rules,
        folder: Folder,
    ) -> None:
        self._keys = None if keys is None else frozenset(keys)
        self._models = DEFAULT_MODELS if models is None else tuple(models)
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
            known = key.startswith("sk-") if self._keys is None else key in self._keys
            if not known:
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


def admit(projects: Projects, headers: Mapping[str, str]) -> Project:
    """Return the project that the request's headers open. Raises `ApiError` (401)."""
    scheme, _, key = headers.get("Authorization", "").partition(" ")
    key = key.strip()
    if scheme.lower() != "bearer" or not key:
        raise missing_key()
    project = projects.get(key)
    for what, own in (("organization", project.organization), ("project", project.project)):
        named = headers.get(f"OpenAI-{what.capitalize()}")
        if named is not None and own is not None and named != own:
            raise mismatched(what)
    return project


def asks_for_v2(headers: Mapping[str, str]) -> bool:
    """Tell whether the request asks for Assistants v2, as it must."""
    return "assistants=v2" in headers.get("OpenAI-Beta", "").replace(" ", "").split(",")


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
