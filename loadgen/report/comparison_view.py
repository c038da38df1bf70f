"""A comparison of runs on the terminal and on a page: differences with intervals, and the runs' plots overlaid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import nan

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from loadgen.charts import (
    COLOURS,
    Axis,
    Layer,
    Markup,
    Plot,
    arrange_cards,
    el,
    find_highest,
    fold,
    join,
    make_linear_scale,
    pick_colour,
    render_card,
    render_header,
    render_page,
    render_table,
)
from loadgen.report.comparison import NAMES, Comparison, Difference, FigureInterval, align
from loadgen.report.conditions import describe_condition
from loadgen.report.plots import build_time_axis, choose_spread_scale, plot_curve, read_quantiles
from loadgen.results import BinnedRequests, BinnedTimes, RunData
from loadgen.units import format_digits, format_items, format_milliseconds, format_rate

KEY = "more than chance; differences of shares are percentage points"


def render_comparison(comparison: Comparison) -> RenderableType:
    """Render a comparison for the terminal: the runs, notes, differences and conditions."""
    runs = [Text(f"{name_letter(place)}  {run.folder}: {run.scenario}, seed {run.seed}, {run.verdict}", overflow="fold")
            for place, run in enumerate(comparison.runs)]  # fmt: skip
    notes = [Text(f"note: {note}", style="yellow") for note in comparison.notes]
    tables = [build_difference_table(comparison, place) for place in range(1, len(comparison.runs))]
    checked = [Text(describe_condition(each, comparison)) for each in comparison.conditions]
    method = Text(f"* {KEY}. {comparison.method}", style="dim")
    return Group(*runs, *notes, Text(), *tables, *checked, method)


def build_difference_table(comparison: Comparison, place: int) -> Table:
    """Build the terminal's table of one run against the first."""
    lines = Table.grid(padding=(0, 2))
    lines.add_column(width=20)
    for width in (9, 9, 11, 21):
        lines.add_column(justify="right", width=width, no_wrap=True)
    lines.add_row(*(Text(head, style="bold") for head in ("", "A", name_letter(place), "difference", "95 % interval")))
    for each in comparison.differences:
        if each.run == place:
            *figures, change, interval = list_cells(comparison, each)
            lines.add_row(*figures, Text(change, style="bold" if each.is_more_than_chance else ""), interval)
    lines.add_row("")
    return lines


def build_comparison_page(given: Sequence[RunData], comparison: Comparison) -> str:
    """Build the HTML page of a comparison."""
    runs = align(given)
    others = range(1, len(runs))
    return render_page(
        "Comparison of runs · loadgen",
        build_heading(runs, comparison),
        arrange_cards(
            *(build_differences(comparison, place) for place in others),
            plot_counts(runs, "sent", "Throughput", "Requests answered a second, every attempt counted."),
            plot_counts(runs, "accepted", "Goodput", "Requests accepted a second."),
            plot_latencies(runs),
            plot_curves(runs, "latency", "Percentile curve of latency", lambda requests: requests.latency),
            plot_curves(runs, "service", "Percentile curve of service time", lambda requests: requests.service),
            plot_curves(runs, "lag", "Percentile curve of schedule lag", lambda requests: requests.lag),
            render_card(
                "Figures", fold("Every run's figures with their intervals", build_figures_table(comparison)), wide=True
            ),
        ),
        el("footer", comparison.method),
    )


def build_heading(runs: Sequence[RunData], comparison: Comparison) -> Markup:
    """Build the top of the page: the runs with their colours, and notes."""
    described = (
        el(
            "li",
            el("b", f"{name_letter(place)} · {run.name}"),
            el("span", f"{run.summary.scenario}, seed {run.summary.seed}, {run.summary.pace}"),
            el(
                "span",
                f"{describe_verdict(run)}, {format_items(run.summary.requests.sent, 'request')} "
                f"in {run.summary.seconds:,.1f} s",
            ),
            class_=f"c-{pick_colour(place)}",
        )
        for place, run in enumerate(runs)
    )
    notes = [el("li", note) for note in comparison.notes]
    return render_header(
        "compare",
        f"{len(runs)} runs compared",
        el("ul", *described, class_="runs"),
        el("ul", *notes, class_="reasons interrupted") if notes else None,
    )


def describe_verdict(run: RunData) -> str:
    """Return a run's verdict, or "cut off"."""
    return "cut off" if run.summary.cut_off else run.summary.verdict


def build_differences(comparison: Comparison, place: int) -> Markup:
    """Build the card of a run against the first: a row a figure, with the difference's interval around 0."""
    head = ("", "A", name_letter(place), "difference", "95 % interval", "")
    rows = []
    for each in comparison.differences:
        if each.run == place:
            *figures, change, interval = list_cells(comparison, each)
            told = el("span", change, class_="differs" if each.is_more_than_chance else None)
            rows.append((*figures, told, interval, draw_whisker(each)))
    return render_card(
        f"{name_letter(place)} against A",
        render_table(head, rows, f"{name_letter(place)} against A", "whiskers"),
        about=f"* {KEY}.",
        note="The bar is the interval of the difference, each row on a scale of its own; the line is no difference.",
        wide=True,
    )


def draw_whisker(each: Difference) -> Markup:
    """Draw a difference's interval around 0, on a scale of its own; nothing without an interval."""
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


def plot_counts(runs: Sequence[RunData], name: str, title: str, about: str) -> Markup:
    """Plot a count per second of all runs."""
    series = [run.timeline.compute_rate(name).tolist() for run in runs]
    axis, layers = overlay_runs(runs, series)
    scale = make_linear_scale(find_highest(*series))
    plot = Plot(name, title, about, axis, scale, format_rate, layers)
    return render_card(title, plot.render(), about=about)


def plot_latencies(runs: Sequence[RunData]) -> Markup:
    """Plot the p99 latency of all runs over time."""
    series = [read_quantiles(run, "latency", 0.99) for run in runs]
    axis, layers = overlay_runs(runs, series)
    title, about = "Latency p99", "99th percentile of the latency, from the intended moment to the answer."
    scale = choose_spread_scale(*series)
    plot = Plot("latency-p99", title, about, axis, scale, format_milliseconds, layers)
    return render_card(title, plot.render(), about=about)


def overlay_runs(runs: Sequence[RunData], series: Sequence[Sequence[float]]) -> tuple[Axis, list[Layer]]:
    """Return the time axis of the longest run, and one line for each run."""
    longest = max((run.timeline for run in runs), key=lambda lines: lines.size)
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


def plot_curves(runs: Sequence[RunData], key: str, title: str, of: Callable[[BinnedRequests], BinnedTimes]) -> Markup:
    """Plot a clock's percentile curves; `of` returns a run's clock. Runs without records are left out."""
    lines = [
        (pick_colour(place), name_letter(place), of(run.requests), place >= COLOURS)
        for place, run in enumerate(runs)
        if run.requests is not None
    ]
    about = "What a share of the requests did not exceed; each step to the right is rarer."
    if not lines:
        return render_card(title, el("p", "None of the runs has its requests.parquet.", class_="none"))
    return render_card(title, plot_curve(f"curve-{key}", title, about, lines).render(), about=about)


def build_figures_table(comparison: Comparison) -> Markup:
    """Build the table of all runs' figures with their intervals."""
    head = ("", *(name_letter(place) for place in range(len(comparison.runs))))
    rows = [
        (label, *(format_spread(name, run.figures[name]) for run in comparison.runs)) for name, label in NAMES.items()
    ]
    return render_table(head, rows, "Figures of every run with 95 % intervals")


def format_spread(name: str, figure: FigureInterval) -> str:
    """Format a figure with its interval, if it has one."""
    value, low, high = (format_figure(name, each) for each in (figure.value, figure.low, figure.high))
    return value if figure.low is None else f"{value} ({low} to {high})"


def list_cells(comparison: Comparison, each: Difference) -> tuple[str, str, str, str, str]:
    """Return the texts of a row: figure, its value in both runs, difference (* if more than chance), interval."""
    before, after = (
        format_figure(each.figure, comparison.runs[run].figures[each.figure].value) for run in (0, each.run)
    )
    mark = "*" if each.is_more_than_chance else " "  # a blank keeps the figures aligned
    change = f"{format_signed(each.figure, each.difference.value)}{mark}"
    return NAMES[each.figure], before, after, change, format_interval(each.figure, each.difference)


def format_interval(figure: str, estimate: FigureInterval) -> str:
    """Format an interval from low to high, with signs."""
    if estimate.low is None or estimate.high is None:
        return "too few requests" if estimate.too_few else "–"
    return f"{format_signed(figure, estimate.low)} to {format_signed(figure, estimate.high)}"


def format_figure(figure: str, value: float | None) -> str:
    """Format a figure: shares in per cent, clocks in milliseconds, rates per second; – for None."""
    if value is None:
        return "–"
    return f"{value * 100:.1f}%" if figure.endswith("_share") else format_digits(value)


def format_signed(figure: str, value: float | None) -> str:
    """Format a difference with its sign; shares in percentage points."""
    if value is None:
        return "–"
    text = f"{abs(value) * 100:.1f}" if figure.endswith("_share") else format_digits(abs(value))
    return f"{'−' if value < 0 else '+'}{text}"


def name_letter(place: int) -> str:
    """Return the letter of a run: A, B, C and so on."""
    return chr(ord("A") + place) if place < 26 else f"#{place + 1}"
