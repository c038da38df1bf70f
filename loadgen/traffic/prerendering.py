"""Pages that the browser has rendered before the visitor comes to them (speculation rules; Chromium alone does it).

Rule: such a document is a load like others that begins while the page before is still shown. The web client starts in
it, counts its page view and dispatches. It is activated when the visitor clicks: then comes the first frame, and from
there web-vitals counts TTFB, FCP and LCP, of which none is less than 0. A first byte that is not there yet counts.

Measured with aws-rum-web 3.2.1 in Chromium 156, on pages that were activated 0.1, 4.8 and 6.9 s after they had begun.
"""

from __future__ import annotations

import numpy as np

from loadgen.traffic.draws import TICKS, Bools, Ints, Seeds, to_ticks
from loadgen.traffic.journey import NAVIGATE, Dwell, Walk
from loadgen.traffic.loading import Loading
from loadgen.traffic.site import Site

LEADS = {"immediate": np.inf, "eager": 0.8, "moderate": 0.5, "conservative": 0.09}
"""Median seconds from the moment at which the browser begins to the click: as soon as the page before is there, when
the pointer comes to the link, when it has rested there for 200 ms, when it is pressed. The last three are estimates."""

LEAD_SIGMA = 0.6
"""Spread of it, ln; an estimate."""

FRAME_MS, HIDDEN_MS = (20.0, 80.0), (2.0, 25.0)
"""From the click to the first frame (63 and 70 were measured), and until the page before is hidden."""


def draw_leads(site: Site, seeds: Seeds, block: int, views: tuple[Walk, Bools], looks: Dwell) -> Ints:
    """Draw for how many ticks each view's document is prerendered before the visitor comes to it; 0 for most.

    `views` is the walk, and which of its views are full loads in browsers that can prerender.
    """
    walk, able = views
    leads = np.zeros(len(able), dtype=np.int64)
    if not site.prerendered.any():
        return leads
    stream = seeds.stream("prerendered", block)
    uniform, normal = stream.random(len(able)), stream.standard_normal(len(able))
    wanted = able & (walk.kind == NAVIGATE) & ~walk.first & (uniform < site.prerendered[walk.page])
    row = np.flatnonzero(wanted)
    row = row[looks.opened[row - 1] < 0]  # nobody comes by the link that opened another tab
    median = np.array([LEADS[page.link.eagerness] for page in site.pages])[walk.page[row]]
    shown = looks.looked[row - 1] - np.maximum(looks.switched[row - 1], 0)
    leads[row] = np.floor(np.minimum(median * np.exp(LEAD_SIGMA * normal[row]) * TICKS, shown)).astype(np.int64)
    return leads


def activate_loads(stream: np.random.Generator, loading: Loading, leads: Ints) -> Loading:
    """The loads, those with a lead as prerendered: no frame, and the page before is seen, until they are activated."""
    ahead, uniform = leads > 0, stream.random((2, len(leads)))
    frame, hidden = (
        np.where(ahead, leads + to_ticks(least + (most - least) * each), 0)
        for (least, most), each in zip((FRAME_MS, HIDDEN_MS), uniform, strict=True)
    )
    return loading._replace(activated=leads, frame=frame, took_over=hidden)
