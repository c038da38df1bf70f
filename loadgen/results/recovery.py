"""Recovery after lost workers: the summary of a run that was cut off, and `sessions-not-run.csv`.

Rule: the summary is computed from the records and the timeline as far as they were written. A worker stores a mark
before each request, so a batch that was in flight when its worker died counts as tried.
"""

from __future__ import annotations

import csv
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from io import TextIOWrapper
from itertools import chain
from math import inf
from pathlib import Path

import msgspec
import numpy as np

from loadgen.errors import LoadgenError
from loadgen.model import Noun, Volume
from loadgen.output import open_output
from loadgen.results import records as record
from loadgen.results.aggregate import Aggregate
from loadgen.results.histogram import read_start_time
from loadgen.results.meter import EventCounts, IntervalReport
from loadgen.results.records import Records
from loadgen.results.run_folder import HISTOGRAMS, RunFolder
from loadgen.results.summarize import RunEnd, summarize_run
from loadgen.results.summary import RunMonitor, Summary
from loadgen.results.timeline import MonitorRow, TimelineRow, read_monitor_rows, read_offered, read_tally, read_timeline


def recover_summary(folder: RunFolder) -> Summary:
    """Sum up a run that was cut off, from its records and timeline. LoadgenError: damaged, or nothing was sent."""
    spec = folder.read_spec()
    rows = read_timeline(folder.path)
    scenario = folder.read_scenario()
    monitors = spec.monitors or (RunMonitor(scenario.monitor.name, ""),)
    measured = Aggregate(scenario.find_stage_ends(spec.factor), tuple(each.name for each in monitors))
    for report in rebuild_reports(measured, rows, read_monitor_rows(folder.path)):
        measured.add(report)
        measured.settle(report.second + 1)  # drop the second to bound the memory: it is not written again
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
        lost_workers=tuple(range(len(folder.spools))),
        stopped_at=max(measured.last_answer, rows[-1].second + 1.0 if rows else 0.0),
        in_doubt=in_doubt,
        monitors=monitors,
    )
    return summarize_run(measured, scenario, run)


def has_sent_anything(folder: RunFolder) -> bool:
    """Return whether a run has begun to send: its spools hold a mark or a record, or the table was written."""
    if folder.records.is_file():
        return True
    return any(len(batch) for spool in folder.spools for batch in record.read_chunks(spool, 1000))


def rebuild_reports(
    measured: Aggregate, rows: list[TimelineRow], monitor_rows: list[MonitorRow]
) -> Iterator[IntervalReport]:
    """Turn the timeline into the reports of one worker: what only the timeline holds, without the records."""
    by_second: defaultdict[int, dict[str, TimelineRow | MonitorRow]] = defaultdict(dict)
    for each in monitor_rows:
        by_second[each.second][each.monitor] = each
    tallies = dict.fromkeys(measured.names, EventCounts())
    for row in rows:
        by_name = by_second[row.second] if len(measured.names) > 1 else {measured.names[0]: row}
        tallies |= {name: read_tally(each) for name, each in by_name.items()}
        stages = [Volume()] * len(measured.stage_ends)
        if stages:
            stages[min(bisect_right(measured.stage_ends, row.second), len(stages) - 1)] = read_offered(row)
        yield IntervalReport(
            worker=0,
            second=row.second,
            offered_by_stage=tuple(stages),
            offered_by_monitor=tuple(
                read_offered(by_name[name]) if name in by_name else Volume() for name in measured.names
            ),
            sessions_started=row.sessions_started,
            sessions_active=row.sessions_active,
            in_flight=row.in_flight,
            cpu_percent=row.cpu_percent,
            rss_bytes=row.rss_bytes,
            tallies=tuple(tallies.values()),
        )


def read_start(folder: RunFolder) -> str:
    """Return the run's zero as ISO 8601 UTC, from the histograms' log; without one, the time of `run.json`."""
    zero = read_start_time(folder.path / HISTOGRAMS) or folder.spec_file.stat().st_mtime
    return datetime.fromtimestamp(zero, UTC).isoformat(timespec="milliseconds")


INCOMPLETE_SESSIONS = "sessions-not-run.csv"


class IncompleteSession(Noun):
    """One session of a lost worker of which some due batches were not sent."""

    session: int  # index in the run
    session_id: str  # of its first client session; RUM's sessionId
    start: float  # seconds from the run's zero
    worker: int
    batches_due: int  # before the run's end
    batches_tried: int
    monitor: str = ""  # the app monitor's name


class TriedBatches:
    """The number of batches that a worker tried for an app monitor, by session.

    `until` is the latest intended moment of all its batches, in seconds from the run's zero; -inf without any.
    """

    def __init__(self, spool: Path, monitor: int = 0) -> None:
        self._monitor = monitor
        self._by_session = np.zeros(0, np.uint16)  # two bytes a session of the run
        self.until = -inf
        for batch in read_first_attempts(spool) if spool.is_file() else ():
            self._add(batch)

    def count(self, session: int) -> int:
        """Return how many batches of a session were tried."""
        return int(self._by_session[session]) if session < len(self._by_session) else 0

    @property
    def sessions(self) -> int:
        """One more than the highest index of a session that was tried."""
        return len(self._by_session)

    def _add(self, batch: Records) -> None:
        if len(batch):
            tried = batch[(batch["monitor"] == self._monitor) & (batch["session"] >= 0)]
            sign = np.where(tried["status"] == record.NOT_SENT, -1, 1)
            sums = np.bincount(tried["session"], weights=sign, minlength=len(self._by_session))
            # Wraps around below 0: the STARTED mark of a NOT_SENT mark may be in another chunk.
            counts = sums.astype(np.int64).astype(np.uint16)
            counts[: len(self._by_session)] += self._by_session
            self._by_session, self.until = counts, max(self.until, float(batch["intended"].max()))


def read_first_attempts(spool: Path) -> Iterator[Records]:
    """Yield the marks of first attempts, or the records if a worker on another machine has left no marks here."""
    chunks = record.read_chunks(spool, 100_000)
    for first in chunks:
        marked = bool((first["status"] == record.STARTED).any())
        for batch in chain([first], chunks):
            yield batch[(batch["attempt"] == 1) & ((batch["status"] < record.NO_ANSWER) == marked)]


def write_incomplete_sessions(folder: RunFolder, sessions: Iterable[IncompleteSession]) -> int:
    """Write `sessions-not-run.csv` whole or not at all; return the number of sessions in it."""
    count = 0
    with open_output(folder.path / INCOMPLETE_SESSIONS) as file, TextIOWrapper(file, "utf-8", newline="") as text:
        lines = csv.writer(text, lineterminator="\n")
        lines.writerow(IncompleteSession.__struct_fields__)
        for each in sessions:
            lines.writerow(msgspec.structs.astuple(each))
            count += 1
    return count


def read_incomplete_sessions(folder: RunFolder) -> list[IncompleteSession]:
    """Read `sessions-not-run.csv`; an empty list when there is no file."""
    file = folder.path / INCOMPLETE_SESSIONS
    if not file.is_file():
        return []
    with file.open(newline="", encoding="utf-8") as lines:
        return [msgspec.convert(line, IncompleteSession, strict=False) for line in csv.DictReader(lines)]
