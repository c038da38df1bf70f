"""Calibrate a draft: generate traffic from it, compare it with the recorded traffic, correct parameters, and repeat.

A parameter cannot be read off the data directly, because the traffic model changes it: the first page renders slower,
inputs come while a page is looked at, a visit may end before a page has loaded. Rule: the same reader and the same
measures are used on both sides, so the constants of the model need not be known here. A parameter is corrected by the
ratio (or difference) of the recorded figure and the generated one. If the event limit cuts many recorded sessions, it
cuts the generated ones alike, so they have all their events. With a small batch limit, the events beyond it are lost as
a page closes, so views seem to have fewer custom events, clicks and errors than they had: their shares are matched too.
Links are clicked whatever the rate of inputs is, so what is counted is not proportional to that rate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import log, sqrt
from typing import Any

import numpy as np

from loadgen.jobs.fit.calibration.generated import (
    FEWEST,
    MOST,
    TIMES,
    find_rare_device,
    make_lean,
    restrict_to_device,
    show_draft,
    size_round,
)
from loadgen.jobs.fit.calibration.match_telemetry import bound, correct_telemetry, match_calls
from loadgen.jobs.fit.drafting.compose_telemetry import LAWS
from loadgen.jobs.fit.drafting.draft import Draft
from loadgen.jobs.fit.estimates import dwell, dwell_laws, navigation
from loadgen.jobs.fit.estimates.actions import find_bursts, find_clicks, find_js_errors
from loadgen.jobs.fit.estimates.custom_data import find_custom_events
from loadgen.jobs.fit.estimates.estimate import Seen, choose_complete
from loadgen.jobs.fit.estimates.vitals import match_device
from loadgen.jobs.fit.reading.recorded import mark
from loadgen.jobs.fit.support import DEVICES, round_share, round_to
from loadgen.jobs.fit.visits.cuts import is_limited
from loadgen.rum import events as rum
from loadgen.scenario import Click

ROUNDS = (0.25, 1.0, 1.0)
"""Share of the sessions that each round generates."""

EVENTS, OF_RARE = 180_000, 90_000
"""About the events that a whole round generates, in two to four seconds of work, and those on a rare kind of device."""

LONGER = 2.5
"""Factor by which a round is longer if the event limit cuts sessions, or if a kind of device is rare."""

ENOUGH, MANY_TIMES = 30, 400
"""Times on each side that are needed to correct the mean of a think time, and to correct its spread."""

FEW = 30
"""Times on pages that are needed to use their mean; with fewer, the mean of the think time laws is used."""

LEAST_MINUTES = 0.05
"""Shortest mean view in minutes by which a correction of the rate is divided, so that no step is too large."""

ELEMENT = Click.model_fields["element"].default
"""The element of a click whose draft states none."""

Shares = dict[tuple[str, ...], float]
"""[page's name, what happens]: how often in a view. With no page: of errors, by session."""


def calibrate(draft: Draft, seen: Seen, on_round: Callable[[str], None]) -> Draft:
    """Return the draft with vitals, inputs, think times and call times whose traffic matches the recorded traffic."""
    telemetry = draft.sections["telemetry"]
    if not any(device in telemetry for device in ("desktop", "mobile")) and "median_ms" not in telemetry["api"]:
        return round_draft(draft, seen)
    most = int(np.clip(TIMES * len(seen.recorded.sessions.user), FEWEST, MOST))
    limited, rare = is_limited(seen.recorded, seen.settings.limit), find_rare_device(seen)
    whole, alone, longer = min(most, MOST // 2), FEWEST, LONGER if limited or rare is not None else 1.0
    usual = find_usual_minutes(draft, seen)
    loses, shares = "batchLimit" in draft.sections["client"], read_shares(draft)
    if "interactions_per_minute" in telemetry:
        telemetry["interactions_per_minute"] = guess_inputs(seen, usual)
    for number, part in enumerate(ROUNDS, 1):
        on_round(f"matching vitals, round {number} of {len(ROUNDS)}")
        sessions, model = max(int(whole * part), FEWEST), draft if limited else make_lean(draft, keeps_events=loses)
        shown = show_draft(model, sessions, seen)
        by_device = dict.fromkeys((False, True), shown)
        if rare is not None:
            by_device[rare] = show_draft(restrict_to_device(model, rare, limited or loses), alone, seen)
            alone = size_round(by_device[rare], alone, OF_RARE, most)
        correct_telemetry(telemetry, seen, shown, by_device)
        if "interactions_per_minute" in telemetry:
            missing = (count_inputs(seen) - count_inputs(shown)) / find_minutes(shown, usual)
            telemetry["interactions_per_minute"] = correct_inputs(telemetry["interactions_per_minute"], missing)
        correct_dwells(draft, seen, shown)
        correct_shortcuts(draft, seen, shown)
        if loses:
            correct_shares(draft, shares, seen, shown)
        whole = size_round(shown, sessions, EVENTS * longer, most)
    return round_draft(draft, seen)


def find_usual_minutes(draft: Draft, seen: Seen) -> float:
    """Return the mean time on a page by the draft's laws, in minutes."""
    laws = draft.sections["population"].get("think_time", {})
    means = [dwell_laws.find_law_mean(laws[device]) if device in laws else 0.0 for device in ("desktop", "mobile")]
    small = float(seen.mobile.mean())
    return ((1 - small) * means[0] + small * means[1]) / 60


def guess_inputs(seen: Seen, usual: float = 0.0) -> float:
    """Guess the rate of inputs per minute as if no input were a click on a link. Rounds of correction start there."""
    return max(count_inputs(seen) / find_minutes(seen, usual), 1e-3)


def correct_inputs(rate: float, missing: float) -> float:
    """Return the next rate of inputs: the rate plus the missing inputs per minute, within one round's bound."""
    return max(rate * bound(max(rate + missing, 0.0) / rate), 1e-3)


def find_minutes(seen: Seen, usual: float = 0.0) -> float:
    """Return how much the measure of inputs grows with their rate per minute.

    That is the mean minutes of a view or, if clicks are not recorded, of a load without input in a browser that
    measures inputs; `usual` if too few times are known.
    """
    dwells = dwell.measure_dwells(seen.recorded, seen.visits)
    if len(dwells.view) < FEW:
        return max(usual, LEAST_MINUTES)
    if not len(seen.recorded.find_rows(rum.DOM)):
        told = mark(len(seen.visits.page), seen.loads.view[np.isfinite(seen.loads.delay)])
        kind = dwell.find_kinds(seen.recorded, seen.visits)
        able = np.isin(kind, np.unique(kind[told]))
        quiet = ~told[dwells.view] & seen.visits.hard[dwells.view]
        lengths = np.where(able[dwells.view], dwells.seconds, 0.0)[quiet]
    else:
        lengths = dwells.seconds
    return max(float(lengths.mean()) / 60 if len(lengths) else 0.0, LEAST_MINUTES)


def count_inputs(seen: Seen) -> float:
    """Measure inputs: clicks per view if they are recorded, else minus the log of the share of loads without input."""
    views = max(len(seen.visits.page), 1)
    clicks, bursts = find_bursts(seen.recorded)
    if len(clicks):
        return max(float((~bursts).sum()) / views, 1e-6)
    share = float(np.isfinite(seen.loads.delay).mean()) if len(seen.loads.delay) else 0.0
    return -log(1 - min(max(share, 1e-4), 0.95))


def correct_dwells(draft: Draft, seen: Seen, shown: Seen) -> None:
    """Correct each think time by the difference of means and the ratio of spreads; both sides include hidden tabs."""
    own = {name: page["think_time"] for name, page in draft.pages.items() if "think_time" in page}
    (pages, small, seconds), (other_pages, other_small, other_seconds) = map(measure_by_page, (seen, shown))
    groups = [(law, pages == name, other_pages == name) for name, law in own.items()]
    usual, other_usual = (~np.isin(each, list(own)) for each in (pages, other_pages))
    laws = draft.sections["population"].get("think_time", {})
    for device, mobile in DEVICES:
        if device in laws:
            groups.append((laws[device], usual & (small == mobile), other_usual & (other_small == mobile)))
    for law, wanted, found in groups:
        if wanted.sum() >= ENOUGH and found.sum() >= ENOUGH:
            mean = dwell_laws.find_law_mean(law)
            meant = mean * bound((mean + seconds[wanted].mean() - other_seconds[found].mean()) / mean)
            if min(wanted.sum(), found.sum()) >= MANY_TIMES:
                dwell_laws.spread_law(
                    law, bound(dwell_laws.find_spread(seconds[wanted]) / dwell_laws.find_spread(other_seconds[found]))
                )
            dwell_laws.stretch_law(law, meant / dwell_laws.find_law_mean(law))


def correct_shortcuts(draft: Draft, seen: Seen, shown: Seen) -> None:
    """Correct the shares of second tabs, of hidden tabs (which second tabs look like), and of prerendered pages."""
    population, telemetry = draft.sections["population"], draft.sections["telemetry"]
    wanted, found = (navigation.find_shortcuts(each.recorded, each.visits, each.loads, len(each.site.names))
                     for each in (seen, shown))  # fmt: skip
    if "new_tab" in population:
        ratio = bound(navigation.find_share(wanted) / max(navigation.find_share(found), 1e-6))
        population["new_tab"] = round_share(min(population["new_tab"] * ratio, 1.0), wanted.tabs)
        hidden, other = (dwell.find_hidden_tabs(each.recorded, each.visits) for each in (seen, shown))
        if hidden and other:
            left = telemetry.get("tab_switches", 0.0) + hidden.share - other.share
            telemetry["tab_switches"] = round_share(float(np.clip(left, 0.0, 1.0)), hidden.loads)
    for page in wanted.ahead.keys() & found.ahead.keys():
        if link := draft.pages.get(seen.site.names[page], {}).get("link"):
            link["prerender"] = min(round(link["prerender"] * bound(wanted.ahead[page] / found.ahead[page]), 3), 1.0)


def measure_by_page(seen: Seen) -> tuple[Any, Any, Any]:
    """Measure the times on pages; return three columns: the page's name, whether it is on a mobile, seconds."""
    dwells = dwell.measure_dwells(seen.recorded, seen.visits)
    names = np.array(seen.site.names)[seen.visits.page[dwells.view]]
    return names, seen.mobile[seen.visits.session[dwells.view]], dwells.seconds


def read_shares(draft: Draft) -> Shares:
    """Return how often the draft has each custom event, click and error."""
    errors = draft.sections["telemetry"]["errors"]
    found: Shares = {("", name): errors[name] for name in ("sessions", "per_session") if name in errors}
    return found | {key: member.get("per_view", 1.0) for key, member in _list_members(draft.pages)}


def correct_shares(draft: Draft, wanted: Shares, seen: Seen, shown: Seen) -> None:
    """Correct the shares by comparing those of the recorded traffic (`wanted`) and of the generated (`shown`)."""
    found = measure_shares(shown)
    views = dict(zip(seen.site.names, seen.walked.tolist(), strict=True))
    for key, member in _list_members(draft.pages):
        if found.get(key):
            share = min(member.get("per_view", 1.0) * bound(wanted[key] / found[key]), 1.0)
            member["per_view"] = round_share(share, max(views[key[0]], 1.0))
            if member["per_view"] == 1.0 and "type" in member:
                del member["per_view"]  # a custom event's default
    errors = draft.sections["telemetry"]["errors"]
    if found["", "sessions"]:
        ratio = bound(wanted["", "sessions"] / found["", "sessions"])
        errors["sessions"] = round_share(min(errors["sessions"] * ratio, 1.0), 1000)
    if ("", "per_session") in wanted and found["", "per_session"] > 1:
        ratio = bound((wanted["", "per_session"] - 1) / (found["", "per_session"] - 1))
        errors["per_session"] = round(1 + (errors["per_session"] - 1) * ratio, 2)


def measure_shares(seen: Seen) -> Shares:
    """Measure how often traffic has each custom event, click and error, as the estimates do."""
    recorded, names, (whole, walked) = seen.recorded, seen.site.names, choose_complete(seen)
    errors = find_js_errors(recorded, seen.cuts.full, whole, walked, 1)
    events = find_custom_events(recorded, seen.site, whole, walked, 1)
    clicks = find_clicks(recorded, whole, walked, 1)
    pages = {name: {"events": events.get(page, []), "clicks": clicks.get(page, [])} for page, name in enumerate(names)}
    found: Shares = {("", "sessions"): errors.sessions, ("", "per_session"): errors.per_session}
    return found | {key: member.get("per_view", 1.0) for key, member in _list_members(pages)}


def _list_members(pages: dict[str, dict[str, Any]]) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Yield the custom events and clicks of pages, each with its key."""
    for name, page in pages.items():
        for event in page.get("events", ()):
            yield (name, event["type"]), event
        for click in page.get("clicks", ()):
            yield (name, click.get("element", ELEMENT), click.get("id", ""), click.get("css", "")), click


def round_draft(draft: Draft, seen: Seen) -> Draft:
    """Round the matched parameters to the digits that the data support."""
    telemetry = draft.sections["telemetry"]
    for device, small in DEVICES:
        if device in telemetry:
            round_vitals(telemetry[device], seen, small)
    api, calls = telemetry["api"], max(match_calls(seen.recorded).number, 1)
    round_part(api, "median_ms", api.get("sigma", 0.0) / sqrt(calls))
    round_part(api, "sigma", 1 / sqrt(2 * calls))
    round_part(telemetry, "interactions_per_minute", 1 / sqrt(max(len(seen.visits.page), 1)))
    laws = [*draft.sections["population"].get("think_time", {}).values()]
    for law in [*laws, *(page["think_time"] for page in draft.pages.values() if "think_time" in page)]:
        law |= {name: round_to(value, 0.01 * value) for name, value in law.items() if isinstance(value, float)}
    return draft


def round_vitals(vitals: dict[str, Any], seen: Seen, small: bool) -> None:
    """Round the vitals of one kind of device to the digits that its loads support."""
    found = match_device(seen.loads, small)
    for quantity, (median, sigma) in LAWS.items():
        number = max(found[quantity].number, 1)
        round_part(vitals, median, found[quantity].spread / sqrt(number))
        round_part(vitals, sigma, 1 / sqrt(2 * number))
    if "text_lcp" in vitals:
        vitals["text_lcp"] = round_share(vitals["text_lcp"], found["largest"].number)
    round_part(vitals, "mbit", 0.05)


def round_part(members: dict[str, Any], name: str, error: float) -> None:
    """Round a member, if there is one, to a third of its error, which is given as a part of it."""
    if name in members:
        members[name] = round_to(members[name], members[name] * error)
