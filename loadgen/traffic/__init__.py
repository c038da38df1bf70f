"""Scenario and seed → Sessions, equal for any number of workers. Pure: numpy and Faker, no clock, no I/O."""

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
"""Traits count a visit's pages and seconds up to each of these bounds, as a client's limits cut off long visits."""


def draw_sessions(
    scenario: Scenario,
    seed: int,
    share: tuple[int, int] = (0, 1),
    pause: Callable[[], None] | None = None,
    only_recordable: bool = False,
) -> Iterator[Session]:
    """Draw the sessions of one worker's share, in order of start.

    Args:
        scenario: The site and its visitors; sessions of the scenario's neighbours are not drawn.
        seed: Same scenario and seed, same sessions.
        share: (i, n) for worker i, counted from 0, of n; the shares of all n workers together are those of (0, 1).
        pause: A function that is called at least every two milliseconds while a block is drawn, which takes 25 ms.
        only_recordable: Leave out most events that the client does not record because of its sample rate and session
            limit, and count them in `Session.omitted_events`. The client's plan does not change.
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
    """Draw the sessions of one worker's share block by block, with the arguments of `draw_sessions`.

    Yields the least Session.index of each block and the block's sessions that belong to the share. Blocks come in the
    order of their least index, and their indices may overlap: `merge_blocks` makes one sequence of them.

    `is_sample` skips the draw of the users of all other visits, which takes longer than a small share itself. A visit
    may then have another user id than in the run; nothing else differs.
    """
    law = make_arrivals_law(scenario, seed, pause, only_recordable, is_sample)
    for part, own in law.split_share(share):
        yield part.first, law.blocks.build_sessions(part, own)


def draw_traits(scenario: Scenario, seed: int, share: tuple[int, int]) -> Iterator[tuple[Ints, Floats]]:
    """Draw traits of a share's visits, which predict what the visits send, at a tenth of the cost of the visits.

    A trait is a number that is known before pages load, such as the views of a page or the seconds on pages. Yields
    block by block the Session.index of visits, and their traits, shape (visits, traits). For 20,480 visits to the
    storefront, traits explain 0.99 of the variance of requests and bytes, and 0.999 of the variance of events.
    """
    law = make_arrivals_law(scenario, seed, is_sample=True)
    for part, own in law.split_share(share):
        yield part.session[own], _measure_traits(law.blocks, part)[own]


def _measure_traits(blocks: Blocks, part: BlockStarts) -> Floats:
    """Measure the traits of a block's visits, shape (visits, traits)."""
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
    """Compute the mean rate of sessions over the run."""
    return make_arrivals_law(scenario).mean_curve


def draw_starts(scenario: Scenario, seed: int) -> Floats:
    """Draw the starts of all sessions of a run, ascending, in seconds from the run's zero."""
    return make_arrivals_law(scenario, seed).starts


def check_size(scenario: Scenario) -> None:
    """Raise a LoadgenError if a run would start so many sessions that no machine could hold them."""
    make_arrivals_law(scenario).check_size()
