"""Results → Report: what a run measured, its folder, and how people see it. Files are the only I/O."""

from loadgen.results.aggregate import Aggregate
from loadgen.results.meter import EventCounts, IntervalReport, Meter, Volume
from loadgen.results.recording import Follower, Recording
from loadgen.results.run_spec import RunOptions, RunSpec
from loadgen.results.store import RunFolder
from loadgen.results.summarize import RunEnd, stage_ends, summarize
from loadgen.results.summary import (
    AppMonitor,
    Events,
    LedgerComparison,
    Milliseconds,
    MonitorSummary,
    Requests,
    Summary,
)
from loadgen.results.table import write_table
from loadgen.results.timeline import TimelineRow

__all__ = [
    "Aggregate",
    "AppMonitor",
    "EventCounts",
    "Events",
    "Follower",
    "IntervalReport",
    "LedgerComparison",
    "Meter",
    "Milliseconds",
    "MonitorSummary",
    "Recording",
    "Requests",
    "RunEnd",
    "RunFolder",
    "RunOptions",
    "RunSpec",
    "Summary",
    "TimelineRow",
    "Volume",
    "stage_ends",
    "summarize",
    "write_table",
]
