"""Results → Report: what a run measured, its folder, and how people see it. Files are the only I/O."""

from loadgen.results.meter import Meter, Second
from loadgen.results.store import Follower, RunFolder, Timeline
from loadgen.results.summary import Events, Ledger, Measured, Milliseconds, Requests, Row, Summary, Tally

__all__ = [
    "Events",
    "Follower",
    "Ledger",
    "Measured",
    "Meter",
    "Milliseconds",
    "Requests",
    "Row",
    "RunFolder",
    "Second",
    "Summary",
    "Tally",
    "Timeline",
]
