"""A run's plots over time, one function each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from loadgen.charts import (
    Layer,
    Mark,
    Plot,
    Scale,
    Write,
    find_centres,
    find_stack_height,
    linear,
    logarithmic,
    time_ticks,
)
from loadgen.results import BinnedTimeline, Floats, RunData
from loadgen.units import (
    format_bytes,
    format_clock,
    format_count,
    format_milliseconds,
    format_percent,
    format_rate,
    format_short,
)


def requests_plot(reading: RunData) -> Plot:
    """Outcomes a second, stacked, with the batches that were due as a line."""
    lines = reading.timeline
    outcomes = [lines.rate(name).tolist() for name in ("accepted", "throttled", "failed")]
    offered = lines.rate("offered").tolist()
    requests = reading.summary.requests
    text = (
        f"{format_count(requests.accepted)} accepted, {format_count(requests.throttled)} throttled and "
        f"{format_count(requests.failed)} failed requests, and {format_count(requests.offered)} batches that were due, "
        f"in {reading.summary.seconds:g} seconds."
    )
    layers = [
        Layer("accepted", "accepted", outcomes[0], "stack"),
        Layer("throttled", "throttled (429)", outcomes[1], "stack"),
        Layer("failed", "failed", outcomes[2], "stack"),
        Layer("ink", "offered: batches due", offered),
    ]
    high = max(find_stack_height(*outcomes), max(offered, default=0.0))
    return over_time(reading, "requests", "Requests by outcome over time", text, linear(high), format_rate, layers, 300)


def latency_plot(reading: RunData) -> Plot:
    """Latency percentiles of each slice on a logarithmic axis."""
    p50, p95, p99, top = (latency_of(reading, share) for share in (0.5, 0.95, 0.99, 1.0))
    layers = [
        Layer("max", "max", top, "dots"),
        Layer("p99", "p99", p99),
        Layer("p99", "p99", p99, "band", foot=p95),
        Layer("p95", "p95", p95),
        Layer("p95", "p95", p95, "band", foot=p50),
        Layer("p50", "p50", p50),
    ]
    text = "Latency from the intended moment to the answer: median, 95th and 99th percentile and maximum of each slice."
    return over_time(reading, "latency", "Latency over time", text, spread_scale(p50, top), format_milliseconds, layers)


def lag_plot(reading: RunData) -> Plot:
    """The generator's own lateness."""
    requests = reading.requests
    p99 = requests.lag.each(0.99).tolist() if requests else reading.timeline.highest("lag_p99_ms").tolist()
    layers = [Layer("lag", "p99", p99)]
    if requests:
        p50, top = requests.lag.each(0.5).tolist(), requests.lag.each(1.0).tolist()
        layers = [Layer("max", "max", top, "dots"), Layer("lag", "p99", p99), Layer("lag2", "p50", p50)]
    every = [layer.values for layer in layers]
    text = (
        "Schedule lag from the intended to the actual send, by slice. It belongs to the generator, not to the target."
    )
    return over_time(reading, "lag", "Schedule lag over time", text, spread_scale(*every), format_milliseconds, layers)


def throttling_plot(reading: RunData) -> Plot:
    """What was accepted and what was asked for, beside the quota that explains the refusals."""
    lines, quota = reading.timeline, reading.summary.quota
    asked, accepted = lines.rate("sent").tolist(), lines.rate("accepted").tolist()
    layers = [
        Layer("throttled", "asked for (every attempt)", asked),
        Layer("accepted", "accepted", accepted),
    ]
    text = "Requests asked for and accepted a second."
    high = max([*asked, *accepted], default=0.0)
    if quota:
        layers += [Layer("ink", f"estimated quota {quota.rate:.4g}/s", [quota.rate], "rule", dashed=True)]
        text += f" The estimated quota is {quota.rate:g} a second, between {quota.low:g} and {quota.high:g}."
        high = max(high, quota.rate)
    return over_time(reading, "throttling", "Throttling against the quota", text, linear(high), format_rate, layers)


def visitors_plot(reading: RunData) -> Plot:
    """Sessions that were open."""
    active = reading.timeline.highest("sessions_active").tolist()
    text = f"Sessions active at a time; {format_count(reading.summary.sessions)} started in all."
    return over_time(
        reading,
        "sessions",
        "Sessions active",
        text,
        linear(most(active)),
        format_short,
        [Layer("neutral", "sessions active", active)],
        170,
    )


def cpu_plot(reading: RunData) -> Plot:
    """The generator's processor time, in per cent of one core."""
    cpu = (reading.timeline.highest("cpu_percent") / 100).tolist()
    text = f"CPU of {reading.summary.generator.workers} worker(s) together; 100 % is one core."
    return over_time(
        reading,
        "cpu",
        "Generator CPU",
        text,
        linear(max(most(cpu), 1.0)),
        format_percent,
        [Layer("neutral", "CPU, 100 % = one core", cpu)],
        170,
    )


def memory_plot(reading: RunData) -> Plot:
    """The generator's resident memory."""
    held = reading.timeline.highest("rss_bytes").tolist()
    top = linear(most(held) / 2**20)
    scale = Scale(0.0, top.high * 2**20, tuple(tick * 2**20 for tick in top.ticks))
    text = "Resident memory of all workers together."
    return over_time(
        reading,
        "memory",
        "Generator memory",
        text,
        scale,
        format_bytes,
        [Layer("neutral", "resident memory", held)],
        170,
    )


def over_time(
    reading: RunData, key: str, title: str, text: str, y: Scale, say: Write, layers: Sequence[Layer], height: int = 240
) -> Plot:
    """A plot whose x axis is the run, with its stages."""
    return along(reading.timeline, key, title, text, y, say, layers, stages_of(reading), height)


def along(
    lines: BinnedTimeline,
    key: str,
    title: str,
    text: str,
    y: Scale,
    say: Write,
    layers: Sequence[Layer],
    marks: Sequence[Mark] = (),
    height: int = 240,
) -> Plot:
    """A plot whose x axis is a timeline."""
    long = lines.size * lines.width
    return Plot(
        id=key,
        title=title,
        text=text,
        y=y,
        say=say,
        places=find_centres(lines.size),
        named=names_of(lines),
        x_ticks=[(tick / long, format_clock(tick)) for tick in time_ticks(long)],
        layers=layers,
        marks=marks,
        height=height,
    )


def names_of(lines: BinnedTimeline) -> list[str]:
    """What each slice is called in a read-out."""
    starts = [place * lines.width for place in range(lines.size)]
    if lines.width == 1:
        return [format_clock(start) for start in starts]
    return [f"{format_clock(start)} to {format_clock(start + lines.width)}" for start in starts]


def stages_of(reading: RunData) -> list[Mark]:
    """The arrivals' stages, when there is more than one, and what came after the end."""
    stages = reading.summary.stages
    long = reading.timeline.size * reading.timeline.width
    if not stages:
        return []
    marks = [Mark(stage.start / long, min(stage.end / long, 1), f"stage {stage.stage}") for stage in stages]
    end = stages[-1].end
    return [*marks, Mark(end / long, 1.0, "end")] if end < long - 1 else marks


def latency_of(reading: RunData, share: float) -> list[float]:
    """A percentile of each slice: from the records, or the slice's worst second when they are gone."""
    if reading.requests:
        return list(reading.requests.latency.each(share).tolist())
    name = "max" if share == 1.0 else f"p{share * 100:.0f}"
    return list(reading.timeline.highest(f"latency_{name}_ms").tolist())


def spread_scale(*series: Sequence[float]) -> Scale:
    """A logarithmic scale around all that is there, in milliseconds and not below a tenth."""
    values: Floats = np.array([value for each in series for value in each], dtype=np.float64)
    there = values[np.isfinite(values)]
    if not len(there):
        return logarithmic(1.0, 10.0)
    return logarithmic(max(float(there.min()), 0.1), max(float(there.max()), 0.2))


def most(values: Sequence[float]) -> float:
    """The highest of the values that are there."""
    there = [value for value in values if value == value]
    return max(there, default=0.0)
