"""What is written while a run goes: the timeline, the histograms, the records; and how a timeline is followed."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np

from loadgen.model import Noun
from loadgen.results import records as record
from loadgen.results.aggregate import Aggregate
from loadgen.results.histogram_log import HistogramLog
from loadgen.results.meter import IntervalReport
from loadgen.results.records import InDoubt, Records
from loadgen.results.store import HISTOGRAMS, MONITORS, TIMELINE, RunFolder
from loadgen.results.timeline import MonitorRow, TimelineRow, monitor_row, timeline_row


class Recording:
    """Writes a run's folder second by second; every line is flushed as it is written."""

    def __init__(self, folder: RunFolder, measured: Aggregate, zero: float) -> None:
        """`zero` is the Unix time of the run's zero."""
        self._measured = measured
        self._timeline = Lines(folder.path / TIMELINE, TimelineRow.__struct_fields__)
        # One app monitor's seconds are the timeline's.
        several = len(measured.names) > 1
        self._monitors = Lines(folder.path / MONITORS, MonitorRow.__struct_fields__) if several else None
        self._histograms = HistogramLog(folder.path / HISTOGRAMS, zero)
        self._folder = folder
        self._received: Counter[int] = Counter()  # records, by worker

    def keep(self, second: IntervalReport) -> None:
        """Append a worker's records, unless it keeps them itself on this machine."""
        self._received[second.worker] += len(second.records) // record.RECORD.itemsize
        if not second.spooled:
            with self._folder.spool(second.worker).open("ab") as spool:
                spool.write(second.records)

    def salvage(self, worker: int) -> Records:
        """The records that a lost worker had kept and not yet reported."""
        path = self._folder.spool(worker)
        kept = np.concatenate([record.unpack(b""), *record.read(path)] if path.is_file() else [record.unpack(b"")])
        return kept[self._received[worker] :]

    def in_doubt(self, workers: set[int]) -> tuple[InDoubt, ...]:
        """What lost workers had sent to each app monitor without living to hear the answer."""
        kept = [path for worker in workers if (path := self._folder.spool(worker)).is_file()]
        return record.in_doubt(kept, len(self._measured.monitors))

    def settle(self, before: int) -> None:
        """Write the seconds up to one of the run (exclusive) that are not written yet."""
        measured = self._measured
        for second, ready in measured.settle(before):
            if self._monitors:
                for place, (name, tally) in enumerate(zip(measured.names, measured.tallies, strict=True)):
                    self._monitors.write(monitor_row(second, name, ready.monitors[place], tally))
            self._timeline.write(timeline_row(second, ready.figures, ready.gauges, measured.tally))
            self._histograms.append(second, ready.figures)

    def close(self) -> None:
        """Nothing more will come."""
        self._timeline.close()
        self._histograms.close()
        if self._monitors:
            self._monitors.close()


class Lines:
    """A CSV file with a header; every line is flushed as it is written."""

    def __init__(self, path: Path, header: tuple[str, ...]) -> None:
        self._file = path.open("w", newline="", encoding="utf-8")
        self._rows = csv.writer(self._file, lineterminator="\n")
        self._rows.writerow(header)
        self._file.flush()

    def write(self, cells: Noun) -> None:
        """A noun as a line."""
        self._rows.writerow(msgspec.structs.astuple(cells))
        self._file.flush()

    def close(self) -> None:
        """Nothing more will come."""
        self._file.close()


def monitor_rows(folder: Path) -> list[MonitorRow]:
    """The complete lines of `monitors.csv`; none of a run that had one app monitor."""
    path = folder / MONITORS
    whole = path.read_bytes().rpartition(b"\n")[0].decode() if path.is_file() else ""
    return [msgspec.convert(line, MonitorRow, strict=False) for line in csv.DictReader(whole.splitlines())]


class Follower:
    """Reads a timeline that another process is still writing."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / TIMELINE
        self._offset = 0
        self._header: list[str] = []

    def rows(self) -> Iterator[TimelineRow]:
        """The complete lines that came since the last call."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._offset)
            complete = file.read().rpartition(b"\n")[0]
        if not complete:
            return
        self._offset += len(complete) + 1
        for cells in csv.reader(complete.decode().splitlines()):
            if self._header:
                named = {name: cell or None for name, cell in zip(self._header, cells, strict=True)}
                yield msgspec.convert(named, TimelineRow, strict=False)
            else:
                self._header = cells
