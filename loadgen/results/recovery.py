"""The summary of a run that was cut off: from the records and the timeline that it had written by then.

Hands a summary from the Locust process to the process that started it, past a disk that is full or gone.

Rule: the way is a file in memory without a name, so that nothing is left of it, however both processes end.
"""

from __future__ import annotations

import os
import re
import tempfile
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from loadgen.errors import LoadgenError
from loadgen.model import Volume
from loadgen.results import records as record
from loadgen.results.aggregate import Aggregate
from loadgen.results.meter import EventCounts, IntervalReport
from loadgen.results.run_folder import HISTOGRAMS, RunFolder
from loadgen.results.summarize import RunEnd, summarize_run
from loadgen.results.summary import RunMonitor, Summary
from loadgen.results.timeline import (
    MonitorRow,
    TimelineRow,
    find_stage_ends,
    read_monitor_rows,
    read_offered,
    read_tally,
    read_timeline,
)


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


VARIABLE = "LOADGEN_HANDOVER"
"""The number of the file's descriptor in the process that hands over."""


class Handover:
    """The receiving end; `descriptor` goes to the other process under the same number."""

    def __init__(self) -> None:
        # Where the system has no files in memory, one without a name in its folder of temporary files.
        in_memory = os.memfd_create("loadgen-summary") if hasattr(os, "memfd_create") else None
        self._file = tempfile.TemporaryFile() if in_memory is None else os.fdopen(in_memory, "w+b")  # noqa: SIM115  # received later
        self.descriptor = self._file.fileno()

    def receive(self) -> Summary | None:
        """Take the summary that was handed over, once; None when the process did not come so far."""
        with self._file as file:
            file.seek(0)
            try:
                return msgspec.json.decode(file.read(), type=Summary)
            except msgspec.DecodeError:
                return None


def hand_over(summary: Summary) -> None:
    """Hand a summary to the process that started this one, if it asked for it."""
    if given := os.environ.get(VARIABLE):
        os.pwrite(int(given), msgspec.json.encode(summary), 0)
