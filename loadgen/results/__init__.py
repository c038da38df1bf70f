"""Results → Report: what a run measured, its folder, and how people see it. Files are the only I/O."""

from loadgen.results.aggregate import Measured
from loadgen.results.meter import Amount, Meter, Second, Tally
from loadgen.results.recording import Follower, Recording
from loadgen.results.store import RunFolder
from loadgen.results.summarize import Run, stage_ends, summarize
from loadgen.results.summary import AppMonitor, Events, Ledger, Milliseconds, MonitorSummary, Requests, Summary
from loadgen.results.table import write_table
from loadgen.results.timeline import Row

__all__ = [
    "Amount",
    "AppMonitor",
    "Events",
    "Follower",
    "Ledger",
    "Measured",
    "Meter",
    "Milliseconds",
    "MonitorSummary",
    "Recording",
    "Requests",
    "Row",
    "Run",
    "RunFolder",
    "Second",
    "Summary",
    "Tally",
    "stage_ends",
    "summarize",
    "write_table",
]
