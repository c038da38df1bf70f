"""One second of `timeline.csv`, and of an app monitor in `monitors.csv`.

Rule: names are stable, and new ones come at the end; results/README.md explains each.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from loadgen.model import Noun
from loadgen.results.meter import EventCounts
from loadgen.results.metrics import Metrics

PLACES = ("second", "monitor")


class TimelineRow(Noun):
    """One second of `timeline.csv`."""

    second: int
    sessions_started: int
    sessions_active: int
    in_flight: int
    offered: int
    sent: int
    accepted: int
    throttled: int
    failed: int
    retried: int
    recovered: int
    given_up: int
    events_sent: int
    events_accepted: int
    events_lost: int
    wire_bytes: int
    raw_bytes: int
    latency_p50_ms: float | None
    latency_p95_ms: float | None
    latency_p99_ms: float | None
    latency_max_ms: float | None
    service_time_p50_ms: float | None
    service_time_p99_ms: float | None
    lag_p99_ms: float | None
    cpu_percent: float
    rss_bytes: int
    sessions: int  # this and the following: since the run's zero
    generated: int
    not_sampled: int
    over_session_limit: int
    dropped_by_client: int
    switched_off: int
    offered_events: int | None = None  # this and the following: every attempt counts; None in folders of before
    offered_wire_bytes: int | None = None
    offered_raw_bytes: int | None = None
    sent_events: int | None = None
    sent_wire_bytes: int | None = None
    sent_raw_bytes: int | None = None
    accepted_events: int | None = None
    accepted_wire_bytes: int | None = None
    accepted_raw_bytes: int | None = None
    throttled_events: int | None = None
    throttled_wire_bytes: int | None = None
    throttled_raw_bytes: int | None = None
    failed_events: int | None = None
    failed_wire_bytes: int | None = None
    failed_raw_bytes: int | None = None
    retried_events: int | None = None
    retried_wire_bytes: int | None = None
    retried_raw_bytes: int | None = None
    recovered_events: int | None = None
    recovered_wire_bytes: int | None = None
    recovered_raw_bytes: int | None = None
    given_up_events: int | None = None
    given_up_wire_bytes: int | None = None
    given_up_raw_bytes: int | None = None


def timeline_row(second: int, figures: Metrics, gauges: dict[str, float], tally: EventCounts) -> TimelineRow:
    """The row of a second that all workers have reported; the tally is since the run's zero."""
    counted = {name: figures.counts[name] for name in TimelineRow.__struct_fields__ if name in figures.counts}
    named = dict.fromkeys(TimelineRow.__struct_fields__, 0) | gauges | counted
    totals = {name: count for name, count in msgspec.structs.asdict(tally).items() if name in named}
    quantiles = {
        "latency_p50_ms": figures.latency.quantile_ms(0.5),
        "latency_p95_ms": figures.latency.quantile_ms(0.95),
        "latency_p99_ms": figures.latency.quantile_ms(0.99),
        "latency_max_ms": figures.latency.quantile_ms(1.0),
        "service_time_p50_ms": figures.service_time.quantile_ms(0.5),
        "service_time_p99_ms": figures.service_time.quantile_ms(0.99),
        "lag_p99_ms": figures.lag.quantile_ms(0.99),
    }
    return msgspec.convert(named | totals | quantiles | {"second": second}, TimelineRow)


class MonitorRow(Noun):
    """One second of one app monitor in `monitors.csv`."""

    second: int
    monitor: str
    offered: int
    sent: int
    accepted: int
    throttled: int
    failed: int
    retried: int
    recovered: int
    given_up: int
    events_sent: int
    events_accepted: int
    events_lost: int
    sessions: int  # this and the following to switched_off: since the run's zero
    generated: int
    not_sampled: int
    over_session_limit: int
    dropped_by_client: int
    switched_off: int
    offered_events: int
    offered_wire_bytes: int
    offered_raw_bytes: int
    sent_events: int  # this and the following: every attempt counts
    sent_wire_bytes: int
    sent_raw_bytes: int
    accepted_wire_bytes: int
    accepted_raw_bytes: int


def monitor_row(second: int, monitor: str, counts: Mapping[str, int], tally: EventCounts) -> MonitorRow:
    """The row of an app monitor's second that all workers have reported; the tally is since the run's zero."""
    known = dict.fromkeys(MonitorRow.__struct_fields__, 0) | dict(counts) | msgspec.structs.asdict(tally)
    return MonitorRow(
        second, monitor, **{name: known[name] for name in MonitorRow.__struct_fields__ if name not in PLACES}
    )
