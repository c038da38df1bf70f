"""Scenario → figures of the visits that it describes: bounce rate, pages and length of a visit, devices. Pure."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from loadgen.scenario import Scenario
from loadgen.traffic.arrivals import make_arrivals_law
from loadgen.traffic.block_draws import BlockDraws
from loadgen.traffic.draws import TICKS
from loadgen.traffic.population import DEVICES
from loadgen.traffic.seeds import BLOCK

SAMPLE_BLOCKS = 40
"""Blocks of sessions in the sample: the bounce rate's standard error is 0.7 percentage points."""


GOLDEN = 0.618033988749895
"""Multiples of the golden ratio's fraction fill an interval evenly."""


class Description(NamedTuple):
    """Figures of a scenario's visits; all but the first two are those of a drawn sample."""

    sessions: float  # expected in the run
    peak_rate: float  # highest mean rate of arrivals, sessions per second
    bounce: float  # share of visits with one page view
    pages: float  # mean page views of a visit
    pages_median: float
    seconds: float  # mean length of a visit
    seconds_median: float
    returning: float
    devices: dict[str, float]  # shares of visits
    views: dict[str, float]  # share of page views of each page


def describe(scenario: Scenario) -> Description:
    """Draw a sample of a scenario's visits and count; the figures are the same each time."""
    law = make_arrivals_law(scenario)
    blocks, rate, count = law.blocks, law.mean_curve, law.sample_blocks(SAMPLE_BLOCKS)
    spread = np.asarray(np.arange(count * BLOCK) * GOLDEN % 1, dtype=np.float64)  # over days and nights
    starts = rate.find_times(spread * rate.expected).reshape(count, BLOCK)
    none = np.zeros(BLOCK, dtype=bool)
    samples = [blocks.draw(block, starts[block], none) for block in range(count)]
    pages = np.concatenate([_count_pages(sample) for sample in samples])
    seconds = np.concatenate([sample.time.end[sample.walk.begins[1:] - 1] for sample in samples]) / TICKS
    devices = np.bincount(np.concatenate([sample.people.device for sample in samples]), minlength=len(DEVICES))
    views = np.bincount(
        np.concatenate([sample.walk.page[sample.seen.new] for sample in samples]), minlength=blocks.site.end
    )
    return Description(
        sessions=rate.expected,
        peak_rate=float(rate.rates.max()),
        bounce=float((pages == 1).mean()),
        pages=float(pages.mean()),
        pages_median=float(np.median(pages)),
        seconds=float(seconds.mean()),
        seconds_median=float(np.median(seconds)),
        returning=float(np.concatenate([sample.people.returning for sample in samples]).mean()),
        devices=dict(zip(DEVICES, (devices / devices.sum()).tolist(), strict=True)),
        views=dict(zip(blocks.site.names, (views / views.sum()).tolist(), strict=True)),
    )


def _count_pages(draws: BlockDraws) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Page views of each session, as the client counts them."""
    counted = np.concatenate(([0], np.cumsum(draws.seen.new)))
    return np.asarray(counted[draws.walk.begins[1:]] - counted[draws.walk.begins[:-1]], dtype=np.int64)
