"""Arrivals laws: when the sessions of a scenario start, along a rate or as the visits of a closed population.

Rule: all starts are decided before the run, and the target's answers do not move them. This is true for a closed
population too: a visitor's next visit starts a pause after the planned end of the visit before.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from heapq import heappop, heappush
from itertools import count
from typing import NamedTuple, TypeVar

import numpy as np

from loadgen.errors import LoadgenError
from loadgen.scenario import Scenario
from loadgen.traffic.block import Blocks, BlockStarts
from loadgen.traffic.draws import BLOCK, TICKS, Bools, Floats, Ints, Pause, Seeds
from loadgen.traffic.population import draw_pauses
from loadgen.traffic.rate_curve import RateCurve, compute_rate_curve, draw_starts

Item = TypeVar("Item")

MOST_SESSIONS = 100_000_000
"""The most sessions of a run: each start takes 8 bytes, and a few arrays of all starts exist at the same time."""

BLOCKS_EACH = 16
"""From this many blocks for each worker on, workers share a run by whole blocks, and none draws another's sessions."""

MEAN_VISIT_BLOCKS = 10
"""How many blocks of first visits give the mean length of a visit."""


class ArrivalsLaw(ABC):
    """The rule by which one scenario's sessions start under one seed; a subclass is one law."""

    def __init__(
        self,
        scenario: Scenario,
        seed: int = 0,
        pause: Pause | None = None,
        only_recordable: bool = False,
        is_sample: bool = False,
    ) -> None:
        self.scenario = scenario
        self.seeds = Seeds(seed, pause, f"{scenario.name}/{scenario.monitor.name}")
        self._only_recordable, self._is_sample = only_recordable, is_sample

    @cached_property
    def blocks(self) -> Blocks:
        """The blocks of sessions, which are drawn one by one."""
        return Blocks(self.scenario, self.seeds, self._only_recordable, self._is_sample)

    @property
    @abstractmethod
    def mean_curve(self) -> RateCurve:
        """The mean rate of sessions over the run, without noise; it does not depend on the seed."""

    @property
    @abstractmethod
    def starts(self) -> Floats:
        """The starts of all sessions in ascending order, in seconds from the run's zero."""

    @abstractmethod
    def check_size(self) -> None:
        """Raise a LoadgenError if so many sessions would start that no machine could hold their starts."""

    @abstractmethod
    def split_starts(self) -> Iterator[BlockStarts]:
        """Yield the blocks of all sessions, in the order of each block's first session."""

    def split_share(self, share: tuple[int, int]) -> Iterator[tuple[BlockStarts, Bools]]:
        """Yield each block with sessions of worker i of n (share = i, n), and a mask of these sessions' rows."""
        worker, workers = share
        stride = self.choose_stride(workers)
        for part in self.split_starts():
            own = (part.session >= 0) & (part.session // stride % workers == worker)
            if own.any():
                yield part, own

    def choose_stride(self, workers: int) -> int:
        """Return how many consecutive sessions a worker takes at a time."""
        return 1

    def count_sample_blocks(self, most: int) -> int:
        """Return how many blocks, at most `most`, to draw as a sample of all sessions of the run."""
        return most


class OpenArrivals(ArrivalsLaw):
    """The law of a rate: sessions start as a Poisson process along the scenario's rate.

    Session k is row k % BLOCK of block k // BLOCK. Blocks are always drawn whole, at the run's end too.
    """

    @cached_property
    def mean_curve(self) -> RateCurve:
        return compute_rate_curve(self.scenario)

    @cached_property
    def starts(self) -> Floats:
        self.check_size()
        return draw_starts(self.mean_curve, self.seeds)

    def check_size(self) -> None:
        expected = self.mean_curve.expected
        if expected > MOST_SESSIONS:
            raise LoadgenError(
                f"{self.scenario.name}: {expected:.3g} sessions would start, {MOST_SESSIONS:.0e} are the most; "
                "give a lower --rate or a shorter --duration"
            )

    def split_starts(self) -> Iterator[BlockStarts]:
        starts = self.starts
        self.blocks.crowd.returns.begun = starts
        for number, first in enumerate(range(0, len(starts), BLOCK)):
            part, index = starts[first : first + BLOCK], np.arange(first, first + BLOCK)
            if missing := BLOCK - len(part):
                part, index[-missing:] = np.pad(part, (0, missing), mode="edge"), -1
            yield BlockStarts(number, index, part)

    def choose_stride(self, workers: int) -> int:
        return BLOCK if len(self.starts) >= BLOCKS_EACH * workers * BLOCK else 1


class ClosedArrivals(ArrivalsLaw):
    """The law of a closed population: a fixed number of visitors who visit, pause, and visit again.

    Visitors are divided into groups of BLOCK. The visits of group g in round r are block r × (number of groups) + g,
    so the seed alone decides what a visitor does in a round.
    """

    @property
    def visitors(self) -> int:
        """The number of visitors in the population."""
        assert self.scenario.arrivals.visitors is not None
        return self.scenario.arrivals.visitors

    @cached_property
    def mean_curve(self) -> RateCurve:
        """A constant rate: in the mean time of a visit and a pause together, each visitor starts one visit."""
        numbers = range(min(-(-self.visitors // BLOCK), MEAN_VISIT_BLOCKS))
        mean = np.mean([self._measure_lengths(number, np.zeros(BLOCK)).mean() for number in numbers])
        rate = self.visitors / (float(mean) + self.scenario.arrivals.pause)
        return RateCurve(np.array([0.0, self.scenario.duration]), np.array([rate, rate]))

    @property
    def starts(self) -> Floats:
        return self._visits.start

    def check_size(self) -> None:
        """Accept every scenario: it has at most 200,000 visitors, and each visit takes time."""

    @cached_property
    def _visits(self) -> _Visits:
        """All visits: a visitor's first visit starts after a pause, each further one a pause after the visit before."""
        per_round, duration = -(-self.visitors // BLOCK), self.scenario.duration
        starts: list[Floats] = [np.zeros(0)]
        numbers: list[Ints] = [np.zeros(0, dtype=np.int64)]
        rows = list(numbers)
        for group in range(per_round):
            number = group
            start = self._draw_pauses(number)
            start[self.visitors - group * BLOCK :] = np.inf
            while (in_run := start < duration).any():
                starts.append(start[in_run])
                numbers.append(np.full(in_run.sum(), number))
                rows.append(np.flatnonzero(in_run))
                start = start + self._measure_lengths(number, np.minimum(start, duration))
                number += per_round
                start = start + self._draw_pauses(number)
        begun = np.concatenate(starts).round(6)
        block, row = np.concatenate(numbers), np.concatenate(rows)
        order = np.lexsort((row, block, begun))
        return _Visits(begun[order], block[order], row[order])

    def _draw_pauses(self, number: int) -> Floats:
        """Draw how many seconds the visitors of a block pause before its visits."""
        return draw_pauses(self.seeds, number, self.scenario.arrivals.pause)

    def _measure_lengths(self, number: int, starts: Floats) -> Floats:
        """Measure how many seconds each visit of a block lasts."""
        draws = self.blocks.draw(number, starts)
        return np.asarray(draws.time.find_session_ends(draws.walk.begins) / TICKS, dtype=np.float64)

    def split_starts(self) -> Iterator[BlockStarts]:
        visits = self._visits
        numbers, firsts = np.unique(visits.block, return_index=True)
        for _, number in sorted(zip(firsts.tolist(), numbers.tolist(), strict=True)):
            ranks = np.flatnonzero(visits.block == number)
            index, start = np.full(BLOCK, -1), np.zeros(BLOCK)
            index[visits.row[ranks]], start[visits.row[ranks]] = ranks, visits.start[ranks]
            yield BlockStarts(number, index, start)

    def count_sample_blocks(self, most: int) -> int:
        """Return `most`, or the number of blocks that the run reaches if that is less: a block is a round of visits."""
        return min(most, int(self.mean_curve.expected) // BLOCK + 1)


class _Visits(NamedTuple):
    """All visits of a closed population as columns, in order of start."""

    start: Floats  # seconds from the run's zero
    block: Ints  # the number of the visit's block
    row: Ints  # the visit's row in the block


def make_arrivals_law(
    scenario: Scenario,
    seed: int = 0,
    pause: Pause | None = None,
    only_recordable: bool = False,
    is_sample: bool = False,
) -> ArrivalsLaw:
    """Make the law that a scenario's arrivals follow; see `draw_blocks` for the arguments."""
    kind = OpenArrivals if scenario.arrivals.visitors is None else ClosedArrivals
    return kind(scenario, seed, pause, only_recordable, is_sample)


def merge_blocks(blocks: Iterable[tuple[float, Iterable[Item]]], index: Callable[[Item], float]) -> Iterator[Item]:
    """Yield the items of blocks whose indices (or moments) overlap, by ascending index.

    Args:
        blocks: Pairs of a block's least index and the block's items, ascending by the least index.
        index: A function that returns an item's index; items with equal indices keep their order.
    """
    waiting: list[tuple[float, int, Item]] = []
    number = count()
    for first, items in blocks:
        while waiting and waiting[0][0] < first:
            yield heappop(waiting)[2]
        for item in items:
            heappush(waiting, (index(item), next(number), item))
    while waiting:
        yield heappop(waiting)[2]
