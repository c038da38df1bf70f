"""The live figures of a run for other tools: Prometheus, and a tab of Locust's web UI.

Rule: both read the conductor's sums on request and keep no counts of their own. Both listen on loopback.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, SummaryMetricFamily
from prometheus_client.registry import Collector

from loadgen.results import Aggregate, Histogram, Outcomes

OUTCOMES = ("accepted", "throttled", "failed")
COUNTED = ("sent", *OUTCOMES, "retried", "given_up")
TAB = "rum"

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
    return {
        "sent": outcomes.tried.events,
        "accepted": outcomes.accepted.events,
        "lost": outcomes.given_up.events,
    }


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


def extend_web_ui(ui: Any, source: Source) -> None:
    """Add a tab with our figures to Locust's web UI."""
    ui.template_args["extended_tabs"] = [{"title": "CloudWatch RUM", "key": TAB}]
    columns = [{"key": "figure", "title": "Figure"}, {"key": "value", "title": "Value"}]
    ui.template_args["extended_tables"] = [{"key": TAB, "structure": columns}]

    def add_figures(response: Any) -> Any:
        from flask import request

        if request.path == "/stats/requests" and (measured := source()) is not None:
            stats = json.loads(response.get_data(as_text=True))
            stats["extended_stats"] = [{"key": TAB, "data": list_figures(measured)}]
            response.set_data(json.dumps(stats))
        return response

    ui.app.after_request(add_figures)


def list_figures(measured: Aggregate) -> list[dict[str, str]]:
    """List the figures of the run so far for Locust's table, one row a figure."""
    outcomes, tally = measured.metrics.outcomes, measured.tally
    rows: dict[str, float | None] = {
        "requests offered": outcomes.offered.requests,
        **{f"requests {name}".replace("_", " "): getattr(outcomes, name).requests for name in COUNTED},
        "events generated": tally.generated,
        "events not sampled": tally.not_sampled,
        "events over session limit": tally.over_session_limit,
        "events dropped by client": tally.dropped_by_client,
        **{f"events {name}": count for name, count in count_events(outcomes).items()},
    }
    for name in CLOCKS:
        clock = measured.metrics.clocks[name]
        rows |= {f"{name.replace('_', ' ')} p{q * 100:g} ms": clock.quantile_ms(q) for q in (0.5, 0.95, 0.99)}
    for monitor, metrics in zip(measured.names, measured.monitors, strict=True):
        if len(measured.names) > 1:
            counts = {name: getattr(metrics.outcomes, name).requests for name in ("sent", *OUTCOMES)}
            rows |= {f"{monitor}: requests {name}": count for name, count in counts.items()}
            rows[f"{monitor}: events lost"] = metrics.outcomes.given_up.events
    return [{"figure": name, "value": "–" if value is None else f"{value:,.6g}"} for name, value in rows.items()]
