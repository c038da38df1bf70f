"""`loadgen fit`: fit a scenario to recorded RUM data, then compare the traffic that it generates with the data."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from loadgen.errors import LoadgenError
from loadgen.jobs.fit.calibration.calibrate import calibrate
from loadgen.jobs.fit.comparison.judgement import Judgement, judge
from loadgen.jobs.fit.comparison.repeats import RepeatedTraffic
from loadgen.jobs.fit.drafting.compose import compose
from loadgen.jobs.fit.estimates.estimate import Seen, estimate, find_starts, see_visits
from loadgen.jobs.fit.page import build_fit_page
from loadgen.jobs.fit.reading.recorded import Bools, Recorded, mark, pick_rows
from loadgen.jobs.fit.reading.sources import read_sources
from loadgen.jobs.fit.reading.unread import add_unread, count_things
from loadgen.jobs.fit.view import Fitted, describe_fit, format_fitted, list_notes, list_unused
from loadgen.jobs.fit.visits.site import match_site
from loadgen.jobs.inputs import prepare_output
from loadgen.jobs.progress import OnProgress, Ticker, describe_output, ignore_progress
from loadgen.options import list_given, require_callback, require_path, resolve_options, show_options
from loadgen.output import refuse_overwriting, write_output
from loadgen.rum import events as rum
from loadgen.scenario import Scenario
from loadgen.verb_options import FitOptions

__all__ = [
    "Fitted",
    "Judgement",
    "Recorded",
    "describe_fit",
    "fit",
    "format_fitted",
]

FEWEST_SESSIONS = 30


@show_options(FitOptions)
def fit(
    sources: Path | str | Sequence[Path | str] = (),
    *,
    out: Path | str | None = None,
    report: Path | str | None = None,
    on_progress: OnProgress = ignore_progress,
    **options: Any,
) -> Fitted:
    """Fit a scenario to recorded RUM events, and compare what it generates with them.

    Args:
        sources: Files, plain or gzip, in any form: CloudWatch Logs of RUM, answers of GetAppMonitorData, PutRumEvents
            bodies one a line, a loadgen endpoint's store. May be empty with the option `monitor`.
        out: The file for the scenario; None: `Fitted.text` alone holds it.
        report: The file for the page that overlays recorded and generated traffic; None: no page.
        on_progress: Is called with lines of text.
        **options: Fields of `FitOptions`.

    Raises:
        LoadgenError: An option is unknown or out of bounds, a source cannot be read or holds no RUM events, or there
            are fewer than 30 sessions.
    """
    require_callback(on_progress, "on_progress")
    asked = resolve_options(FitOptions, options)
    paths = [require_path(each, "sources") for each in list_given(sources, "sources")]
    file, page = prepare_output(out, "out"), prepare_output(report, "report")
    refuse_overwriting([file, page], paths)
    asked = msgspec.structs.replace(asked, name=asked.name or name_scenario(file))
    fitted = fit_recorded(read_sources(paths, asked, on_progress), asked, on_progress)
    if file is not None:
        write_output(file, fitted.text)
        on_progress(f"{describe_output(file)}: {len(fitted.scenario.pages)} pages from {fitted.sessions:,} sessions")
    if page is not None:
        write_output(page, build_fit_page(fitted))
        on_progress(f"{describe_output(page)}: recorded and generated traffic over each other")
    return fitted


def name_scenario(file: Path | None) -> str:
    """Return a scenario's name made from its file's name."""
    stem = "" if file is None else file.stem
    return re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-._")[:64] or "fitted"


def fit_recorded(recorded: Recorded, asked: FitOptions, on_progress: OnProgress) -> Fitted:
    """Fit a scenario to recorded traffic, and compare what it generates with it."""
    sessions = len(recorded.sessions.user)
    if sessions < FEWEST_SESSIONS:
        few = f"only {count_things(sessions, 'session is', 'sessions are')} recorded"
        few += f"; a fit needs at least {FEWEST_SESSIONS}: give more data"
        raise LoadgenError(add_unread(few, recorded.counts))
    fitted, judged = split_sessions(recorded, asked.holdout)
    seen = see_visits(fitted, asked.at_least, asked.page)
    check_usable(seen, sessions)
    on_progress(f"fitting {len(fitted.sessions.user):,} sessions, {len(fitted.events.at):,} events")
    rate = asked.sample_rate or 1.0
    found = estimate(seen, rate * (1 - asked.holdout), asked.at_least)
    draft = calibrate(compose(seen, found, asked.name or "", rate, asked.at_least), seen, on_progress)
    scenario = draft.build()
    reference = seen if judged is None else see_visits(judged, asked.at_least, site=match_site(judged, seen.site))
    others = len(fitted.sessions.user) if judged is not None else 0
    judgement = judge_scenario(scenario, reference, asked, others, on_progress)
    templates = {name: each.path for name, each in zip(seen.site.names, seen.site.templates, strict=True)}
    notes = (*list_unused(asked.page, seen.site), *list_notes(seen, found, asked.sample_rate))
    return Fitted(scenario, draft.write(), notes, judgement, sessions, recorded.counts.events, templates)


def check_usable(seen: Seen, sessions: int) -> None:
    """Raise LoadgenError if the data have no pages or no starts of sessions: without them nothing can be fitted."""
    counts, views = seen.recorded.counts, seen.recorded.find_rows(rum.PAGE_VIEW)
    none = f"{sessions:,} sessions without a page view; give all types of events, {rum.PAGE_VIEW} too"
    nameless = f"{sessions:,} sessions whose events name no page; give events with their metadata, pageId among them"
    rare = (
        f"{sessions:,} sessions without a page that {seen.at_least} visitors saw; give more data, or a lower --at-least"
    )
    late = f"none of the {sessions:,} sessions began in the data; give data of a longer time, with events of "
    for is_unusable, why in (
        (not len(views), add_unread(none, counts)),
        ((seen.recorded.events.page[views] < 0).all(), add_unread(nameless, counts)),
        (not len(seen.visits.page), f"{rare}; give more data, or a lower --at-least"),
        (seen.cuts.begins.all(), f"{late}{rum.SESSION_START} and {rum.PAGE_VIEW}"),
    ):
        if is_unusable:
            raise LoadgenError(why)


def split_sessions(recorded: Recorded, holdout: float) -> tuple[Recorded, Recorded | None]:
    """Split sessions at random, but always in the same way, into those to fit and those to hold out.

    Raises LoadgenError if either part has too few sessions.
    """
    if not holdout:
        return recorded, None
    size = len(recorded.sessions.user)
    held = mark(size, np.random.default_rng(7).permutation(size)[: round(size * holdout)])
    if min(held.sum(), size - held.sum()) < FEWEST_SESSIONS // 2:
        raise LoadgenError(f"--holdout {holdout:g} of {size:,} sessions leaves too few; give one nearer to 0.5")
    return select_sessions(recorded, ~held), select_sessions(recorded, held)


def select_sessions(recorded: Recorded, chosen: Bools) -> Recorded:
    """Return the recorded traffic of the chosen sessions alone; they get new, dense rows."""
    number = np.cumsum(chosen) - 1
    kept = np.flatnonzero(chosen[recorded.events.session])
    place = np.full(len(recorded.events.session), -1)
    place[kept] = np.arange(len(kept))
    events = pick_rows(recorded.events, kept)
    events = events._replace(session=number[events.session])
    loads = pick_rows(recorded.loads, place[recorded.loads.event] >= 0)
    picked = loads._replace(event=place[loads.event])
    people = pick_rows(recorded.sessions, chosen)
    return msgspec.structs.replace(recorded, sessions=people, events=events, loads=picked)


def judge_scenario(
    scenario: Scenario, reference: Seen, asked: FitOptions, fitted: int, on_progress: OnProgress
) -> Judgement:
    """Generate about as many sessions as `reference` has, with some seeds, and compare; `fitted`: see judge."""
    starts = find_starts(reference)[1]
    recorded = len(reference.recorded.sessions.user) if reference.settings.cookies else len(starts)
    repeats = RepeatedTraffic(scenario, recorded, len(reference.recorded.events.at), asked.seed)
    on_progress(f"generating {sum(repeats.sessions.values()):,} sessions to compare with")
    tick = Ticker(on_progress, f"generating {scenario.name}", None, "events")
    start = datetime.fromtimestamp(float(starts.min(initial=4e9)), UTC).isoformat()
    generated = repeats.record(start, tick)
    return judge(reference, see_visits(generated, 1, site=match_site(generated, reference.site)), fitted)
