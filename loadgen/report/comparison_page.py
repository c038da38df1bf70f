"""Several runs on one page: their differences with intervals, and their plots over each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import nan

from loadgen.charts import (
    COLOURS,
    Axis,
    Layer,
    Markup,
    Plot,
    card,
    cards,
    el,
    folded,
    header,
    join,
    linear,
    page,
    pick_colour,
    table,
)
from loadgen.report.comparison import NAMES, Comparison, Difference, align
from loadgen.report.plots import build_time_axis, choose_spread_scale, find_highest, plot_curve, read_latency
from loadgen.report.terminal import describe_change, format_figure, format_interval, name_letter
from loadgen.results import BinnedRequests, BinnedTimes, RunData
from loadgen.units import format_count, format_milliseconds, format_rate


def build_comparison_page(given: Sequence[RunData], comparison: Comparison) -> str:
    """The page of several runs."""
    readings = align(given)
    others = range(1, len(readings))
    return page(
        "Comparison of runs · loadgen",
        build_heading(readings, comparison),
        cards(
            *(build_differences(comparison, place) for place in others),
            plot_counts(readings, "sent", "Throughput", "Requests answered a second, every attempt counted."),
            plot_counts(readings, "accepted", "Goodput", "Requests accepted a second."),
            plot_latencies(readings),
            plot_curves(readings, "latency", "Percentile curve of latency", lambda requests: requests.latency),
            plot_curves(readings, "service", "Percentile curve of service time", lambda requests: requests.service),
            plot_curves(readings, "lag", "Percentile curve of schedule lag", lambda requests: requests.lag),
            card(
                "Figures",
                folded("Every run's figures with their intervals", build_figures_table(comparison)),
                wide=True,
            ),
        ),
        el("footer", comparison.method),
    )


def build_heading(readings: Sequence[RunData], comparison: Comparison) -> Markup:
    """Which runs, in which colours, and what to know of them."""
    runs = (
        el(
            "li",
            el("b", f"{name_letter(place)} · {reading.name}"),
            el("span", f"{reading.summary.scenario}, seed {reading.summary.seed}, {reading.summary.pace}"),
            el(
                "span",
                f"{describe_verdict(reading)}, {format_count(reading.summary.requests.sent)} requests "
                f"in {reading.summary.seconds:,.1f} s",
            ),
            class_=f"c-{pick_colour(place)}",
        )
        for place, reading in enumerate(readings)
    )
    found = [el("li", note) for note in comparison.notes]
    return header(
        "compare",
        f"{len(readings)} runs compared",
        el("ul", *runs, class_="runs"),
        el("ul", *found, class_="reasons interrupted") if found else None,
    )


def describe_verdict(reading: RunData) -> str:
    """A run's verdict."""
    return "cut off" if reading.summary.cut_off else reading.summary.verdict


def build_differences(comparison: Comparison, place: int) -> Markup:
    """A run against the first, a row a figure, with its interval drawn around zero."""
    head = ("", "A", name_letter(place), "difference", "95 % interval", "")
    rows = []
    for each in comparison.differences:
        if each.run == place:
            before, after = (comparison.runs[run].figures[each.figure].value for run in (0, place))
            told = el("span", str(describe_change(each)[0]), class_="differs" if each.is_more_than_chance else None)
            cells = (
                format_figure(each.figure, before),
                format_figure(each.figure, after),
                told,
                format_interval(each.figure, each.difference),
            )
            rows.append((NAMES[each.figure], *cells, draw_whisker(each)))
    return card(
        f"{name_letter(place)} against A",
        table(head, rows, f"{name_letter(place)} against A", "whiskers"),
        about="Clocks in milliseconds, differences of shares in percentage points; * is more than chance.",
        note="The bar is the interval of the difference, each row on a scale of its own; the line is no difference.",
        wide=True,
    )


def draw_whisker(each: Difference) -> Markup:
    """The interval around zero, on a scale of its own."""
    low, high, value = each.difference.low, each.difference.high, each.difference.value
    if low is None or high is None or value is None:
        return join()
    reach = max(abs(low), abs(high)) * 1.1 or 1.0
    left, right, middle = (50 + 50 * edge / reach for edge in (low, high, value))
    drawn = (
        el("i", style=f"left:{left:.1f}%;width:{max(right - left, 0.5):.1f}%"),
        el("b", style=f"left:{middle:.1f}%"),
    )
    return el("div", *drawn, class_=f"whisker{' told' if each.is_more_than_chance else ''}", aria_hidden="true")


def plot_counts(readings: Sequence[RunData], name: str, title: str, about: str) -> Markup:
    """A count of every run a second."""
    series = [reading.timeline.rate(name).tolist() for reading in readings]
    axis, layers = overlay_runs(readings, series)
    scale = linear(max(find_highest(values) for values in series))
    plot = Plot(name, title, about, axis, scale, format_rate, layers)
    return card(title, plot.html(), about=about)


def plot_latencies(readings: Sequence[RunData]) -> Markup:
    """The runs' latency over time."""
    series = [read_latency(reading, 0.99) for reading in readings]
    axis, layers = overlay_runs(readings, series)
    title, about = "Latency p99", "99th percentile of the latency, from the intended moment to the answer."
    scale = choose_spread_scale(*series)
    plot = Plot("latency-p99", title, about, axis, scale, format_milliseconds, layers)
    return card(title, plot.html(), about=about)


def overlay_runs(readings: Sequence[RunData], series: Sequence[Sequence[float]]) -> tuple[Axis, list[Layer]]:
    """The time of the longest run, and a line a run over it."""
    longest = max((reading.timeline for reading in readings), key=lambda lines: lines.size)
    layers = [
        Layer(
            pick_colour(place),
            name_letter(place),
            [*values, *[nan] * (longest.size - len(values))],
            dashed=place >= COLOURS,
        )
        for place, values in enumerate(series)
    ]
    return build_time_axis(longest), layers


def plot_curves(
    readings: Sequence[RunData], key: str, title: str, of: Callable[[BinnedRequests], BinnedTimes]
) -> Markup:
    """A clock's percentile curves; runs without records are left out."""
    lines = [
        (pick_colour(place), name_letter(place), of(reading.requests), place >= COLOURS)
        for place, reading in enumerate(readings)
        if reading.requests is not None
    ]
    about = "What a share of the requests did not exceed; each step to the right is rarer."
    if not lines:
        return card(title, el("p", "None of the runs has its requests.parquet.", class_="none"))
    return card(title, plot_curve(f"curve-{key}", title, about, lines).html(), about=about)


def build_figures_table(comparison: Comparison) -> Markup:
    """Every run's figures with their intervals."""
    head = ("", *(name_letter(place) for place in range(len(comparison.runs))))
    rows = []
    for name, label in NAMES.items():
        cells = []
        for run in comparison.runs:
            figure = run.figures[name]
            spread = (
                ""
                if figure.low is None
                else f" ({format_figure(name, figure.low)} to {format_figure(name, figure.high)})"
            )
            cells.append(format_figure(name, figure.value) + spread)
        rows.append((label, *cells))
    return table(head, rows, "Figures of every run with 95 % intervals")
