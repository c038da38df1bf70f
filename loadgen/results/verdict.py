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
from loadgen.results.timeline import find_stages
from loadgen.scenario import LOWEST, Scenario, Thresholds
from loadgen.units import format_share

LAG_LIMIT_MS = 200.0
"""p99 of the schedule lag above which the latencies say more of the generator than of the target."""

ACHIEVED_LIMIT = 0.95
"""Share of the due batches that must have been sent."""

EXIT_CODES: dict[Verdict, int] = {"passed": 0, "failed": 1, "invalid": 3, "interrupted": 130}


ABORT_REQUESTS = 100
"""So many requests must have been sent before `abort_after` stops a run: below, p99 is the maximum, and one failure is
a large share."""

WILSON_Z = 1.96  # 95 %

UNSENT, BROKEN = ("batch was not sent", "batches were not sent"), ("request broke off", "requests broke off")

SHARES = ("throttled_share", "failed_share", "lost_share")
LOSS = ("throttled_share", "lost_share")


def measure_thresholds(
    thresholds: Thresholds, latency: Milliseconds, requests: Requests, events: Events, stage: int | None = None
) -> list[ThresholdResult]:
    """Each threshold that is set, with the figure measured against it, in the order of the scenario's members."""
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
    found = []
    for name, limit in limits.items():
        value, lowest = measured[name], name in LOWEST
        missed = value is not None and (value < limit if lowest else value > limit)
        found.append(ThresholdResult(name, limit, value, not missed, stage, lowest))
    return found


def measure_stage_thresholds(scenario: Scenario, stages: Sequence[StageSummary]) -> list[ThresholdResult]:
    """The same of the thresholds that stages have of their own."""
    return [
        result
        for found, (_, stage) in zip(stages, find_stages(scenario, 1.0), strict=False)
        if stage.thresholds.model_fields_set
        for result in measure_thresholds(
            drop_defaults(stage.thresholds), found.latency_ms, found.requests, found.events, found.stage
        )
    ]


def find_breaches(results: Sequence[ThresholdResult], requests: Requests) -> list[str]:
    """One line per threshold that was missed."""
    nothing = ["no request was accepted"] if requests.sent and not requests.accepted else []
    return nothing + [each.describe_breach() for each in results if not each.kept]


def find_sure_breaches(results: Sequence[ThresholdResult], requests: Requests, foreign: int = 0) -> list[str]:
    """The same of a run that goes on: only what is no accident of a few requests, by the rule of `abort_after`.

    A single one of `foreign` answers, which were not RUM's, fails a run: nothing that follows can mend it.
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
    """The lower end of the 95 % Wilson interval of a share of so many requests."""
    square = WILSON_Z**2 / count
    middle, spread = share + square / 2, WILSON_Z * sqrt(share * (1 - share) / count + square / (4 * count))
    return max((middle - spread) / (1 + square), 0.0)


def name_verdict(summary: Summary) -> str:
    """The verdict in words."""
    if summary.cut_off:
        return "cut off"
    is_empty = summary.verdict == "passed" and not summary.requests.sent
    return "passed, but nothing was sent" if is_empty else summary.verdict


def describe_unguarded(summary: Summary) -> str | None:
    """What a run that passed says of its losses when no threshold limits them; None where one does."""
    guarded = any(each.name in LOSS for each in summary.thresholds)
    if summary.verdict != "passed" or guarded or not summary.requests.sent:
        return None
    throttled = format_share(summary.requests.throttled, summary.requests.sent)
    lost = format_share(summary.events.lost, summary.events.sent)
    return f"no threshold on loss: {throttled} of requests throttled, {lost} of events lost"


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


def explain_no_request(requests: Requests, events: Events, sessions: int) -> list[str]:
    """A line if a run that went to its end has sent nothing: it says nothing of the target, whatever it kept.

    One that was only too short for its visitors' first requests is no fault of theirs; `note_no_request` says so.
    """
    if requests.sent:
        return []
    if requests.offered:
        return [f"none of {requests.offered:,} due batches was sent"]
    if not sessions:
        return ["nothing was due to be sent: no visitor came; give a longer --duration or a higher --rate"]
    if events.unsent:
        return []
    whose = f"nothing was due to be sent: the events of {sessions:,} session{'' if sessions == 1 else 's'}"
    if events.not_sampled:
        return [f"{whose} were not sampled; give a higher --sample-rate"]
    return [f"{whose} were none, or were all kept back by the client"]


def note_no_request(requests: Requests, events: Events) -> list[str]:
    """A line on a run that ended before the first request of its visitors was due."""
    if requests.offered or not events.unsent:
        return []
    return ["nothing was sent: all requests were due after the run's end; give a longer --duration"]


def find_shortages(unsent: Mapping[str, int], errors: Mapping[str, int]) -> list[str]:
    """One line for each thing that this machine ran out of: batches that were not sent, and requests that broke off."""
    found = []
    for cause in [*unsent, *(cause for cause in errors if cause not in unsent)]:
        told = explain_shortage(cause)
        if told is not None:
            hit = [(unsent.get(cause, 0), UNSENT), (errors.get(cause, 0), BROKEN)]
            found.append(f"{told} ({', '.join(f'{n:,} {what[n > 1]}' for n, what in hit if n)})")
    return found


def find_foreign_answers(errors: Mapping[str, int], first: str) -> list[str]:
    """A line if some answers were not RUM's: what answers so has accepted nothing."""
    count = count_foreign(errors)
    if not count:
        return []
    shown = f"; the first: {first}" if first else ""
    return [
        f"{describe_foreign(count)}{shown}. Something else answers there; for a backend with answers of its own "
        "give --accept 2xx"
    ]


def count_foreign(errors: Mapping[str, int]) -> int:
    """How many answers were not RUM's, of the errors by cause."""
    return sum(number for cause, number in errors.items() if cause.startswith(FOREIGN))


def describe_foreign(count: int) -> str:
    """How many answers were not RUM's, in words."""
    return "1 answer was not RUM's" if count == 1 else f"{count:,} answers were not RUM's"


def judge(
    missed: list[str], doubted: list[str], interrupted: bool, losses: Sequence[str] = ()
) -> tuple[Verdict, tuple[str, ...]]:
    """The verdict and its reasons; the gravest comes first.

    Whoever stops a run is told so, however late the generator was until then; a lost worker is told all the same.
    """
    reasons = (*losses, *doubted, *missed)
    if losses or (doubted and not interrupted):
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
