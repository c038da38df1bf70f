"""What a model shows of its parameters is not what they are: generate, compare, correct, and again.

Rule: the same reader and the same measures look at both sides, so the constants of the traffic model need not be known
here: that the first page renders slower, that inputs come while a page is looked at, that a visit may end before a page
has loaded. Every correction is a ratio of what was recorded to what was generated.
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp, isfinite, sqrt
from typing import Any

import numpy as np

from loadgen.jobs.fit import dwell, dwell_laws, tabs
from loadgen.jobs.fit.compose_telemetry import LAWS
from loadgen.jobs.fit.draft import Draft
from loadgen.jobs.fit.estimate import Seen, see_visits
from loadgen.jobs.fit.formats import Feed
from loadgen.jobs.fit.inputs import LARGEST, bound, correct_inputs, count_inputs, find_minutes, guess_inputs
from loadgen.jobs.fit.recorded import Recorded, Recorder
from loadgen.jobs.fit.support import round_share, round_to
from loadgen.jobs.fit.visits import match_site
from loadgen.jobs.fit.vitals import (
    LEAST,
    find_lcp_parts,
    find_shared_slowness,
    find_shifts,
    find_text_share,
    match_device,
    match_logarithms,
    weigh_landings,
)
from loadgen.jobs.generate import generate
from loadgen.rum import events as rum
from loadgen.scenario import Arrivals, Scenario

ROUNDS = (0.25, 1.0, 1.0)
"""Parts of the sessions that each round generates."""

EVENTS = 180_000
"""Events that are generated in a whole round, about: two to four seconds of work."""

RARE, LONGER = 0.25, 2.5
"""Share of the loads below which the rarer kind of device has too few in such a round; how much longer one may be."""

FEWEST, MOST, TIMES = 250, 12_000, 3
"""Sessions that are generated in a whole round, and how many for each recorded one: more would match its chance."""

ENOUGH, MANY_TIMES = 30, 400
"""Times on both sides from which a think time is moved, and from which its spread is too."""

SHOWN_SLOWNESS = 0.7
"""About by how much the correlation of waiting and rendering grows with what visitors' loads have in common."""

SEED = 20_261_125
"""Fixed, so that the same data give the same scenario."""

LEAN = {"stylesheet": 0, "script": 1, "font": 0}
"""Files of a page while vitals are matched: they are most of the events, and vitals do not depend on them."""


def calibrate(draft: Draft, seen: Seen, on_round: Callable[[str], None]) -> Draft:
    """The draft with vitals, inputs and call times that generate what was recorded."""
    telemetry = draft.sections["telemetry"]
    if not any(device in telemetry for device in ("desktop", "mobile")) and "median_ms" not in telemetry["api"]:
        return finish(draft, seen)
    most = int(np.clip(TIMES * len(seen.recorded.sessions.user), FEWEST, MOST))
    whole, events = min(most, MOST // 2), EVENTS * find_rarity(seen)
    usual = find_usual_minutes(draft, seen)
    if "interactions_per_minute" in telemetry:
        telemetry["interactions_per_minute"] = guess_inputs(seen, usual)
    for number, part in enumerate(ROUNDS, 1):
        on_round(f"matching vitals, round {number} of {len(ROUNDS)}")
        sessions = max(int(whole * part), FEWEST)
        lean = make_steady(make_lean(draft).build(), sessions)
        generated = record_generated(lean, sessions, SEED)
        shown = see_visits(generated, 1, site=match_site(generated, seen.site))
        correct(telemetry, seen, shown)
        if "interactions_per_minute" in telemetry:
            missing = (count_inputs(seen) - count_inputs(shown)) / find_minutes(shown, usual)
            telemetry["interactions_per_minute"] = correct_inputs(telemetry["interactions_per_minute"], missing)
        correct_dwells(draft, seen, shown)
        correct_shortcuts(draft, seen, shown)
        whole = int(np.clip(events * sessions / max(shown.recorded.counts.events, 1), FEWEST, most))
    return finish(draft, seen)


def find_usual_minutes(draft: Draft, seen: Seen) -> float:
    """The mean time on a page by the laws of the draft."""
    laws = draft.sections["population"].get("think_time", {})
    means = [dwell_laws.find_law_mean(laws[device]) if device in laws else 0.0 for device in ("desktop", "mobile")]
    small = float(seen.mobile.mean())
    return ((1 - small) * means[0] + small * means[1]) / 60


def find_rarity(seen: Seen) -> float:
    """How many times as many sessions it takes for the rarer kind of device to have its vitals matched as well."""
    small = float(seen.loads.small.mean()) if len(seen.loads.small) else 0.5
    rarer = min(small, 1 - small)
    return float(np.clip(RARE / rarer, 1.0, LONGER)) if rarer * len(seen.loads.small) >= LEAST else 1.0


def record_generated(
    scenario: Scenario,
    sessions: int,
    seed: int,
    start: str | None = None,
    on_read: Callable[[int], None] | None = None,
) -> Recorded:
    """The first sessions of a scenario, every one of them sampled, as they would be recorded."""
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
    """The scenario with even arrivals, for what does not depend on when visits begin."""
    return scenario.model_copy(update={"arrivals": Arrivals(rate=max(sessions / 600, 0.1)), "duration": 600.0})


def make_lean(draft: Draft) -> Draft:
    """The same with as few files as vitals allow."""
    lean = draft.copy()
    lean.sections["client"]["sessionEventLimit"] = 0
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


def correct(telemetry: dict[str, Any], seen: Seen, shown: Seen) -> None:
    """Move each parameter by the ratio of what was recorded to what was generated."""
    weights = weigh_landings(seen.loads)
    for device, small in (("desktop", False), ("mobile", True)):
        if device in telemetry:
            correct_vitals(telemetry[device], seen, shown, small, weights)
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
    """Move the parts of the time of largest images, in per cent."""
    (wanted, _), (found, number) = (find_lcp_parts(each.recorded) for each in (seen, shown))
    if number >= LEAST:
        parts = np.array(telemetry["lcp_parts"]) * np.clip(wanted / np.maximum(found, 1e-6), 1 / LARGEST, LARGEST)
        telemetry["lcp_parts"] = [max(round(each, 1), 0.1) for each in (100 * parts / parts.sum()).tolist()]


def correct_shared_slowness(telemetry: dict[str, Any], seen: Seen, shown: Seen) -> None:
    """Move what a visitor's loads have in common."""
    (wanted, _), (found, loads) = (find_shared_slowness(each.loads) for each in (seen, shown))
    shared = telemetry["shared_slowness"] + (wanted - found) / SHOWN_SLOWNESS
    telemetry["shared_slowness"] = round_share(float(np.clip(shared, 0.0, 1.0)), loads)


def correct_shifts(shifts: dict[str, float], seen: Seen, shown: Seen) -> None:
    """Move the shares of loads that shift while they load, which may be complete before they can, and shift once."""
    (wanted, loads), (found, number) = (find_shifts(each.loads) for each in (seen, shown))
    for name in wanted if number >= LEAST else ():
        shifts[name] = round_share(float(np.clip(shifts[name] + wanted[name] - found[name], 0.0, 1.0)), loads)


def correct_vitals(vitals: dict[str, Any], seen: Seen, shown: Seen, small: bool, weights: tuple[float, float]) -> None:
    """Move one device's vitals."""
    wanted, found = match_device(seen.loads, small, weights), match_device(shown.loads, small, weights)
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
    """Move each think time by the difference of means and the ratio of spreads: hidden tabs and such are in both."""
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
    """Move the shares of second tabs, of which few show and look like tabs that were left, and of prerendered pages."""
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
    """Times on pages: the page's name, whether on a mobile, seconds."""
    dwells = dwell.measure_dwells(seen.recorded, seen.visits)
    names = np.array(seen.site.names)[seen.visits.page[dwells.view]]
    return names, seen.mobile[seen.visits.session[dwells.view]], dwells.seconds


def match_calls(recorded: Recorded) -> Any:
    """How long traced calls took."""
    return match_logarithms(recorded.events.value[recorded.find_rows(rum.XRAY)])


def finish(draft: Draft, seen: Seen) -> Draft:
    """Round what was matched to what the data supports."""
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
