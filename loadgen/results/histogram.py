"""Latency histograms with three significant digits from 1 µs to an hour, merged without loss.

Rule: the buckets are HdrHistogram's (2048 sub-buckets a doubling, unit 1 µs), so that any reader of its log format
agrees; the counts are numpy's, so that a second of results is recorded at once.
Source: HdrHistogram's description of its bucketing, hdrhistogram.org.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from loadgen.model import Noun

HALF = 1024  # half of the sub-buckets of a doubling: 2048 give three significant digits
HIGHEST_US = 3_600_000_000
SIZE = (HIGHEST_US.bit_length() - 10) * HALF + HALF

Counts = npt.NDArray[np.int64]


def index_of(microseconds: Counts) -> Counts:
    """The bucket of each value, shape as given."""
    shift = np.maximum(np.frexp(microseconds.astype(np.float64))[1] - 11, 0)
    index: Counts = shift * HALF + (microseconds >> shift)
    return index


def highest_of(index: Counts) -> Counts:
    """The highest value in µs that a bucket stands for, as HdrHistogram reports it."""
    shift = np.maximum(index // HALF - 1, 0)
    highest: Counts = ((index - shift * HALF + 1) << shift) - 1
    return highest


class Packed(Noun):
    """A histogram as it travels: the buckets that hold something, and how many each holds."""

    buckets: tuple[int, ...] = ()
    counts: tuple[int, ...] = ()
    total_us: int = 0
    max_us: int = 0

    def plus(self, other: Packed) -> Packed:
        """Both together, without loss."""
        whole = Histogram.unpack(self)
        whole.merge(Histogram.unpack(other))
        return whole.pack()


class Histogram:
    """Counts of durations; `add` what was measured, `merge` what others measured, ask for a `quantile`."""

    __slots__ = ("counts", "max_us", "total_us")

    def __init__(self) -> None:
        self.counts: Counts = np.zeros(SIZE, dtype=np.int64)
        self.total_us = 0
        self.max_us = 0

    def add(self, seconds: Iterable[float]) -> None:
        """Record durations in seconds; below 1 µs counts as 0, above an hour as an hour."""
        values = np.fromiter(seconds, dtype=np.float64)
        if not values.size:
            return
        microseconds = np.clip(np.rint(values * 1e6), 0, HIGHEST_US).astype(np.int64)
        np.add.at(self.counts, index_of(microseconds), 1)
        self.total_us += int(microseconds.sum())
        self.max_us = max(self.max_us, int(microseconds.max()))

    def merge(self, other: Histogram) -> None:
        """Add another histogram's counts, exactly."""
        self.counts += other.counts
        self.total_us += other.total_us
        self.max_us = max(self.max_us, other.max_us)

    @property
    def count(self) -> int:
        """How many durations were recorded."""
        return int(self.counts.sum())

    @property
    def mean_ms(self) -> float | None:
        """The exact mean in milliseconds; None when nothing was recorded."""
        count = self.count
        return round(self.total_us / count / 1000, 3) if count else None

    def quantile_ms(self, q: float) -> float | None:
        """The smallest bucket value in milliseconds that a share q of the durations does not exceed."""
        reached = np.cumsum(self.counts)
        if not reached[-1]:
            return None
        rank = max(int(np.ceil(q * int(reached[-1]) - 1e-9)), 1)
        value = int(highest_of(np.searchsorted(reached, np.array([rank]), side="left"))[0])
        return min(value, self.max_us) / 1000

    def pack(self) -> Packed:
        """Plain values for a message: the buckets that hold something."""
        held = np.flatnonzero(self.counts)
        return Packed(tuple(held.tolist()), tuple(self.counts[held].tolist()), self.total_us, self.max_us)

    @classmethod
    def unpack(cls, packed: Packed) -> Histogram:
        """The histogram of a packed message."""
        histogram = cls()
        histogram.counts[list(packed.buckets)] = packed.counts
        histogram.total_us = packed.total_us
        histogram.max_us = packed.max_us
        return histogram
