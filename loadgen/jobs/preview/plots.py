"""The plots of a sample of traffic, made with the charts of a run's report."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import inf, nan

import numpy as np

from loadgen.charts import (
    Axis,
    Layer,
    Mark,
    Markup,
    Plot,
    Scale,
    el,
    join,
    label_columns,
    label_times,
    make_linear_scale,
    make_log_scale,
)
from loadgen.jobs.preview.traffic_sample import DEVICES, TrafficSample, VisitTimeline
from loadgen.rum.events import VITAL_BOUNDS, VITALS
from loadgen.units import format_clock, format_digits, format_milliseconds, format_percent, format_rate

COLOURS = {"desktop": "run0", "mobile": "run1"}
BINS = 120
DEEPEST = 20
BATCH_CLASSES = (1, 2, 3, 5, 8, 12, 17, 23, 30, 40, 55, 75, 100)
"""Upper ends of the classes of batch sizes; the client's own limit is the last."""

BOUNDS = {name: VITAL_BOUNDS[kind] for kind, (name, _) in VITALS.items()}
"""By the abbreviation of a vital: good up to, poor above."""

VITAL_TYPES = (
    "performance_navigation_event", "first_contentful_paint_event", "largest_contentful_paint_event",
    "cumulative_layout_shift_event", "interaction_to_next_paint_event", "first_input_delay_event",
)  # fmt: skip
KINDS = (
    ("load and vitals", "service", VITAL_TYPES),
    ("http and trace", "throttled", ("http_event", "xray_trace_event")),
    ("click", "p95", ("dom_event",)),
    ("page view", "sent", ("page_view_event",)),
    ("error", "failed", ("js_error_event",)),
)
"""Kinds of events on the lines of visits: label, colour, types. A later kind is drawn over an earlier one."""

FINE_EDGES, COARSE_EDGES, FINE_FROM = 41, 21, 2000
"""Numbers of class edges for think times; the fine ones are used if each device has at least FINE_FROM values."""


def plot_arrivals(sample: TrafficSample) -> Markup:
    """Plot the visits that begin per second over time, and their mean rate."""
    duration = sample.scenario.duration
    bins = int(min(BINS, max(duration, 1)))
    counts = np.histogram(sample.starts, bins=bins, range=(0, duration))[0] / (duration / bins)
    at = [(place + 0.5) / bins * duration for place in range(bins)]
    mean = np.interp(at, sample.rate.times, sample.rate.rates)
    layers = [
        Layer("retried", "visits that begin", counts.tolist(), "stack"),
        Layer("ink", "mean rate", mean.tolist(), dashed=True),
    ]
    axis = Axis.of_columns([format_clock(each) for each in at], label_times(duration), mark_incidents(sample))
    scale = make_linear_scale(max(float(counts.max(initial=0)), float(mean.max(initial=0))))
    text = "Visits that begin, a second."
    return Plot("arrivals", "Arrivals over time", text, axis, scale, format_rate, layers).render()


def mark_incidents(sample: TrafficSample) -> list[Mark]:
    """Return a mark where incidents begin; incidents that begin together share one, and each extends to the next."""
    duration = sample.scenario.duration
    names: dict[float, list[str]] = {}
    for incident in sorted(sample.scenario.incidents, key=lambda each: each.at):
        if incident.at < duration:
            names.setdefault(incident.at / duration, []).append(incident.name)
    return [Mark(start, end, ", ".join(names[start])) for start, end in pairwise((*names, 1.0))]


def plot_depths(sample: TrafficSample) -> Markup:
    """Plot the number of page views of a visit."""
    total = max(sample.visits, 1)
    last = sum(number for depth, number in sample.depths.items() if depth >= DEEPEST)
    shares = [sample.depths[depth] / total for depth in range(1, DEEPEST)] + [last / total]
    labels = [*map(str, range(1, DEEPEST)), f"{DEEPEST}+"]
    return plot_columns(
        "depths", "Session depth", labels, [Layer("accepted", "visits", shares, "stack")], "pages", every=3
    ).render()


def plot_columns(key: str, title: str, labels: Sequence[str], layers: list[Layer], unit: str, every: int = 1) -> Plot:
    """Make a plot of shares by class, with one column for each class."""
    top = max(sum(column) for column in zip(*(layer.values for layer in layers), strict=True))
    axis = Axis.of_columns([f"{label} {unit}" for label in labels], label_columns(labels, every))
    return Plot(key, title, f"Shares by {unit}.", axis, make_linear_scale(top), format_percent, layers)


def plot_think_times(sample: TrafficSample) -> Markup:
    """Plot the time from one page view to the next, by device."""
    values = {device: np.array(sample.think_times[device]) for device in DEVICES}
    whole = np.concatenate(list(values.values()))
    if not len(whole):
        return Markup('<p class="none">No visit sees a second page.</p>')
    fine = min(len(found) for found in values.values()) >= FINE_FROM
    edges = np.geomspace(0.5, 1000, FINE_EDGES if fine else COARSE_EDGES)
    layers = []
    for device, found in values.items():
        counts = np.histogram(np.clip(found, 0.5, 999), bins=edges)[0]
        layers.append(Layer(COLOURS[device], device, (counts / max(len(found), 1)).tolist(), "line"))
    classes = [f"{low:.2g} to {high:.2g} s" for low, high in pairwise(edges.tolist())]
    span = np.log(edges[-1] / edges[0])
    ticks = [(float(np.log(spot / edges[0]) / span), f"{spot} s") for spot in (1, 3, 10, 30, 100, 300)]
    scale = make_linear_scale(max(max(layer.values) for layer in layers))
    text = "Seconds from one page view to the next, on a logarithmic axis."
    return Plot("think", "Think times", text, Axis.of_columns(classes, ticks), scale, format_percent, layers).render()


def plot_vital(sample: TrafficSample, name: str) -> Markup:
    """Plot a vital's quantiles, by device: each value over the share of page loads with less."""
    shares = np.linspace(0, 1, 101)
    places = shares.tolist()
    layers, seen = [], []
    for device in DEVICES:
        values = np.array(sample.vitals[name, device])
        if len(values):
            curve = np.quantile(values, np.clip(shares, 0.005, 0.995))
            seen += curve.tolist()
            layers.append(Layer(COLOURS[device], device, curve.tolist()))
    if not layers:
        return Markup('<p class="none">Nothing was measured.</p>')
    good, poor = BOUNDS[name]
    say = format_digits if name == "CLS" else format_milliseconds
    for colour, word, bound in (("service", "good", good), ("failed", "poor", poor)):
        layers.append(Layer(colour, f"{word}: {say(bound)}", [bound] * 101, "rule", dashed=True))
    floor = 0.001 if name == "CLS" else max(min(seen), 1.0)
    ticks = [(share / 100, f"{share} %") for share in (0, 25, 50, 75, 100)]
    axis = Axis(places, [f"{share:.0%} of loads" for share in places], ticks)
    scale, text = make_log_scale(floor, max(*seen, poor)), f"{name} over the share of page loads with less."
    return Plot(f"vital-{name.lower()}", name, text, axis, scale, say, layers, 190).render()


def plot_batch_sizes(sample: TrafficSample) -> Markup:
    """Plot the number of events in a request, by fetch or beacon."""
    total = max(sample.batches.total(), 1)
    classes = list(zip((0, *BATCH_CLASSES), BATCH_CLASSES, strict=False))
    labels = [str(high) if high - low == 1 else f"{low + 1}–{high}" for low, high in classes]
    layers = []
    for colour, name, beacon in (("accepted", "by timer (fetch)", False), ("throttled", "at page hide (beacon)", True)):
        values = []
        for low, high in zip((0, *BATCH_CLASSES), (*BATCH_CLASSES[:-1], inf), strict=False):
            some = (number for (size, way), number in sample.batches.items() if way == beacon and low < size <= high)
            values.append(sum(some) / total)
        layers.append(Layer(colour, name, values, "stack"))
    return plot_columns("batches", "Batch sizes", labels, layers, "events", every=2).render()


def plot_visits(sample: TrafficSample) -> Markup:
    """Plot a few visits: each as a line, its events as dots on the line, its requests as dots below it."""
    some = sample.visit_timelines
    end = max((timeline.end for timeline in some), default=1.0) * 1.02
    spots: list[tuple[float, str, str, float]] = []  # time, layer, text, height
    for number, timeline in enumerate(some):
        spots += _list_spots(timeline, len(some) - number)
    spots.sort()
    places = [at / end for at, *_ in spots]
    named = [f"{format_clock(at)} {what}" for at, _, what, _ in spots]

    def layer(colour: str, label: str) -> Layer:
        return Layer(colour, label, [height if which == label else nan for _, which, _, height in spots], "dots")

    loads = [_make_visit_line(timeline, len(some) - number, places, end) for number, timeline in enumerate(some)]
    kinds = [layer(colour, label) for label, colour, _ in KINDS]
    sent = [layer("accepted", "sent by timer"), layer("ink", "sent by beacon")]
    widened = el("style", Markup("#timelines .frame { grid-template-columns: 13rem minmax(0, 1fr); }"))
    labels = {float(len(some) - number): timeline.label for number, timeline in enumerate(some)}
    drawn = Plot(
        id="timelines",
        title="Some visits",
        text="Visits as lines, events as dots on them, requests below them.",
        x=Axis(places, named, label_times(end)),
        y=Scale(0.4, len(some) + 0.6, tuple(labels)),
        say=lambda value: labels.get(float(round(value)), "") if value is not None and value == value else "–",
        layers=[*loads, *kinds, *sent],
        height=44 * max(len(some), 1),
    ).render()
    return join(widened, drawn)


def _list_spots(timeline: VisitTimeline, row: int) -> list[tuple[float, str, str, float]]:
    kinds = {kind: label for label, _, types in KINDS for kind in types}
    found = [
        (at, kinds[type_], type_.removesuffix("_event").replace("_", " "), float(row))
        for at, type_ in timeline.moments
        if type_ in kinds
    ]
    found += [
        (at, "sent by beacon" if beacon else "sent by timer", "a batch is sent", row - 0.28)
        for at, beacon in timeline.batches
    ]
    return [*found, (0.0, "", "begin", float(row)), (timeline.end, "", "end", float(row))]


def _make_visit_line(timeline: VisitTimeline, row: int, places: Sequence[float], end: float) -> Layer:
    return Layer("back", "visit", [float(row) if place <= timeline.end / end else nan for place in places])


def count_events(sample: TrafficSample) -> dict[str, int]:
    """Return the number of events by type, without the suffix `_event` that all types have."""
    return {name.removesuffix("_event"): number for name, number in sample.mix.items()}
