"""Which stretch of the past is filled: two Unix times, checked against what RUM keeps. Pure: `now` is an argument."""

from __future__ import annotations

from datetime import UTC, datetime

from loadgen.errors import LoadgenError
from loadgen.model import Noun

DAY = 86_400.0
RETENTION_DAYS = 30
"""RUM keeps events for 30 days (CloudWatch user guide). What it accepts of old timestamps is not documented."""

SLACK_SECONDS = 60.0
"""An end so little ahead of our clock is taken for now."""


class Period(Noun):
    """From `start` up to `end`, whole Unix seconds."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.end - self.start

    def __str__(self) -> str:
        return f"{moment(self.start)} to {moment(self.end)}"


def moment(unix: float) -> str:
    """A Unix time for people: UTC, to the minute."""
    return f"{datetime.fromtimestamp(unix, UTC):%Y-%m-%d %H:%M}Z"


def unix_of(text: str, now: float) -> float:
    """The Unix time of `now` or of an ISO 8601 date and time; UTC unless it says otherwise."""
    if text == "now":
        return now
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise LoadgenError(
            f'"{text}" is no point in time; write now, or a date such as 2026-03-01 or 2026-03-01T12:00:00Z'
        ) from None
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()


def period(days: float | None, start: str | None, end: str | None, now: float) -> Period:
    """The period that the options mean: `days` before the end, or from `start` on (for `days`, or to the end)."""
    if start is not None and end is not None and days is not None:
        raise LoadgenError("--days, --from and --to together say too much; leave one out")
    first = None if start is None else unix_of(start, now)
    if first is not None and days is not None:
        last = first + days * DAY
    else:
        last = unix_of(end or "now", now)
        first = last - (7.0 if days is None else days) * DAY if first is None else first
    found = Period(float(int(first)), float(int(last)))
    check(found, now)
    return found


def check(found: Period, now: float) -> None:
    """Refuse a period that is reversed, in the future, or older than RUM keeps."""
    if found.start >= found.end:
        raise LoadgenError(
            f"the period is reversed: it would begin {moment(found.start)} and end {moment(found.end)}; "
            "let --from be before --to"
        )
    if found.end > now + SLACK_SECONDS:
        raise LoadgenError(
            f"the period ends {moment(found.end)}, in the future; end it now, and add --live to go on in real time"
        )
    oldest = now - RETENTION_DAYS * DAY
    if found.start < oldest:
        raise LoadgenError(
            f"the period begins {moment(found.start)}, but RUM keeps {RETENTION_DAYS} days: "
            f"begin after {moment(oldest)}, such as --days {RETENTION_DAYS - 1}"
        )
