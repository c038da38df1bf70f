"""Writes a run's folder while the run goes: the timeline, the histograms, the records."""

from __future__ import annotations

from collections import Counter

import numpy as np

from loadgen.results import records as record
from loadgen.results.aggregate import Aggregate
from loadgen.results.histogram_log import HistogramLog
from loadgen.results.meter import IntervalReport
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
