"""The options and the figures of a plan. `--json` prints the figures, the terminal's view and the page show them.

Rule: rates are per second, sums are over the whole run, shares are from 0 to 1. Every figure says what it counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import msgspec

from loadgen.model import Noun


class RateSpread(Noun):
    """A figure per second: its mean, the 95th and 99th percentile of the seconds, and the highest second."""

    mean: float
    p95: float
    p99: float
    peak: float


class PlanWindow(Noun):
    """The load of a stage, hour or day of the run, all monitors together."""

    name: str
    start: float  # seconds from the run's zero
    end: float
    sessions: int
    requests: RateSpread
    events: RateSpread
    wire_bytes: RateSpread
    raw_bytes: RateSpread


class PlannedLoad(Noun):
    """First attempts of the whole run. Events: generated = not sampled + over the limit + dropped + unsent + sent."""

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
    preflights: int = 0  # browsers' CORS requests, not among `requests`; they use no quota

    @staticmethod
    def sum_up(loads: Iterable[PlannedLoad]) -> PlannedLoad:
        """Return the sum of several loads."""
        columns = zip(*(msgspec.structs.astuple(load) for load in loads), strict=True)
        return PlannedLoad(*(sum(column) for column in columns))


class Throttling(Noun):
    """What happens to the load under a quota, the clients' retries included."""

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
    recovery_seconds: float | None  # last load above the quota to last throttled request; None: not within the run
    exact: bool  # True: simulated request by request; False: means of short slots of time
    rough: bool = False  # simulated by slots, although the bucket is so small that single requests matter


class MonitorPlan(Noun):
    """The plan of one app monitor of the account."""

    monitor: str
    scenario: str
    sample_rate: float
    load: PlannedLoad
    throttling: Throttling
    rehearsed: int  # sessions
    walked: int  # sessions of which only pages and times were drawn, to weight the rehearsed sessions
    requests_interval: float  # half the 95 % interval of the sums, relative; 0: exact
    events_interval: float
    bytes_interval: float  # of bytes as sent


class Cost(Noun):
    """What RUM charges for accepted events, if the run's load lasted for a month of 30 days."""

    MONTH_DAYS: ClassVar[int] = 30

    price_per_event: float
    free_events: int
    events_per_day: float
    events_per_month: float
    dollars_per_day: float
    dollars_per_month: float
    source: str


class LossPoint(Noun):
    """One point of the curve of loss against quota."""

    quota: float
    throttled_share: float
    lost_share: float


class RatePoint(Noun):
    """One sample rate with its cost, the quota that it needs, and the precision of a day's figures."""

    sample_rate: float
    events_per_day: float
    dollars_per_month: float
    peak_requests: float
    quota_needed: int
    p75_lcp_interval: float | None  # half the 95 % interval, relative
    js_error_interval: float | None

    @property
    def events_per_month(self) -> float:
        """Events in 30 days."""
        return self.events_per_day * Cost.MONTH_DAYS


class NeededQuota(Noun):
    """The smallest quota under which no more than `lost_share` of the events are lost."""

    lost_share: float
    quota: int
    burst_seconds: float


class SettingEffect(Noun):
    """The factors by which the demand changes if a client setting has another value."""

    setting: str
    value: float | bool
    requests: float
    events: float
    wire_bytes: float


class GeneratorNeed(Noun):
    """What a run of the plan needs on this machine, and the measurements that this follows from."""

    processes: int
    senders: int  # per process
    cores: int
    cpu_us_per_event: float  # to draw, plan and encode it
    cpu_us_per_signature: float
    cpu_us_per_send: float  # assumed
    busiest_cpu: float  # seconds of CPU in the busiest second
    enough: bool  # whether the machine has cores enough


class Advice(Noun):
    """Advice: the quota to request, and the sample rate for a budget or a wanted precision."""

    quota_needed: int
    margin: float
    quota_to_request: int  # with the margin
    growth: float  # relative; the planned load includes it
    weekday_peak: float  # the planned load includes it; the cost is that of a mean day
    budget: float | None  # dollars a month
    wanted_precision: float | None  # half the 95 % interval of a day's figures, relative
    sample_rate: float
    dollars_per_month: float  # at that rate
    p75_lcp_interval: float | None  # at that rate
    js_error_interval: float | None
    quota_at_sample_rate: int  # with the margin


class LoadCurves(Noun):
    """The curves of the page over time: mean requests a second in equal steps, and the highest second of each."""

    step: float
    offered: tuple[float, ...]
    peak: tuple[float, ...]
    attempts: tuple[float, ...]
    accepted: tuple[float, ...]


class CapacityPlan(Noun, omit_defaults=True):
    """All figures of a plan."""

    scenario: str
    seed: int
    duration: float
    monitors: tuple[MonitorPlan, ...]
    load: PlannedLoad
    windows: tuple[PlanWindow, ...]
    whole: PlanWindow
    throttling: Throttling
    need: NeededQuota
    loss: tuple[LossPoint, ...]
    rates: tuple[RatePoint, ...]
    money: Cost
    what_if: tuple[SettingEffect, ...]
    generator: GeneratorNeed
    advice: Advice
    exact: bool
    seconds: float  # that planning took
    curves: LoadCurves | None = None  # not in the JSON
