"""Whether a run's figures may be believed, and whether they keep the scenario's thresholds.

Rule: an invalid run is never called passed or failed; what the generator could not offer says nothing of the target.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt

import msgspec

from loadgen.causes import FOREIGN, explain_shortage
from loadgen.results.outcomes import Requests
from loadgen.results.summary import (
    Events,
    LedgerComparison,
    Milliseconds,
    StageSummary,
    Summary,
    ThresholdResult,
    Verdict,
)
from loadgen.scenario import LOWEST, Scenario, Thresholds
from loadgen.units import format_share

LAG_LIMIT_MS = 200.0
"""The p99 of the schedule lag in milliseconds above which latencies measure the generator more than the target."""

ACHIEVED_LIMIT = 0.95
"""The share of the due batches that a valid run must have sent."""

EXIT_CODES: dict[Verdict, int] = {"passed": 0, "failed": 1, "invalid": 3, "interrupted": 130}


ABORT_REQUESTS = 100
"""The number of requests that must have been sent before `abort_after` stops a run. With fewer, the p99 is the maximum,
and one failure is a large share."""

WILSON_Z = 1.96  # 95 %

UNSENT, BROKEN = ("batch was not sent", "batches were not sent"), ("request broke off", "requests broke off")

SHARES = ("throttled_share", "failed_share", "lost_share")
LOSS = ("throttled_share", "lost_share")


def measure_thresholds(
    thresholds: Thresholds, latency: Milliseconds, requests: Requests, events: Events, stage: int | None = None
) -> list[ThresholdResult]:
    """Measure each threshold that is set, in the scenario's order; `stage` is its stage's number, None for the run."""
    measured = {
        "latency_p50_ms": latency.p50,
        "latency_p95_ms": latency.p95,
        "latency_p99_ms": latency.p99,
        "throttled_share": divide(requests.throttled, requests.sent),
        "failed_share": divide(requests.failed, requests.sent),
        "lost_share": divide(events.lost, events.sent),
        "achieved_rate": divide(requests.sent - requests.retried, requests.offered),
    }
    limits: dict[str, float] = thresholds.model_dump(exclude_none=True, exclude={"abort_after"})
    results = []
    for name, limit in limits.items():
        value, lowest = measured[name], name in LOWEST
        missed = value is not None and (value < limit if lowest else value > limit)
        results.append(ThresholdResult(name, limit, value, not missed, stage, lowest))
    return results


def measure_stage_thresholds(scenario: Scenario, stages: Sequence[StageSummary]) -> list[ThresholdResult]:
    """Measure the thresholds that stages set for themselves, stage by stage."""
    return [
        result
        for summary, (_, stage) in zip(stages, scenario.find_stages(1.0), strict=False)
        if stage.thresholds.model_fields_set
        for result in measure_thresholds(
            drop_defaults(stage.thresholds), summary.latency_ms, summary.requests, summary.events, summary.stage
        )
    ]


def find_breaches(results: Sequence[ThresholdResult], requests: Requests) -> list[str]:
    """Return one line for each missed threshold, and one if no request was accepted."""
    nothing = ["no request was accepted"] if requests.sent and not requests.accepted else []
    return nothing + [each.describe_breach() for each in results if not each.kept]


def find_sure_breaches(results: Sequence[ThresholdResult], requests: Requests, foreign: int = 0) -> list[str]:
    """Return one line for each threshold that a running run has certainly missed: the rule of `abort_after`.

    A share counts as missed only if its 95 % confidence interval lies above the limit. `foreign` is the number of
    answers that were not RUM's: one of them is enough to fail the run, whatever follows.
    """
    if foreign:
        return [describe_foreign(foreign)]
    if requests.sent < ABORT_REQUESTS:
        return []
    sure = [
        each
        for each in results
        if each.name not in SHARES or find_wilson_low(each.value or 0.0, requests.sent) > each.limit
    ]
    return find_breaches(sure, requests)


def find_wilson_low(share: float, count: int) -> float:
    """Return the lower end of the 95 % Wilson interval of a share that was measured on `count` requests."""
    square = WILSON_Z**2 / count
    middle, spread = share + square / 2, WILSON_Z * sqrt(share * (1 - share) / count + square / (4 * count))
    return max((middle - spread) / (1 + square), 0.0)


def name_verdict(summary: Summary) -> str:
    """Return the verdict in words."""
    if summary.cut_off:
        return "cut off"
    is_empty = summary.verdict == "passed" and not summary.requests.sent
    return "passed, but nothing was sent" if is_empty else summary.verdict


def describe_unguarded(summary: Summary) -> str | None:
    """Return a line on the losses of a run that passed without a threshold on loss; None for any other run."""
    guarded = any(each.name in LOSS for each in summary.thresholds)
    if summary.verdict != "passed" or guarded or not summary.requests.sent:
        return None
    throttled = format_share(summary.requests.throttled, summary.requests.sent)
    lost = format_share(summary.events.lost, summary.events.sent)
    return f"no threshold on loss: {throttled} of requests throttled, {lost} of events lost"


def drop_defaults(thresholds: Thresholds) -> Thresholds:
    """Return a stage's thresholds without the defaults: those apply to the run as a whole."""
    given = thresholds.model_fields_set
    return thresholds.model_copy(update={name: None for name in Thresholds.model_fields if name not in given})


def find_validity_issues(
    lag: Milliseconds, requests: Requests, events: Events, paced: bool, went_to_end: bool
) -> list[str]:
    """Return one line for each reason not to believe the run. Only a run that `went_to_end` must have sent all."""
    issues = []
    if paced and lag.p99 is not None and lag.p99 > LAG_LIMIT_MS:
        issues.append(f"schedule lag p99 was {lag.p99:g} ms, above {LAG_LIMIT_MS:g} ms: the generator was too slow")
    tried = requests.sent - requests.retried
    if paced and went_to_end and tried < ACHIEVED_LIMIT * requests.offered:
        issues.append(f"only {tried} of {requests.offered} due batches were sent: the generator was too slow")
    if not events.balanced:
        issues.append(f"the accounting does not add up: {events}")
    return issues


def explain_no_request(requests: Requests, events: Events, sessions: int) -> list[str]:
    """Return one line if a run that went to its end has sent nothing: such a run says nothing about the target.

    A run that was only too short for its visitors' first requests gets its line from `note_no_request`.
    """
    if requests.sent:
        return []
    if requests.offered:
        return [f"none of {requests.offered:,} due batches was sent"]
    if not sessions:
        return ["nothing was due to be sent: no visitor came; give a longer --duration or a higher --rate"]
    if events.unsent:
        return []
    start = f"nothing was due to be sent: the events of {sessions:,} session{'' if sessions == 1 else 's'}"
    if events.not_sampled:
        return [f"{start} were not sampled; give a higher --sample-rate"]
    return [f"{start} were none, or were all kept back by the client"]


def note_no_request(requests: Requests, events: Events) -> list[str]:
    """Return one line if a run ended before the first request of its visitors was due."""
    if requests.offered or not events.unsent:
        return []
    return ["nothing was sent: all requests were due after the run's end; give a longer --duration"]


def find_shortages(unsent: Mapping[str, int], errors: Mapping[str, int]) -> list[str]:
    """Return one line for each thing this machine ran out of, with the batches not sent and requests broken off."""
    lines = []
    for cause in [*unsent, *(cause for cause in errors if cause not in unsent)]:
        explanation = explain_shortage(cause)
        if explanation is not None:
            counts = [(unsent.get(cause, 0), UNSENT), (errors.get(cause, 0), BROKEN)]
            lines.append(f"{explanation} ({', '.join(f'{n:,} {words[n > 1]}' for n, words in counts if n)})")
    return lines


def find_foreign_answers(errors: Mapping[str, int], first: str) -> list[str]:
    """Return one line if some answers were not RUM's; `first` describes the first of them, "" if it is not known."""
    count = count_foreign(errors)
    if not count:
        return []
    shown = f"; the first: {first}" if first else ""
    return [
        f"{describe_foreign(count)}{shown}. Something else answers there; for a backend with answers of its own "
        "give --accept 2xx"
    ]


def count_foreign(errors: Mapping[str, int]) -> int:
    """Count the answers that were not RUM's; `errors` are failed requests by cause."""
    return sum(number for cause, number in errors.items() if cause.startswith(FOREIGN))


def describe_foreign(count: int) -> str:
    """Return in words how many answers were not RUM's."""
    return "1 answer was not RUM's" if count == 1 else f"{count:,} answers were not RUM's"


def judge(
    missed: list[str], doubted: list[str], interrupted: bool, losses: Sequence[str] = ()
) -> tuple[Verdict, tuple[str, ...]]:
    """Return the verdict and its reasons, the gravest first.

    An interrupted run is not called invalid because of doubts such as a late generator; only a loss makes it invalid.
    """
    reasons = (*losses, *doubted, *missed)
    if losses or (doubted and not interrupted):
        return "invalid", reasons
    if interrupted:
        return "interrupted", ("stopped before its end", *reasons)
    return ("failed" if missed else "passed"), reasons


def add_ledgers(summary: Summary, ledgers: Sequence[LedgerComparison], died: str | None) -> Summary:
    """Add the endpoint's counts for each app monitor to a summary; `died`: why the endpoint ended early, if it did.

    A run that passed fails if the endpoint's counts differ from its own; any run fails if the endpoint died.
    """
    problems = [died] if died else []
    ledger = merge_ledgers(ledgers)
    monitors = tuple(
        msgspec.structs.replace(monitor, ledger=own) for monitor, own in zip(summary.monitors, ledgers, strict=True)
    )
    if ledger.agrees is False:
        named = [each.name for each in monitors if each.ledger.agrees is False]
        of_which = f" for {', '.join(named)}" if len(monitors) > 1 else ""
        problems.append(f"the endpoint's ledger does not agree with ours{of_which}")
    verdict: Verdict = "failed" if problems and (died or summary.verdict == "passed") else summary.verdict
    return msgspec.structs.replace(
        summary, verdict=verdict, reasons=(*problems, *summary.reasons), ledger=ledger, monitors=monitors
    )


def merge_ledgers(ledgers: Sequence[LedgerComparison]) -> LedgerComparison:
    """Merge the ledgers of all app monitors: they agree if each does; without each of them there is no comparison."""
    if any(each.agrees is None for each in ledgers):
        return LedgerComparison()
    return LedgerComparison(
        all(each.agrees for each in ledgers),
        sum(each.endpoint_requests or 0 for each in ledgers),
        sum(each.endpoint_events or 0 for each in ledgers),
    )


def divide(part: int, whole: int) -> float | None:
    """Return part / whole; None if `whole` is 0."""
    return part / whole if whole else None
