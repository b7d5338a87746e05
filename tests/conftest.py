"""What all tests share: no property fails because the machine was busy; time is for benches."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from understudy.replicate import lost

settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@pytest.fixture(scope="session", autouse=True)
def lists_are_asked_often() -> Iterator[None]:
    """What a sandbox lists late comes after so many calls; only their pace is that of a test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lost, "_POLL", 0.02)
        patch.setattr(lost, "_LINGER", 0.5)
        yield
