"""When a document is interactive, parsed, complete and loaded: a document waits for its files.

Rule: with scripts from the network DOMContentLoaded comes long after FCP. With scripts that the page before has left in
the cache it comes at once, and the first frame follows. A document whose images come from the cache too is complete
right then. So the source of the files decides what the client reports before the load event. "The recorded visits" are
181 loads of aws-rum-web 3.2.1 in Chromium; "ln" is the natural logarithm.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from loadgen.scenario import Telemetry
from loadgen.traffic.draws import Bools, Choice, Floats, Ints, round_off, to_ticks

INTERACTIVE, STORED_INTERACTIVE = (-0.85, 0.45), (-0.55, 0.35)
SCRIPTS_SIGMA, STORED_SCRIPTS = 0.45, (-1.7, 0.55)
"""ln (mean, spread) of the time to domInteractive, and of the time from there to DOMContentLoaded, each with scripts
from the network and from the cache, as a multiple of FCP − TTFB; after the recorded visits, where the first frame came
after DOMContentLoaded in 73 % of the loads with scripts from the cache. The scenario states the median of the second
time with scripts from the network."""

IMAGES, IMAGES_BEHIND = (-0.2, 0.3), (0.05, 0.2)
"""ln (mean, spread) of the time from TTFB to the last image from the network: as a multiple of LCP − TTFB, and if
scripts come from the network too, as a multiple of the scripts' time. Estimates."""

ROUNDS = (1.0, 2.5)
"""Rounds of requests in which images come: all images at once, and with the six connections of HTTP/1.1. Estimates
after two recorded sites, whose last image came 270 and 140 ms after the request of the first."""

ROUNDS_SIGMA, SERVED_MS, COMMITTED_MS = 0.3, 40.0, 45.0
"""Spread (ln) of the time in which the images come from the network; the servers' part of that time; the time from the
first byte to the request of the images. Estimates."""

RENDERED_SIGMA = 0.6
"""Spread (ln) of the ratio of the time to render a largest image to the time to find and fetch it; an estimate."""

REST, IMAGE_REST = (1.4, 1.7), (1.3, 1.1)
"""ln ms (mean, spread) from DOMContentLoaded to domComplete, and from 2 ms after the last image to domComplete."""

PARSED_MS = (12.0, 30.0)
"""Least ms from the end of a document to domInteractive, between these bounds."""

SCRIPTED = (0.3, 0.98)
"""The moment when the last script from the network is there, as a part of the time from domInteractive to
DOMContentLoaded; in the remaining time scripts are compiled and run (median 68 and 67 % of two recorded sites)."""

CLIENT_LAST, EARLY = 0.6, (0.4, 0.9)
"""Share of loads in which no script comes after the web client's; and the moment when the client runs in the other
loads, as a part of the time from domInteractive to DOMContentLoaded. Estimates after two recorded sites."""

DCL_SIGMA = 1.3
"""Spread (ln) of the time that DOMContentLoaded handlers take, in the recorded visits."""

FLIGHT_BYTES = 14_600
"""Bytes of a document's first flight on the network: ten segments (RFC 6928)."""

LOAD_WAITS = Choice([0.57, 0.38, 0.05])
"""Probabilities of 0, 1 and 2 ticks from domComplete to the load event (of 181 recorded loads: 103, 69, 6)."""

LOAD_EVENT_MU, LOAD_EVENT_SIGMA = -1.1, 0.8
"""ln ms (mean, spread) of the time that the load event's handlers take, in the recorded visits."""


class FetchedFiles(NamedTuple):
    """Which files of each load come from the network, not from the cache."""

    scripts: Bools
    images: Bools  # some image that the markup names, other than the largest image
    largest: Bools  # the largest image
    alone: Bools  # the largest image and no other, and this image is the largest paint


def find_fetched(warm: Bools, images: Bools, stored: Bools, text: Bools) -> FetchedFiles:
    """Find which files of loads come from the network.

    Args:
        warm: Whether the cache has each load's scripts.
        images: [group, load]: whether the load's page names images of the group, in the groups of Assets.images.
        stored: [group, load]: whether the cache has these images.
        text: Whether each load's largest paint is text, not an image.
    """
    shared, own, largest = images & ~stored
    return FetchedFiles(~warm, shared | own, largest, largest & ~(shared | own | text))


def draw_document(
    stream: np.random.Generator,
    telemetry: Telemetry,
    paints: tuple[Ints, Ints, Ints, Ints],
    files: FetchedFiles,
    rtt: Floats,
) -> dict[str, Any]:
    """Draw the document's times by field of Loading; `paints` are TTFB, response's end, FCP and LCP; `rtt` is in ms."""
    warm = ~files.scripts
    ttfb, response, fcp, lcp = paints
    count = len(ttfb)
    uniform, normal = stream.random((6, count)), stream.standard_normal((6, count))
    whole, scripts = fcp - ttfb, (np.log(telemetry.scripting.network), SCRIPTS_SIGMA)
    parse = np.where(warm, _draw_factors(STORED_INTERACTIVE, normal[0]), _draw_factors(INTERACTIVE, normal[0]))
    interactive = np.maximum(
        ttfb + scale_ticks(whole, np.minimum(parse, 1.0)),
        response + to_ticks(PARSED_MS[0] + (PARSED_MS[1] - PARSED_MS[0]) * uniform[4]),
    )
    waits = np.where(warm, _draw_factors(STORED_SCRIPTS, normal[1]), _draw_factors(scripts, normal[1]))
    parsed = interactive + scale_ticks(whole, waits) + to_ticks(1 + 8 * uniform[0])
    part = SCRIPTED[0] + (SCRIPTED[1] - SCRIPTED[0]) * uniform[3]
    scripted = interactive + scale_ticks(parsed - interactive, part)
    ready = _find_ready((interactive, scripted, parsed), warm, uniform[1], uniform[5])
    parsed_end = parsed + to_ticks(telemetry.scripting.ready_ms * np.exp(DCL_SIGMA * stream.standard_normal(count)))
    images = ttfb + scale_ticks(lcp - ttfb, _draw_factors(IMAGES, normal[2]))
    behind = ttfb + scale_ticks(scripted - ttfb, _draw_factors(IMAGES_BEHIND, normal[2]))
    rounds = np.where(files.images, ROUNDS[telemetry.protocol == "http/1.1"], 1.0)
    fetched = ttfb + to_ticks(COMMITTED_MS + (rtt * rounds + SERVED_MS) * np.exp(ROUNDS_SIGMA * normal[5]))
    images = np.maximum(images, np.where(warm, fetched, behind))
    delay, loaded, rendered = telemetry.lcp_parts
    fetch_share = 1 / (1 + rendered / (delay + loaded) * np.exp(RENDERED_SIGMA * normal[2]))
    images = np.where(files.alone, ttfb + scale_ticks(lcp - ttfb, fetch_share), images)
    shown = np.where(files.images | files.largest, images + to_ticks(2 + _draw_factors(IMAGE_REST, normal[4])), 0)
    done = np.maximum(parsed_end + to_ticks(_draw_factors(REST, normal[3])) + 1, shown)
    load = done + LOAD_WAITS.pick(uniform[2])
    loaded = load + to_ticks(np.exp(LOAD_EVENT_MU + LOAD_EVENT_SIGMA * stream.standard_normal(count)))
    return {"interactive": interactive, "scripted": scripted, "ready": ready, "parsed": parsed,
            "parsed_end": parsed_end, "pictured": images, "complete": done, "load": load, "loaded": loaded}  # fmt: skip


def _find_ready(times: tuple[Ints, Ints, Ints], warm: Bools, own: Floats, turn: Floats) -> Ints:
    """Find when the web client runs: right before DOMContentLoaded, or before other scripts from the network come.

    `times` are domInteractive, the last script's end and DOMContentLoaded; `own` and `turn` are uniform numbers.
    """
    interactive, scripted, parsed = times
    last = scripted + scale_ticks(parsed - scripted, own)
    early = interactive + scale_ticks(parsed - interactive, EARLY[0] + (EARLY[1] - EARLY[0]) * own)
    from_network = np.where(turn < CLIENT_LAST, last, np.minimum(early, last))
    ready = np.where(warm, parsed - to_ticks(0.5 + 15 * own), from_network)
    return np.maximum(np.minimum(ready, parsed - 1), interactive + 1)


def scale_ticks(tick: Ints, factor: Floats) -> Ints:
    """Multiply times by factors, rounded to whole ticks."""
    return round_off(tick * factor)


def _draw_factors(law: tuple[float, float], normal: Floats) -> Floats:
    """Return lognormal factors: `law` is mean and spread of their logarithm, `normal` standard normal numbers."""
    factors: Floats = np.exp(law[0] + law[1] * normal)
    return factors
