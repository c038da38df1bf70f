"""Match [telemetry]: correct vitals and other parameters of loads by comparing recorded and generated traffic.

Rule: few visitors with a rare kind of device come from other places than many such visitors would. So the differences
between places, as languages tell these, are measured over all devices, and removed from recorded and generated loads
before they are compared: recorded visitors from far away then count like generated ones from there, and not as a slower
device.
"""

from __future__ import annotations

from math import exp, isfinite
from typing import Any

import numpy as np

from loadgen.jobs.fit.drafting.compose_telemetry import LAWS
from loadgen.jobs.fit.estimates.estimate import Seen
from loadgen.jobs.fit.estimates.vitals import (
    LEAST,
    QUANTITIES,
    Loads,
    Match,
    find_lcp_parts,
    find_shared_slowness,
    find_shifts,
    find_text_share,
    match_device,
    match_logarithms,
    weigh_landings,
)
from loadgen.jobs.fit.reading.recorded import Floats, Ints, Recorded
from loadgen.jobs.fit.support import DEVICES, round_share
from loadgen.rum import events as rum

SHOWN_SLOWNESS = 0.7
"""About the slope of the correlation of waiting and rendering over shared_slowness."""

LARGEST = 3.0
"""The largest factor by which one round corrects a rate."""

DISTANT = ("ttfb", "rtt", "response")
"""Quantities that depend on how far away visitors are; with a rare device alone, they come from other countries."""

TURNS = 6
"""Turns of estimating means by device and effects of languages from what the others leave."""

OriginEffects = dict[str, dict[str, float]]
"""By quantity and language: the difference of the mean logarithm from that of all visitors."""


def bound(ratio: float) -> float:
    """Limit a correction to the factor of one round; NaN and infinity give 1."""
    return float(np.clip(ratio, 1 / LARGEST, LARGEST)) if isfinite(ratio) else 1.0


def correct_telemetry(telemetry: dict[str, Any], seen: Seen, shown: Seen, by_device: dict[bool, Seen]) -> None:
    """Correct the parameters of [telemetry] by comparing recorded (`seen`) and generated traffic (`shown`).

    `by_device` is the generated traffic from which vitals of small and of other devices are read.
    """
    effects = find_origin_effects(seen.recorded, seen.loads)
    for device, small in DEVICES:
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


def match_calls(recorded: Recorded) -> Match:
    """Return mean and spread of the logarithms of traced calls' durations."""
    return match_logarithms(recorded.events.value[recorded.find_rows(rum.XRAY)])


def find_origin_effects(recorded: Recorded, loads: Loads) -> OriginEffects:
    """Find the effect of each language on each quantity; it is smaller than measured where few visits have it.

    Effects and the means of each kind of load are found from each other, by turns: places differ in their devices. The
    differences between means of languages are shrunk by the part of them that chance gives (random effects, estimated
    by the method of moments). A visit counts once, however many loads it has.
    """
    language = recorded.sessions.language[loads.session]
    found: OriginEffects = {}
    for name, read in QUANTITIES.items():
        values = read(loads)
        known = np.flatnonzero(np.isfinite(values) & (values > 0))
        if not len(known):
            continue
        group = loads.small[known] * 2 + loads.first[known]
        languages, of_load = np.unique(language[known], return_inverse=True)
        logarithms, effects = np.log(values[known]), np.zeros(len(languages))
        _, begin, place = np.unique(loads.session[known], return_index=True, return_inverse=True)
        for _ in range(TURNS):
            residual = logarithms - _find_means(logarithms - effects[of_load], group)[group]
            effects = _shrink_means(_find_means(residual, place), of_load[begin])
        named = zip(languages.tolist(), effects.tolist(), strict=True)
        found[name] = {recorded.words[each]: effect for each, effect in named if each >= 0}
    return found


def spread_origin_effects(effects: OriginEffects, recorded: Recorded, loads: Loads) -> dict[str, Floats]:
    """Return by quantity the effect of the visitor's language on each load; 0 for an unknown language."""
    language = recorded.sessions.language[loads.session]
    return {
        name: np.array([*(by_language.get(word, 0.0) for word in recorded.words), 0.0])[language]
        for name, by_language in effects.items()
    }


def _find_means(values: Floats, group: Ints) -> Floats:
    """Return the mean of each group."""
    means: Floats = np.bincount(group, values) / np.maximum(np.bincount(group), 1)
    return means


def _shrink_means(values: Floats, group: Ints) -> Floats:
    """Return the mean of each group less the mean of all, shrunk by the part of the differences that is chance."""
    number = np.bincount(group)
    mean = _find_means(values, group) - values.mean()
    own = values - values.mean() - mean[group]
    within = float(own @ own) / max(len(values) - len(number), 1)
    weight = len(values) - float(number @ number) / len(values)
    between = max(float(number @ mean**2) - (len(number) - 1) * within, 0.0) / max(weight, 1e-9)
    shrunk: Floats = mean * between / np.maximum(between + within / number, 1e-12)
    return shrunk
