"""Estimates from navigation events other than vitals: document sizes, warm connections, and the time of scripts."""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

import numpy as np

from loadgen.jobs.fit.estimates.vitals import FEW, LEAST, Loads
from loadgen.jobs.fit.reading.recorded import Bools, Floats, Ints
from loadgen.jobs.fit.support import round_share, round_to
from loadgen.rum.events import HEADER_BYTES

REPEATED = 0.02
"""Share of a page's documents from which their most frequent size is that of one item."""


class NavigationFacts(NamedTuple):
    """Estimates over all documents; None: too few loads show it."""

    preconnected: float | None  # share of the landings that used an existing connection
    scripting: dict[str, float] | None  # members of a scenario's Scripting
    landings: int  # landings that `preconnected` was measured on
    cold: int  # loads without a cached file that `scripting` was measured on


def read_navigation(loads: Loads, cold: Bools) -> NavigationFacts:
    """Measure the connections of landings, and how long documents wait for scripts; `cold`: [view], no cached file.

    Without TLS, connections do not show. A step back has its document from the cache, so it does not count.
    """
    landed = loads.first & ~loads.back & np.isfinite(loads.tls)
    secure = landed.sum() >= LEAST and bool((loads.tls[landed] > 0).any())
    ready = loads.tls[landed] == 0
    preconnected = round_share(float(ready.mean()), len(ready)) if secure else None
    whole = loads.paint - loads.first_byte
    waited = cold[loads.view] & ~loads.ahead & np.isfinite(loads.scripts) & (whole > 0)
    scripting = None
    if waited.sum() >= LEAST:
        parts = {"network": loads.scripts[waited] / whole[waited], "ready_ms": loads.handlers[waited]}
        scripting = {name: _round_median(values) for name, values in parts.items() if np.median(values) > 0}
    return NavigationFacts(preconnected, scripting or None, len(ready), int(waited.sum()))


def _round_median(values: Floats) -> float:
    """Return the median, rounded to the digits that its quartiles support."""
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75))
    return round_to(float(middle), float(high - low) / sqrt(len(values)))


def find_documents(loads: Loads, page: Ints, pages: int) -> dict[int, dict[str, float]]:
    """Return the size of each page's document on the wire, in bytes, and its ratio unpacked, by page.

    The size is that of the item which most loads show, if many loads have exactly the same; else it is the median. A
    document from the cache has no size on the wire; browsers add 300 bytes to a document from the network.
    """
    found: dict[int, dict[str, float]] = {}
    sent = np.isfinite(loads.bytes) & (loads.bytes > HEADER_BYTES)
    for each in range(pages):
        own = sent & (page == each)
        count = int(own.sum())
        if count < FEW:
            continue
        sizes = loads.bytes[own] - HEADER_BYTES
        exact, often = np.unique(sizes, return_counts=True)
        size = float(exact[often.argmax()])
        if often.max() < REPEATED * count:
            size = round_to(float(np.median(sizes)), float(sizes.std()) / sqrt(count))
        found[each] = {"document_bytes": round(size)}
        ratios = loads.ratio[own & (loads.ratio >= 1)]
        if len(ratios) >= FEW:
            found[each]["document_ratio"] = round_to(float(np.median(ratios)), float(ratios.std()) / sqrt(len(ratios)))
    return found
