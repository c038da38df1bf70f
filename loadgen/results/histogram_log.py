"""HdrHistogram's log format, written in microseconds where its Python library takes milliseconds a line.

Source: the format's description in HdrHistogram (log format version 1.3, histogram encoding V2: counts as ZigZag LEB128
numbers, a negative one standing for so many empty buckets). The tests decode these lines with that library.
"""

from __future__ import annotations

import base64
import struct
import zlib
from pathlib import Path

import numpy as np

from loadgen.results.histogram import HIGHEST_US, Histogram
from loadgen.results.outcomes import Metrics

CLOCKS = ("latency", "service_time", "lag", "acceptance")
ENCODING, COMPRESSED = 0x1C849313, 0x1C849314  # V2's cookies, with the word size that its counts have
DIGITS, LOWEST = 3, 1
HEAD = struct.Struct(">iiiiqqd")  # cookie, length, normalizing offset, digits, lowest, highest, ratio


class HistogramLog:
    """`histograms.hlog`: HdrHistogram's log format, a tagged line a clock and second; values in µs, maxima in ms."""

    def __init__(self, path: Path, zero: float) -> None:
        self._file = path.open("w", encoding="ascii")
        self._file.write(
            "#[Histogram log format version 1.3]\n"
            f"#[StartTime: {zero:.3f} (seconds since epoch)]\n"
            f"#[BaseTime: {zero:.3f} (seconds since epoch)]\n"
            '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"\n'
        )

    def append(self, second: int, metrics: Metrics) -> None:
        """Add a second's clocks."""
        for name in CLOCKS:
            histogram: Histogram = getattr(metrics, name)
            if histogram.count:
                payload = encode_histogram(histogram).decode("ascii")
                self._file.write(f"Tag={name},{second:.3f},1.000,{histogram.max_us / 1000:.3f},{payload}\n")
        self._file.flush()

    def close(self) -> None:
        """Nothing more will come."""
        self._file.close()


def encode_histogram(histogram: Histogram) -> bytes:
    """The compressed form, base64."""
    counts = encode_leb128(find_run_lengths(histogram))
    plain = HEAD.pack(ENCODING, len(counts), 0, DIGITS, LOWEST, HIGHEST_US, 1.0) + counts
    packed = zlib.compress(plain, 1)
    return base64.b64encode(struct.pack(">ii", COMPRESSED, len(packed)) + packed)


def find_run_lengths(histogram: Histogram) -> list[int]:
    """The counts up to the last one that is not 0; a run of zeros is its length, negative."""
    held = np.flatnonzero(histogram.counts).tolist()
    runs, expected = [], 0
    for index, count in zip(held, histogram.counts[held].tolist(), strict=True):
        if index > expected:
            runs.append(expected - index)
        runs.append(count)
        expected = index + 1
    return runs


def encode_leb128(numbers: list[int]) -> bytes:
    """Signed numbers as ZigZag LEB128."""
    packed = bytearray()
    for number in numbers:
        rest = number * 2 if number >= 0 else -number * 2 - 1
        while rest > 0x7F:
            packed.append(rest & 0x7F | 0x80)
            rest >>= 7
        packed.append(rest)
    return bytes(packed)
