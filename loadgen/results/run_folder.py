"""A run's folder, `results/<UTC time>-<scenario>/`: written during the run, read by every report.

Rule: a report needs nothing but the folder; the folder is readable after a `kill -9`, and never holds a credential.
"""

from __future__ import annotations

import os
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np

from loadgen.errors import LoadgenError, ScenarioError
from loadgen.output import format_json, write_output
from loadgen.results import records as record
from loadgen.results.aggregate import Aggregate
from loadgen.results.histogram import HistogramLog
from loadgen.results.meter import IntervalReport
from loadgen.results.records import InDoubt, Records
from loadgen.results.run_spec import RunSpec
from loadgen.results.summary import Summary
from loadgen.results.timeline import (
    MONITORS,
    TIMELINE,
    MonitorRow,
    RowWriter,
    TimelineRow,
    build_monitor_row,
    build_timeline_row,
)
from loadgen.scenario import Scenario, read_text

T = TypeVar("T")

SCENARIO, RUN, SUMMARY, LOG = "scenario.toml", "run.json", "summary.json", "locust.log"
HISTOGRAMS, RECORDS, SPOOL = "histograms.hlog", "requests.parquet", "requests-{}.bin"


PAGES = {".html", ".xml", ".md"}
"""Suffixes of files in a run's folder that are made of its data, and may be made again."""


def list_data_files(folder: Path) -> list[Path]:
    """List the files of a run's folder that cannot be made again; none if there is no such folder."""
    return [file for file in folder.iterdir() if file.suffix not in PAGES] if folder.is_dir() else []


class RunFolder:
    """The files of one run."""

    def __init__(self, path: Path, new_folders: tuple[Path, ...] = ()) -> None:
        """`new_folders` are the folders that were made for this run, the innermost first."""
        self.path = path
        self._new_folders = new_folders

    @classmethod
    def create(cls, path: Path | None, scenario_name: str, now: datetime) -> RunFolder:
        """Make the folder `path`, or a new one under `results/` for None. A folder that exists must be empty."""
        where = Path(path or "results").absolute()
        if os.fsencode(where) != str(where).encode(errors="replace"):  # workers read the name in JSON
            raise LoadgenError(f"{where}: its name is not UTF-8; give --out another folder")
        try:
            if path is None:
                new = Path("results") / f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{scenario_name}"
                new_parents = list_missing(new.parent)
                path = make_new(new)
                return cls(path, (path, *new_parents))
            new_folders = list_missing(path)
            path.mkdir(parents=True, exist_ok=True)
            full = any(path.iterdir())
        except (OSError, ValueError) as error:  # ValueError: a name with a null byte
            if path and path.exists() and not path.is_dir():
                raise LoadgenError(f"{path}: is a file; give --out a folder that is new or empty") from None
            reason = (getattr(error, "strerror", None) or str(error)).lower()
            raise LoadgenError(f"{path or 'results'}: cannot be made ({reason}); give --out another folder") from error
        if full:
            raise LoadgenError(f"{path}: holds files already; give --out a folder that is new or empty")
        return cls(path, new_folders)

    @classmethod
    def ensure(cls, path: Path) -> RunFolder:
        """Make the folder unless it exists."""
        path.mkdir(parents=True, exist_ok=True)
        return cls(path)

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """Open the folder of an earlier run, finished or cut off. LoadgenError: it is no folder of a run."""
        if not path.is_dir():
            raise LoadgenError(f"{path}: is no folder; name the folder of a run under results/")
        folder = cls(path)
        if not folder.finished and not (path / RUN).is_file():
            raise LoadgenError(f"{path}: has neither {SUMMARY} nor {RUN}; name the folder of a run under results/")
        return folder

    def discard(self) -> None:
        """Delete the files of a run that has sent nothing, and the folders that were made for the run."""
        for file in self.path.iterdir() if self.path.is_dir() else ():
            file.unlink()
        for folder in self._new_folders:
            with suppress(OSError):  # another run has put its files there
                folder.rmdir()

    @property
    def finished(self) -> bool:
        """Whether the run's summary has been written."""
        return (self.path / SUMMARY).is_file()

    @property
    def spec_file(self) -> Path:
        """The file of the run's options, `run.json`; the scenario has a file of its own."""
        return self.path / RUN

    @property
    def log(self) -> Path:
        """The file of Locust's log."""
        return self.path / LOG

    def locate_spool(self, worker: int) -> Path:
        """Return the path of a worker's spool of records; the file is deleted once they are in `requests.parquet`."""
        return self.path / SPOOL.format(worker)

    @property
    def spools(self) -> list[Path]:
        """The spool files of all workers: their records."""
        return sorted(each for each in self.path.glob(SPOOL.format("*")) if each.is_file())

    @property
    def has_records(self) -> bool:
        """Whether the records are still in the folder."""
        return self.records.is_file() or bool(self.spools)

    @property
    def records(self) -> Path:
        """The file of the records as a table, one row a request."""
        return self.path / RECORDS

    def write_spec(self, spec: RunSpec) -> None:
        """Write the run's scenario to `scenario.toml`, and its other options to `run.json`."""
        write_output(self.path / SCENARIO, spec.scenario_text)
        options = msgspec.to_builtins(spec)
        del options["scenario_text"]
        write_output(self.path / RUN, format_json(options))

    def read_spec(self) -> RunSpec:
        """Read the run's options from `run.json` and its scenario from `scenario.toml`."""
        spec = self._decode(RUN, RunSpec)
        scenario = self.path / SCENARIO
        return msgspec.structs.replace(spec, scenario_text=read_text(scenario)) if scenario.is_file() else spec

    def read_scenario(self) -> Scenario:
        """Return the scenario as it was run. LoadgenError: the folder's copy of the scenario cannot be read."""
        try:
            spec = self.read_spec()
            if spec.scenario_text:
                return spec.scenario
            reason = "it is empty, or no file"
        except ScenarioError as error:
            reason = error.args[0]
        raise LoadgenError(f"{self.path / SCENARIO}: cannot be read as a run's scenario; {reason}")

    def write_summary(self, summary: Summary) -> None:
        """Write `summary.json` whole or not at all."""
        write_output(self.path / SUMMARY, format_json(summary))

    def read_summary(self) -> Summary:
        """Read `summary.json`."""
        return self._decode(SUMMARY, Summary)

    def _decode(self, name: str, kind: type[T]) -> T:
        file = self.path / name
        try:
            return msgspec.json.decode(file.read_bytes(), type=kind)
        except FileNotFoundError:
            raise LoadgenError(f"{file}: is missing; was the run started by this version of loadgen?") from None
        except (OSError, ValueError, RecursionError) as error:
            hint = "is it of another version?"
            raise LoadgenError(f"{file}: cannot be read as a run's {name}; {hint} {error}") from error


def list_missing(path: Path) -> tuple[Path, ...]:
    """Return the path and those of its parents that do not exist yet, the innermost first."""
    return tuple(each for each in (path, *path.parents) if not each.exists())


def make_new(path: Path) -> Path:
    """Make a new folder of this name; if the name is taken, with `-2`, `-3`, … at its end. Return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    free, place = path, 1
    while True:
        try:
            free.mkdir()
        except FileExistsError:
            place += 1
            free = path.with_name(f"{path.name}-{place}")
        else:
            return free


class Recording:
    """Writes a run's folder second by second; every line is flushed as it is written."""

    def __init__(self, folder: RunFolder, measured: Aggregate, zero: float) -> None:
        """`zero` is the Unix time of the run's zero."""
        self._measured = measured
        self._timeline = RowWriter(folder.path / TIMELINE, TimelineRow)
        # With one app monitor, its rows would repeat the timeline.
        several = len(measured.names) > 1
        self._monitors = RowWriter(folder.path / MONITORS, MonitorRow) if several else None
        self._histograms = HistogramLog(folder.path / HISTOGRAMS, zero)
        self._folder = folder
        self._received: Counter[int] = Counter()  # records, by worker

    def keep(self, report: IntervalReport) -> None:
        """Append a worker's records to its spool, unless the worker writes its own spool on this machine."""
        self._received[report.worker] += len(report.records) // record.RECORD.itemsize
        if not report.spooled:
            with self._folder.locate_spool(report.worker).open("ab") as spool:
                spool.write(report.records)

    def salvage(self, worker: int) -> Records:
        """Return the records that a lost worker had stored in its spool and not yet reported."""
        path = self._folder.locate_spool(worker)
        batches = record.read_spool(path) if path.is_file() else ()
        kept = np.concatenate([record.unpack_records(b""), *batches])
        return kept[self._received[worker] :]

    def count_in_doubt(self, workers: set[int]) -> tuple[InDoubt, ...]:
        """Count the requests in doubt, by app monitor: lost workers sent them and did not record the answer."""
        kept = [path for worker in workers if (path := self._folder.locate_spool(worker)).is_file()]
        return record.count_in_doubt(kept, len(self._measured.monitors))

    def settle(self, before: int) -> None:
        """Write the seconds of the run before `before` that are not written yet."""
        measured = self._measured
        for second, closed in measured.settle(before):
            if self._monitors:
                for place, (name, tally) in enumerate(zip(measured.names, measured.tallies, strict=True)):
                    self._monitors.write(build_monitor_row(second, name, closed.monitors[place], tally))
            self._timeline.write(build_timeline_row(second, closed, measured.tally))
            self._histograms.append(second, closed.metrics.clocks)

    def close(self) -> None:
        """Close the files."""
        self._timeline.close()
        self._histograms.close()
        if self._monitors:
            self._monitors.close()
