"""Measure vitals and navigation timing by device, and find pages that are slower or quicker than others.

Rule: means and spreads of logarithms are compared and matched, separately for landings and later loads, so that a mix
of pages or of first visits does not look like slowness. The loads of one visitor are correlated, so many of them weigh
little more than one, and a few long visits do not dominate their device.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import nan
from typing import NamedTuple

import numpy as np

from loadgen.jobs.fit.reading.event_details import LOADING, SINGLE
from loadgen.jobs.fit.reading.recorded import Bools, Floats, Ints, Recorded
from loadgen.jobs.fit.visits.visits import Visits
from loadgen.rum import events as rum

FEW, LEAST = 8, 40
"""Loads that are needed to fit the median of a device's vital, and to fit its spread."""

SLOWER, SURELY = 0.06, 4.0
"""A page's slowness is written from this difference of logarithms on, if it also has this many standard errors."""

APART = 2.0
"""Standard errors of the difference between mean over loads and mean over visitors from which heavy visitors differ."""

AHEAD_MS = 2.0
"""A page was prerendered if TTFB is this many milliseconds less than the navigation's first byte."""

TRIM = 0.01
"""Share of the lowest and of the highest logarithms that is left out: clocks are broken, and machines sleep."""


class Loads(NamedTuple):
    """Full loads with their vitals in milliseconds: one row for each view that was loaded; NaN: unknown."""

    view: Ints  # row of Visits
    session: Ints  # row of SessionTable
    first: Bools  # a landing
    small: Bools  # on a mobile or tablet
    back: Bools  # a step back, whose document the browser's cache mostly holds
    ahead: Bools  # prerendered: vitals count from when the visitor came, navigation times do not
    first_byte: Floats
    paint: Floats  # FCP
    largest: Floats  # LCP
    image: Bools  # LCP was an image
    input: Floats  # INP
    delay: Floats  # FID
    shift: Floats  # CLS
    shifting: Floats  # flags SINGLE and LOADING of the CLS
    response: Floats
    bytes: Floats
    ratio: Floats  # size of the document unpacked, divided by its size on the wire
    tls: Floats
    scripts: Floats  # from domInteractive to DOMContentLoaded
    handlers: Floats  # of DOMContentLoaded


class Match(NamedTuple):
    """Mean and standard deviation of logarithms, and the number of loads that they were computed from."""

    mean: float
    spread: float
    number: int


def list_loads(recorded: Recorded, visits: Visits, mobile: Bools) -> Loads:
    """List the first full load of each view."""
    rows, events, loads = np.flatnonzero(visits.hard), recorded.events, recorded.loads
    ttfb, fcp, lcp, inp, fid, cls = (
        [visits.spread_first(of_type, column[of_type])[rows] for column in (events.value, events.code)]
        for of_type in map(recorded.find_rows, (rum.TTFB, rum.FCP, rum.LCP, rum.INP, rum.FID, rum.CLS))
    )
    back = visits.back[rows]
    times = [visits.spread_first(loads.event, column)[rows] for column in (
        loads.first_byte, loads.response, loads.bytes, loads.ratio, loads.tls, loads.scripts, loads.handlers
    )]  # fmt: skip
    first_byte = np.where(np.isfinite(ttfb[0]), ttfb[0], times[0])
    first_byte[back & (first_byte <= 0)] = np.nan  # back from the cache
    ahead = (first_byte <= 0) | (ttfb[0] < times[0] - AHEAD_MS)
    session, first = visits.session[rows], visits.first[rows]
    return Loads(rows, session, first, mobile[session], back, ahead, first_byte, fcp[0], lcp[0], lcp[1] > 0, inp[0],
                 fid[0], *cls, *times[1:])  # fmt: skip


def match_logarithms(values: Floats, session: Ints | None = None) -> Match:
    """Compute mean and standard deviation of the logarithms of the positive values, without the extremes.

    `session` is the session number of each value: values of one session are correlated.
    """
    known = np.flatnonzero(np.isfinite(values) & (values > 0))
    logarithms = np.log(values[known])
    order = np.argsort(logarithms, kind="stable")
    cut = int(TRIM * len(order))
    kept = order[cut : len(order) - cut]
    if len(kept) < 2:
        return Match(nan, nan, len(kept))
    logarithms = logarithms[kept]
    weights = np.full(len(kept), 1 / len(kept)) if session is None else weigh_loads(logarithms, session[known[kept]])
    mean = float(weights @ logarithms)
    return Match(mean, float(np.sqrt(weights @ (logarithms - mean) ** 2)), len(kept))


def weigh_loads(values: Floats, session: Ints) -> Floats:
    """Return weights of loads that add up to 1, although visitors have different numbers of loads.

    A visitor's n loads together count as n / (1 + (n - 1) r) loads, where r is the share of the variance that a
    visitor's loads have in common: this makes the error of the mean least. If visitors with many loads are
    significantly slower or quicker than others, the weights move towards equal ones.
    """
    _, place, number = np.unique(session, return_inverse=True, return_counts=True)
    own = values - (np.bincount(place, values) / number)[place]
    common = 1 - (own @ own) / max(len(own) - len(number), 1) / max(float(values.var()), 1e-12)
    fair = (1 / (1 + float(np.clip(common, 0.0, 1.0)) * (number - 1)))[place]
    fair /= fair.sum()
    alike = np.full(len(values), 1 / len(values))
    apart = (alike - fair) * (values - fair @ values)
    error = float((np.bincount(place, apart) ** 2).sum())
    sure = max(1 - APART**2 * error / max(float(apart.sum()) ** 2, 1e-12), 0.0)
    weights: Floats = sure * alike + (1 - sure) * fair
    return weights


EMPTY: Mapping[str, Floats] = {}
QUANTITIES: dict[str, Callable[[Loads], Floats]] = {
    "ttfb": lambda loads: np.where(loads.back | loads.ahead, np.nan, loads.first_byte),
    "render": lambda loads: np.where(loads.ahead, np.nan, loads.paint - loads.first_byte),
    "largest": lambda loads: np.where(loads.image & ~loads.ahead, loads.largest - loads.paint, np.nan),
    "inp": lambda loads: loads.input,
    "fid": lambda loads: loads.delay,
    "cls": lambda loads: loads.shift,
    "rtt": lambda loads: loads.tls,
    "response": lambda loads: np.where(loads.bytes > 0, loads.response, np.nan),
}
"""What is measured of each load for a parameter of the scenario's vitals; NaN: unknown."""


def match_device(
    loads: Loads, small: bool, weights: tuple[float, float] | None = None, effects: Mapping[str, Floats] = EMPTY
) -> dict[str, Match]:
    """Match each quantity on one kind of device.

    `weights` are those of landings and later loads. `effects`, by quantity, are subtracted from the logarithms.
    """
    own = loads.small == small
    groups = [own] if weights is None else [own & (loads.first == first) for first in (True, False)]
    found = {}
    for name, read in QUANTITIES.items():
        values = read(loads)
        values = values / np.exp(effects[name]) if name in effects else values
        parts = [match_logarithms(values[group], loads.session[group]) for group in groups]
        found[name] = parts[0] if weights is None else _mix(parts, weights)
    return found


def _mix(parts: list[Match], weights: tuple[float, float]) -> Match:
    pairs = [(part, weight) for part, weight in zip(parts, weights, strict=True) if part.number > 1 and weight > 0]
    total = sum(weight for _, weight in pairs)
    if not pairs:
        return Match(nan, nan, 0)
    mean = sum(part.mean * weight for part, weight in pairs) / total
    variance = sum((part.spread**2 + (part.mean - mean) ** 2) * weight for part, weight in pairs) / total
    return Match(mean, float(np.sqrt(variance)), sum(part.number for part, _ in pairs))


def weigh_landings(loads: Loads) -> tuple[float, float]:
    """Return the shares of landings and of later loads."""
    share = float(loads.first.mean()) if len(loads.first) else 1.0
    return share, 1 - share


def find_text_share(loads: Loads, small: bool) -> float:
    """Return the share of LCPs that are no image; NaN: there is no LCP."""
    known = (loads.small == small) & np.isfinite(loads.largest)
    return float(1 - loads.image[known].mean()) if known.any() else nan


def find_still_share(loads: Loads, small: bool) -> tuple[float, int]:
    """Return the share of loads without a layout shift (NaN: unknown), and the number of loads with a CLS."""
    known = loads.shift[(loads.small == small) & np.isfinite(loads.shift)]
    return (float((known == 0).mean()) if len(known) else nan), len(known)


def find_shifts(loads: Loads) -> tuple[dict[str, float], int]:
    """Return the members of telemetry.shifts, and the number of loads with a shift."""
    codes = loads.shifting[loads.shift > 0].astype(np.int64)
    shares = {name: float((codes & int(flag) > 0).mean()) if len(codes) else 0.0
              for name, flag in (("loading", LOADING), ("single", SINGLE))}  # fmt: skip
    return shares, len(codes)


def find_lcp_parts(recorded: Recorded) -> tuple[Floats, int]:
    """Return the mean shares of delay, loading and rendering of largest images from the network, and their number."""
    keys = recorded.events.key[recorded.find_rows(rum.LCP)]
    counts = np.bincount(keys[keys >= 0], minlength=len(recorded.keys))
    whole, number = np.zeros(3), 0
    for key in np.flatnonzero(counts).tolist():
        parts = np.array(recorded.keys[key].split(), dtype=np.float64)
        if parts[1]:
            whole += counts[key] * parts
            number += int(counts[key])
    return whole / max(float(whole.sum()), 1.0), number


def list_residuals(loads: Loads) -> tuple[Bools, list[Floats]]:
    """Return the loads with known waiting for the first byte and known rendering, and the residuals of both.

    A residual is the logarithm minus the mean over loads of the same kind of device and of load; 0: unknown.
    """
    quantities = [QUANTITIES[name](loads) for name in ("ttfb", "render")]
    known = np.all([np.isfinite(each) & (each > 0) for each in quantities], axis=0)
    values = [np.where(known, np.log(np.where(known, each, 1.0)), 0.0) for each in quantities]
    for kind in range(4):
        group = known & (2 * loads.small + loads.first == kind)
        for each in values if group.any() else ():
            each[group] -= each[group].mean()
    return known, values


def find_shared_slowness(loads: Loads) -> tuple[float, int]:
    """Return the correlation of waiting and rendering, which a visitor's device and network cause, and its loads."""
    known, values = list_residuals(loads)
    one, other = (np.clip(each[known], *np.quantile(each[known], (TRIM, 1 - TRIM))) if known.any() else each[known]
                  for each in values)  # fmt: skip
    scale = float(np.sqrt((one @ one) * (other @ other)))
    return (float(one @ other) / scale if scale else 0.0), int(known.sum())


def find_slowness(loads: Loads, page: Ints, pages: int) -> dict[int, tuple[float, float]]:
    """Find pages slower or quicker than the page with most loads: factor, and standard error of its logarithm."""
    known, values = list_residuals(loads)
    residual, counts = np.mean(values, axis=0), np.bincount(page[known], minlength=pages)
    usual, found = int(counts.argmax()), {}
    base = residual[known & (page == usual)]
    for each in np.flatnonzero(counts >= LEAST).tolist():
        own = residual[known & (page == each)]
        difference = float(own.mean() - base.mean())
        error = float(np.sqrt(own.var() / len(own) + base.var() / len(base)))
        if each != usual and abs(difference) > SLOWER and abs(difference) > SURELY * error:
            found[each] = (float(np.exp(difference)), error)
    return found
