"""The plots of a run over time, one function each."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, log10
from typing import Literal

import numpy as np

from loadgen.charts import (
    COLOURS,
    Axis,
    Layer,
    Mark,
    Plot,
    Scale,
    find_highest,
    find_stack_height,
    label_times,
    make_linear_scale,
    make_log_scale,
    pick_colour,
)
from loadgen.model import Noun
from loadgen.results import BinnedTimeline, BinnedTimes, Floats, RunData
from loadgen.scenario import Incident
from loadgen.units import (
    format_bytes,
    format_clock,
    format_count,
    format_milliseconds,
    format_percent,
    format_rate,
    format_share,
    format_short,
)


def plot_requests(run: RunData) -> Plot:
    """Plot requests per second by outcome, stacked, with the offered batches as a line."""
    lines = run.timeline
    outcomes = [lines.compute_rate(name).tolist() for name in ("accepted", "throttled", "failed")]
    offered = lines.compute_rate("offered").tolist()
    requests = run.summary.requests
    text = (
        f"{format_count(requests.accepted)} accepted, {format_count(requests.throttled)} throttled and "
        f"{format_count(requests.failed)} failed requests, and {format_count(requests.offered)} batches that were due, "
        f"in {run.summary.seconds:g} seconds."
    )
    layers = [
        Layer("accepted", "accepted", outcomes[0], "stack"),
        Layer("throttled", "throttled (429)", outcomes[1], "stack"),
        Layer("failed", "failed", outcomes[2], "stack"),
        Layer("ink", "offered: batches due", offered),
    ]
    high = max(find_stack_height(*outcomes), max(offered, default=0.0))
    title = "Requests by outcome over time"
    return Plot("requests", title, text, build_run_axis(run), make_linear_scale(high), format_rate, layers, 300)


def plot_latency(run: RunData) -> Plot:
    """Plot latency percentiles of each bin on a logarithmic axis."""
    p50, p95, p99, top = (read_quantiles(run, "latency", share) for share in (0.5, 0.95, 0.99, 1.0))
    layers = [
        Layer("max", "max", top, "dots"),
        Layer("p99", "p99", p99),
        Layer("p99", "p99", p99, "band", foot=p95),
        Layer("p95", "p95", p95),
        Layer("p95", "p95", p95, "band", foot=p50),
        Layer("p50", "p50", p50),
    ]
    text = "Latency from the intended moment to the answer: median, 95th and 99th percentile and maximum of each step."
    scale = choose_spread_scale(p50, top)
    return Plot("latency", "Latency over time", text, build_run_axis(run), scale, format_milliseconds, layers)


def plot_lag(run: RunData) -> Plot:
    """Plot the generator's own schedule lag."""
    layers = [Layer("lag", "p99", read_quantiles(run, "lag", 0.99))]
    if run.requests:
        p50, top = (read_quantiles(run, "lag", share) for share in (0.5, 1.0))
        layers = [Layer("max", "max", top, "dots"), *layers, Layer("lag2", "p50", p50)]
    scale = choose_spread_scale(*(layer.values for layer in layers))
    text = "Schedule lag from the intended to the actual send, by step. It belongs to the generator, not to the target."
    return Plot("lag", "Schedule lag over time", text, build_run_axis(run), scale, format_milliseconds, layers)


def plot_throttling(run: RunData) -> Plot:
    """Plot requests sent and requests accepted, with the estimated quota."""
    lines, quota = run.timeline, run.summary.quota
    asked, accepted = lines.compute_rate("sent").tolist(), lines.compute_rate("accepted").tolist()
    layers = [Layer("throttled", "asked for (every attempt)", asked), Layer("accepted", "accepted", accepted)]
    text = "Requests asked for and accepted a second."
    high = max([*asked, *accepted], default=0.0)
    if quota:
        layers += [Layer("ink", f"estimated quota {quota.rate:.4g}/s", [quota.rate], "rule", dashed=True)]
        text += f" The estimated quota is {quota.rate:g} a second, between {quota.low:g} and {quota.high:g}."
        high = max(high, quota.rate)
    title = "Throttling against the quota"
    return Plot("throttling", title, text, build_run_axis(run), make_linear_scale(high), format_rate, layers)


def plot_visitors(run: RunData) -> Plot:
    """Plot the sessions that were active."""
    active = run.timeline.find_maxima("sessions_active").tolist()
    layers = [Layer("neutral", "sessions active", active)]
    text = f"Sessions active at a time; {format_count(run.summary.sessions)} started in all."
    scale = make_linear_scale(find_highest(active))
    return Plot("sessions", "Sessions active", text, build_run_axis(run), scale, format_short, layers, 170)


def plot_cpu(run: RunData) -> Plot:
    """Plot the generator's processor time, in per cent of one core."""
    cpu = (run.timeline.find_maxima("cpu_percent") / 100).tolist()
    layers = [Layer("neutral", "CPU, 100 % = one core", cpu)]
    text = f"CPU of {run.summary.generator.workers} worker(s) together; 100 % is one core."
    scale = make_linear_scale(max(find_highest(cpu), 1.0))
    return Plot("cpu", "Generator CPU", text, build_run_axis(run), scale, format_percent, layers, 170)


def plot_memory(run: RunData) -> Plot:
    """Plot the generator's resident memory."""
    held = run.timeline.find_maxima("rss_bytes").tolist()
    top = make_linear_scale(find_highest(held) / 2**20)
    scale = Scale(0.0, top.high * 2**20, tuple(tick * 2**20 for tick in top.ticks))
    layers = [Layer("neutral", "resident memory", held)]
    text = "Resident memory of all workers together."
    return Plot("memory", "Generator memory", text, build_run_axis(run), scale, format_bytes, layers, 170)


def plot_monitors(run: RunData) -> Plot:
    """Plot requests per second by app monitor, stacked, with the estimated quota."""
    rates = {name: lines.compute_rate("sent").tolist() for name, lines in run.monitors.items()}
    layers = [Layer(pick_colour(place), name, values, "stack") for place, (name, values) in enumerate(rates.items())]
    high, quota = find_stack_height(*rates.values()), run.summary.quota
    if quota:
        layers.append(Layer("ink", f"estimated quota {quota.rate:.4g}/s", [quota.rate], "rule", dashed=True))
        high = max(high, quota.rate)
    told = ", ".join(f"{each.name} {format_count(each.requests.sent)}" for each in run.summary.monitors)
    text = f"Requests sent a second by app monitor; in all: {told}."
    title = "Requests by app monitor over time"
    return Plot("monitors", title, text, build_run_axis(run), make_linear_scale(high), format_rate, layers)


def plot_monitors_throttled(run: RunData) -> Plot:
    """Plot the throttled share of each app monitor's requests."""
    layers = [
        Layer(pick_colour(place), name, compute_throttled_share(lines).tolist(), dashed=place >= COLOURS)
        for place, (name, lines) in enumerate(run.monitors.items())
    ]
    told = ", ".join(
        f"{each.name} {format_share(each.requests.throttled, each.requests.sent)}" for each in run.summary.monitors
    )
    text = f"Throttled share of the requests of each app monitor; over the whole run: {told}."
    title = "Throttled share by app monitor over time"
    return Plot("monitors-throttled", title, text, build_run_axis(run), make_linear_scale(1.0), format_percent, layers)


def compute_throttled_share(lines: BinnedTimeline) -> Floats:
    """Return the throttled share of the requests of each bin, shape (n,); NaN where nothing was sent."""
    sent, throttled = lines.sum_bins("sent"), lines.sum_bins("throttled")
    shares: Floats = np.divide(throttled, sent, out=np.full(len(sent), np.nan), where=sent > 0)
    return shares


def build_run_axis(run: RunData) -> Axis:
    """Build the time axis of a run, with its stages and incidents."""
    return build_time_axis(run.timeline, mark_stages(run), mark_incidents(run))


def build_time_axis(lines: BinnedTimeline, marks: Sequence[Mark] = (), spans: Sequence[Mark] = ()) -> Axis:
    """Build an axis of a timeline's bins."""
    return Axis.of_columns(name_bins(lines), label_times(lines.size * lines.width), marks, spans)


def name_bins(lines: BinnedTimeline) -> list[str]:
    """Return the name of each bin in read-outs."""
    starts = [place * lines.width for place in range(lines.size)]
    if lines.width == 1:
        return [format_clock(start) for start in starts]
    return [f"{format_clock(start)} to {format_clock(start + lines.width)}" for start in starts]


def mark_stages(run: RunData) -> list[Mark]:
    """Return marks of the arrivals' stages, and of the time after the end."""
    stages = run.summary.stages
    long = run.timeline.size * run.timeline.width
    if not stages:
        return []
    marks = [Mark(stage.start / long, min(stage.end / long, 1), f"stage {stage.stage}") for stage in stages]
    end = stages[-1].end
    return [*marks, Mark(end / long, 1.0, "end")] if end < long - 1 else marks


class IncidentSpan(Noun):
    """An incident with its start and end in seconds from the run's zero."""

    incident: Incident
    start: float
    end: float


def find_incidents(run: RunData) -> list[IncidentSpan]:
    """Find the incidents that the run reached, in the order of their starts; none for a run as fast as possible."""
    spec = run.spec
    if spec is None or not spec.scenario_text or spec.factor == inf:
        return []
    spans = [
        IncidentSpan(each, each.at / spec.factor, each.end / spec.factor)
        for each in sorted(run.folder.read_scenario().incidents, key=lambda each: each.at)
    ]
    return [each for each in spans if each.start < run.timeline.seconds]


def mark_incidents(run: RunData) -> list[Mark]:
    """Return marks of the incidents on the x axis."""
    long = run.timeline.size * run.timeline.width
    return [Mark(each.start / long, min(each.end / long, 1.0), each.incident.name) for each in find_incidents(run)]


def read_quantiles(run: RunData, clock: Literal["latency", "lag"], share: float) -> list[float]:
    """Return a clock's quantile of each bin in ms, from the records; without records, that of its worst second."""
    if run.requests:
        times: BinnedTimes = getattr(run.requests, clock)
        return list(times.compute_bin_quantiles(share).tolist())
    name = "max" if share == 1.0 else f"p{share * 100:.0f}"
    return list(run.timeline.find_maxima(f"{clock}_{name}_ms").tolist())


def choose_spread_scale(*series: Sequence[float]) -> Scale:
    """Choose a logarithmic scale around all values in milliseconds, from at least 0.1 ms."""
    values: Floats = np.array([value for each in series for value in each], dtype=np.float64)
    there = values[np.isfinite(values)]
    if not len(there):
        return make_log_scale(1.0, 10.0)
    return make_log_scale(max(float(there.min()), 0.1), max(float(there.max()), 0.2))


POINTS = 160


def plot_curve(key: str, title: str, text: str, lines: Sequence[tuple[str, str, BinnedTimes, bool]]) -> Plot:
    """Plot clocks over the share of faster requests; each of `lines` is (colour, label, clock, dashed)."""
    nines = max(log10(max(2 * clock.counts.sum(), 20)) for _, _, clock, _ in lines)
    shares = [1 - 10 ** (-nines * point / POINTS) for point in range(POINTS + 1)]
    layers = [
        Layer(colour, label, sample_curve(clock, shares), dashed=dashed) for colour, label, clock, dashed in lines
    ]
    places = [point / POINTS for point in range(POINTS + 1)]
    axis = Axis(places, [f"{format_quantile(share)} of requests" for share in shares], place_quantiles(nines))
    scale = choose_spread_scale(*(layer.values for layer in layers))
    return Plot(key, title, text, axis, scale, format_milliseconds, layers)


def sample_curve(clock: BinnedTimes, shares: Sequence[float]) -> list[float]:
    """Return a clock's value in milliseconds at each share; NaN beyond the slowest request, half a request from 1."""
    total = clock.counts.sum()
    values = clock.compute_run_quantiles(tuple(shares))
    known = np.array([(1 - share) * total >= 0.5 - 1e-6 for share in shares])
    return [float(value) for value in np.where(known, values, np.nan)]


def place_quantiles(nines: float) -> list[tuple[float, str]]:
    """Return ticks at 50%, 90%, 99% and so on, as far as there are requests."""
    shares = [0.5, *(1 - 10.0**-power for power in range(1, 9))]
    places = [-log10(1 - share) / nines for share in shares]
    return [(place, format_quantile(share)) for place, share in zip(places, shares, strict=True) if place <= 1.001]


def format_quantile(share: float) -> str:
    """Format a share with as many digits as distinguish it from 100%."""
    digits = max(int(-log10(max(1 - share, 1e-9)) + 1e-6) - 2, 0)
    return f"{share * 100:.{digits}f}%"
