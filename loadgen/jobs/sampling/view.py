"""The report of a sampling on the terminal, in about 80 columns: one for each rate, then the lowest rate that shows a
change in each figure.
"""

from __future__ import annotations

from collections.abc import Iterator

from loadgen.jobs.sampling.dashboards import SamplingReport
from loadgen.jobs.sampling.estimate import IntervalEstimate
from loadgen.units import format_duration


def list_lines(report: SamplingReport) -> Iterator[str]:
    """Yield the lines of the report."""
    drawn = f"{report.visits:,}" if report.visits >= 0.9 * report.of else f"{report.visits:,} of {report.of:,.0f}"
    yield f"{report.scenario}, seed {report.seed}: {drawn} visits, drawn once"
    yield "a session is recorded whole or not at all"
    yield ""
    yield from list_dashboard_rows(report)
    yield ""
    periods = f"{format_duration(report.over)} before and after"
    yield f"to see a change of {report.change:+.0%} with {report.power:.0%} power, {periods}:"
    for effect in report.detectable_effects:
        needs = f"{effect.sessions:>11,.0f} sessions"
        if effect.rate is not None:
            yield f"  {effect.figure:<24}{needs}  rate {effect.rate:.2g}, ${effect.dollars_per_month:,.0f} a month"
        else:
            yield f"  {effect.figure:<24}{needs}  even rate 1 needs {format_duration(effect.seconds)}"


def list_dashboard_rows(report: SamplingReport) -> Iterator[str]:
    """Yield the rows of the table: a column for the truth and one for each rate."""
    dashboards = (report.truth, *(each for each in report.dashboards if each.rate < 1))
    heads = ["truth", *(f"rate {each.rate:g}" for each in dashboards[1:])]
    yield format_row("", heads)
    yield format_row("recorded sessions", [f"{each.recorded:,}" for each in dashboards])
    figures = {
        "sessions": ([each.sessions for each in dashboards], "{:,.0f}"),
        "page views": ([each.page_views for each in dashboards], "{:,.0f}"),
        "with JS errors": ([each.error_share for each in dashboards], "{:.1%}"),
    }
    for name in report.truth.p75:
        figures[f"p75 {name}"] = [each.p75[name] for each in dashboards], "{:.3f}" if name == "CLS" else "{:,.0f} ms"
    for name, (estimates, form) in figures.items():
        yield format_row(name, [format_estimate(each, form, whole=not place) for place, each in enumerate(estimates)])
    yield format_row("events a month", [f"{each.events_per_month:,.0f}" for each in dashboards])
    yield format_row("dollars a month", [f"${each.dollars_per_month:,.0f}" for each in dashboards])


def format_row(label: str, cells: list[str]) -> str:
    """Format a row of the table: its label, the truth, and one cell for each rate."""
    return f"{label:<18}{cells[0]:>14}" + "".join(f"{cell:>22}" for cell in cells[1:])


def format_estimate(estimate: IntervalEstimate, form: str, *, whole: bool) -> str:
    """Format a figure with half its 95 % interval, or without it (`whole`) if it is the whole population's."""
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return "too few"
    value = form.format(estimate.value)
    half = (estimate.high - estimate.low) / 2
    return value if whole else f"{value} ± {form.format(half).removesuffix(' ms').removesuffix('%')}"
