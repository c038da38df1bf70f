"""Measure how much slower or quicker loads are for visitors who come from different places, as languages tell these.

Rule: few visitors with a rare kind of device come from other places than many such visitors would. So the differences
between places are measured over all devices, and removed from recorded and generated loads before they are compared:
recorded visitors from far away then count like generated ones from there, and not as a slower device.
"""

from __future__ import annotations

import numpy as np

from loadgen.jobs.fit.estimates.vitals import QUANTITIES, Loads, read_quantity
from loadgen.jobs.fit.reading.recorded import Floats, Ints, Recorded

DISTANT = ("ttfb", "rtt", "response")
"""Quantities that depend on how far away visitors are; with a rare device alone, they come from other countries."""

TURNS = 6
"""Turns of estimating means by device and effects of languages from what the others leave."""

OriginEffects = dict[str, dict[str, float]]
"""By quantity and language: the difference of the mean logarithm from that of all visitors."""


def find_origin_effects(recorded: Recorded, loads: Loads) -> OriginEffects:
    """Find the effect of each language on each quantity; it is smaller than measured where few visits have it.

    The differences between means of languages are shrunk by the part of them that chance gives (random effects,
    estimated by the method of moments). A visit counts once, however many loads it has.
    """
    language = recorded.sessions.language[loads.session]
    found: OriginEffects = {}
    for name in QUANTITIES:
        values = read_quantity(loads, name)
        known = np.flatnonzero(np.isfinite(values) & (values > 0))
        if not len(known):
            continue
        group = loads.small[known] * 2 + loads.first[known]
        languages, of_load = np.unique(language[known], return_inverse=True)
        effects = _find_effects(np.log(values[known]), group, loads.session[known], of_load)
        named = zip(languages.tolist(), effects.tolist(), strict=True)
        found[name] = {recorded.words[each]: effect for each, effect in named if each >= 0}
    return found


def _find_effects(values: Floats, group: Ints, session: Ints, language: Ints) -> Floats:
    """Return the effect of each language beside that of each group, whose languages may differ, by turns."""
    _, begin, place = np.unique(session, return_index=True, return_inverse=True)
    effects = np.zeros(int(language.max()) + 1)
    for _ in range(TURNS):
        residual = values - _find_means(values - effects[language], group)[group]
        effects = _shrink_means(_find_means(residual, place), language[begin])
    return effects


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
