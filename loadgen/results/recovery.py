"""The summary of a run that was cut off: from the records and the timeline that it had written by then."""

from __future__ import annotations

import re
from bisect import bisect_right
from datetime import UTC, datetime
from math import inf

from loadgen.errors import LoadgenError
from loadgen.results import records as record
from loadgen.results.aggregate import Aggregate, offered_in
from loadgen.results.meter import EventCounts
from loadgen.results.recording import Follower, monitor_rows
from loadgen.results.store import HISTOGRAMS, RunFolder
from loadgen.results.summarize import RunEnd, stage_ends, summarize
from loadgen.results.summary import AppMonitor, Summary
from loadgen.results.timeline import MonitorRow, TimelineRow


def recovered_summary(folder: RunFolder) -> Summary:
    """Sum up what is there; it is marked as cut off."""
    spec = folder.spec()
    rows = list(Follower(folder.path).rows())
    if not folder.spools or not rows:
        raise LoadgenError(
            f"{folder.path}: the run ended before its first second was written; there is nothing to report"
        )
    scenario, factor = spec.scenario, spec.factor
    monitors = spec.monitors or (AppMonitor(scenario.monitor.name, ""),)
    measured = Aggregate(stage_ends(scenario, factor) if factor != inf else (), tuple(each.name for each in monitors))
    for spool in folder.spools:
        for batch in record.read(spool):
            measured.add_records(batch)
    add_rows(measured, rows)
    if len(monitors) > 1:
        add_monitor_rows(measured, monitor_rows(folder.path), rows[-1].second)
    run = RunEnd(
        seed=spec.seed,
        pace=spec.pace,
        started_at=started_at(folder),
        workers=len(folder.spools),
        cut_off=True,
        lost=tuple(range(len(folder.spools))),
        stopped_at=max(measured.last_answer, rows[-1].second + 1.0),
        in_doubt=record.in_doubt(folder.spools, len(monitors)),
        monitors=monitors,
    )
    return summarize(measured, scenario, run)


def add_rows(measured: Aggregate, rows: list[TimelineRow]) -> None:
    """What only the timeline knows: gauges and tallies."""
    ends = measured.stage_ends
    for row in rows:
        measured.add_gauges(row)
        if ends:
            stage = min(bisect_right(ends, row.second), len(ends) - 1)
            measured.stage_offered[stage] = measured.stage_offered[stage].plus(offered_in(row))
    measured.settle(rows[-1].second + 1)
    if len(measured.monitors) == 1:
        measured.monitor_offered[0] = measured.offered
        measured.account(0, tally_of(rows[-1]))


def add_monitor_rows(measured: Aggregate, rows: list[MonitorRow], last: int) -> None:
    """What only `monitors.csv` knows, up to the last second that is in the timeline too."""
    tallies = dict.fromkeys(measured.names, EventCounts())
    for row in rows:
        if row.second <= last:
            place = measured.names.index(row.monitor)
            measured.monitor_offered[place] = measured.monitor_offered[place].plus(offered_in(row))
            tallies[row.monitor] = tally_of(row)
    measured.account(0, *tallies.values())


def tally_of(row: TimelineRow | MonitorRow) -> EventCounts:
    """The tally that a row holds, so far as it does."""
    return EventCounts(**{name: getattr(row, name) for name in EventCounts.__struct_fields__ if hasattr(row, name)})


def started_at(folder: RunFolder) -> str:
    """The run's zero, as the histograms' log tells it."""
    head = (folder.path / HISTOGRAMS).read_text(encoding="ascii")[:500]
    found = re.search(r"StartTime: ([0-9.]+)", head)
    return datetime.fromtimestamp(float(found[1]) if found else 0.0, UTC).isoformat(timespec="milliseconds")
