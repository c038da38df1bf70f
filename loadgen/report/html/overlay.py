"""Several runs on one page: their differences with intervals, and their plots over each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import nan

from loadgen.charts import Layer, Markup, Scale, Write, card, cards, el, join, linear, page
from loadgen.report.comparison import NAMES, Comparison, Difference, aligned
from loadgen.report.comparison_view import change, interval, letter, shown
from loadgen.report.html.curve import curve
from loadgen.report.html.over_time import along, latency_of, most, spread_scale
from loadgen.report.html.tables import folded, table
from loadgen.results import BinnedRequests, BinnedTimes, RunData
from loadgen.units import format_count, format_milliseconds, format_rate

COLOURS = 6  # after as many runs they come again, dashed


def comparison_page(given: Sequence[RunData], comparison: Comparison) -> str:
    """The page of several runs."""
    readings = aligned(given)
    others = range(1, len(readings))
    return page(
        "Comparison of runs · loadgen",
        heading(readings, comparison),
        cards(
            *(differences(comparison, place) for place in others),
            counted(readings, "sent", "Throughput", "Requests answered a second, every attempt counted."),
            counted(readings, "accepted", "Goodput", "Requests accepted a second."),
            timed(readings),
            curved(readings, "latency", "Percentile curve of latency", lambda requests: requests.latency),
            curved(readings, "service", "Percentile curve of service time", lambda requests: requests.service),
            curved(readings, "lag", "Percentile curve of schedule lag", lambda requests: requests.lag),
            card("Figures", folded("Every run's figures with their intervals", figures(comparison)), wide=True),
        ),
        el("footer", comparison.method),
    )


def heading(readings: Sequence[RunData], comparison: Comparison) -> Markup:
    """Which runs, in which colours, and what to know of them."""
    runs = (
        el(
            "li",
            el("b", f"{letter(place)} · {reading.name}"),
            el("span", f"{reading.summary.scenario}, seed {reading.summary.seed}, {reading.summary.pace}"),
            el(
                "span",
                f"{said(reading)}, {format_count(reading.summary.requests.sent)} requests "
                f"in {reading.summary.seconds:,.1f} s",
            ),
            class_=f"c-{colour(place)}",
        )
        for place, reading in enumerate(readings)
    )
    found = [el("li", note) for note in comparison.notes]
    return el(
        "header",
        el("p", "loadgen compare", class_="brand"),
        el("h1", f"{len(readings)} runs compared"),
        el("ul", *runs, class_="runs"),
        el("ul", *found, class_="reasons interrupted") if found else None,
    )


def said(reading: RunData) -> str:
    """A run's verdict."""
    return "cut off" if reading.summary.cut_off else reading.summary.verdict


def differences(comparison: Comparison, place: int) -> Markup:
    """A run against the first, a row a figure, with its interval drawn around zero."""
    head = ("", "A", letter(place), "difference", "95 % interval", "")
    rows = []
    for each in comparison.differences:
        if each.run == place:
            before, after = (comparison.runs[run].figures[each.figure].value for run in (0, place))
            told = el("span", str(change(each)[0]), class_="differs" if each.told else None)
            cells = (
                shown(each.figure, before),
                shown(each.figure, after),
                told,
                interval(each.figure, each.difference),
            )
            rows.append((NAMES[each.figure], *cells, whisker(each)))
    return card(
        f"{letter(place)} against A",
        table(head, rows, f"{letter(place)} against A", "whiskers"),
        about="Clocks in milliseconds, differences of shares in percentage points; * is more than chance.",
        note="The bar is the interval of the difference, each row on a scale of its own; the line is no difference.",
        wide=True,
    )


def whisker(each: Difference) -> Markup:
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
    return el("div", *drawn, class_=f"whisker{' told' if each.told else ''}", aria_hidden="true")


def counted(readings: Sequence[RunData], name: str, title: str, about: str) -> Markup:
    """A count of every run a second."""
    series = [reading.timeline.rate(name).tolist() for reading in readings]
    y = linear(max(most(values) for values in series))
    return card(title, overlaid(readings, name, title, about, y, format_rate, series), about=about)


def timed(readings: Sequence[RunData]) -> Markup:
    """The runs' latency over time."""
    series = [latency_of(reading, 0.99) for reading in readings]
    about = "99th percentile of the latency, from the intended moment to the answer."
    y = spread_scale(*series)
    return card(
        "Latency p99",
        overlaid(readings, "latency-p99", "Latency p99", about, y, format_milliseconds, series),
        about=about,
    )


def overlaid(
    readings: Sequence[RunData],
    key: str,
    title: str,
    text: str,
    y: Scale,
    say: Write,
    series: Sequence[Sequence[float]],
) -> Markup:
    """A line a run, over the time of the longest."""
    longest = max((reading.timeline for reading in readings), key=lambda lines: lines.size)
    layers = [
        Layer(colour(place), letter(place), [*values, *[nan] * (longest.size - len(values))], dashed=place >= COLOURS)
        for place, values in enumerate(series)
    ]
    return along(longest, key, title, text, y, say, layers).html()


def curved(readings: Sequence[RunData], key: str, title: str, of: Callable[[BinnedRequests], BinnedTimes]) -> Markup:
    """A clock's percentile curves; runs without records are left out."""
    lines = [
        (colour(place), letter(place), of(reading.requests), place >= COLOURS)
        for place, reading in enumerate(readings)
        if reading.requests is not None
    ]
    about = "What a share of the requests did not exceed; each step to the right is rarer."
    if not lines:
        return card(title, el("p", "None of the runs has its requests.parquet.", class_="none"))
    return card(title, curve(f"curve-{key}", title, about, lines).html(), about=about)


def figures(comparison: Comparison) -> Markup:
    """Every run's figures with their intervals."""
    head = ("", *(letter(place) for place in range(len(comparison.runs))))
    rows = []
    for name, label in NAMES.items():
        cells = []
        for run in comparison.runs:
            figure = run.figures[name]
            spread = "" if figure.low is None else f" ({shown(name, figure.low)} to {shown(name, figure.high)})"
            cells.append(shown(name, figure.value) + spread)
        rows.append((label, *cells))
    return table(head, rows, "Figures of every run with 95 % intervals")


def colour(place: int) -> str:
    """A run's colour."""
    return f"run{place % COLOURS}"
