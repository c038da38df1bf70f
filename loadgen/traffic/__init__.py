"""Scenario and seed → Sessions, the same for any number of workers. Pure: numpy and Faker, no clock, no I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from loadgen.model import Session
from loadgen.scenario import Scenario
from loadgen.traffic.arrivals import BLOCKS_EACH, make_arrivals_law, merge_blocks
from loadgen.traffic.draws import BLOCK, Bools, Floats, Ints
from loadgen.traffic.ground_truth import Description, IncidentHit, describe, find_hits
from loadgen.traffic.rate_curve import RateCurve
from loadgen.traffic.visit_traits import draw_traits

__all__ = [
    "BLOCK",
    "BLOCKS_EACH",
    "Bools",
    "Description",
    "Floats",
    "IncidentHit",
    "Ints",
    "RateCurve",
    "check_size",
    "compute_mean_rate",
    "describe",
    "draw_blocks",
    "draw_sessions",
    "draw_starts",
    "draw_traits",
    "find_hits",
    "merge_blocks",
]


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
            and count them in `Session.beyond`. The client's plan is the same.
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


def compute_mean_rate(scenario: Scenario) -> RateCurve:
    """The mean rate of sessions over the run."""
    return make_arrivals_law(scenario).mean_curve


def draw_starts(scenario: Scenario, seed: int) -> Floats:
    """The starts of all sessions of a run in ascending order, in seconds from its zero."""
    return make_arrivals_law(scenario, seed).starts


def check_size(scenario: Scenario) -> None:
    """Raise a LoadgenError if a run would start so many sessions that no machine could hold them."""
    make_arrivals_law(scenario).check_size()
