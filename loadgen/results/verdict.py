"""Whether a run's figures may be believed, and whether they keep the scenario's thresholds.

Rule: an invalid run is never called passed or failed; what the generator could not offer says nothing of the target.
"""

from __future__ import annotations

from loadgen.results.summary import Events, Ledger, Milliseconds, Requests, Verdict
from loadgen.scenario.thresholds import Thresholds

LAG_LIMIT_MS = 1000.0
"""p99 of the schedule lag above which the load was not the intended one (the web client ticks every 5 s)."""

ACHIEVED_LIMIT = 0.95
"""Share of the due batches that must have been sent."""

EXIT_CODES: dict[Verdict, int] = {"passed": 0, "failed": 1, "invalid": 3, "interrupted": 130}


def breaches(
    thresholds: Thresholds, latency: Milliseconds, requests: Requests, events: Events, offered: int
) -> list[str]:
    """One line per threshold that was missed."""
    measured = {
        "latency_p50_ms": latency.p50,
        "latency_p95_ms": latency.p95,
        "latency_p99_ms": latency.p99,
        "throttled_share": share(requests.throttled, requests.sent),
        "failed_share": share(requests.failed, requests.sent),
        "lost_share": share(events.lost, events.sent),
    }
    limits = thresholds.model_dump(exclude_none=True)
    found = [
        f"{name} is {value:g}, above its threshold {limits[name]:g}"
        for name, value in measured.items()
        if name in limits and value is not None and value > limits[name]
    ]
    achieved, lowest = share(requests.sent - requests.retried, offered), thresholds.achieved_rate
    if lowest is not None and achieved is not None and achieved < lowest:
        found.append(f"achieved_rate is {achieved:g}, below its threshold {lowest:g}")
    return found


def doubts(lag: Milliseconds, offered: int, first_attempts: int, events: Events, paced: bool) -> list[str]:
    """One line per reason not to believe the run."""
    found = []
    if paced and lag.p99 is not None and lag.p99 > LAG_LIMIT_MS:
        found.append(f"schedule lag p99 was {lag.p99:g} ms, above {LAG_LIMIT_MS:g} ms: the generator was too slow")
    if paced and offered and first_attempts < ACHIEVED_LIMIT * offered:
        found.append(f"only {first_attempts} of {offered} due batches were sent: the generator was too slow")
    if not events.balanced:
        found.append(f"the accounting does not add up: {events}")
    return found


def judge(missed: list[str], doubted: list[str], interrupted: bool, ledger: Ledger) -> tuple[Verdict, tuple[str, ...]]:
    """The verdict and its reasons; the gravest comes first."""
    if ledger.agrees is False:
        missed = ["the endpoint's ledger does not agree with ours", *missed]
    reasons = (*doubted, *missed)
    if doubted:
        return "invalid", reasons
    if interrupted:
        return "interrupted", ("stopped before its end", *reasons)
    return ("failed" if missed else "passed"), reasons


def share(part: int, whole: int) -> float | None:
    """A share, None of nothing."""
    return part / whole if whole else None
