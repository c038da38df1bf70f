"""Scenario and seed → Sessions, the same for any number of workers. Pure: numpy and Faker, no clock, no I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from loadgen.model import Session
from loadgen.scenario import Scenario
from loadgen.traffic import closed
from loadgen.traffic.arrivals import curve
from loadgen.traffic.arrivals import starts as along
from loadgen.traffic.block import Blocks
from loadgen.traffic.describe import Implied, implied
from loadgen.traffic.ground_truth import Hit, hits
from loadgen.traffic.seeds import BLOCK
from loadgen.traffic.start_times import rate, starts

__all__ = ["Hit", "Implied", "hits", "implied", "rate", "sessions", "starts"]

BLOCKS_EACH = 16
"""A run with so many blocks for each worker is shared out by blocks, so that nobody draws what is not theirs."""


def sessions(
    scenario: Scenario,
    seed: int,
    share: tuple[int, int] = (0, 1),
    pause: Callable[[], None] | None = None,
    only_recordable: bool = False,
) -> Iterator[Session]:
    """The sessions of worker i of n (share = i, n) in order of start; all shares together are share (0, 1)'s.

    A block of sessions is some 25 ms of work; `pause` is called at least every two milliseconds of it. With
    `only_recordable` they lack most events that the scenario's client does not record at its sample rate, counted in
    `Session.beyond`: the client's plan is the same, and what nobody would see need not be made.
    """
    worker, workers = share
    blocks = Blocks(scenario, seed, pause, only_recordable)
    if scenario.arrivals.visitors is not None:
        yield from closed.sessions(blocks, scenario.arrivals.visitors, scenario.duration, share)
        return
    begin = along(curve(scenario.arrivals, scenario.duration), blocks.seeds)
    blocks.crowd.begun = begin
    grain = BLOCK if len(begin) >= BLOCKS_EACH * workers * BLOCK else 1
    for block in range(-(-len(begin) // BLOCK)):
        first = block * BLOCK
        part = begin[first : first + BLOCK]
        own = (np.arange(first, first + len(part)) // grain) % workers == worker
        if own.any():
            yield from blocks.sessions(block, first, part, own)
