"""What a fit gives: for a terminal as lines, for programs as a summary."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite
from textwrap import wrap

from loadgen.jobs.fit.distances import RATIO
from loadgen.jobs.fit.judgement import FitComparison, Judgement
from loadgen.model import Noun
from loadgen.scenario import Scenario
from loadgen.units import NONE, format_bytes, format_digits, format_milliseconds

WIDTH = 80


class Fitted(Noun):
    """A scenario that was fitted to recorded traffic, and how near it comes."""

    scenario: Scenario
    text: str  # the scenario's file, TOML with comments
    notes: tuple[str, ...]  # what was folded, cut, guessed, and what no scenario can say
    judgement: Judgement
    sessions: int  # recorded, those that were held out included
    events: int
    templates: dict[str, str]  # page → path


class FittedSummary(Noun):
    """The same for programs: what `--json` prints."""

    scenario: str  # its name
    notes: tuple[str, ...]
    judgement: Judgement
    sessions: int
    events: int
    templates: dict[str, str]


def summarize_fit(fitted: Fitted) -> FittedSummary:
    """What programs want to know of a fit, beside the scenario's file."""
    return FittedSummary(
        fitted.scenario.name, fitted.notes, fitted.judgement, fitted.sessions, fitted.events, fitted.templates
    )


def format_fitted(fitted: Fitted) -> Iterator[str]:
    """The notes, then the judgement as a table."""
    for note in fitted.notes:
        yield from wrap(note, WIDTH, initial_indent="- ", subsequent_indent="  ")
    yield ""
    yield from format_judgement(fitted.judgement)


def format_judgement(judgement: Judgement) -> Iterator[str]:
    """The comparisons as a table, and how many of them are close."""
    held = ", which were not fitted" if judgement.held_out else ""
    yield f"{judgement.recorded_sessions:,} recorded sessions{held}, beside {judgement.generated_sessions:,} generated"
    yield ""
    yield f"{'':<34}{'recorded':>10}{'generated':>10}{'distance':>9}{'by chance':>11} "
    group = ""
    for each in judgement.comparisons:
        if each.group != group:
            group = each.group
            yield group
        yield format_comparison(each)
    yield ""
    close, off, little = (judgement.count(verdict) for verdict in ("close", "off", "too little data"))
    yield f"{close} close, {off} off, {little} with too little data to say"


def format_comparison(each: FitComparison) -> str:
    """One line of the table."""
    figures = [
        format_figure(value, each.unit) if value is not None else "" for value in (each.recorded, each.generated)
    ]
    mark = {"close": "✓", "off": "✗", "too little data": "?"}[each.verdict]
    name = each.name if len(each.name) <= 30 else f"{each.name[:29]}…"
    return (
        f"  {mark} {name:<30}{figures[0]:>10}{figures[1]:>10}{format_distance(each):>9}{format_chance(each):>11}"
    ).rstrip()


def format_figure(value: float, unit: str) -> str:
    """A figure with its unit."""
    if not isfinite(value):
        return NONE
    if unit == "ms":
        return format_milliseconds(value)
    if unit == "B":
        return format_bytes(value)
    return f"{format_digits(value)} {unit}".strip()


def format_distance(each: FitComparison) -> str:
    """A ratio as what it is off by, another distance in points of 100."""
    if not isfinite(each.distance):
        return NONE
    return f"{(each.distance - 1) * 100:+.1f}%" if each.kind == RATIO else f"{each.distance * 100:.1f}"


def format_chance(each: FitComparison) -> str:
    """What chance alone gives."""
    if not isfinite(each.high):
        return NONE
    if each.kind == RATIO:
        return f"±{max(abs(each.low - 1), abs(each.high - 1)) * 100:.1f}%"
    return f"≤{each.high * 100:.1f}"
