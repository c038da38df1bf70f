"""Results → a run's folder: records, one aggregate, the timeline, the summary, recovery. Files are the only I/O."""

from loadgen.results.aggregate import Aggregate
from loadgen.results.histogram import Floats, Histogram
from loadgen.results.meter import EventCounts, IntervalReport, Meter, PreflightResult
from loadgen.results.outcomes import Content, Outcomes, Requests
from loadgen.results.quota import QuotaEstimate
from loadgen.results.records import NOT_SENT, THROTTLED, Spool
from loadgen.results.recovery import (
    INCOMPLETE_SESSIONS,
    IncompleteSession,
    TriedBatches,
    has_sent_anything,
    read_incomplete_sessions,
    recover_summary,
    write_incomplete_sessions,
)
from loadgen.results.run_data import (
    ATTEMPT_OUTCOMES,
    BinnedRequests,
    BinnedTimeline,
    BinnedTimes,
    RunData,
    find_bin_width,
    read_or_recover_summary,
)
from loadgen.results.run_folder import Recording, RunFolder, list_data_files
from loadgen.results.run_spec import CLUSTER_SECRET, LIFELINE, MASTER_SEEN, RunSpec, make_run_options
from loadgen.results.summarize import RunEnd, find_breaches_so_far, summarize_run
from loadgen.results.summary import (
    HANDOVER,
    Handover,
    LedgerComparison,
    Milliseconds,
    MonitorSummary,
    RunMonitor,
    Summary,
    ThresholdResult,
    hand_over,
)
from loadgen.results.table import drop_spools, open_table, read_records, write_table
from loadgen.results.timeline import Follower, GrowingFile, TimelineRow
from loadgen.results.verdict import EXIT_CODES, add_ledgers, describe_unguarded, name_verdict

__all__ = [
    "ATTEMPT_OUTCOMES",
    "CLUSTER_SECRET",
    "EXIT_CODES",
    "HANDOVER",
    "INCOMPLETE_SESSIONS",
    "LIFELINE",
    "MASTER_SEEN",
    "NOT_SENT",
    "THROTTLED",
    "Aggregate",
    "BinnedRequests",
    "BinnedTimeline",
    "BinnedTimes",
    "Content",
    "EventCounts",
    "Floats",
    "Follower",
    "GrowingFile",
    "Handover",
    "Histogram",
    "IncompleteSession",
    "IntervalReport",
    "LedgerComparison",
    "Meter",
    "Milliseconds",
    "MonitorSummary",
    "Outcomes",
    "PreflightResult",
    "QuotaEstimate",
    "Recording",
    "Requests",
    "RunData",
    "RunEnd",
    "RunFolder",
    "RunMonitor",
    "RunSpec",
    "Spool",
    "Summary",
    "ThresholdResult",
    "TimelineRow",
    "TriedBatches",
    "add_ledgers",
    "describe_unguarded",
    "drop_spools",
    "find_bin_width",
    "find_breaches_so_far",
    "hand_over",
    "has_sent_anything",
    "list_data_files",
    "make_run_options",
    "name_verdict",
    "open_table",
    "read_incomplete_sessions",
    "read_or_recover_summary",
    "read_records",
    "recover_summary",
    "summarize_run",
    "write_incomplete_sessions",
    "write_table",
]
