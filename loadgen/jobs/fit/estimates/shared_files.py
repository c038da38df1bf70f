"""Find which part of its files each page of a site shares with the other pages.

Rule: shared files come first on every page, so a page with more of them than all others seems to share fewer: what
counts is what the pages would show together.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from loadgen.jobs.fit.reading.recorded import Floats, Ints
from loadgen.scenario import Resources

SHARED, FAR = Resources().shared, 0.04
"""Default share of a page's files that other pages have too; part of the files that a share must explain better than
the usual one does to be written."""


def find_shared_parts(numbers: Ints, common: Ints) -> Floats:
    """Return the usual share of shared files, and that of each page, with the fewest files that they explain wrongly.

    `common`: [page, kind] files that other pages have too. `numbers`: [page, kind] all files; further rows are pages
    with too few loads to tell their own share.
    """
    parts, hundredths = np.full(1 + len(numbers), SHARED), np.arange(101) / 100

    def count_misses(chosen: Any, part: float) -> int:
        tried = parts.copy()
        tried[chosen] = part
        return int(np.abs(_show_shared(numbers, tried[1:])[: len(common)] - common).sum())

    for place in range(1 + len(common)):
        chosen, own = (slice(None), numbers[: len(common)]) if place == 0 else (place, numbers[place - 1])
        near = (common if place == 0 else common[place - 1]).sum() / max(own.sum(), 1)
        best = min(hundredths.tolist(), key=lambda part: (count_misses(chosen, part), abs(part - near)))
        if count_misses(chosen, float(parts[place])) - count_misses(chosen, best) > FAR * own.sum():
            parts[chosen] = best
    return parts[: 1 + len(common)]


def _show_shared(numbers: Ints, parts: Floats) -> Ints:
    """Return how many of its files each page shows that it shares, by kind: those that another page has too."""
    shared = np.rint(numbers * parts[:, None]).astype(np.int64)
    ranked = np.sort(shared, axis=0)
    return np.asarray(np.minimum(shared, np.where(shared == ranked[-1], ranked[-2], ranked[-1])))
