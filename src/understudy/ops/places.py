"""Turning what a user calls a place into an open platform."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Callable
from pathlib import Path

from pydantic import SecretStr

from understudy.config import Settings
from understudy.errors import UsageError
from understudy.ops.recognising import open_path
from understudy.platforms.base import Platform, Wait
from understudy.platforms.catalog import PLATFORMS, PlaceSettings, build
from understudy.platforms.dump_files import STANDARD_INPUT
from understudy.platforms.limiter import Limiter
from understudy.platforms.pacing import Paced, RetryPolicy
from understudy.profile import CONFIG_FILE, Profile, check_url

#: A profile's name, a path, PLATFORM:PATH, `-`, or a platform that somebody built.
PlaceLike = str | Path | Platform


class Places:
    """Opens places and closes them together; places on one key share one limiter."""

    def __init__(
        self,
        settings: Settings,
        *,
        rate: float | None = None,
        stop: asyncio.Event | None = None,
        on_wait: Callable[[Wait], None] = lambda _: None,
        policy: RetryPolicy | None = None,
    ) -> None:
        self._settings = settings
        self._rate = rate
        self._stop = stop
        self._on_wait = on_wait
        self._policy = policy
        self._limiters: dict[object, Limiter] = {}
        self._opened: list[Platform] = []

    def open(self, place: PlaceLike, *, must_exist: bool) -> Platform:
        """Return the place, paced if it is remote; connects to nothing yet.

        Raises UsageError for a name that is no profile and no path.
        """
        if not isinstance(place, str | Path):
            return self._wrap(place, place)
        profile = self._settings.profile(str(place)) if isinstance(place, str) else None
        if profile is None:
            return self._path(str(place), must_exist=must_exist)
        platform, account = self._of_profile(profile, must_exist=must_exist)
        self._opened.append(platform)
        return self._wrap(platform, account)

    def same(self, one: PlaceLike, other: PlaceLike) -> bool:
        """Tell whether both mean the same place, as far as can be told without asking it."""
        return self._whereabouts(one) == self._whereabouts(other)

    async def aclose(self) -> None:
        """Close everything that was opened here; platforms that were given stay open."""
        opened, self._opened = self._opened, []
        for platform in opened:
            await platform.aclose()

    def _wrap(self, platform: Platform, account: object) -> Platform:
        knowledge = platform.knowledge
        if not platform.capabilities.remote and not (knowledge and knowledge.traits.unique_ids):
            return platform
        limiter = self._limiters.get(account)
        if limiter is None:
            limiter = self._limiters[account] = Limiter(ceiling=self._rate, stop=self._stop)
        return Paced(platform, limiter, policy=self._policy, on_wait=self._on_wait)

    def _of_profile(self, profile: Profile, *, must_exist: bool) -> tuple[Platform, object]:
        account: object = profile.name

        def key() -> SecretStr:
            nonlocal account
            secret = profile.require_key()
            account = (profile.base_url, secret.get_secret_value())
            return secret

        place = place_settings(profile, key=key, must_exist=must_exist)
        return build(profile.platform, place), account

    def _path(self, text: str, *, must_exist: bool) -> Platform:
        if not text.strip():
            raise UsageError("A place has no name.", hint="Is the variable empty that names it?")
        platform, path = platform_and_path(text)
        if platform or text == STANDARD_INPUT:
            return self._named(platform or "dump", path, text, must_exist=must_exist)
        looks_like_path = "/" in text or "\\" in text or Path(text).suffix == ".json"
        if not Path(text).exists() and (must_exist or not looks_like_path):
            if looks_like_path:
                raise UsageError(f"{text} does not exist.", hint="Check the path of the snapshot.")
            raise UsageError(
                f"There is no place {text!r}: neither a profile nor a path that exists.",
                hint=self._hint(text) + ("" if must_exist else f" ./{text} is a new snapshot."),
            )
        return open_path(PlaceSettings(text, _no_key, path=text, must_exist=must_exist))

    def _named(self, platform: str, path: str, text: str, *, must_exist: bool) -> Platform:
        """Return the place on a path whose platform was named, or standard input."""
        if must_exist and path != STANDARD_INPUT and not Path(path).exists():
            raise UsageError(f"{path} does not exist.", hint=f"Check the path in {text}.")

        def no_key() -> SecretStr:
            raise UsageError(
                f"{text} is no place: {platform} is reached with a key, not by a path.",
                hint=f"Make a profile of the platform {platform}.",
            )

        return build(platform, PlaceSettings(text, no_key, path=path, must_exist=must_exist))

    def _hint(self, text: str) -> str:
        names = sorted(self._settings.profiles)
        near = difflib.get_close_matches(text, names, n=1)
        known = f"Profiles: {', '.join(names)}." if names else "No profile is configured."
        if near:
            return f"Did you mean {near[0]}? {known}"
        if text in ("src", "dst", "default"):
            variable = Profile(text).key_name
            return f"Set {variable} in the environment or in .env. {known}"
        return f"{known} Profiles come from the environment, .env or {CONFIG_FILE}."

    def _whereabouts(self, place: PlaceLike) -> object:
        if not isinstance(place, str | Path):
            return id(place)
        profile = self._settings.profile(str(place)) if isinstance(place, str) else None
        if profile is None:
            path = platform_and_path(str(place))[1]
            return path if path == STANDARD_INPUT else Path(path).resolve()
        if path := profile.get("path"):
            return Path(path).resolve()
        secret = profile.secret.get_secret_value() if profile.secret else profile.get("key_command")
        scope = (profile.get("organization"), profile.get("project"))
        return (profile.platform, profile.base_url, secret, scope)


def place_settings(
    profile: Profile, *, key: Callable[[], SecretStr] | None = None, must_exist: bool = False
) -> PlaceSettings:
    """Return what a factory may need of a profile; raises UsageError for a broken address."""
    if "base_url" in profile.values:
        check_url(profile.base_url, profile.values["base_url"].origin)
    return PlaceSettings(
        profile.name,
        key or profile.require_key,
        profile.base_url,
        profile.get("organization"),
        profile.get("project"),
        profile.get("path"),
        must_exist,
        profile.api_version,
        profile.auth,
        profile.has_key,
    )


def as_path(text: str) -> str:
    """Return what was given as a path in a form that no profile can have; `-` stays."""
    named = text == STANDARD_INPUT or platform_and_path(text)[0]
    return text if named or not text or Path(text).is_absolute() else f"./{Path(text)}"


def platform_and_path(text: str) -> tuple[str, str]:
    """Return what PLATFORM:PATH says; any other text is a path whose platform nobody named."""
    platform, colon, path = text.partition(":")
    return (platform, path) if colon and path and platform in PLATFORMS else ("", text)


def _no_key() -> SecretStr:
    raise UsageError("A path needs no key.")


def unstoppable(place: Platform) -> Platform:
    """Return a place for what has to be asked even after a stop."""
    return place.unstoppable() if isinstance(place, Paced) else place
