"""Preflights are counted by run and by second, apart from the requests."""

from __future__ import annotations

import msgspec

from loadgen.results import Aggregate, EventCounts, Meter, PreflightResult, RunEnd, summarize_run
from loadgen.results.timeline import build_timeline_row
from loadgen.scenario import Scenario
from tests.paths import QUICKSTART

ALLOWED, REFUSED, UNANSWERED = (
    PreflightResult(0.01, True, True),
    PreflightResult(0.02, True, False),
    PreflightResult(0.03, False, False),
)


def test_the_timeline_and_the_summary_count_the_same_preflights_and_no_requests() -> None:
    """Two workers, three seconds; refused and unanswered ones are one column."""
    measured = Aggregate()
    seen = {0: [ALLOWED, ALLOWED], 1: [REFUSED], 2: [UNANSWERED, ALLOWED]}
    for worker in range(2):
        for second, found in seen.items():
            meter = Meter(worker)
            meter.preflights.extend(found)
            measured.add(meter.take(second))
    rows = [build_timeline_row(second, closed, EventCounts()) for second, closed in measured.settle(3)]
    assert [(row.preflights, row.preflights_refused, row.sent) for row in rows] == [(4, 0, 0), (2, 2, 0), (4, 2, 0)]
    summary = summarize_run(
        measured, Scenario.load(QUICKSTART), RunEnd(1, "realtime", "2026-11-21T12:00:00.000+00:00", 2)
    )
    assert msgspec.structs.astuple(summary.preflights)[:4] == (10, 6, 2, 2)
    assert summary.requests.sent == 0
