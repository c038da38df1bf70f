"""What a visit's walk tells of all that it will send: a row of numbers, drawn at a tenth of the visit's own cost.

Rule: a trait is known before pages load: which pages a visit shows and how, and how long it looks at them. Of 20,480
visits to the storefront, traits explain 0.99 of the variance of requests and bytes, and 0.999 of that of events. Counts
up to a bound are traits too, because a client's limits cut long visits off.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from loadgen.scenario import Scenario
from loadgen.traffic.arrivals import make_arrivals_law
from loadgen.traffic.block import Blocks, BlockStarts
from loadgen.traffic.draws import TICKS, Floats, Ints
from loadgen.traffic.journey import RESTORED

VIEW_BOUNDS = (1, 2, 4, 8, 16)
SECOND_BOUNDS = (15.0, 60.0, 240.0)


def draw_traits(scenario: Scenario, seed: int, share: tuple[int, int]) -> Iterator[tuple[Ints, Floats]]:
    """The traits of a share's visits as `draw_blocks` gives them: their Session.index, and a row of traits for each."""
    law = make_arrivals_law(scenario, seed, is_sample=True)
    for part, own in law.split_share(share):
        yield part.session[own], measure_traits(law.blocks, part)[own]


def measure_traits(blocks: Blocks, part: BlockStarts) -> Floats:
    """The traits of a block's visits, [visit, trait]."""
    people, _, _, (walk, hard, _, _), looks = blocks.walk(part.number, part.start)
    visits, pages = len(part.start), len(blocks.site.pages)
    interval = blocks.scenario.client.dispatchInterval / 1000
    seconds, restored = looks.looked / TICKS, walk.kind == RESTORED
    kind = (walk.session * pages + walk.page) * 3 + np.where(restored, 2, np.where(hard, 1, 0))
    views = np.bincount(kind, minlength=visits * pages * 3).reshape(visits, pages * 3)
    looked, number = np.bincount(walk.session, seconds, visits), np.diff(walk.begins)
    by_view = (looks.hidden / TICKS, looks.switched >= 0, np.minimum(seconds, interval), seconds > interval)
    return np.column_stack(
        (
            views,
            looked,
            *(np.bincount(walk.session, each, visits) for each in by_view),
            people.returning,
            blocks.crowd.are_chromium(people),
            *(np.minimum(number, bound) for bound in VIEW_BOUNDS),
            *(np.minimum(looked, bound) for bound in SECOND_BOUNDS),
        )
    ).astype(np.float64)
