"""Scenario and seed → Sessions, the same for any number of workers. Pure: numpy and Faker, no clock, no I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from loadgen.model import Session
from loadgen.scenario import Scenario
from loadgen.traffic.arrivals import BLOCKS_EACH, make_arrivals_law, merge_blocks
from loadgen.traffic.block import Blocks, BlockStarts
from loadgen.traffic.draws import BLOCK, TICKS, Bools, Floats, Ints
from loadgen.traffic.ground_truth import Description, IncidentHit, describe, find_hits
from loadgen.traffic.incidents import find_idle_incidents
from loadgen.traffic.journey import RESTORED
from loadgen.traffic.mixes import UnmetShare, find_unmet_shares
from loadgen.traffic.rate_curve import RateCurve

__all__ = [
    "BLOCK",
    "BLOCKS_EACH",
    "Bools",
    "Description",
    "Floats",
    "IncidentHit",
    "Ints",
    "RateCurve",
    "UnmetShare",
    "check_size",
    "compute_mean_rate",
    "describe",
    "draw_blocks",
    "draw_sessions",
    "draw_starts",
    "draw_traits",
    "find_hits",
    "find_idle_incidents",
    "find_unmet_shares",
    "merge_blocks",
]

VIEW_BOUNDS = (1, 2, 4, 8, 16)
SECOND_BOUNDS = (15.0, 60.0, 240.0)
"""Traits count a visit's pages and the seconds on them up to these bounds, as a client's limits cut long visits off."""


def draw_sessions(
    scenario: Scenario,
    seed: int,
    share: tuple[int, int] = (0, 1),
    pause: Callable[[], None] | None = None,
    only_recordable: bool = False,
) -> Iterator[Session]:
    """Draw the sessions of one worker's share, in order of start.

    Args:
        scenario: What the sessions do; its neighbours are not drawn.
        seed: Same scenario and seed, same sessions.
        share: (i, n) for worker i of n, counted from 0; the shares of all n workers together are those of (0, 1).
        pause: Called at least every two milliseconds while a block of sessions is drawn, which takes some 25 ms.
        only_recordable: Leave out most events that the client does not record at its sample rate and session limit,
            and count them in `Session.omitted_events`. The client's plan is the same.
    """
    return merge_blocks(draw_blocks(scenario, seed, share, pause, only_recordable), lambda session: session.index)


def draw_blocks(
    scenario: Scenario,
    seed: int,
    share: tuple[int, int] = (0, 1),
    pause: Callable[[], None] | None = None,
    only_recordable: bool = False,
    is_sample: bool = False,
) -> Iterator[tuple[int, Iterator[Session]]]:
    """As `draw_sessions`, by block: the least Session.index of a block, and its sessions that are of the share.

    Blocks come by their least index, and may overlap: `merge_blocks` gives one sequence. `is_sample`: who made the
    visits that are left out is not drawn, which takes longer than a small share itself; a visit may then have another
    user's id than in the run, and nothing else is different.
    """
    law = make_arrivals_law(scenario, seed, pause, only_recordable, is_sample)
    for part, own in law.split_share(share):
        yield part.first, law.blocks.build_sessions(part, own)


def draw_traits(scenario: Scenario, seed: int, share: tuple[int, int]) -> Iterator[tuple[Ints, Floats]]:
    """What the walks of a share's visits tell of all that they will send, at a tenth of the cost of drawing the visits.

    Gives some visits at a time, as `draw_blocks` does: their Session.index, and a row of numbers for each. A trait is
    known before pages load: which pages a visit shows and how, and how long it looks at them. Of 20,480 visits to the
    storefront, traits explain 0.99 of the variance of requests and bytes, and 0.999 of that of events.
    """
    law = make_arrivals_law(scenario, seed, is_sample=True)
    for part, own in law.split_share(share):
        yield part.session[own], _measure_traits(law.blocks, part)[own]


def _measure_traits(blocks: Blocks, part: BlockStarts) -> Floats:
    """The traits of a block's visits, [visit, trait]."""
    people, _, _, walk, hard, _, _, looks = blocks.walk(part.number, part.start)
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


def compute_mean_rate(scenario: Scenario) -> RateCurve:
    """The mean rate of sessions over the run."""
    return make_arrivals_law(scenario).mean_curve


def draw_starts(scenario: Scenario, seed: int) -> Floats:
    """The starts of all sessions of a run in ascending order, in seconds from its zero."""
    return make_arrivals_law(scenario, seed).starts


def check_size(scenario: Scenario) -> None:
    """Raise a LoadgenError if a run would start so many sessions that no machine could hold them."""
    make_arrivals_law(scenario).check_size()
