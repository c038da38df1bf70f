"""The percentile curve: how slow the slowest shares of the requests were, with 1 − q on a logarithmic axis."""

from __future__ import annotations

from collections.abc import Sequence
from math import log10

import numpy as np

from loadgen.charts import Layer, Plot
from loadgen.report.html.over_time import spread_scale
from loadgen.results import BinnedTimes
from loadgen.units import format_milliseconds

POINTS = 160


def curve(
    key: str, title: str, text: str, lines: Sequence[tuple[str, str, BinnedTimes, bool]], height: int = 240
) -> Plot:
    """Clocks over the share of requests that were faster: colour, label, clock, dashed."""
    nines = max(log10(max(2 * clock.counts.sum(), 20)) for _, _, clock, _ in lines)
    shares = [1 - 10 ** (-nines * point / POINTS) for point in range(POINTS + 1)]
    layers = [Layer(colour, label, curve_of(clock, shares), dashed=dashed) for colour, label, clock, dashed in lines]
    return Plot(
        id=key,
        title=title,
        text=text,
        y=spread_scale(*(layer.values for layer in layers)),
        say=format_milliseconds,
        places=[point / POINTS for point in range(POINTS + 1)],
        named=[f"{as_quantile(share)} of requests" for share in shares],
        x_ticks=ticks(nines),
        layers=layers,
        height=height,
    )


def curve_of(clock: BinnedTimes, shares: Sequence[float]) -> list[float]:
    """A clock's value at each share, up to the slowest request, which stands at a half of a request from all."""
    total = clock.counts.sum()
    values = clock.whole(tuple(shares))
    known = np.array([(1 - share) * total >= 0.5 - 1e-6 for share in shares])
    return [float(value) for value in np.where(known, values, np.nan)]


def ticks(nines: float) -> list[tuple[float, str]]:
    """50%, 90%, 99% and so on, as far as there are requests."""
    shares = [0.5, *(1 - 10.0**-power for power in range(1, 9))]
    places = [-log10(1 - share) / nines for share in shares]
    return [(place, as_quantile(share)) for place, share in zip(places, shares, strict=True) if place <= 1.001]


def as_quantile(share: float) -> str:
    """As many digits as it takes to tell it from 100%."""
    digits = max(int(-log10(max(1 - share, 1e-9)) + 1e-6) - 2, 0)
    return f"{share * 100:.{digits}f}%"
