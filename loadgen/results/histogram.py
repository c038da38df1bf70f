"""Latency histograms with three significant digits from 1 µs to an hour.

Rule: the buckets are HdrHistogram's (2048 sub-buckets a doubling, unit 1 µs), so that any reader of its log format
agrees. The counts are a numpy array, so that a second of results is recorded in one operation.
Source: HdrHistogram's description of its bucketing, hdrhistogram.org.

The log has HdrHistogram's format too (version 1.3), with values in microseconds, where HdrHistogram's Python library
writes milliseconds. The tests decode the lines with that library.
"""

from __future__ import annotations

import base64
import re
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

HALF = 1024  # half of the sub-buckets of a doubling: 2048 give three significant digits
HIGHEST_US = 3_600_000_000
SIZE = (HIGHEST_US.bit_length() - 10) * HALF + HALF

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]


def to_microseconds(seconds: Floats) -> Counts:
    """Round durations in seconds to whole microseconds, same shape; below 0 gives 0, above an hour gives an hour."""
    return np.clip(np.rint(seconds * 1e6), 0, HIGHEST_US).astype(np.int64)


def find_buckets(microseconds: Counts) -> Counts:
    """Return the index of each value's bucket, same shape."""
    shift = np.maximum(np.frexp(microseconds.astype(np.float64))[1] - 11, 0)
    index: Counts = shift * HALF + (microseconds >> shift)
    return index


def find_highest_values(index: Counts) -> Counts:
    """Return the highest value in µs that falls into each bucket, as HdrHistogram reports it; same shape."""
    shift = np.maximum(index // HALF - 1, 0)
    highest: Counts = ((index - shift * HALF + 1) << shift) - 1
    return highest


class Histogram:
    """Counts of durations by bucket, from 1 µs to an hour."""

    __slots__ = ("counts", "max_us", "total_us")

    def __init__(self) -> None:
        self.counts: Counts = np.zeros(SIZE, dtype=np.int64)
        self.total_us = 0
        self.max_us = 0

    def add(self, seconds: Floats, times: NDArray[np.integer] | None = None) -> None:
        """Add durations in seconds, shape (n,); each counts once, or `times`, shape (n,), says how often."""
        if not len(seconds):
            return
        microseconds = to_microseconds(seconds)
        weights = np.ones_like(microseconds) if times is None else times.astype(np.int64)
        np.add.at(self.counts, find_buckets(microseconds), weights)
        self.total_us += int((microseconds * weights).sum())
        self.max_us = max(self.max_us, int(microseconds.max()))

    @property
    def count(self) -> int:
        """The number of durations that were added."""
        return int(self.counts.sum())

    @property
    def mean_ms(self) -> float | None:
        """The exact mean in milliseconds; None without durations."""
        count = self.count
        return round(self.total_us / count / 1000, 3) if count else None

    def quantile_ms(self, q: float) -> float | None:
        """Return the q-quantile in ms: the smallest bucket that a share q does not exceed; None without durations."""
        reached = np.cumsum(self.counts)
        if not reached[-1]:
            return None
        rank = max(int(np.ceil(q * int(reached[-1]) - 1e-9)), 1)
        value = int(find_highest_values(np.searchsorted(reached, np.array([rank]), side="left"))[0])
        return min(value, self.max_us) / 1000


ENCODING, COMPRESSED = 0x1C849313, 0x1C849314  # V2's cookies, with the word size that its counts have
DIGITS, LOWEST = 3, 1
HEAD = struct.Struct(">iiiiqqd")  # cookie, length, normalizing offset, digits, lowest, highest, ratio


def encode_histogram(histogram: Histogram) -> bytes:
    """Encode a histogram as a log line holds it: compressed, base64.

    HdrHistogram's encoding V2: counts as ZigZag LEB128 numbers; a negative number -n stands for n empty buckets.
    """
    counts = encode_leb128(find_run_lengths(histogram))
    plain = HEAD.pack(ENCODING, len(counts), 0, DIGITS, LOWEST, HIGHEST_US, 1.0) + counts
    packed = zlib.compress(plain, 1)
    return base64.b64encode(struct.pack(">ii", COMPRESSED, len(packed)) + packed)


def find_run_lengths(histogram: Histogram) -> list[int]:
    """Return the counts up to the last that is not 0; each run of n zeros becomes -n."""
    held = np.flatnonzero(histogram.counts).tolist()
    runs, expected = [], 0
    for index, count in zip(held, histogram.counts[held].tolist(), strict=True):
        if index > expected:
            runs.append(expected - index)
        runs.append(count)
        expected = index + 1
    return runs


def encode_leb128(numbers: list[int]) -> bytes:
    """Encode signed numbers as ZigZag LEB128."""
    packed = bytearray()
    for number in numbers:
        rest = number * 2 if number >= 0 else -number * 2 - 1
        while rest > 0x7F:
            packed.append(rest & 0x7F | 0x80)
            rest >>= 7
        packed.append(rest)
    return bytes(packed)


class HistogramLog:
    """Writes HdrHistogram's log format, one line a second and clock, tagged by clock; values in µs, maxima in ms."""

    def __init__(self, path: Path, zero: float) -> None:
        """`zero` is the Unix time of the run's zero."""
        self._file = path.open("w", encoding="ascii")
        self._file.write(
            "#[Histogram log format version 1.3]\n"
            f"#[StartTime: {zero:.3f} (seconds since epoch)]\n"
            f"#[BaseTime: {zero:.3f} (seconds since epoch)]\n"
            '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"\n'
        )

    def append(self, second: int, clocks: dict[str, Histogram]) -> None:
        """Append a line for each clock of a second that has durations; `clocks` are by name."""
        for name, histogram in clocks.items():
            if histogram.count:
                payload = encode_histogram(histogram).decode("ascii")
                self._file.write(f"Tag={name},{second:.3f},1.000,{histogram.max_us / 1000:.3f},{payload}\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_start_time(log: Path) -> float | None:
    """Return the Unix time of a run's zero from the head of its histogram log; None without such a head."""
    head = log.read_bytes()[:500] if log.is_file() else b""
    found = re.search(rb"StartTime: ([0-9]{1,10}\.[0-9]{3}) ", head)
    return float(found[1]) if found else None
