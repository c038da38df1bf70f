"""Fit arrivals: a constant rate, slow noise on it, stages, a flash crowd, or a rhythm of days, whichever explains the
counts best.

Rule: sessions that began before the data are no arrivals. A further bend must explain more than chance does, and pieces
that nearly meet are joined, so that the curve is one that a person would have drawn.
"""

from __future__ import annotations

from math import log
from typing import Any, NamedTuple

import numpy as np

from loadgen.jobs.fit.estimates.arrival_curves import CrowdFit, fit_crowd, fit_day, fit_noise
from loadgen.jobs.fit.reading.recorded import Floats, Ints
from loadgen.jobs.fit.support import round_rate, round_span
from loadgen.units import format_duration

BINS, PER_BIN = 96, 20
"""Spans of time in which sessions are counted, at most; mean sessions in a span, at least."""

PENALTY, LEVEL, SHORTEST = 3.2, 2.2, 3
"""Cost of a further piece with and without a slope, in logarithms of the number of spans; spans of a piece at least."""

EXPLAINED = 0.75
"""Share of the error beyond chance, or of what stages explain, that a rhythm of days must explain."""

SURELY = 3.5
"""Standard errors from which a jump or a slope is significant."""

DRAWN = 7
"""Pieces that a person would draw at most; if more would fit, and slow noise fits too, it is noise."""

LAST = 20
"""Last sessions whose distances show how far the end of the data may be: a crowd has gone, or it is night."""

FEW = 3
"""Pieces that a person would rather draw as stages than as a flash crowd."""

DAYS_FROM = 0.8 * 86_400
"""Seconds that the data must cover before a rhythm of days is tried."""


Pieces = list[tuple[int, int]]
"""Straight lines, each over the spans from one to before another."""


class Curve(NamedTuple):
    """The arrivals as the scenario writes them."""

    kind: str  # constant, stages, crowd, days
    duration: float
    members: dict[str, Any]  # of [arrivals]
    starts: int  # starts of sessions that the curve was fitted to

    def describe(self) -> str:
        """Describe the data that the curve was fitted to."""
        return f"{self.starts:,} sessions began in {format_duration(self.duration)}"


def fit_arrivals(starts: Floats, factor: float = 1.0, countries: dict[str, float] | None = None) -> Curve:
    """Fit the curve of these start times (Unix seconds); `factor` corrects for sessions that were not sampled."""
    starts = np.sort(starts)
    number, since = len(starts), starts - starts[0]
    span = max(float(since[-1]), 1.0)
    gap = max(span / number, float(np.diff(since[-LAST:]).mean())) if number > LAST else span / number
    duration = round_span(span * (number + 1) / number, gap)
    constant = Curve("constant", duration, {"rate": round_rate(number / duration * factor, number)}, number)
    edges = _lay_edges(duration, number)
    counts, widths = np.histogram(since, bins=edges)[0].astype(np.float64), np.diff(edges)
    if len(counts) < 2 * SHORTEST:
        return constant
    variance = _smooth(counts / widths) * widths
    mean = counts.sum() / widths.sum() * widths
    whole = float(((counts - mean) ** 2 / np.maximum(mean, variance)).sum()) + 0.5 * LEVEL * log(len(counts))
    pieces, cost = _find_pieces(counts / widths, variance / widths**2)
    if duration >= DAYS_FROM and whole > len(counts):
        day = fit_day(float(starts[0]), duration, countries, counts, edges)
        if whole - day.cost > EXPLAINED * min(whole - len(counts), whole - cost):
            rate = round_rate(day.rate * factor, number)
            return Curve("days", duration, {"rate": rate, "day": day.members} | day.noise, number)
    noisy = fit_noise(counts, mean, widths)
    calm = noisy[0] + (0.5 * LEVEL + 2 * PENALTY) * log(len(counts)) if noisy else np.inf
    if len(pieces) > FEW and (crowd := fit_crowd(counts, edges, variance, duration)):
        members, error = _add_noise(crowd, counts, widths)
        if error < min(cost, whole, calm):
            rate = round_rate(members["rate"] * factor, number)
            return Curve("crowd", duration, members | {"rate": rate}, number)
    if noisy and (len(pieces) > DRAWN or calm < min(cost, whole)):
        return constant._replace(members=constant.members | noisy[1])
    stages = {} if cost >= whole else _write_stages(pieces, edges, counts / widths, variance / widths**2, factor)
    return Curve("stages", duration, stages, number) if stages else constant


def _add_noise(crowd: CrowdFit, counts: Floats, widths: Floats) -> tuple[dict[str, Any], float]:
    """Return a crowd's members, with slow noise if that explains more, and its error plus penalties."""
    noisy, price = fit_noise(counts, crowd.expected, widths), log(len(counts))
    alone = crowd.cost + (0.5 * LEVEL + 2 * PENALTY) * price
    if noisy is None or noisy[0] + (0.5 * LEVEL + 4 * PENALTY) * price > alone:
        return crowd.members, alone
    return crowd.members | noisy[1], noisy[0] + (0.5 * LEVEL + 4 * PENALTY) * price


def _lay_edges(duration: float, number: int) -> Floats:
    """Return the edges of the spans: of whole seconds, like the client's times, and as equal as the end allows."""
    width = max(float(np.ceil(duration / np.clip(number // PER_BIN, 1, BINS))), 1.0)
    edges = np.arange(0.0, duration, width) - 0.5
    if len(edges) > 1 and duration + 0.5 - edges[-1] < 0.6 * width:
        edges = edges[:-1]
    return np.append(edges, duration + 0.5)


def _smooth(values: Floats) -> Floats:
    """Return running means of seven values, never 0."""
    smooth = np.convolve(np.pad(values, 3, mode="edge"), np.ones(7) / 7, mode="valid")
    return np.asarray(np.maximum(smooth, max(values.mean() / 50, 1e-12)), dtype=np.float64)


def _find_pieces(rates: Floats, variance: Floats) -> tuple[Pieces, float]:
    """Find the straight pieces that explain the rates best, and their cost (error plus penalties)."""
    bins = len(rates)
    best, cut = np.full(bins + 1, np.inf), np.zeros(bins + 1, dtype=int)
    best[0] = -0.5 * LEVEL * log(bins)
    for end in range(SHORTEST, bins + 1):
        for begin in [0, *range(SHORTEST, end - SHORTEST + 1)]:
            if best[begin] < best[end]:
                cost = best[begin] + _find_error(rates[begin:end], variance[begin:end], bins)
                if cost < best[end]:
                    best[end], cut[end] = cost, begin
    pieces, end = [], bins
    while end:
        pieces.append((int(cut[end]), end))
        end = int(cut[end])
    return pieces[::-1], float(best[bins])


def _find_error(rates: Floats, variance: Floats, bins: int) -> float:
    """Return the error of a straight line in units of chance, plus its penalty; a level line has a lower one."""
    weight, at = 1 / variance, np.arange(len(rates)) + 0.5
    total = weight.sum()
    middle, mean = (weight * at).sum() / total, (weight * rates).sum() / total
    spread = (weight * (at - middle) ** 2).sum()
    slope = (weight * (at - middle) * (rates - mean)).sum() / spread
    level = float((weight * (rates - mean) ** 2).sum())
    return min(level - float(slope**2 * spread) + PENALTY * log(bins), level + LEVEL * log(bins))


def _write_stages(pieces: Pieces, edges: Floats, rates: Floats, variance: Floats, factor: float) -> dict[str, Any]:
    """Fit all pieces together and write them as stages; a jump is a stage with duration 0."""
    ties = np.arange(2 * len(pieces))  # the rates at each piece's ends; equal numbers are one rate
    for _ in range(2 * len(pieces)):
        values, errors = _fit_ends(pieces, ties, rates, variance)
        weakest = _find_weakest(len(pieces), ties, values, errors)
        if weakest is None:
            break
        ties = np.where(ties == ties[weakest[1]], ties[weakest[0]], ties)
    values, errors = _fit_ends(pieces, ties, rates, variance)
    if len(set(ties.tolist())) == 1:
        return {}
    sizes = np.maximum(values, 0.0) * factor
    certain = np.minimum((sizes / np.maximum(errors * factor, 1e-9)) ** 2, 1e9)
    ends = [round_rate(float(sizes[tie]), int(certain[tie])) for tie in ties.tolist()]
    stages: list[dict[str, Any]] = []
    for place, piece in enumerate(pieces):
        low, high = ends[2 * place], ends[2 * place + 1]
        if place and low != ends[2 * place - 1]:
            stages.append({"duration": 0, "target": low})
        begin, end = (_find_moment(edges, each) for each in piece)
        if place and len({*ends[2 * place - 2 : 2 * place + 2]}) == 1:
            stages[-1]["duration"] = round(stages[-1]["duration"] + end - begin, 1)
        else:
            stages.append({"duration": round(end - begin, 1), "target": high})
    return {"rate": ends[0], "stages": stages}


def _find_moment(edges: Floats, place: int) -> float:
    """Return the time of an edge: the end as it is, any other as a multiple of the largest usual unit near it."""
    if place in (0, len(edges) - 1):
        return float(edges[place]) + (0.5 if not place else -0.5)
    return round_span(float(edges[place]) + 0.5, float(edges[1] - edges[0]) / 6)


def _fit_ends(pieces: Pieces, ties: Ints, rates: Floats, variance: Floats) -> tuple[Floats, Floats]:
    """Fit the rates at the pieces' ends by least squares; return them with their standard errors."""
    table = np.zeros((len(rates), len(ties)))
    for place, (begin, end) in enumerate(pieces):
        way = (np.arange(end - begin) + 0.5) / (end - begin)
        rows = np.arange(begin, end)
        table[rows, ties[2 * place]] += 1 - way
        table[rows, ties[2 * place + 1]] += way
    used = np.unique(ties)
    scaled = table[:, used] / np.sqrt(variance)[:, None]
    inverse = np.linalg.pinv(scaled.T @ scaled)
    values, errors = np.zeros(len(ties)), np.zeros(len(ties))
    values[used] = inverse @ (scaled.T @ (rates / np.sqrt(variance)))
    errors[used] = np.sqrt(np.maximum(np.diag(inverse), 0))
    return values, errors


def _find_weakest(pieces: int, ties: Ints, values: Floats, errors: Floats) -> tuple[int, int] | None:
    """Find the two neighbouring rates whose difference is least significant; None if all are significant."""
    found, least = None, SURELY
    for first in range(2 * pieces - 1):
        one, other = int(ties[first]), int(ties[first + 1])
        if one != other:
            error = float(np.hypot(errors[one], errors[other]))
            # a jump is rarer than a slope, so it must be as sure, and large
            jump = first % 2 == 1 and abs(values[one] - values[other]) < 0.15 * max(values[one], values[other])
            surely = 0.0 if jump else abs(values[one] - values[other]) / max(error, 1e-12)
            if surely < least:
                found, least = (first, first + 1), surely
    return found
