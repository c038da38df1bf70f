"""A closed population: so many visitors who visit, stay away, and visit again, for those who think in users.

Rule: it stays an open system for the target: a visitor's next visit follows the visit that was meant, not the answers
that came. What a visitor does in which round follows from the seed alone; sessions are numbered by their start.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush
from typing import NamedTuple

import msgspec
import numpy as np

from loadgen.model import Session
from loadgen.traffic.block import Blocks
from loadgen.traffic.draws import TICKS, Bools, Floats, Ints
from loadgen.traffic.seeds import BLOCK

LOOKED_AT = 10
"""Blocks of first visits from which the mean length of a visit is taken."""


class Visit(NamedTuple):
    """All visits of a run in order of start, as columns."""

    start: Floats
    block: Ints  # of its round and visitors
    row: Ints  # in the block


def visits(blocks: Blocks, visitors: int, duration: float) -> Visit:
    """When each visitor comes: after a pause, and after each visit and another pause, until the run's end."""
    per_round = -(-visitors // BLOCK)
    starts, numbers, rows = [], [], []
    for place in range(per_round):
        number = place
        start = pauses(blocks, number)
        start[visitors - place * BLOCK :] = np.inf
        while (there := start < duration).any():
            starts.append(start[there])
            numbers.append(np.full(there.sum(), number))
            rows.append(np.flatnonzero(there))
            start = start + lengths(blocks, number, np.minimum(start, duration))
            number += per_round
            start = start + pauses(blocks, number)
    return _sorted(starts, numbers, rows)


def _sorted(starts: list[Floats], numbers: list[Ints], rows: list[Ints]) -> Visit:
    none = np.zeros(0, dtype=np.int64)
    start = np.round(np.concatenate([np.zeros(0), *starts]), 6)
    number, row = np.concatenate([none, *numbers]), np.concatenate([none, *rows])
    order = np.lexsort((row, number, start))
    return Visit(start[order], number[order], row[order])


def pauses(blocks: Blocks, number: int) -> Floats:
    """How long the visitors of a block stay away before this round."""
    mean = blocks.scenario.arrivals.pause
    return np.asarray(mean * blocks.seeds.stream("pause", number).standard_exponential(BLOCK), dtype=np.float64)


def lengths(blocks: Blocks, number: int, starts: Floats) -> Floats:
    """How long each visit of a block lasts, in seconds."""
    scene = blocks.scene(number, starts, np.zeros(BLOCK, dtype=bool))
    return np.asarray(scene.time.end[scene.walk.begins[1:] - 1] / TICKS, dtype=np.float64)


def mean_rate(blocks: Blocks, visitors: int) -> float:
    """Visits a second: one for each visitor in the mean length of a visit and of a pause."""
    some = range(min(-(-visitors // BLOCK), LOOKED_AT))
    mean = np.mean([lengths(blocks, number, np.zeros(BLOCK)).mean() for number in some])
    return visitors / (float(mean) + blocks.scenario.arrivals.pause)


def sessions(blocks: Blocks, visitors: int, duration: float, share: tuple[int, int]) -> Iterator[Session]:
    """The sessions of a share in order of start; blocks are drawn when the first of their visits begins."""
    worker, workers = share
    known = visits(blocks, visitors, duration)
    own = np.arange(len(known.start)) % workers == worker
    first = np.unique(known.block, return_index=True)
    waiting: list[tuple[int, Session]] = []
    for rank, number in sorted(zip(first[1].tolist(), first[0].tolist(), strict=True)):
        while waiting and waiting[0][0] < rank:
            yield heappop(waiting)[1]
        for session in _of_block(blocks, number, known, own):
            heappush(waiting, (session.index, session))
    while waiting:
        yield heappop(waiting)[1]


def _of_block(blocks: Blocks, number: int, known: Visit, own: Bools) -> Iterator[Session]:
    """A block's own sessions, numbered by their start."""
    ranks = np.flatnonzero(known.block == number)
    rows = known.row[ranks]
    starts, wanted, rank_of = np.zeros(BLOCK), np.zeros(BLOCK, dtype=bool), np.zeros(BLOCK, dtype=np.int64)
    starts[rows], wanted[rows], rank_of[rows] = known.start[ranks], own[ranks], ranks
    if wanted.any():
        for session in blocks.sessions(number, 0, starts, wanted):
            yield msgspec.structs.replace(session, index=int(rank_of[session.index]))
