"""Whether a run's figures may be believed, and whether they keep the scenario's thresholds.

Rule: an invalid run is never called passed or failed; what the generator could not offer says nothing of the target.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from loadgen.causes import FOREIGN, explain_shortage
from loadgen.results.outcomes import Requests
from loadgen.results.summary import Events, LedgerComparison, Milliseconds, StageSummary, Summary, Verdict
from loadgen.results.timeline import find_stages
from loadgen.scenario import Scenario, Thresholds

LAG_LIMIT_MS = 200.0
"""p99 of the schedule lag above which the latencies say more of the generator than of the target."""

ACHIEVED_LIMIT = 0.95
"""Share of the due batches that must have been sent."""

EXIT_CODES: dict[Verdict, int] = {"passed": 0, "failed": 1, "invalid": 3, "interrupted": 130}


def find_breaches(thresholds: Thresholds, latency: Milliseconds, requests: Requests, events: Events) -> list[str]:
    """One line per threshold that was missed."""
    measured = {
        "latency_p50_ms": latency.p50,
        "latency_p95_ms": latency.p95,
        "latency_p99_ms": latency.p99,
        "throttled_share": divide(requests.throttled, requests.sent),
        "failed_share": divide(requests.failed, requests.sent),
        "lost_share": divide(events.lost, events.sent),
    }
    limits = thresholds.model_dump(exclude_none=True, exclude={"abort_after"})
    found = [
        f"{name} is {value:g}, above its threshold {limits[name]:g}"
        for name, value in measured.items()
        if name in limits and value is not None and value > limits[name]
    ]
    if requests.sent and not requests.accepted:
        found.insert(0, "no request was accepted")
    achieved, lowest = divide(requests.sent - requests.retried, requests.offered), thresholds.achieved_rate
    if lowest is not None and achieved is not None and achieved < lowest:
        found.append(f"achieved_rate is {achieved:g}, below its threshold {lowest:g}")
    return found


def find_stage_breaches(scenario: Scenario, stages: Sequence[StageSummary]) -> list[str]:
    """One line per threshold that a stage has of its own and missed."""
    return [
        f"stage {found.stage}: {line}"
        for found, (_, stage) in zip(stages, find_stages(scenario, 1.0), strict=False)
        if stage.thresholds.model_fields_set
        for line in find_breaches(drop_defaults(stage.thresholds), found.latency_ms, found.requests, found.events)
    ]


def drop_defaults(thresholds: Thresholds) -> Thresholds:
    """A stage's thresholds without the defaults, which are the run's."""
    given = thresholds.model_fields_set
    return thresholds.model_copy(update={name: None for name in Thresholds.model_fields if name not in given})


def find_validity_issues(lag: Milliseconds, requests: Requests, events: Events, paced: bool, whole: bool) -> list[str]:
    """One line per reason not to believe the run; one cut short (not `whole`) need not have sent all batches."""
    found = []
    if paced and lag.p99 is not None and lag.p99 > LAG_LIMIT_MS:
        found.append(f"schedule lag p99 was {lag.p99:g} ms, above {LAG_LIMIT_MS:g} ms: the generator was too slow")
    tried = requests.sent - requests.retried
    if paced and whole and tried < ACHIEVED_LIMIT * requests.offered:
        found.append(f"only {tried} of {requests.offered} due batches were sent: the generator was too slow")
    if not events.balanced:
        found.append(f"the accounting does not add up: {events}")
    return found


def find_shortages(unsent: Mapping[str, int], errors: Mapping[str, int]) -> list[str]:
    """One line for each thing that this machine ran out of: batches that were not sent, and requests that broke off."""
    found = []
    for cause in [*unsent, *(cause for cause in errors if cause not in unsent)]:
        told = explain_shortage(cause)
        if told is not None:
            hit = [(unsent.get(cause, 0), "batches were not sent"), (errors.get(cause, 0), "requests broke off")]
            found.append(f"{told} ({', '.join(f'{count} {what}' for count, what in hit if count)})")
    return found


def find_foreign_answers(errors: Mapping[str, int], first: str) -> list[str]:
    """A line if some answers were not RUM's: what answers so has accepted nothing."""
    count = sum(number for cause, number in errors.items() if cause.startswith(FOREIGN))
    if not count:
        return []
    shown = f"; the first: {first}" if first else ""
    return [
        f"{count} answers were not RUM's{shown}. Something else answers there; for a backend with answers of its own "
        "give --accept 2xx"
    ]


def judge(missed: list[str], doubted: list[str], interrupted: bool) -> tuple[Verdict, tuple[str, ...]]:
    """The verdict and its reasons; the gravest comes first."""
    reasons = (*doubted, *missed)
    if doubted:
        return "invalid", reasons
    if interrupted:
        return "interrupted", ("stopped before its end", *reasons)
    return ("failed" if missed else "passed"), reasons


def add_ledgers(summary: Summary, ledgers: Sequence[LedgerComparison], died: str | None) -> Summary:
    """The summary with the endpoint's own count for each app monitor, and the verdict in its light."""
    wrong = [died] if died else []
    ledger = merge_ledgers(ledgers)
    monitors = tuple(
        msgspec.structs.replace(monitor, ledger=its) for monitor, its in zip(summary.monitors, ledgers, strict=True)
    )
    if ledger.agrees is False:
        named = [each.name for each in monitors if each.ledger.agrees is False]
        of_which = f" for {', '.join(named)}" if len(monitors) > 1 else ""
        wrong.append(f"the endpoint's ledger does not agree with ours{of_which}")
    verdict: Verdict = "failed" if wrong and (died or summary.verdict == "passed") else summary.verdict
    return msgspec.structs.replace(
        summary, verdict=verdict, reasons=(*wrong, *summary.reasons), ledger=ledger, monitors=monitors
    )


def merge_ledgers(ledgers: Sequence[LedgerComparison]) -> LedgerComparison:
    """The ledger of all app monitors: it agrees where each does; not compared unless each is."""
    if any(each.agrees is None for each in ledgers):
        return LedgerComparison()
    return LedgerComparison(
        all(each.agrees for each in ledgers),
        sum(each.endpoint_requests or 0 for each in ledgers),
        sum(each.endpoint_events or 0 for each in ledgers),
    )


def divide(part: int, whole: int) -> float | None:
    """A share, None of nothing."""
    return part / whole if whole else None
