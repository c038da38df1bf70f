"""Aggregate → Summary: the same code sums a run up live, at its end, and from the folder of a run that was cut off."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from loadgen.model import Noun
from loadgen.results.aggregate import Aggregate
from loadgen.results.meter import EventCounts
from loadgen.results.outcomes import Content, Metrics, Outcomes, Requests
from loadgen.results.records import InDoubt
from loadgen.results.summary import (
    Events,
    Generator,
    Milliseconds,
    MonitorSummary,
    Rates,
    RunMonitor,
    StageSummary,
    Summary,
    ThresholdResult,
    Verdict,
)
from loadgen.results.verdict import (
    count_foreign,
    divide,
    explain_no_request,
    find_breaches,
    find_foreign_answers,
    find_shortages,
    find_sure_breaches,
    find_validity_issues,
    judge,
    measure_stage_thresholds,
    measure_thresholds,
    note_no_request,
)
from loadgen.scenario import Scenario


class RunEnd(Noun):
    """The options of a run that its summary states, and how the run ended."""

    seed: int
    pace: str
    started_at: str  # UTC, ISO 8601
    workers: int
    length: float = 0.0  # seconds from the run's zero for which it sent as planned
    interrupted: bool = False
    cut_off: bool = False
    cut_short: bool = False  # the run stopped itself before its end, for example at --max-events
    notes: tuple[str, ...] = ()  # more lines for the verdict's reasons
    losses: tuple[str, ...] = ()  # one line for each thing that is missing, such as a worker
    lost_workers: tuple[int, ...] = ()  # numbers of the workers that did not send their last report
    stopped_at: float | None = None  # seconds from the run's zero to an early stop; None: the run went to its end
    in_doubt: tuple[InDoubt, ...] = ()  # by app monitor
    clock_offsets_ms: tuple[float | None, ...] = ()  # by worker: how far its clock was ahead of ours; None: not known
    monitors: tuple[RunMonitor, ...] = ()  # empty: the names are the scenario's

    @property
    def complete(self) -> bool:
        """Whether every worker has sent its last report."""
        return not self.cut_off and not self.losses


class Accounting(Noun):
    """The outcomes of all requests and events in a run, or for one app monitor of it."""

    outcomes: Outcomes
    events: Events

    @property
    def requests(self) -> Requests:
        """The number of requests by outcome."""
        return self.outcomes.requests


def close_account(metrics: Metrics, tally: EventCounts, complete: bool) -> Accounting:
    """Combine the counts from the records with the counts that the workers kept beside them.

    Batches of pages that were switched off are not offered. Batches that waited for a retry at the end are given up.
    If a worker did not send its last report (not `complete`), its missing events are unsent, and the batches it
    tried that have no acceptance are given up.
    """
    counted, tried = metrics.outcomes, metrics.outcomes.tried
    given_up = counted.given_up + tally.pending_at_end if complete else tried - counted.accepted
    offered = counted.offered - tally.cancelled
    if not complete and offered.requests < tried.requests:
        offered = tried  # the last seconds of a killed worker may be in its records only
    outcomes = msgspec.structs.replace(counted, offered=offered, given_up=given_up)
    # The last tally of a worker that was killed is older than its last records.
    generated = tally.generated if complete else max(tally.generated, tally.kept_back + tried.events)
    events = Events(
        generated=generated,
        not_sampled=tally.not_sampled,
        over_session_limit=tally.over_session_limit,
        dropped_by_client=tally.dropped_by_client,
        switched_off=tally.switched_off,
        unsent=tally.unsent if complete else generated - tally.kept_back - tried.events,
        sent=tried.events,
        accepted=counted.accepted.events,
        lost=given_up.events,
    )
    return Accounting(outcomes, events)


def close_run(measured: Aggregate, complete: bool) -> Accounting:
    """Combine the counts of the whole run; its events are the sum of the app monitors' events."""
    run = close_account(measured.metrics, measured.tally, complete)
    by_monitor = map(close_account, measured.monitors, measured.tallies, [complete] * len(measured.monitors))
    events = Events(*map(sum, zip(*(msgspec.structs.astuple(monitor.events) for monitor in by_monitor), strict=True)))
    return Accounting(run.outcomes, events)


def find_breaches_so_far(measured: Aggregate, scenario: Scenario) -> list[str]:
    """Return one line for each threshold that a running run has certainly missed, or on answers that were not RUM's."""
    account = close_run(measured, complete=True)
    latency = Milliseconds.of(measured.metrics.latency)
    results = measure_thresholds(scenario.thresholds, latency, account.requests, account.events)
    return find_sure_breaches(results, account.requests, count_foreign(measured.metrics.errors))


def summarize_run(measured: Aggregate, scenario: Scenario, run: RunEnd) -> Summary:
    """Sum a run up, with its verdict."""
    metrics, account = measured.metrics, close_run(measured, run.complete)
    latency, stages = Milliseconds.of(metrics.latency), summarize_stages(measured)
    thresholds = measure_thresholds(scenario.thresholds, latency, account.requests, account.events)
    thresholds += measure_stage_thresholds(scenario, stages)
    verdict, reasons = judge_run(measured, thresholds, run, account)
    seconds = max(measured.last_answer, run.length)
    monitors = summarize_monitors(measured, scenario, run, seconds)
    return Summary(
        verdict=verdict,
        reasons=(*reasons, *run.notes),
        scenario=scenario.name,
        seed=run.seed,
        pace=run.pace,
        started_at=run.started_at,
        seconds=round(seconds, 3),
        sessions=measured.tally.sessions,
        requests=account.requests,
        events=account.events,
        outcomes=account.outcomes.contents,
        rates=compute_rates(account, seconds),
        latency_ms=latency,
        service_time_ms=Milliseconds.of(metrics.service_time),
        lag_ms=Milliseconds.of(metrics.lag),
        acceptance_ms=Milliseconds.of(metrics.acceptance),
        errors=dict(metrics.errors.most_common()),
        event_mix=dict(measured.event_mix.most_common()),
        stages=stages,
        thresholds=tuple(thresholds),
        quota=measured.estimate_quota(),
        generator=summarize_generator(measured, run),
        monitors=monitors,
        in_doubt=sum((each.in_doubt for each in monitors), InDoubt()),
        cut_off=run.cut_off,
        stopped_at=run.stopped_at,
        lost_workers=run.lost_workers,
        preflights=measured.preflights.sum_up(),
        failures={cause: Content.of(metrics.failures[cause]) for cause, _ in metrics.errors.most_common()},
    )


def judge_run(
    measured: Aggregate, thresholds: Sequence[ThresholdResult], run: RunEnd, account: Accounting
) -> tuple[Verdict, tuple[str, ...]]:
    """Return a run's verdict and its reasons."""
    lag = Milliseconds.of(measured.metrics.lag)
    went_to_end = not (run.interrupted or run.cut_off or run.cut_short)
    issues = find_validity_issues(lag, account.requests, account.events, run.pace != "max", went_to_end)
    errors = measured.metrics.errors
    issues = [*find_shortages(measured.shortages, errors), *issues]
    if not issues and run.complete and not run.interrupted:
        issues = explain_no_request(account.requests, account.events, measured.tally.sessions)
    missed = find_foreign_answers(errors, measured.foreign_answer)
    missed += find_breaches(thresholds, account.requests)
    stopped = run.interrupted or run.cut_off
    verdict, reasons = judge(missed, issues, stopped, run.losses)
    return verdict, (*reasons, *([] if stopped else note_no_request(account.requests, account.events)))


def summarize_generator(measured: Aggregate, run: RunEnd) -> Generator:
    """Return the CPU and memory that the generator used."""
    cpu = measured.cpu_percent
    return Generator(
        workers=run.workers,
        cpu_percent_mean=round(sum(cpu) / len(cpu), 1) if cpu else 0.0,
        cpu_percent_max=round(max(cpu, default=0.0), 1),
        rss_bytes_max=measured.rss_bytes_max,
        clock_offsets_ms=run.clock_offsets_ms,
    )


def compute_rates(account: Accounting, seconds: float) -> Rates:
    """Return the mean rates over `seconds`."""
    requests, events = account.requests, account.events
    counts = (requests.sent, events.sent, requests.accepted, events.accepted)
    sent, events_sent, good, events_good = (round(count / seconds, 3) if seconds > 0 else 0.0 for count in counts)
    return Rates(sent, events_sent, good, events_good, requests.amplification)


def summarize_stages(measured: Aggregate) -> tuple[StageSummary, ...]:
    """Return the figures of each stage."""
    starts, ends = (0.0, *measured.stage_ends), measured.stage_ends
    return tuple(
        StageSummary(
            stage=place + 1,
            start=start,
            end=end,
            requests=metrics.outcomes.requests,
            outcomes=metrics.outcomes.contents,
            latency_ms=Milliseconds.of(metrics.latency),
            service_time_ms=Milliseconds.of(metrics.service_time),
            lag_ms=Milliseconds.of(metrics.lag),
        )
        for place, (metrics, start, end) in enumerate(zip(measured.stages, starts, ends, strict=False))
    )


def summarize_monitors(
    measured: Aggregate, scenario: Scenario, run: RunEnd, seconds: float
) -> tuple[MonitorSummary, ...]:
    """Return the figures of each app monitor; rates are means over `seconds`, the length of the run."""
    own_names = tuple(RunMonitor(each.monitor.name, "") for each in scenario.monitors)
    return tuple(
        summarize_monitor(monitor, measured, place, run, seconds)
        for place, (monitor, _) in enumerate(zip(run.monitors or own_names, measured.monitors, strict=False))
    )


def summarize_monitor(
    monitor: RunMonitor, measured: Aggregate, place: int, run: RunEnd, seconds: float
) -> MonitorSummary:
    """Return the figures of one app monitor; `place` is its index in the run."""
    metrics, tally = measured.monitors[place], measured.tallies[place]
    account = close_account(metrics, tally, run.complete)
    requests, events = account.requests, account.events
    of_lost_workers = run.in_doubt[place] if run.in_doubt else InDoubt()
    return MonitorSummary(
        name=monitor.name,
        id=monitor.id,
        sessions=tally.sessions,
        requests=requests,
        events=events,
        outcomes=account.outcomes.contents,
        rates=compute_rates(account, seconds),
        throttled_share=divide(requests.throttled, requests.sent),
        lost_share=divide(events.lost, events.sent),
        latency_ms=Milliseconds.of(metrics.latency),
        service_time_ms=Milliseconds.of(metrics.service_time),
        lag_ms=Milliseconds.of(metrics.lag),
        errors=dict(metrics.errors.most_common()),
        in_doubt=of_lost_workers + InDoubt(metrics.unanswered.requests, metrics.unanswered.events),
    )
