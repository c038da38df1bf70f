"""The period of the past that a seeding fills. Pure: `now` is an argument."""

from __future__ import annotations

from datetime import UTC, datetime

from loadgen.errors import LoadgenError
from loadgen.jobs.inputs import parse_moment
from loadgen.model import Noun
from loadgen.rum.quotas import RETENTION_SECONDS
from loadgen.verb_options import SeedOptions

DAY = 86_400.0
RETENTION_DAYS = round(RETENTION_SECONDS / DAY)
"""Days that RUM keeps events. It does not document how old a timestamp may be, but an older one makes no sense."""

DEFAULT_DAYS = 7.0
SLACK_SECONDS = 60.0
"""A period may end this much after our clock's time; such an end counts as now."""


class PastPeriod(Noun):
    """The period of a seeding, from `start` to before `end`, in whole Unix seconds."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        """Length of the period in seconds."""
        return self.end - self.start

    def __str__(self) -> str:
        return f"{format_moment(self.start)} to {format_moment(self.end)}"


def format_moment(unix: float) -> str:
    """Format a Unix time for people: UTC, to the minute."""
    return f"{datetime.fromtimestamp(unix, UTC):%Y-%m-%d %H:%M}Z"


def describe_period_as_given(options: SeedOptions) -> str:
    """Return the period as the command line states it, such as "--days 7"."""
    end = None if options.end == "now" else options.end
    days = DEFAULT_DAYS if options.days is None and options.start is None else options.days
    given = (("--days", days and f"{days:g}"), ("--from", options.start), ("--to", end))
    return " ".join(f"{name} {value}" for name, value in given if value)


def resolve_period(options: SeedOptions, now: float) -> PastPeriod:
    """Return the period at the Unix time `now`: `days` before the end, or from `start` on.

    Raises LoadgenError when the period is reversed, in the future, or older than RUM keeps.
    """
    found = _compute_period(options, now)
    _check_period(found, now)
    return found


def measure_period(options: SeedOptions, now: float) -> float:
    """Return the period's length in seconds, limited to 1 second up to what RUM keeps."""
    return min(max(_compute_period(options, now).seconds, 1.0), RETENTION_SECONDS)


def _compute_period(options: SeedOptions, now: float) -> PastPeriod:
    start, end, days = options.start, options.end, options.days
    if start is not None and end is not None and days is not None:
        raise LoadgenError("--days, --from and --to: only two of them can be given; leave one out")
    first = None if start is None else parse_moment(start, now)
    if first is not None and days is not None:
        last = first + days * DAY
    else:
        last = parse_moment(end or "now", now)
        first = last - (DEFAULT_DAYS if days is None else days) * DAY if first is None else first
    return PastPeriod(float(int(first)), float(int(last)))


def _check_period(found: PastPeriod, now: float) -> None:
    """Raise LoadgenError for a period that is reversed, in the future, or older than RUM keeps."""
    if found.start >= found.end:
        raise LoadgenError(
            f"the period is reversed: it would begin {format_moment(found.start)} and end {format_moment(found.end)}; "
            "let --from be before --to"
        )
    if found.end > now + SLACK_SECONDS:
        raise LoadgenError(
            f"the period ends {format_moment(found.end)}, in the future; "
            "end it now, and add --live to go on in real time"
        )
    oldest = now - RETENTION_DAYS * DAY
    if found.start < oldest:
        raise LoadgenError(
            f"the period begins {format_moment(found.start)}, but RUM keeps {RETENTION_DAYS} days: "
            f"begin after {format_moment(oldest)}, such as --days {RETENTION_DAYS - 1}"
        )
