"""A scenario's incidents → the page views of a block that they hit.

Rule: each visitor draws one random number (a lot) per incident for the whole visit, and a growing incident hits the
lowest lots first. So the seed, the session and the time alone decide who is hit. The ground truth uses the same code.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from loadgen.scenario import ErrorRelease, Incident, LayoutShift, Outage, Scenario, SlowApi, Targeted
from loadgen.traffic.draws import BlockSeeds, Bools, Floats, Ints
from loadgen.traffic.journey import Walk
from loadgen.traffic.mixes import can_hit
from loadgen.traffic.platforms import PLATFORMS
from loadgen.traffic.population import DEVICES, Crowd, People
from loadgen.traffic.rate_curve import compute_strength
from loadgen.traffic.site import Site


class Exposure(NamedTuple):
    """An incident, and which of a block's sessions and of the site's pages it can hit."""

    incident: Targeted
    needs: Floats  # the incident's strength above which each session is hit; inf: never
    pages: Bools  # whether each page of the site can be hit

    def find_hits(self, session: Ints, page: Ints, at: Floats) -> Bools:
        """Mark the views that the incident hits; `at` is when each begins, in seconds from the run's zero."""
        hit: Bools = self.pages[page] & (compute_strength(self.incident, at) > self.needs[session])
        return hit


class StruckViews(NamedTuple):
    """An incident and the views of a block that it hits."""

    incident: Targeted
    views: Bools  # a mask of all views of the block


class Incidents:
    """The incidents of a scenario that can be limited to some visitors or pages."""

    def __init__(self, incidents: tuple[Incident, ...], site: Site, crowd: Crowd) -> None:
        self._crowd = crowd
        self._known = [(each, _find_pages(each, site)) for each in incidents if isinstance(each, Targeted)]

    def draw_exposures(self, seeds: BlockSeeds, people: People) -> list[Exposure]:
        """Draw which of a block's visitors each incident can hit, and at which strength."""
        exposures = []
        for incident, pages in self._known:
            lots = seeds.stream(f"incident/{incident.name}").random(len(people.user)) / incident.share
            exposures.append(Exposure(incident, np.where(self._match(incident, people), lots, np.inf), pages))
        return exposures

    def _match(self, incident: Targeted, people: People) -> Bools:
        match = np.ones(len(people.user), dtype=bool)
        if incident.countries:
            match &= np.array([name in incident.countries for name in self._crowd.countries])[people.country]
        if incident.devices:
            match &= np.array([name in incident.devices for name in DEVICES])[people.device]
        if incident.browsers:
            match &= np.array([each.browser in incident.browsers for each in PLATFORMS])[people.platform]
        return match


def _find_pages(incident: Targeted, site: Site) -> Bools:
    """Mark the pages that an incident can hit; a `slow_api` incident hits only pages that make such a call."""
    chosen = np.array([not incident.pages or name in incident.pages for name in site.names])
    if isinstance(incident, SlowApi):
        calling = [any(call.path.startswith(incident.path) for call in page.api) for page in site.pages]
        chosen &= np.array(calling)
    return chosen


def find_idle_incidents(scenario: Scenario) -> Iterator[tuple[str, str]]:
    """Yield the name of each incident that can hit no visit of a scenario, and the reason."""
    for incident in scenario.incidents:
        if not isinstance(incident, Targeted):
            continue
        if not can_hit(scenario, incident):
            wanted = " on ".join(" or ".join(names) for names in (incident.browsers, incident.devices) if names)
            yield incident.name, f"no visitor has {wanted}"
        elif isinstance(incident, SlowApi):
            pages = incident.pages or tuple(scenario.pages)
            calls = [call.path for name in pages for call in scenario.pages[name].api]
            if not any(path.startswith(incident.path) for path in calls):
                known = f"they call {', '.join(dict.fromkeys(calls))}" if calls else "no api is stated on them"
                yield incident.name, f"no page that it hits calls {incident.path} ({known})"


def find_slowdown(exposures: list[Exposure], session: Ints, page: Ints, at: Floats) -> Floats | None:
    """Return the factor of outages on the files' times of each load; None if no outage hits any load.

    `at` is when each load begins, in seconds from the run's zero.
    """
    factor = None
    for exposure in exposures:
        if isinstance(exposure.incident, Outage) and (hit := exposure.find_hits(session, page, at)).any():
            factor = np.ones(len(session)) if factor is None else factor
            factor[hit] *= exposure.incident.times
    return factor


def find_struck_views(
    exposures: list[Exposure], seeds: BlockSeeds, walk: Walk, planned: Floats, at: Floats, hard: Bools
) -> list[StruckViews]:
    """Find the views that each incident hits.

    `at` is when each view begins, `planned` is when it would begin without outages; both in seconds from the run's
    zero. An outage hits loads by `planned`, because it delays the loads after those that it slows. `hard` marks views
    that are full loads.
    """
    struck = []
    for exposure in exposures:
        incident = exposure.incident
        hit = exposure.find_hits(walk.session, walk.page, planned if isinstance(incident, Outage) else at)
        if isinstance(incident, Outage | LayoutShift):
            hit &= hard
        elif isinstance(incident, ErrorRelease):
            hit &= seeds.stream(f"incident/{incident.name}/throws").random(len(hit)) < incident.per_view
        if hit.any():
            struck.append(StruckViews(incident, hit))
    return struck
