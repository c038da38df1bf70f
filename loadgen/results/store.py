"""A run's folder, `results/<UTC time>-<scenario>/`: written while the run goes, read by every report.

Rule: the folder is all that a report needs, and it never holds a credential.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from loadgen.errors import LoadgenError
from loadgen.results.summary import Row, Summary

SCENARIO, RUN, TIMELINE, SUMMARY, LOG = "scenario.toml", "run.json", "timeline.csv", "summary.json", "locust.log"


class RunFolder:
    """The files of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def new(cls, path: Path | None, scenario_name: str, now: datetime) -> RunFolder:
        """Make the folder, by default under `results/`; one that exists already must be empty."""
        path = path or Path("results") / f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{scenario_name}"
        if path.is_file():
            raise LoadgenError(f"{path}: is a file; give --out a folder that is new or empty")
        if path.is_dir() and any(path.iterdir()):
            raise LoadgenError(f"{path}: holds files already; give --out a folder that is new or empty")
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LoadgenError(f"{path}: cannot be made ({error.strerror}); give --out a folder that can") from error
        return cls(path)

    @classmethod
    def at(cls, path: Path) -> RunFolder:
        """A folder that somebody else may have made already."""
        path.mkdir(parents=True, exist_ok=True)
        return cls(path)

    @classmethod
    def existing(cls, path: Path) -> RunFolder:
        """The folder of an earlier run."""
        if not (path / SUMMARY).is_file():
            raise LoadgenError(
                f"{path}: has no {SUMMARY}; name the folder of a finished run, such as results/<time>-<name>"
            )
        return cls(path)

    @property
    def finished(self) -> bool:
        """Whether its summary has been written."""
        return (self.path / SUMMARY).is_file()

    @property
    def log(self) -> Path:
        """What Locust said."""
        return self.path / LOG

    def describe(self, scenario_file: Path, run: dict[str, Any]) -> None:
        """Keep the scenario as it was and how it was run."""
        shutil.copyfile(scenario_file, self.path / SCENARIO)
        (self.path / RUN).write_bytes(pretty(run))

    def write_summary(self, summary: Summary) -> None:
        """Write `summary.json` whole or not at all."""
        unfinished = self.path / f"{SUMMARY}.part"
        unfinished.write_bytes(pretty(summary))
        unfinished.replace(self.path / SUMMARY)

    def summary(self) -> Summary:
        """Read `summary.json`."""
        file = self.path / SUMMARY
        try:
            return msgspec.json.decode(file.read_bytes(), type=Summary)
        except (OSError, msgspec.DecodeError) as error:
            raise LoadgenError(f"{file}: cannot be read as a run's summary: {error}") from error


class Timeline:
    """`timeline.csv`, a line a second, flushed as it is written."""

    def __init__(self, folder: Path) -> None:
        self._file = (folder / TIMELINE).open("w", newline="", encoding="utf-8")
        self._writer = csv.writer(self._file, lineterminator="\n")
        self._write(Row.__struct_fields__)

    def append(self, row: Row) -> None:
        """Add one second."""
        self._write(msgspec.structs.astuple(row))

    def close(self) -> None:
        """No more seconds will come."""
        self._file.close()

    def _write(self, cells: tuple[Any, ...]) -> None:
        self._writer.writerow(cells)
        self._file.flush()


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
                yield msgspec.convert(
                    {k: v or None for k, v in zip(self._header, cells, strict=True)}, Row, strict=False
                )
            else:
                self._header = cells


def pretty(value: object) -> bytes:
    """JSON for people and programs, with a final line end."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"
