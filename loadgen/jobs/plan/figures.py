"""A plan in nouns: `--json` prints them, the table and the page show them.

Rule: rates are per second, sums are of the whole run, shares are of 1. Every figure says what it counts.
"""

from __future__ import annotations

from loadgen.jobs.plan.machine import Fleet
from loadgen.jobs.plan.what_if import Lever
from loadgen.model import Noun


class Spread(Noun):
    """A figure a second: its mean, the 95th and 99th percentile of the seconds, and the peak second."""

    mean: float
    p95: float
    p99: float
    peak: float


class Window(Noun):
    """A stage, hour or day of the run, all monitors together."""

    name: str
    start: float  # seconds from the run's zero
    end: float
    sessions: int
    requests: Spread
    events: Spread
    wire_bytes: Spread
    raw_bytes: Spread


class Load(Noun):
    """First attempts of the whole run; generated = all that follow up to `events`."""

    sessions: int
    generated: int
    not_sampled: int
    over_session_limit: int
    dropped_by_client: int
    unsent: int  # due after the run's end
    events: int
    requests: int
    wire_bytes: int
    raw_bytes: int


class Throttling(Noun):
    """What a quota makes of the load, the clients' retries included."""

    quota: float  # requests a second
    burst: float  # requests at once
    attempts: int
    accepted: int
    throttled: int
    retried: int
    given_up: int  # batches
    events: int
    events_lost: int
    throttled_share: float  # of the attempts
    lost_share: float  # of the events
    recovery_seconds: float | None  # from the last load above the quota to the last throttled request; None: not in it
    exact: bool  # request by request, or the mean by slots of time
    rough: bool = False  # by slots, with a bucket so small that single requests would matter


class MonitorPlan(Noun):
    """One app monitor of the account."""

    monitor: str
    scenario: str
    sample_rate: float
    load: Load
    throttling: Throttling
    rehearsed: int  # sessions
    requests_interval: float  # half the 95 % interval of the sums, relative; 0: exact
    events_interval: float


class Money(Noun):
    """What RUM charges for the events that it accepts, if the run's days went on for a month of 30."""

    price_per_event: float
    free_events: int
    events_per_day: float
    events_per_month: float
    dollars_per_day: float
    dollars_per_month: float
    source: str


class LossPoint(Noun):
    """One quota of the curve of loss against quota."""

    quota: float
    throttled_share: float
    lost_share: float


class RatePoint(Noun):
    """One sample rate: what it costs, which quota it needs, and what it leaves to be seen in a day."""

    sample_rate: float
    events_per_day: float
    dollars_per_month: float
    peak_requests: float
    quota_needed: int
    p75_lcp_interval: float | None  # half the 95 % interval, relative
    js_error_interval: float | None


class Need(Noun):
    """The quota that loses no more than stated."""

    lost_share: float
    quota: int
    burst_seconds: float


class Plan(Noun):
    """Everything a plan says."""

    scenario: str
    seed: int
    duration: float
    monitors: tuple[MonitorPlan, ...]
    load: Load
    windows: tuple[Window, ...]
    whole: Window
    throttling: Throttling
    need: Need
    loss: tuple[LossPoint, ...]
    rates: tuple[RatePoint, ...]
    money: Money
    levers: tuple[Lever, ...]
    fleet: Fleet
    exact: bool
    seconds: float  # that planning took


class Lines(Noun):
    """What the page draws over time: requests a second, in steps of equal length, and the highest second of each."""

    step: float
    offered: tuple[float, ...]
    peak: tuple[float, ...]
    attempts: tuple[float, ...]
    accepted: tuple[float, ...]
