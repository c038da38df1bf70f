"""What a seeding is asked for, and the stretch of the past that it fills. Pure: `now` is an argument."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec

from loadgen.errors import LoadgenError
from loadgen.jobs.inputs import Positive, Seed, Share, parse_moment
from loadgen.model import Noun
from loadgen.rum.quotas import RETENTION_SECONDS
from loadgen.transport import Accept

DAY = 86_400.0
RETENTION_DAYS = round(RETENTION_SECONDS / DAY)
"""What RUM accepts of old timestamps is not documented; older ones than it keeps make no sense."""

DEFAULT_DAYS = 7.0
SLACK_SECONDS = 60.0
"""An end so little ahead of our clock is taken for now."""


class SeedOptions(Noun, kw_only=True):
    """Everything that `seed` can be asked for, besides the scenario."""

    target: str | None = None  # URL or aws; AWS_ENDPOINT_URL_RUM unless given
    region: str | None = None
    proxy: str | None = None  # http://HOST:PORT, in place of the environment's
    ca_bundle: str | None = None  # PEM file of trusted certificates, in place of the environment's
    monitor: str | None = None  # name or id, in place of the scenario's
    days: Positive | None = None  # length of the period, 7 unless given
    start: str | None = None  # ISO 8601, in place of days
    end: str | None = None  # ISO 8601 or now
    live: bool = False  # go on in real time after the past
    rate: Annotated[float, msgspec.Meta(gt=0, le=1e6)] = 1.0  # a factor on the arrivals
    sample_rate: Share | None = None
    seed: Seed | None = None
    quota: Positive | None = None  # PutRumEvents a second; asked of Service Quotas or learned unless given
    senders: Annotated[int, msgspec.Meta(ge=1, le=256)] = 16  # requests in flight
    accept: Accept = "rum"  # which answers mean accepted; 2xx: every 2xx, of a backend with answers of its own
    identity_pool: str | None = None  # send as a guest of this Cognito identity pool
    guest_role: str | None = None
    probe: bool | None = None  # send a few old events first and read them back; on AWS unless given
    out: Path | None = None  # folder; results/seed-<monitor>-<scenario> unless given

    @property
    def period_as_given(self) -> str:
        """The period in the words of the command line, such as "--days 7"."""
        end = None if self.end == "now" else self.end
        days = DEFAULT_DAYS if self.days is None and self.start is None else self.days
        given = (("--days", days and f"{days:g}"), ("--from", self.start), ("--to", end))
        return " ".join(f"{name} {value}" for name, value in given if value)

    def resolve_period(self, now: float) -> PastPeriod:
        """The period that is meant at the Unix time `now`: `days` before the end, or from `start` on.

        Raises LoadgenError when the period is reversed, in the future, or older than RUM keeps.
        """
        found = self._compute_period(now)
        _check_period(found, now)
        return found

    def measure_period(self, now: float) -> float:
        """The period's length in seconds; one that cannot be filled has the nearest length that can."""
        return min(max(self._compute_period(now).seconds, 1.0), RETENTION_SECONDS)

    def _compute_period(self, now: float) -> PastPeriod:
        if self.start is not None and self.end is not None and self.days is not None:
            raise LoadgenError("--days, --from and --to together say too much; leave one out")
        first = None if self.start is None else parse_moment(self.start, now)
        if first is not None and self.days is not None:
            last = first + self.days * DAY
        else:
            last = parse_moment(self.end or "now", now)
            first = last - (DEFAULT_DAYS if self.days is None else self.days) * DAY if first is None else first
        return PastPeriod(float(int(first)), float(int(last)))


class PastPeriod(Noun):
    """From `start` up to `end`, whole Unix seconds."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.end - self.start

    def __str__(self) -> str:
        return f"{format_moment(self.start)} to {format_moment(self.end)}"


def format_moment(unix: float) -> str:
    """A Unix time for people: UTC, to the minute."""
    return f"{datetime.fromtimestamp(unix, UTC):%Y-%m-%d %H:%M}Z"


def _check_period(found: PastPeriod, now: float) -> None:
    """Refuse a period that is reversed, in the future, or older than RUM keeps."""
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
