"""The views of a fit: notes for the person who fits, lines for a terminal, a summary for programs.

Rule: notes may name values of the data, because their reader has the data; no note is written to the scenario.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite
from textwrap import wrap
from typing import Any

import msgspec
import numpy as np

from loadgen.jobs.fit.comparison.judgement import RATIO, FitComparison, Judgement
from loadgen.jobs.fit.comparison.observe import list_common_types
from loadgen.jobs.fit.estimates.estimate import Estimates, Seen
from loadgen.jobs.fit.estimates.population import RARE
from loadgen.jobs.fit.estimates.vitals import FEW, LEAST
from loadgen.jobs.fit.reading.unread import count_things, list_unread
from loadgen.jobs.fit.support import may_be_told
from loadgen.jobs.fit.visits.site import RecordedSite
from loadgen.model import Noun
from loadgen.scenario import Scenario
from loadgen.units import NONE, format_bytes, format_count, format_digits, format_milliseconds, format_share

MOST_TOLD = 5
JUMPED = 60.0
"""Seconds by which a client's own clock and its timestamps may differ."""


def list_notes(seen: Seen, found: Estimates, sample_rate: float | None) -> tuple[str, ...]:
    """Return all notes, each one sentence."""
    data = (*list_pages(seen), *list_losses(seen), *list_cuts(seen))
    return (*data, *list_guesses(seen, found, sample_rate), *list_residue(seen, found))


def list_pages(seen: Seen) -> Iterator[str]:
    """Yield notes on paths that became one page."""
    for name, template in zip(seen.site.names, seen.site.templates, strict=True):
        examples = f", with values such as {', '.join(template.examples)}" if template.examples else ""
        became = f"became {template.path}{examples}" if examples or "{" in template.path else "that few sessions saw"
        if len(template.members) > 1:
            yield f"page {name}: {len(template.members):,} paths {became}"
    if seen.site.dropped:
        yield count_things(
            seen.site.dropped, "page view was left out: its page is too rare to be written",
            "page views were left out: their pages are too rare to be written",
        )  # fmt: skip


def list_unused(patterns: tuple[str, ...], site: RecordedSite) -> Iterator[str]:
    """Yield a note on each pattern of --page that no page of the scenario has."""
    for pattern in patterns:
        if pattern not in {template.path for template in site.templates}:
            yield f"--page {pattern}: no page came of it, as no path fits it or too few visitors saw one that does"


def list_losses(seen: Seen) -> Iterator[str]:
    """Yield notes on data that could not be used."""
    counts = seen.recorded.counts
    yield from list_unread(counts)
    if counts.out_of_order:
        yield count_things(
            counts.out_of_order, "event after a later one of its session; it was sorted",
            "events after later ones of their session; they were sorted",
        )  # fmt: skip
    if len(counts.monitors) > 1:
        yield f"events of {len(counts.monitors):,} app monitors are fitted as one site; give each monitor's alone"
    if counts.unknown_types:
        kinds = ", ".join(sorted(list_common_types(seen) & counts.unknown_types.keys())[:MOST_TOLD])
        number = sum(counts.unknown_types.values())
        yield count_things(number, "event of a type", "events of types") + f" not known here: {kinds or 'rare ones'}"


def list_cuts(seen: Seen) -> Iterator[str]:
    """Yield notes on incomplete sessions, and on clocks that jump."""
    cuts, whole = seen.cuts, len(seen.recorded.sessions.user)
    for mask, what in (
        (cuts.begins & ~seen.followers, "began before the data, or go on an earlier session: no arrivals, no landings"),
        (cuts.full, f"reached the limit of {seen.settings.limit} events: their end is not known"),
        (cuts.open, "may go on after the end of the data: their end is not known"),
        (cuts.continued, "go on in another session of the same user: their end is no exit"),
    ):
        if mask.any():
            yield f"{int(mask.sum()):,} of {whole:,} sessions {what}"
    passed = np.diff(seen.visits.at, append=np.nan)
    if jumped := int((np.abs(seen.visits.spent / 1000 - passed) > JUMPED).sum()):
        yield count_things(jumped, "page change", "page changes") + " at which a clock jumped by more than a minute"


def describe_loads(seen: Seen) -> str:
    """Describe what a site without cookies shows of visits."""
    if seen.followers.any():
        return (
            "no cookies: every page load is a session; where visits begin shows, but not which page a load followed: "
            "apart from what files in the browser's memory show, steps to another page start on all pages alike, and "
            "times on pages are those that end with a route change or a click"
        )
    return (
        "no cookies: every page load is a session, and no load says that it replaced a page of the site, so each is a "
        "visit of the scenario: its rate, entries and exits are those of loads"
    )


def list_guesses(seen: Seen, found: Estimates, sample_rate: float | None) -> Iterator[str]:
    """Yield notes on what the data do not show, and what was assumed."""
    if sample_rate is None:
        yield "sample rate: taken to be 1; if the client samples, give --sample-rate, which corrects the arrivals"
    if not seen.settings.cookies:
        yield describe_loads(seen)
    if found.people.nameless:
        nameless = f"{found.people.nameless:,} sessions of a Chromium that tells neither its name nor its version"
        yield f"{nameless}: taken for Chrome"
    if found.people.by_language:
        yield "no country codes: countries are guessed from the region of the browser's language"
    if not found.people.countries:
        yield "neither country codes nor languages: countries are the format's own"
    if seen.settings.cookies and found.returning.share is not None and not found.returning.known:
        yield (
            "returning visitors: too few users come twice in the data, so their share is that of landings with cached "
            "files, as if a returning visitor had as many of them as the format's own"
        )
    if not found.calls.whole and found.calls.seen:
        yield "successful API calls are not recorded: how often calls are made is guessed from those that fail"
    if found.dwells.hidden is None and (found.dwells.desktop or found.dwells.mobile):
        yield "time in hidden tabs cannot be told apart: it is part of the think times"
    for name, law in (("desktops", found.dwells.desktop), ("mobiles", found.dwells.mobile)):
        if law is None and seen.settings.cookies:
            yield f"think times on {name}: too few page changes, the format's own are kept"
    for name, small in (("desktops", False), ("mobiles", True)):
        loads = int((seen.loads.small == small).sum())
        if loads < LEAST:
            what = "the spread of vitals is" if loads >= FEW else "vitals are"
            yield f"{loads} loads on {name}: {what} the format's own"
    if len(seen.site.names) == 1:
        yield "a single page: there are no steps between pages to fit"


def list_residue(seen: Seen, found: Estimates) -> Iterator[str]:
    """Yield notes on what the data show but no scenario can state."""
    if found.people.other_browsers:
        common = [(name, number) for name, number in found.people.other_browsers.most_common(MOST_TOLD)
                  if name != RARE and may_be_told(name)]  # fmt: skip
        others = ", ".join(f"{name} ({number:,})" for name, number in common)
        number = found.people.other_browsers.total()
        yield f"{number:,} sessions of browsers that scenarios do not have: {others or 'rare ones'}"
    if seen.recorded.changing:
        yield f"{len(seen.recorded.changing)} attributes that change within a session: a page's own are not fitted"
    if common := list(found.errors.common.items()):
        shown = "; ".join(f"“{text}” in {format_count(number)}" for text, number in common[:MOST_TOLD])
        yield f"JavaScript errors have messages of their own in a scenario; recorded, by visitors: {shown}"
        text, number = common[0]
        if number > 0.5 * len(np.unique(seen.recorded.sessions.visitor)):
            yield f"“{text}” came to {format_share(0.5)} of the visitors or more: an incident rather than a rate"


WIDTH, MANIFOLD = 80, 10.0
"""Characters of a line; ratio from which a figure is written as a factor, not as a change in per cent."""

MARKS = {"close": "✓", "off": "✗", "too little data": "?"}


class Fitted(Noun):
    """A scenario that was fitted to recorded traffic, with notes and the judgement of its own traffic."""

    scenario: Scenario
    text: str  # the scenario's file, TOML with comments
    notes: tuple[str, ...]  # see list_notes
    judgement: Judgement
    sessions: int  # recorded sessions, also those held out
    events: int
    templates: dict[str, str]  # page → path


def describe_fit(fitted: Fitted) -> dict[str, Any]:
    """Return the summary of a fit for programs, which `--json` prints: all but the scenario's file."""
    members = msgspec.structs.asdict(fitted) | {"scenario": fitted.scenario.name}
    return {name: value for name, value in members.items() if name != "text"}


def format_fitted(fitted: Fitted) -> Iterator[str]:
    """Yield the lines of the notes, then the judgement as a table."""
    for note in fitted.notes:
        yield from wrap(note, WIDTH, initial_indent="- ", subsequent_indent="  ")
    yield ""
    yield from format_judgement(fitted.judgement)


def format_judgement(judgement: Judgement) -> Iterator[str]:
    """Yield the comparisons as a table, and the number of each verdict."""
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
    if any(each.verdict == "off" and not isfinite(each.distance) for each in judgement.comparisons):
        yield "n:m are the observations of both sides where one has hardly any, beyond chance"
    close, off, little = (judgement.count(verdict) for verdict in ("close", "off", "too little data"))
    yield f"{close} close, {off} off, {little} with too little data to say"
    if judgement.sessions_to_tell:
        yield f"half of these {little} would be told with some {judgement.sessions_to_tell:,} sessions on each side"


def format_comparison(each: FitComparison) -> str:
    """Format a comparison as one line of the table."""
    figures = list_figures(each)
    name = each.name if len(each.name) <= 30 else f"{each.name[:29]}…"
    cells = f"{figures[0]:>10}{figures[1]:>10}{format_distance(each):>9}{format_chance(each):>11}"
    return f"  {MARKS[each.verdict]} {name:<30}{cells}".rstrip()


def list_figures(each: FitComparison) -> list[str]:
    """Return the figures of both sides; "" where the comparison is of no one figure."""
    return ["" if value is None else format_figure(value, each.unit) for value in (each.recorded, each.generated)]


def format_figure(value: float, unit: str) -> str:
    """Format a figure with its unit."""
    if not isfinite(value):
        return NONE
    if unit == "ms":
        return format_milliseconds(value)
    if unit == "B":
        return format_bytes(value)
    return f"{format_digits(value)} {unit}".strip()


def format_distance(each: FitComparison) -> str:
    """Format a distance: a ratio as a change in per cent, another distance in points of 100.

    If one side hardly ever has the figure, its distance is the number of observations of both sides.
    """
    if not isfinite(each.distance):
        return f"{each.recorded_count:,}:{each.generated_count:,}" if each.verdict == "off" else NONE
    if each.kind == RATIO:
        return f"{(each.distance - 1) * 100:+.1f}%" if each.distance < MANIFOLD else f"×{format_digits(each.distance)}"
    return f"{each.distance * 100:.1f}"


def format_chance(each: FitComparison) -> str:
    """Format the distance that chance alone gives."""
    if not isfinite(each.high):
        return NONE
    if each.kind == RATIO:
        most = max(abs(each.low - 1), abs(each.high - 1))
        return f"±{most * 100:.1f}%" if each.high < MANIFOLD else f"×{format_digits(each.high)}"
    return f"≤{each.high * 100:.1f}"
