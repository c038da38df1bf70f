"""The options of a seeding, and the period of the past that it fills. Pure: `now` is an argument."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec

from loadgen.errors import LoadgenError
from loadgen.jobs.inputs import parse_moment
from loadgen.model import Noun
from loadgen.options import Accept, Positive, Seed, Share
from loadgen.rum.quotas import RETENTION_SECONDS

DAY = 86_400.0
RETENTION_DAYS = round(RETENTION_SECONDS / DAY)
"""Days that RUM keeps events. It does not document how old a timestamp may be, but an older one makes no sense."""

DEFAULT_DAYS = 7.0
SLACK_SECONDS = 60.0
"""A period may end this much after our clock's time; such an end counts as now."""


class SeedOptions(Noun, kw_only=True):
    """All options of `seed`, besides the scenario."""

    target: str | None = None  # URL or "aws"; AWS_ENDPOINT_URL_RUM unless given
    region: str | None = None
    proxy: str | None = None  # http://HOST:PORT, replaces the environment's
    ca_bundle: str | None = None  # PEM file of trusted certificates, replaces the environment's
    monitor: str | None = None  # name or id, replaces the scenario's
    days: Positive | None = None  # length of the period, 7 unless given
    start: str | None = None  # ISO 8601, instead of days
    end: str | None = None  # ISO 8601 or "now"
    live: bool = False  # go on in real time after the past
    rate: Annotated[float, msgspec.Meta(gt=0, le=1e6)] = 1.0  # factor on the arrivals
    sample_rate: Share | None = None
    seed: Seed | None = None
    quota: Positive | None = None  # PutRumEvents a second; asked of Service Quotas or learned unless given
    senders: Annotated[int, msgspec.Meta(ge=1, le=256)] = 16  # requests in flight
    accept: Accept = "rum"  # answers that mean accepted: RUM's own, or "2xx" for a backend with other answers
    identity_pool: str | None = None  # send as a guest of this Cognito identity pool
    guest_role: str | None = None
    probe: bool | None = None  # send a few old events first and read them back; on AWS unless given
    out: Path | None = None  # folder; results/seed-<monitor>-<scenario> unless given

    @property
    def period_as_given(self) -> str:
        """The period as the command line states it, such as "--days 7"."""
        end = None if self.end == "now" else self.end
        days = DEFAULT_DAYS if self.days is None and self.start is None else self.days
        given = (("--days", days and f"{days:g}"), ("--from", self.start), ("--to", end))
        return " ".join(f"{name} {value}" for name, value in given if value)

    def resolve_period(self, now: float) -> PastPeriod:
        """Return the period at the Unix time `now`: `days` before the end, or from `start` on.

        Raises LoadgenError when the period is reversed, in the future, or older than RUM keeps.
        """
        found = self._compute_period(now)
        _check_period(found, now)
        return found

    def measure_period(self, now: float) -> float:
        """Return the period's length in seconds, limited to 1 second up to what RUM keeps."""
        return min(max(self._compute_period(now).seconds, 1.0), RETENTION_SECONDS)

    def _compute_period(self, now: float) -> PastPeriod:
        if self.start is not None and self.end is not None and self.days is not None:
            raise LoadgenError("--days, --from and --to: only two of them can be given; leave one out")
        first = None if self.start is None else parse_moment(self.start, now)
        if first is not None and self.days is not None:
            last = first + self.days * DAY
        else:
            last = parse_moment(self.end or "now", now)
            first = last - (DEFAULT_DAYS if self.days is None else self.days) * DAY if first is None else first
        return PastPeriod(float(int(first)), float(int(last)))


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
