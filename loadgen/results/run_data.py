"""A run's folder → RunData: the input of reports and comparisons, of a run that finished or was cut off."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from loadgen.errors import LoadgenError
from loadgen.model import Volume
from loadgen.results import records as record
from loadgen.results.aggregate import Aggregate
from loadgen.results.binning import BinnedRequests, BinnedTimeline
from loadgen.results.incomplete_sessions import IncompleteSession, read_incomplete_sessions
from loadgen.results.meter import EventCounts, IntervalReport
from loadgen.results.run_folder import HISTOGRAMS, RUN, SUMMARY, RunFolder
from loadgen.results.run_spec import RunSpec
from loadgen.results.summarize import RunEnd, summarize_run
from loadgen.results.summary import RunMonitor, Summary
from loadgen.results.timeline import (
    MONITORS,
    TIMELINE,
    MonitorRow,
    TimelineRow,
    find_stage_ends,
    read_monitor_rows,
    read_offered,
    read_tally,
    read_timeline,
)

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


def recover_summary(folder: RunFolder) -> Summary:
    """Sum up the records and the timeline; the summary is marked as cut off."""
    spec = folder.spec()
    rows = read_timeline(folder.path)
    scenario = folder.read_scenario()
    monitors = spec.monitors or (RunMonitor(scenario.monitor.name, ""),)
    measured = Aggregate(find_stage_ends(scenario, spec.factor), tuple(each.name for each in monitors))
    for report in rebuild_reports(measured, rows, read_monitor_rows(folder.path)):
        measured.add(report)
        measured.settle(report.second + 1)  # so that memory stays bounded: no second is written again
    for spool in folder.spools:
        for batch in record.read_spool(spool):
            if (batch["monitor"] >= len(monitors)).any():
                raise LoadgenError(f"{spool}: names app monitors that the run does not have; it is damaged")
            measured.add_records(batch)
    in_doubt = record.count_in_doubt(folder.spools, len(monitors))
    if not rows and not measured.metrics.outcomes.sent.requests and not any(each.requests for each in in_doubt):
        raise LoadgenError(f"{folder.path}: the run ended before it had sent a request; there is nothing to report")
    run = RunEnd(
        seed=spec.seed,
        pace=spec.pace,
        started_at=read_start(folder),
        workers=len(folder.spools),
        cut_off=True,
        lost=tuple(range(len(folder.spools))),
        stopped_at=max(measured.last_answer, rows[-1].second + 1.0 if rows else 0.0),
        in_doubt=in_doubt,
        monitors=monitors,
    )
    return summarize_run(measured, scenario, run)


def has_sent_anything(folder: RunFolder) -> bool:
    """Whether a run has begun to send: its spools hold a mark or a record, or the table has taken them in."""
    if folder.records.is_file():
        return True
    return any(len(batch) for spool in folder.spools for batch in record.read_chunks(spool, 1000))


def rebuild_reports(
    measured: Aggregate, rows: list[TimelineRow], monitor_rows: list[MonitorRow]
) -> Iterator[IntervalReport]:
    """The timeline's seconds as the reports of one worker: what only the timeline holds, without the records."""
    by_second: defaultdict[int, dict[str, TimelineRow | MonitorRow]] = defaultdict(dict)
    for each in monitor_rows:
        by_second[each.second][each.monitor] = each
    tallies = dict.fromkeys(measured.names, EventCounts())
    for row in rows:
        its = by_second[row.second] if len(measured.names) > 1 else {measured.names[0]: row}
        tallies |= {name: read_tally(each) for name, each in its.items()}
        stages = [Volume()] * len(measured.stage_ends)
        if stages:
            stages[min(bisect_right(measured.stage_ends, row.second), len(stages) - 1)] = read_offered(row)
        yield IntervalReport(
            worker=0,
            second=row.second,
            offered_by_stage=tuple(stages),
            offered_by_monitor=tuple(read_offered(its[name]) if name in its else Volume() for name in measured.names),
            sessions_started=row.sessions_started,
            sessions_active=row.sessions_active,
            in_flight=row.in_flight,
            cpu_percent=row.cpu_percent,
            rss_bytes=row.rss_bytes,
            tallies=tuple(tallies.values()),
        )


def read_start(folder: RunFolder) -> str:
    """The run's zero, from the head of the histograms' log; without it, about when the run was asked for."""
    log = folder.path / HISTOGRAMS
    head = log.read_bytes()[:500] if log.is_file() else b""
    found = re.search(rb"StartTime: ([0-9]{1,10}\.[0-9]{3}) ", head)
    zero = float(found[1]) if found else folder.spec_file.stat().st_mtime
    return datetime.fromtimestamp(zero, UTC).isoformat(timespec="milliseconds")
