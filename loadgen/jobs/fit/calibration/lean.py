"""Make drafts whose traffic has little but what is matched: few files, or a rare kind of device alone.

Rule: a rare kind of device has few of the visits that a round generates, and always the same ones, as the seed is
fixed: its vitals would be moved to make up for what these few are by chance. So it is generated alone.
"""

from __future__ import annotations

from loadgen.jobs.fit.drafting.draft import Draft
from loadgen.jobs.fit.estimates.estimate import Seen
from loadgen.jobs.fit.estimates.vitals import LEAST

LEAN = {"stylesheet": 0, "script": 1, "font": 0}
"""Files of a page while vitals are matched: files are most of the events, and vitals do not depend on them."""

RARE = 0.25
"""Share of the loads below which the rarer kind of device is generated alone."""

UNNEEDED = ("http", "interaction")
"""Telemetries that vitals do not depend on: calls and clicks go on, but are not recorded."""


def make_lean(draft: Draft, keeps_events: bool = False) -> Draft:
    """Return a copy of the draft with fewer events: few files, no errors, replays and custom events, no event limit.

    `keeps_events`: all but the event limit stays, as the client's batch limit makes it depend on the number of events
    which of them are sent.
    """
    lean = draft.copy()
    lean.sections["client"]["sessionEventLimit"] = 0
    if keeps_events:
        return lean
    lean.sections["telemetry"]["errors"] = {"sessions": 0.0}
    lean.sections["monitor"]["telemetries"] = [
        each for each in lean.sections["monitor"]["telemetries"] if each != "replay"
    ]
    for page in lean.pages.values():
        page.pop("events", None)
    for owner in (lean.sections["telemetry"], *lean.pages.values()):
        if "resources" in owner:
            owner["resources"] = LEAN | {"image": min(owner["resources"].get("image", 1), 1)}
    return lean


def find_rare_device(seen: Seen) -> bool | None:
    """Return whether the rare kind of device is the small one; None: neither kind is rare, or it has too few loads."""
    loads = len(seen.loads.small)
    small = float(seen.loads.small.mean()) if loads else 0.5
    rarer = min(small, 1 - small)
    return small < 0.5 if LEAST / max(loads, 1) <= rarer < RARE else None


def restrict_to_device(draft: Draft, small: bool, keeps_events: bool = False) -> Draft:
    """Return a copy of the draft whose visitors have only one kind of device, and which records little but vitals.

    `keeps_events`: all is recorded, as for `make_lean`.
    """
    alone = draft.copy()
    population, monitor = alone.sections["population"], alone.sections["monitor"]
    population["devices"] = {"mobile" if small else "desktop": 1}  # some tablets report that they are desktops
    for mix in ("browsers", "systems"):  # those of all devices; vitals depend on neither
        population.pop(mix, None)
    if keeps_events:
        return alone
    monitor["telemetries"] = [each for each in monitor["telemetries"] if each not in UNNEEDED]
    alone.sections["client"]["enableXRay"] = False
    return alone
