"""Make all estimates from recorded traffic: first the traffic as visits to pages (`Seen`), then the estimates.

Rule: a quantity that the data do not show keeps the scenario format's default, and a comment or a note says so.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
import numpy as np

from loadgen.jobs.fit.estimates.actions import JsErrors, find_clicks, find_js_errors
from loadgen.jobs.fit.estimates.arrivals import Curve, fit_arrivals
from loadgen.jobs.fit.estimates.calls import SiteCalls, find_calls
from loadgen.jobs.fit.estimates.client_settings import ClientSettings, find_settings
from loadgen.jobs.fit.estimates.custom_data import find_custom_events
from loadgen.jobs.fit.estimates.dwell import DwellLaws, find_ready, fit_dwells
from loadgen.jobs.fit.estimates.navigation import (
    NavigationFacts,
    Shortcuts,
    find_documents,
    find_shortcuts,
    read_navigation,
)
from loadgen.jobs.fit.estimates.page_files import SiteFiles, find_files
from loadgen.jobs.fit.estimates.population import Returning, VisitorCounts, count_people, find_mobile, find_returning
from loadgen.jobs.fit.estimates.steps import Steps, count_steps
from loadgen.jobs.fit.estimates.vitals import Loads, find_slowness, list_loads
from loadgen.jobs.fit.estimates.without_cookies import add_followers, find_followers
from loadgen.jobs.fit.reading.recorded import Bools, Floats, Ints, Recorded, pick_rows
from loadgen.jobs.fit.visits.cuts import find_cuts, find_decisions, find_roomy, find_spans
from loadgen.jobs.fit.visits.site import RecordedSite, fold_pages
from loadgen.jobs.fit.visits.visits import Cuts, Visits, find_routes, follow_returns, list_visits


class Seen(NamedTuple):
    """Recorded traffic as visits: the input of all estimates and of the judgement."""

    recorded: Recorded
    settings: ClientSettings
    site: RecordedSite
    cuts: Cuts
    visits: Visits
    route: Bools  # [page]: it is reached by route changes
    mobile: Bools  # [session]: it is on a mobile or a tablet
    loads: Loads
    steps: Steps
    walked: Floats  # [page]: number of arrivals, reloads and links to itself included
    at_least: int  # visitors who must have a text before it is written

    @property
    def followers(self) -> Bools:
        """[session]: it goes on a visit that began in another one, as loads without cookies do."""
        return np.asarray(self.cuts.begins & (self.recorded.sessions.user < 0))

    def drop_followers(self) -> Recorded:
        """Return the recorded traffic with one session for each visit in the table of sessions."""
        return msgspec.structs.replace(self.recorded, sessions=pick_rows(self.recorded.sessions, ~self.followers))


class Estimates(NamedTuple):
    """All estimates."""

    curve: Curve
    people: VisitorCounts
    returning: Returning
    dwells: DwellLaws
    slowness: dict[int, tuple[float, float]]
    documents: dict[int, dict[str, float]]
    files: SiteFiles
    navigation: NavigationFacts
    calls: SiteCalls
    clicks: dict[int, list[dict[str, Any]]]
    custom: dict[int, list[dict[str, Any]]]
    errors: JsErrors
    shortcuts: Shortcuts


def see_visits(
    recorded: Recorded, at_least: int, patterns: tuple[str, ...] = (), site: RecordedSite | None = None
) -> Seen:
    """Turn recorded events into visits to the pages of a site; the site is found in the data unless it is given."""
    settings = find_settings(recorded, at_least)
    site = site or fold_pages(recorded, at_least, patterns)
    cuts = find_cuts(recorded, settings.limit)
    cuts = cuts._replace(begins=cuts.begins | find_followers(recorded, site))
    visits = list_visits(recorded, site, cuts)
    route, mobile = find_routes(site, visits), find_mobile(recorded)
    decisions = find_decisions(recorded, visits, settings.limit)
    steps = count_steps(site, visits, route, decisions, follow_returns(recorded, visits))
    steps = add_followers(steps, recorded, visits)
    loads, walked = list_loads(recorded, visits, mobile), count_arrivals(visits, len(site.names))
    return Seen(recorded, settings, site, cuts, visits, route, mobile, loads, steps, walked, at_least)


def count_arrivals(visits: Visits, pages: int) -> Floats:
    """Count the arrivals on each page, reloads and links to itself included."""
    arrived = np.bincount(visits.page, weights=1.0 + visits.reloads + visits.links, minlength=pages)
    return arrived.astype(np.float64)


def choose_complete(seen: Seen) -> tuple[Visits, Floats]:
    """Return the views during which everything was recorded, and the arrivals on each page in them."""
    chosen = seen.visits.choose(find_roomy(seen.recorded, seen.visits, seen.settings.limit))
    return chosen, count_arrivals(chosen, len(seen.site.names))


def find_starts(seen: Seen) -> tuple[Ints, Floats]:
    """Return the sessions that began in the data, and the Unix times at which their first navigation began.

    The client's first event comes when its script runs, which is seconds later if the page loads slowly.
    """
    first, _ = find_spans(seen.recorded)
    ready, landed = find_ready(seen.recorded, seen.visits)[0], seen.visits.first
    waited = np.full(len(first), np.median(ready[landed]) if landed.any() else 0.0)
    waited[seen.visits.session[landed]] = ready[landed]
    whole = np.flatnonzero(~seen.cuts.begins & np.isfinite(first))
    return whole, first[whole] - waited[whole] / 1000


def estimate(seen: Seen, sample_rate: float, at_least: int) -> Estimates:
    """Make all estimates; `sample_rate` is the share of all sessions that `seen` has."""
    recorded, site, visits = seen.recorded, seen.site, seen.visits
    whole, walked = choose_complete(seen)
    people = count_people(seen.drop_followers(), at_least)
    files, returning = find_files(recorded, visits, len(site.names)), find_returning(recorded, visits, sample_rate)
    errors = find_js_errors(recorded, seen.cuts.full, whole, walked, at_least)
    if seen.followers.any():  # their visits have several sessions
        returning = returning._replace(cached_later=seen.steps.cached)
        errors = errors._replace(sessions=min(errors.sessions / float((~seen.followers).mean()), 1.0))
    countries = {name: float(number) for name, number in people.countries.most_common(30)}
    return Estimates(
        fit_arrivals(find_starts(seen)[1], 1 / sample_rate, countries or None),
        people,
        returning,
        fit_dwells(recorded, visits, seen.mobile, seen.settings.interval, seen.settings.limit),
        find_slowness(seen.loads, visits.page[seen.loads.view], len(site.names)),
        find_documents(seen.loads, visits.page[seen.loads.view], len(site.names)),
        files,
        read_navigation(seen.loads, files.cold),
        find_calls(recorded, site, whole, walked, at_least),
        find_clicks(recorded, whole, walked, at_least),
        find_custom_events(recorded, site, whole, walked, at_least),
        errors,
        find_shortcuts(recorded, visits, seen.loads, len(site.names)),
    )
