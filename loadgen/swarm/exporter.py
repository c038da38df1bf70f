"""The live figures for who watches with other tools: Prometheus, and a tab of Locust's own web UI.

Rule: both read the conductor's sums when they are asked; nothing is counted twice. Both listen on loopback.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, SummaryMetricFamily
from prometheus_client.registry import Collector

from loadgen.results import Aggregate
from loadgen.results.histogram import Histogram

if TYPE_CHECKING:  # importing Locust patches the process
    from locust.env import Environment

OUTCOMES = ("accepted", "throttled", "failed")
TAB = "rum"

Source = Callable[[], Aggregate | None]

CLOCKS = {
    "latency": "From the intended moment to the answer, since the run's zero",
    "service_time": "From the send to the answer, since the run's zero",
    "lag": "From the intended moment to the send, since the run's zero",
}


class Exporter(Collector):
    """The run so far in Prometheus' terms."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def collect(self) -> Iterator[Any]:
        """Counters of requests and events, and the clocks as summaries in seconds."""
        measured = self._source()
        if measured is None:
            return
        counts = measured.figures.counts
        requests = CounterMetricFamily("loadgen_requests", "PutRumEvents requests, every attempt", labels=["outcome"])
        for outcome in OUTCOMES:
            requests.add_metric([outcome], counts[outcome])
        yield requests
        events = CounterMetricFamily("loadgen_events", "Events", labels=["outcome"])
        for outcome in ("sent", "accepted", "lost"):
            events.add_metric([outcome], counts[f"events_{outcome}"])
        yield events
        yield by_monitor("requests", measured, {outcome: outcome for outcome in OUTCOMES})
        yield by_monitor("events", measured, {name: f"events_{name}" for name in ("sent", "accepted", "lost")})
        for name, key in (("retries", "retried"), ("given_up_batches", "given_up"), ("wire_bytes", "wire_bytes")):
            yield CounterMetricFamily(f"loadgen_{name}", name.replace("_", " "), value=counts[key])
        yield CounterMetricFamily("loadgen_offered_batches", "Batches that were due", value=measured.offered.requests)
        yield GaugeMetricFamily("loadgen_sessions", "Sessions drawn so far", value=measured.tally.sessions)
        for name, histogram in zip(CLOCKS, measured.figures.clocks, strict=False):
            yield summary(f"loadgen_{name}_seconds", CLOCKS[name], histogram)


def by_monitor(unit: str, measured: Aggregate, counts: dict[str, str]) -> Any:
    """Counters of each app monitor; `counts` are the outcomes and the names of their counts."""
    family = CounterMetricFamily(f"loadgen_monitor_{unit}", f"{unit} by app monitor", labels=["monitor", "outcome"])
    for name, figures in zip(measured.names, measured.monitors, strict=True):
        for outcome, count in counts.items():
            family.add_metric([name, outcome], figures.counts[count])
    return family


def summary(name: str, says: str, histogram: Histogram) -> Any:
    """A clock's count and sum; its quantiles come as gauges of the same family."""
    family = SummaryMetricFamily(name, says, count_value=histogram.count, sum_value=histogram.total_us / 1e6)
    for q in (0.5, 0.95, 0.99):
        value = histogram.quantile_ms(q)
        family.add_sample(name, {"quantile": str(q)}, (value or 0.0) / 1000)
    return family


def serve_prometheus(port: int, source: Source) -> None:
    """Serve `/metrics` on loopback."""
    registry = CollectorRegistry()
    registry.register(Exporter(source))
    start_http_server(port, addr="127.0.0.1", registry=registry)


def extend_web_ui(environment: Environment, source: Source) -> None:
    """Add a tab with our figures to Locust's web UI."""
    ui = environment.web_ui
    if ui is None or ui.app is None:
        return
    ui.template_args["extended_tabs"] = [{"title": "CloudWatch RUM", "key": TAB}]
    columns = [{"key": "figure", "title": "Figure"}, {"key": "value", "title": "Value"}]
    ui.template_args["extended_tables"] = [{"key": TAB, "structure": columns}]

    def add_figures(response: Any) -> Any:
        from flask import request

        if request.path == "/stats/requests" and (measured := source()) is not None:
            stats = json.loads(response.get_data(as_text=True))
            stats["extended_stats"] = [{"key": TAB, "data": figures(measured)}]
            response.set_data(json.dumps(stats))
        return response

    ui.app.after_request(add_figures)


def figures(measured: Aggregate) -> list[dict[str, str]]:
    """The run so far, a row a figure."""
    counts, tally = measured.figures.counts, measured.tally
    rows: dict[str, float | None] = {
        "requests offered": measured.offered.requests,
        **{f"requests {name}".replace("_", " "): counts[name] for name in ("sent", *OUTCOMES, "retried", "given_up")},
        "events generated": tally.generated,
        "events not sampled": tally.not_sampled,
        "events over session limit": tally.over_session_limit,
        "events dropped by client": tally.dropped_by_client,
        **{f"events {name}": counts[f"events_{name}"] for name in ("sent", "accepted", "lost")},
    }
    for name, histogram in zip(("latency", "service time", "lag"), measured.figures.clocks, strict=False):
        rows |= {f"{name} p{q * 100:g} ms": histogram.quantile_ms(q) for q in (0.5, 0.95, 0.99)}
    for monitor, its in zip(measured.names, measured.monitors, strict=True):
        if len(measured.names) > 1:
            rows |= {f"{monitor}: requests {name}": its.counts[name] for name in ("sent", *OUTCOMES)}
            rows[f"{monitor}: events lost"] = its.counts["events_lost"]
    return [{"figure": name, "value": "–" if value is None else f"{value:,.6g}"} for name, value in rows.items()]
