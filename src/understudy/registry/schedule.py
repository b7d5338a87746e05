"""When the next sync is due: cron expressions in UTC, which no change of clocks doubles. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from understudy.errors import UsageError

#: A quarter past and a quarter to, as the specification has it.
DEFAULT = "15,45 * * * *"

#: A clock that was put back further than that starts the schedule anew.
JUMP = timedelta(hours=1)


def check(expression: str) -> None:
    """Raise UsageError for what is no cron expression, or never comes."""
    next_after(expression, datetime(2026, 1, 1, tzinfo=UTC))


def next_after(expression: str, moment: datetime) -> datetime:
    """Return the first time after `moment`, in UTC; raises UsageError."""
    from cronsim import CronSim, CronSimError

    try:
        return next(CronSim(expression, moment.astimezone(UTC).replace(microsecond=0)))
    except (CronSimError, StopIteration) as error:
        raise UsageError(
            f"{expression!r} is no schedule: {str(error) or 'it never comes'}.",
            hint=f"Five fields in UTC: minute, hour, day, month, day of the week: {DEFAULT!r}.",
        ) from error


def due(expression: str, now: datetime, last: datetime | None) -> datetime:
    """Return when the next run is due, after the `last` one that was.

    A clock that is put back a little repeats no run; one that is put back a lot starts anew.
    """
    if last is not None and now < last <= now + JUMP:
        return next_after(expression, last)
    return next_after(expression, now)
