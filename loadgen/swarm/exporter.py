"""The live figures of a run for Prometheus, and how requests and events are counted for those who watch a run.

Rule: the conductor's sums are read on request, and no counts are kept here. The port is on loopback.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, SummaryMetricFamily
from prometheus_client.registry import Collector

from loadgen.results import Aggregate, Histogram, Outcomes

OUTCOMES = ("accepted", "throttled", "failed")

Source = Callable[[], Aggregate | None]

CLOCKS = {
    "latency": "From the intended moment to the answer, since the run's zero",
    "service_time": "From the send to the answer, since the run's zero",
    "lag": "From the intended moment to the send, since the run's zero",
}


class Exporter(Collector):
    """A collector of Prometheus metrics from the sums of a run so far."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def collect(self) -> Iterator[Any]:
        """Yield counters of requests and events, and the clocks as summaries in seconds; nothing before the run."""
        measured = self._source()
        if measured is None:
            return
        outcomes = measured.metrics.outcomes
        for name, says, counts in (
            ("loadgen_requests", "PutRumEvents requests, every attempt", count_requests(outcomes)),
            ("loadgen_events", "Events", count_events(outcomes)),
        ):
            family = CounterMetricFamily(name, says, labels=["outcome"])
            for outcome, count in counts.items():
                family.add_metric([outcome], count)
            yield family
        yield count_by_monitor("requests", measured, count_requests)
        yield count_by_monitor("events", measured, count_events)
        yield CounterMetricFamily("loadgen_retries", "retries", value=outcomes.retried.requests)
        yield CounterMetricFamily("loadgen_given_up_batches", "given up batches", value=outcomes.given_up.requests)
        yield CounterMetricFamily("loadgen_wire_bytes", "wire bytes", value=outcomes.sent.wire_bytes)
        yield CounterMetricFamily("loadgen_offered_batches", "Batches that were due", value=outcomes.offered.requests)
        yield CounterMetricFamily("loadgen_preflights", "CORS preflights, no requests", value=measured.preflights.sent)
        yield GaugeMetricFamily("loadgen_sessions", "Sessions drawn so far", value=measured.tally.sessions)
        for name, says in CLOCKS.items():
            yield summarize_clock(f"loadgen_{name}_seconds", says, measured.metrics.clocks[name])


def count_requests(outcomes: Outcomes) -> dict[str, int]:
    """Count requests by outcome."""
    return {outcome: getattr(outcomes, outcome).requests for outcome in OUTCOMES}


def count_events(outcomes: Outcomes) -> dict[str, int]:
    """Count the events sent (each once, however often it was retried), accepted, and lost so far."""
    return {"sent": outcomes.tried.events, "accepted": outcomes.accepted.events, "lost": outcomes.given_up.events}


def count_by_monitor(unit: str, measured: Aggregate, count: Callable[[Outcomes], dict[str, int]]) -> Any:
    """Make a counter family with the values of each app monitor."""
    family = CounterMetricFamily(f"loadgen_monitor_{unit}", f"{unit} by app monitor", labels=["monitor", "outcome"])
    for name, metrics in zip(measured.names, measured.monitors, strict=True):
        for outcome, value in count(metrics.outcomes).items():
            family.add_metric([name, outcome], value)
    return family


def summarize_clock(name: str, says: str, histogram: Histogram) -> Any:
    """Make a summary family of a clock: count, sum and quantiles, in seconds."""
    family = SummaryMetricFamily(name, says, count_value=histogram.count, sum_value=histogram.total_us / 1e6)
    for q in (0.5, 0.95, 0.99):
        value = histogram.quantile_ms(q)
        family.add_sample(name, {"quantile": str(q)}, (value or 0.0) / 1000)
    return family


def serve_prometheus(port: int, source: Source) -> None:
    """Serve Prometheus' `/metrics` on a loopback port."""
    registry = CollectorRegistry()
    registry.register(Exporter(source))
    start_http_server(port, addr="127.0.0.1", registry=registry)
