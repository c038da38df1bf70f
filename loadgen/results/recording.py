"""Writes a run's folder while the run goes: the timeline, the histograms, the records.

The histograms' log is HdrHistogram's (log format version 1.3, histogram encoding V2: counts as ZigZag LEB128 numbers, a
negative one standing for so many empty buckets), in microseconds where its Python library takes milliseconds a line.
The tests decode these lines with that library.
"""

from __future__ import annotations

import base64
import struct
import zlib
from collections import Counter
from pathlib import Path

import numpy as np

from loadgen.results import records as record
from loadgen.results.aggregate import Aggregate
from loadgen.results.histogram import HIGHEST_US, Histogram
from loadgen.results.meter import IntervalReport
from loadgen.results.outcomes import Metrics
from loadgen.results.records import InDoubt, Records
from loadgen.results.run_folder import HISTOGRAMS, RunFolder
from loadgen.results.timeline import (
    MONITORS,
    TIMELINE,
    MonitorRow,
    RowWriter,
    TimelineRow,
    build_monitor_row,
    build_timeline_row,
)

CLOCKS = ("latency", "service_time", "lag", "acceptance")
ENCODING, COMPRESSED = 0x1C849313, 0x1C849314  # V2's cookies, with the word size that its counts have
DIGITS, LOWEST = 3, 1
HEAD = struct.Struct(">iiiiqqd")  # cookie, length, normalizing offset, digits, lowest, highest, ratio


class Recording:
    """Writes a run's folder second by second; every line is flushed as it is written."""

    def __init__(self, folder: RunFolder, measured: Aggregate, zero: float) -> None:
        """`zero` is the Unix time of the run's zero."""
        self._measured = measured
        self._timeline = RowWriter(folder.path / TIMELINE, TimelineRow)
        # One app monitor's seconds are the timeline's.
        several = len(measured.names) > 1
        self._monitors = RowWriter(folder.path / MONITORS, MonitorRow) if several else None
        self._histograms = HistogramLog(folder.path / HISTOGRAMS, zero)
        self._folder = folder
        self._received: Counter[int] = Counter()  # records, by worker

    def keep(self, report: IntervalReport) -> None:
        """Append a worker's records, unless it keeps them itself on this machine."""
        self._received[report.worker] += len(report.records) // record.RECORD.itemsize
        if not report.spooled:
            with self._folder.spool(report.worker).open("ab") as spool:
                spool.write(report.records)

    def salvage(self, worker: int) -> Records:
        """The records that a lost worker had kept and not yet reported."""
        path = self._folder.spool(worker)
        batches = record.read_spool(path) if path.is_file() else ()
        kept = np.concatenate([record.unpack_records(b""), *batches])
        return kept[self._received[worker] :]

    def in_doubt(self, workers: set[int]) -> tuple[InDoubt, ...]:
        """What lost workers had sent to each app monitor without living to hear the answer."""
        kept = [path for worker in workers if (path := self._folder.spool(worker)).is_file()]
        return record.count_in_doubt(kept, len(self._measured.monitors))

    def settle(self, before: int) -> None:
        """Write the seconds up to one of the run (exclusive) that are not written yet."""
        measured = self._measured
        for second, closed in measured.settle(before):
            if self._monitors:
                for place, (name, tally) in enumerate(zip(measured.names, measured.tallies, strict=True)):
                    self._monitors.write(build_monitor_row(second, name, closed.monitors[place], tally))
            self._timeline.write(build_timeline_row(second, closed, measured.tally))
            self._histograms.append(second, closed.metrics)

    def close(self) -> None:
        """Nothing more will come."""
        self._timeline.close()
        self._histograms.close()
        if self._monitors:
            self._monitors.close()


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
