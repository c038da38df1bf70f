"""A run's folder → RunData: the input of reports and comparisons, of a run that finished or was cut off."""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from pathlib import Path

from loadgen.errors import LoadgenError
from loadgen.results.binning import BinnedRequests, BinnedTimeline
from loadgen.results.incomplete_sessions import IncompleteSession, read_incomplete_sessions
from loadgen.results.recovery import recover_summary
from loadgen.results.run_folder import RUN, SUMMARY, RunFolder
from loadgen.results.run_spec import RunSpec
from loadgen.results.summary import Summary
from loadgen.results.timeline import MONITORS, TIMELINE, MonitorRow, read_monitor_rows, read_timeline

VERSION = 1  # of summary.json


class RunData:
    """The summary, timeline and spec of one run; the records are read when they are first asked for."""

    def __init__(self, folder: RunFolder, width: int | None = None, summary: Summary | None = None) -> None:
        """`width` is the seconds a slice, by default as narrow as bounded memory allows."""
        self.folder = folder
        self.name = folder.path.resolve().name
        self.summary = summary or read_summary(folder)
        if not (folder.path / TIMELINE).is_file():
            raise LoadgenError(f"{folder.path / TIMELINE}: is missing; a report needs the whole folder of a run")
        self.rows = read_timeline(folder.path)
        self.spec: RunSpec | None = folder.spec() if (folder.path / RUN).is_file() else None
        self.timeline = BinnedTimeline(self.rows, width)

    @classmethod
    def open(cls, path: Path) -> RunData:
        """Read a folder. LoadgenError says in one line what is wrong with it."""
        return cls(RunFolder.open(path))

    def sliced(self, width: int) -> RunData:
        """The same run in slices of so many seconds."""
        return self if width == self.timeline.width else RunData(self.folder, width, self.summary)

    @cached_property
    def incomplete_sessions(self) -> list[IncompleteSession]:
        """The sessions that lost workers left undone."""
        return read_incomplete_sessions(self.folder)

    @cached_property
    def monitors(self) -> dict[str, BinnedTimeline]:
        """The run over time for each of several app monitors, by name; empty when there was one."""
        last, found = self.timeline.seconds, defaultdict[str, list[MonitorRow]](list)
        for row in read_monitor_rows(self.folder.path):
            if row.second < last:
                found[row.monitor].append(row)
        return {name: BinnedTimeline(rows, self.timeline.width) for name, rows in found.items()}

    @cached_property
    def gaps(self) -> tuple[str, ...]:
        """A line for each file that tells less of the run over time than its summary: it was damaged, or cut."""
        told, sent = sum(row.sent for row in self.rows), self.summary.requests.sent
        found = []
        excused = self.rows and self.summary.lost_workers  # what those had not reported is in the records alone
        if told < sent and not excused:
            found.append(f"{TIMELINE} tells of {told:,} of {sent:,} requests; the plots over time lack the others")
        names = [each.name for each in self.summary.monitors] if len(self.summary.monitors) > 1 else []
        if missing := [name for name in names if name not in self.monitors]:
            found.append(f"{MONITORS} tells nothing of {', '.join(missing)}; the plots of app monitors lack them")
        return tuple(found)

    @cached_property
    def requests(self) -> BinnedRequests | None:
        """Clocks and outcomes from the records; None when the records are no longer in the folder."""
        if not self.folder.has_records:
            return None
        return BinnedRequests(self.folder, self.timeline)


def read_summary(folder: RunFolder) -> Summary:
    """Read `summary.json`; of a run that was cut off, sum up its records and timeline."""
    try:
        summary = folder.summary() if folder.finished else recover_summary(folder)
    except (LookupError, ValueError, TypeError, ArithmeticError) as error:
        raise LoadgenError(
            f"{folder.path}: half-written or of another version of loadgen; {RUN} and {TIMELINE} do not fit ({error})"
        ) from error
    if summary.version != VERSION:
        raise LoadgenError(
            f"{folder.path / SUMMARY}: is of version {summary.version}, and this loadgen reads version {VERSION}"
        )
    return summary
