"""What is written while a run goes: the timeline, the histograms, the records; and how a timeline is followed."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from loadgen.results import records as record
from loadgen.results.histogram_log import HistogramLog
from loadgen.results.measured import Measured
from loadgen.results.meter import Second
from loadgen.results.records import InDoubt, Records
from loadgen.results.row import Row, row
from loadgen.results.store import HISTOGRAMS, TIMELINE, RunFolder


class Recording:
    """Writes a run's folder second by second; every line is flushed as it is written."""

    def __init__(self, folder: RunFolder, measured: Measured, zero: float) -> None:
        """`zero` is the Unix time of the run's zero."""
        self._measured = measured
        self._timeline = (folder.path / TIMELINE).open("w", newline="", encoding="utf-8")
        self._rows = csv.writer(self._timeline, lineterminator="\n")
        self._histograms = HistogramLog(folder.path / HISTOGRAMS, zero)
        self._folder = folder
        self._received: Counter[int] = Counter()  # records, by worker
        self._write_row(Row.__struct_fields__)

    def keep(self, second: Second) -> None:
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

    def in_doubt(self, workers: set[int]) -> InDoubt:
        """What lost workers had sent without living to hear the answer."""
        counted = [record.in_doubt(path) for worker in workers if (path := self._folder.spool(worker)).is_file()]
        return InDoubt(sum(each.requests for each in counted), sum(each.events for each in counted))

    def settle(self, before: int) -> None:
        """Write the seconds up to one of the run (exclusive) that are not written yet."""
        for second, figures, gauges in self._measured.settle(before):
            self._write_row(msgspec.structs.astuple(row(second, figures, gauges, self._measured.tally)))
            self._histograms.append(second, figures)

    def close(self) -> None:
        """Nothing more will come."""
        self._timeline.close()
        self._histograms.close()

    def _write_row(self, cells: tuple[Any, ...]) -> None:
        self._rows.writerow(cells)
        self._timeline.flush()


class Follower:
    """Reads a timeline that another process is still writing."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / TIMELINE
        self._offset = 0
        self._header: list[str] = []

    def rows(self) -> Iterator[Row]:
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
                yield msgspec.convert(named, Row, strict=False)
            else:
                self._header = cells
