"""Calibrate a draft: generate traffic from it, compare it with the recorded traffic, correct parameters, and repeat.

A parameter cannot be read off the data directly, because the traffic model changes it: the first page renders slower,
inputs come while a page is looked at, a visit may end before a page has loaded. Rule: the same reader and the same
measures are used on both sides, so the constants of the model need not be known here. A parameter is corrected by the
ratio (or difference) of the recorded figure and the generated one. If the event limit cuts many recorded sessions, it
cuts the generated ones alike, so they have all their events; otherwise events that do not matter here are left out.
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp, isfinite, sqrt
from typing import Any

import numpy as np

from loadgen.jobs.fit.calibration.lean import find_rare_device, make_lean, restrict_to_device
from loadgen.jobs.fit.calibration.losses import correct_shares, loses_events, read_shares
from loadgen.jobs.fit.calibration.origins import DISTANT, OriginEffects, find_origin_effects, spread_origin_effects
from loadgen.jobs.fit.drafting.compose_telemetry import LAWS
from loadgen.jobs.fit.drafting.draft import Draft
from loadgen.jobs.fit.estimates import dwell, dwell_laws, tabs
from loadgen.jobs.fit.estimates.estimate import Seen, see_visits
from loadgen.jobs.fit.estimates.inputs import LARGEST, bound, correct_inputs, count_inputs, find_minutes, guess_inputs
from loadgen.jobs.fit.estimates.vitals import (
    LEAST,
    find_lcp_parts,
    find_shared_slowness,
    find_shifts,
    find_text_share,
    match_device,
    match_logarithms,
    weigh_landings,
)
from loadgen.jobs.fit.reading.formats import Feed
from loadgen.jobs.fit.reading.recorded import Recorded, Recorder
from loadgen.jobs.fit.support import round_share, round_to
from loadgen.jobs.fit.visits.cuts import is_limited
from loadgen.jobs.fit.visits.site import match_site
from loadgen.jobs.generate import generate
from loadgen.rum import events as rum
from loadgen.scenario import Arrivals, Scenario

ROUNDS = (0.25, 1.0, 1.0)
"""Share of the sessions that each round generates."""

EVENTS, OF_RARE = 180_000, 90_000
"""About the events that a whole round generates, in two to four seconds of work, and those on a rare kind of device."""

LONGER = 2.5
"""Factor by which a round is longer if the event limit cuts sessions, or if a kind of device is rare."""

FEWEST, MOST, TIMES = 250, 12_000, 3
"""Sessions of a whole round at least and at most, and generated sessions for each recorded one: more would only match
the recorded sessions' random error."""

ENOUGH, MANY_TIMES = 30, 400
"""Times on each side that are needed to correct the mean of a think time, and to correct its spread."""

SHOWN_SLOWNESS = 0.7
"""About the slope of the correlation of waiting and rendering over shared_slowness."""

CROWD = 100_000
"""Returning visitors of the generated traffic: the devices and countries of the few hundred of some sites would be off
by chance, always in the same way, and vitals would be moved to make up for it."""

SEED = 20_261_125
"""Fixed, so that the same data give the same scenario."""


def calibrate(draft: Draft, seen: Seen, on_round: Callable[[str], None]) -> Draft:
    """Return the draft with vitals, inputs, think times and call times whose traffic matches the recorded traffic."""
    telemetry = draft.sections["telemetry"]
    if not any(device in telemetry for device in ("desktop", "mobile")) and "median_ms" not in telemetry["api"]:
        return round_draft(draft, seen)
    most = int(np.clip(TIMES * len(seen.recorded.sessions.user), FEWEST, MOST))
    limited, rare = is_limited(seen.recorded, seen.settings.limit), find_rare_device(seen)
    whole, alone, longer = min(most, MOST // 2), FEWEST, LONGER if limited or rare is not None else 1.0
    usual = find_usual_minutes(draft, seen)
    loses, shares = loses_events(draft), read_shares(draft)
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


def show_draft(draft: Draft, sessions: int, seen: Seen) -> Seen:
    """Generate so many sessions from a draft, and read them as visits to the pages of `seen`."""
    generated = record_generated(make_steady(draft.build(), sessions), sessions, SEED)
    return see_visits(generated, 1, site=match_site(generated, seen.site))


def size_round(shown: Seen, sessions: int, events: float, most: int) -> int:
    """Return the number of sessions that have about so many events, as `sessions` had those of `shown`."""
    return int(np.clip(events * sessions / max(shown.recorded.counts.events, 1), FEWEST, most))


def record_generated(
    scenario: Scenario,
    sessions: int,
    seed: int,
    start: str | None = None,
    on_read: Callable[[int], None] | None = None,
) -> Recorded:
    """Generate the first sessions of a scenario at sample rate 1, and read them as recorded traffic."""
    recorder = Recorder()
    feed = Feed(recorder)
    for number, body in enumerate(
        generate(scenario.adjust(sample_rate=1.0), sessions=sessions, seed=seed, start=start)
    ):
        feed.add_line(body)
        if on_read is not None and not number & 0x3FF:
            on_read(recorder.counts.events)
    return recorder.finish()


def make_steady(scenario: Scenario, sessions: int) -> Scenario:
    """Return the scenario with a constant rate of arrivals and many visitors, for figures that depend on neither."""
    many = scenario.population.model_copy(update={"visitors": max(scenario.population.visitors, CROWD)})
    arrivals = Arrivals(rate=max(sessions / 600, 0.1))
    return scenario.model_copy(update={"arrivals": arrivals, "duration": 600.0, "population": many})


def correct_telemetry(telemetry: dict[str, Any], seen: Seen, shown: Seen, by_device: dict[bool, Seen]) -> None:
    """Correct the parameters of [telemetry] by comparing recorded (`seen`) and generated traffic (`shown`).

    `by_device` is the generated traffic from which vitals of small and of other devices are read.
    """
    effects = find_origin_effects(seen.recorded, seen.loads)
    for device, small in (("desktop", False), ("mobile", True)):
        if device in telemetry:
            correct_vitals(telemetry[device], seen, (shown, by_device[small]), small, effects)
    if "lcp_parts" in telemetry:
        correct_lcp_parts(telemetry, seen, shown)
    if "shared_slowness" in telemetry:
        correct_shared_slowness(telemetry, seen, shown)
    if "shifts" in telemetry:
        correct_shifts(telemetry["shifts"], seen, shown)
    wanted, found = match_calls(seen.recorded), match_calls(shown.recorded)
    if "median_ms" in telemetry["api"] and wanted.number > 1 and found.number > 1:
        telemetry["api"]["median_ms"] *= bound(exp(2 * (wanted.mean - found.mean)))
        telemetry["api"]["sigma"] *= bound(wanted.spread / found.spread)


def correct_lcp_parts(telemetry: dict[str, Any], seen: Seen, shown: Seen) -> None:
    """Correct the parts of the time of largest images, in per cent."""
    (wanted, _), (found, number) = (find_lcp_parts(each.recorded) for each in (seen, shown))
    if number >= LEAST:
        parts = np.array(telemetry["lcp_parts"]) * np.clip(wanted / np.maximum(found, 1e-6), 1 / LARGEST, LARGEST)
        telemetry["lcp_parts"] = [max(round(each, 1), 0.1) for each in (100 * parts / parts.sum()).tolist()]


def correct_shared_slowness(telemetry: dict[str, Any], seen: Seen, shown: Seen) -> None:
    """Correct shared_slowness by the difference of the correlations."""
    (wanted, _), (found, loads) = (find_shared_slowness(each.loads) for each in (seen, shown))
    shared = telemetry["shared_slowness"] + (wanted - found) / SHOWN_SLOWNESS
    telemetry["shared_slowness"] = round_share(float(np.clip(shared, 0.0, 1.0)), loads)


def correct_shifts(shifts: dict[str, float], seen: Seen, shown: Seen) -> None:
    """Correct the shares of loads that shift while they load, and of those that shift once."""
    (wanted, loads), (found, number) = (find_shifts(each.loads) for each in (seen, shown))
    for name in wanted if number >= LEAST else ():
        shifts[name] = round_share(float(np.clip(shifts[name] + wanted[name] - found[name], 0.0, 1.0)), loads)


def correct_vitals(
    vitals: dict[str, Any], seen: Seen, pair: tuple[Seen, Seen], small: bool, effects: OriginEffects
) -> None:
    """Correct the vitals of one kind of device; `effects` are those of where visitors come from.

    `pair` has generated traffic: of all devices for times that distance changes, and perhaps of this kind alone.
    """
    weights, shown = weigh_landings(seen.loads), pair[1]
    wanted, whole, found = (
        match_device(each.loads, small, weights, spread_origin_effects(effects, each.recorded, each.loads))
        for each in (seen, *pair)
    )
    found |= {name: whole[name] for name in DISTANT}
    for quantity, (median, sigma) in LAWS.items():
        one, other = wanted[quantity], found[quantity]
        if median in vitals and one.number > 1 and other.number > 1:
            vitals[median] *= bound(exp(one.mean - other.mean))
            if sigma in vitals and other.spread > 0:
                vitals[sigma] *= bound(one.spread / other.spread)
    if "mbit" in vitals and isfinite(wanted["response"].mean) and isfinite(found["response"].mean):
        vitals["mbit"] *= bound(exp(found["response"].mean - wanted["response"].mean))
    if "text_lcp" in vitals:
        text = vitals["text_lcp"] + find_text_share(seen.loads, small) - find_text_share(shown.loads, small)
        vitals["text_lcp"] = float(np.clip(text, 0.0, 1.0)) if isfinite(text) else vitals["text_lcp"]


def correct_dwells(draft: Draft, seen: Seen, shown: Seen) -> None:
    """Correct each think time by the difference of means and the ratio of spreads; both sides include hidden tabs."""
    own = {name: page["think_time"] for name, page in draft.pages.items() if "think_time" in page}
    (pages, small, seconds), (other_pages, other_small, other_seconds) = map(measure_by_page, (seen, shown))
    groups = [(law, pages == name, other_pages == name) for name, law in own.items()]
    usual, other_usual = (~np.isin(each, list(own)) for each in (pages, other_pages))
    laws = draft.sections["population"].get("think_time", {})
    for device, mobile in (("desktop", False), ("mobile", True)):
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
    wanted, found = (tabs.find_shortcuts(each.recorded, each.visits, each.loads, len(each.site.names))
                     for each in (seen, shown))  # fmt: skip
    if "new_tab" in population:
        ratio = bound(tabs.find_share(wanted) / max(tabs.find_share(found), 1e-6))
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


def match_calls(recorded: Recorded) -> Any:
    """Return mean and spread of the logarithms of traced calls' durations."""
    return match_logarithms(recorded.events.value[recorded.find_rows(rum.XRAY)])


def round_draft(draft: Draft, seen: Seen) -> Draft:
    """Round the matched parameters to the digits that the data support."""
    telemetry = draft.sections["telemetry"]
    for device, small in (("desktop", False), ("mobile", True)):
        if device in telemetry:
            round_vitals(telemetry[device], seen, small)
    api, calls = telemetry["api"], max(match_calls(seen.recorded).number, 1)
    if "median_ms" in api:
        api["median_ms"] = round_to(api["median_ms"], api["median_ms"] * api["sigma"] / sqrt(calls))
        api["sigma"] = round_to(api["sigma"], api["sigma"] / sqrt(2 * calls))
    if "interactions_per_minute" in telemetry:
        views = len(seen.visits.page)
        telemetry["interactions_per_minute"] = round_to(
            telemetry["interactions_per_minute"], telemetry["interactions_per_minute"] / sqrt(max(views, 1))
        )
    laws = [*draft.sections["population"].get("think_time", {}).values()]
    for law in [*laws, *(page["think_time"] for page in draft.pages.values() if "think_time" in page)]:
        law |= {name: round_to(value, 0.01 * value) for name, value in law.items() if isinstance(value, float)}
    return draft


def round_vitals(vitals: dict[str, Any], seen: Seen, small: bool) -> None:
    found = match_device(seen.loads, small)
    for quantity, (median, sigma) in LAWS.items():
        match = found[quantity]
        if median in vitals:
            vitals[median] = round_to(vitals[median], vitals[median] * match.spread / sqrt(match.number))
        if sigma in vitals:
            vitals[sigma] = round_to(vitals[sigma], vitals[sigma] / sqrt(2 * match.number))
    if "text_lcp" in vitals:
        vitals["text_lcp"] = round_share(vitals["text_lcp"], found["largest"].number)
    if "mbit" in vitals:
        vitals["mbit"] = round_to(vitals["mbit"], vitals["mbit"] * 0.05)
