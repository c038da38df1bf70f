"""When a document is interactive, parsed, complete and loaded: it waits for its files.

Rule: with scripts from the network DOMContentLoaded comes long after FCP; with those that the page before left it comes
at once, and the first frame follows. A document whose images come from the cache too is complete right then. So what
the client tells before the load event follows from where the files come. "The recorded visits" are 181 loads of
aws-rum-web 3.2.1 in Chromium.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from loadgen.scenario import Scripting
from loadgen.traffic.draws import Bools, Choice, Floats, Ints, to_ticks

INTERACTIVE, STORED_INTERACTIVE = (-0.85, 0.45), (-0.55, 0.35)
SCRIPTS_SIGMA, STORED_SCRIPTS = 0.45, (-1.7, 0.55)
"""Logarithms (mean, spread) of the time to domInteractive, and from there to DOMContentLoaded, each with scripts from
the network and from the cache, as a multiple of FCP − TTFB. Of the recorded visits, where the first frame came after
DOMContentLoaded in 73 % of the loads with stored scripts. With scripts from the network the scenario has the median."""

IMAGES, REST_MU, REST_SIGMA = (-0.2, 0.3), 1.6, 1.2
"""The last image as a multiple of LCP − TTFB (logarithm; an estimate); ln ms from the last file to domComplete."""

DCL_SIGMA = 1.3
"""Spread of the time that DOMContentLoaded handlers take, ln; of the recorded visits."""

LOAD_WAITS = Choice([0.57, 0.38, 0.05])
"""Ticks from domComplete to the load event: none, one or two (of 181 recorded loads: 103, 69, 6)."""

LOAD_EVENT_MU, LOAD_EVENT_SIGMA = -1.1, 0.8
"""ln ms of the load event's handlers, of the recorded visits."""


def draw_document(
    stream: np.random.Generator, site: Scripting, paints: tuple[Ints, Ints, Ints, Ints], warm: Bools, complete: Bools
) -> dict[str, Any]:
    """The times of the document, which waits for its files.

    `warm` says whether its scripts come from the cache, `complete` whether its images do too.
    """
    ttfb, response, fcp, lcp = paints
    count = len(ttfb)
    uniform, normal = stream.random((3, count)), stream.standard_normal((5, count))
    whole, scripts = fcp - ttfb, (np.log(site.network), SCRIPTS_SIGMA)
    parse = np.where(warm, _draw_factors(STORED_INTERACTIVE, normal[0]), _draw_factors(INTERACTIVE, normal[0]))
    interactive = np.maximum(ttfb + _scale_ticks(whole, np.minimum(parse, 1.0)), response + 1)
    waits = np.where(warm, _draw_factors(STORED_SCRIPTS, normal[1]), _draw_factors(scripts, normal[1]))
    parsed = interactive + _scale_ticks(whole, waits) + to_ticks(1 + 8 * uniform[0])
    ready = np.maximum(parsed - to_ticks(0.5 + 15 * uniform[1]), interactive + 1)
    parsed_end = parsed + to_ticks(site.ready_ms * np.exp(DCL_SIGMA * normal[4]))
    images = np.where(complete, 0, ttfb + _scale_ticks(lcp - ttfb, _draw_factors(IMAGES, normal[2])))
    rest = to_ticks(np.exp(REST_MU + REST_SIGMA * normal[3])) + 1
    done = np.maximum(parsed_end, images) + rest
    load = done + LOAD_WAITS.pick(uniform[2])
    loaded = load + to_ticks(np.exp(LOAD_EVENT_MU + LOAD_EVENT_SIGMA * stream.standard_normal(count)))
    return {"interactive": interactive, "ready": ready, "parsed": parsed, "parsed_end": parsed_end, "complete": done,
            "load": load, "loaded": loaded}  # fmt: skip


def _scale_ticks(tick: Ints, factor: Floats) -> Ints:
    return np.rint(tick * factor).astype(np.int64)


def _draw_factors(law: tuple[float, float], normal: Floats) -> Floats:
    """Factors whose logarithm has this mean and spread."""
    factors: Floats = np.exp(law[0] + law[1] * normal)
    return factors
