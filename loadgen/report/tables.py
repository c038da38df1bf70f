"""Figures as tables: what a plot shows, for those who read numbers, and every name of summary.json."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from loadgen.charts import Markup, table
from loadgen.results import RunData, Summary
from loadgen.units import format_bytes, format_clock, format_count, format_milliseconds, format_share


def build_stage_table(summary: Summary) -> Markup:
    """A row a stage."""
    head = (
        "stage",
        "from",
        "to",
        "offered",
        "sent",
        "accepted",
        "throttled",
        "failed",
        "events lost",
        "bytes sent",
        "p50",
        "p99",
    )
    rows = [
        (
            f"stage {stage.stage}",
            format_clock(stage.start),
            format_clock(stage.end),
            format_count(stage.requests.offered),
            format_count(stage.requests.sent),
            format_share(stage.requests.accepted, stage.requests.sent),
            format_share(stage.requests.throttled, stage.requests.sent),
            format_share(stage.requests.failed, stage.requests.sent),
            format_share(stage.events.lost, stage.events.sent),
            format_count(stage.outcomes.sent.wire_bytes),
            format_milliseconds(stage.latency_ms.p50),
            format_milliseconds(stage.latency_ms.p99),
        )
        for stage in summary.stages
    ]
    return table(head, rows, "Stages, by the intended moments of their batches")


def build_clock_table(summary: Summary) -> Markup:
    """Quantiles of the four clocks."""
    named = (
        ("latency", summary.latency_ms),
        ("service time", summary.service_time_ms),
        ("schedule lag", summary.lag_ms),
        ("event to acceptance", summary.acceptance_ms),
    )
    rows = [
        (
            name,
            *(
                format_milliseconds(value)
                for value in (clock.p50, clock.p90, clock.p95, clock.p99, clock.max, clock.mean)
            ),
        )
        for name, clock in named
    ]
    return table(("", "p50", "p90", "p95", "p99", "max", "mean"), rows, "The clocks")


def build_timeline_table(reading: RunData) -> Markup:
    """The plots over time as numbers, a row a slice."""
    lines = reading.timeline
    names = ("offered", "sent", "accepted", "throttled", "failed", "retried", "accepted_events", "given_up_events")
    sums = [lines.summed(name).tolist() for name in names]
    quantiles = [lines.highest(f"{name}_ms").tolist() for name in ("latency_p50", "latency_p99", "lag_p99")]
    cpu, held = lines.highest("cpu_percent").tolist(), lines.highest("rss_bytes").tolist()
    rows = [
        (
            format_clock(place * lines.width),
            *(format_count(values[place]) for values in sums),
            *(format_milliseconds(values[place]) for values in quantiles),
            f"{cpu[place]:.0f}%" if cpu[place] == cpu[place] else "–",
            format_bytes(held[place]),
        )
        for place in range(lines.size)
    ]
    head = ("from", *(name.replace("_", " ") for name in names), "p50", "p99", "lag p99", "CPU", "memory")
    note = "" if lines.width == 1 else f", {lines.width} s a row; percentiles are those of a row's worst second"
    return table(head, rows, f"The run over time{note}")


def list_every_figure(summary: Summary) -> Markup:
    """All of summary.json, under its own names."""
    rows = list(flatten("", msgspec.to_builtins(summary)))
    return table(("name in summary.json", "value"), rows, "Every figure", "every")


def flatten(name: str, value: object) -> Iterator[tuple[str, str]]:
    """Leaves with their paths, such as requests.sent."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from flatten(f"{name}.{key}" if name else str(key), inner)
    elif isinstance(value, (list, tuple)) and value:
        for place, inner in enumerate(value):
            yield from flatten(f"{name}[{place}]", inner)
    else:
        yield name, format_leaf(value)


def format_leaf(value: object) -> str:
    """A leaf as JSON says it, texts without their quotes."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
