"""Build the plan of one account's app monitors: load, quota, loss, cost, and the effect of other settings."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache

import numpy as np

from loadgen import wire
from loadgen.jobs.plan.advice import PrecisionEstimator, advise
from loadgen.jobs.plan.day import DAY_SECONDS, divide_run
from loadgen.jobs.plan.demand import Demand, sum_by_second, thin_demand
from loadgen.jobs.plan.discrete_event import AccountQuota, MonitorOutcome, Trajectory
from loadgen.jobs.plan.figures import (
    CapacityPlan,
    Cost,
    GeneratorNeed,
    LoadCurves,
    LossPoint,
    MonitorPlan,
    NeededQuota,
    PlannedLoad,
    PlanWindow,
    RatePoint,
    Throttling,
)
from loadgen.jobs.plan.rehearse import RehearsedMonitor, rehearse, try_settings
from loadgen.jobs.plan.throttling import find_needed_quota, is_known, is_rough, measure_recovery, simulate_quota
from loadgen.jobs.progress import OnProgress
from loadgen.planned import UNSENT_MONITOR_ID, PlannedSession
from loadgen.scenario import Scenario
from loadgen.traffic import Floats
from loadgen.verb_options import PlanOptions
from loadgen.wire.sigv4 import Credentials, Signer

MOST_SINGLE_REQUESTS = 30_000  # requests that are simulated one by one for every quota that is tried
QUOTA_SHARES = (0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 1.0, 1.1)  # points of the curve of loss, of the quota needed
CLOSE = 0.05  # relative distance to the asked quota below which a point of the curve is left out
CURVE_STEPS = 360  # steps of the page's curves over time, at most

PRICE_SOURCE = (
    "$1 per 100,000 events, each collected item an event (public texts of 2023 to 2026; the user guide); "
    "the first 1,000,000 events of an account are free once (aws.amazon.com/cloudwatch/pricing)"
)

SEND_SECONDS = 150e-6
"""CPU time to send one request through Locust and measure its answer, without drawing, encoding and signing: 120 µs in
a run with --pace max on a machine of 2 cores, and some room."""

BUSY_SHARE = 0.6
"""Share of a core that one process may use in its busiest second and still send in time."""

ANSWER_SECONDS = 1.0
"""Seconds that each answer may take: there are senders enough for the busiest second even then."""

MOST_SENDERS = 900  # in one process, as for `loadgen run`
SIGNED_REQUESTS = 200  # requests that are signed to measure how long a signature takes


def build_plan(scenarios: Sequence[Scenario], seed: int, options: PlanOptions, on_progress: OnProgress) -> CapacityPlan:
    """Plan the monitors of one account together; the first scenario names the plan and divides it into windows.

    The first monitor's sessions are drawn with `seed`, the n-th next monitor's with `seed` + n.
    """
    begun = time.perf_counter()
    monitors = [
        rehearse(each, seed + number, options.precision, options.exact, on_progress)
        for number, each in enumerate(scenarios)
    ]
    demands = [each.demand for each in monitors]
    quota = AccountQuota(options.quota, options.burst, options.answer_seconds)
    trajectory = simulate_quota(demands, quota)
    recovery = measure_recovery(demands, trajectory, quota)
    on_progress("trying other quotas, sample rates and client settings")
    seconds = sum_by_second(demands)
    whole = seconds.measure_window("whole run", 0.0, max(each.duration for each in scenarios))
    load = PlannedLoad.sum_up(demand.totals for demand in demands)
    need = _find_need(coarsen(demands), options)
    measure_rate = make_rate_measure(monitors, seed, options)
    return CapacityPlan(
        scenario=scenarios[0].name,
        seed=seed,
        duration=scenarios[0].duration,
        monitors=tuple(_describe_monitors(monitors, trajectory, quota)),
        load=load,
        windows=tuple(seconds.measure_window(*each) for each in divide_run(scenarios[0])),
        whole=whole,
        throttling=round_outcome(trajectory.outcome, quota, recovery, is_known(demands), is_rough(demands, quota)),
        need=need,
        loss=tuple(_trace_loss(demands, need.quota, options)),
        rates=tuple(measure_rate(rate) for rate in sorted(options.rates)),
        money=price_events((load.events + load.unsent) / whole.end * DAY_SECONDS, options),
        what_if=try_settings(monitors[0], seed),
        generator=size_generator(monitors, whole),
        advice=advise(need.quota, options, measure_rate),
        exact=all(each.sample.exact for each in monitors),
        seconds=round(time.perf_counter() - begun, 1),
        curves=trace_load(seconds.requests.astype(np.float64), trajectory),
    )


def coarsen(demands: Sequence[Demand]) -> list[Demand]:
    """Drop single requests from the demands if they are too many to be simulated one by one for many quotas."""
    if sum(demand.totals.requests for demand in demands) <= MOST_SINGLE_REQUESTS:
        return list(demands)
    return [demand._replace(attempts=None) for demand in demands]


def round_outcome(
    outcome: MonitorOutcome, quota: AccountQuota, recovery: float | None, exact: bool, rough: bool = False
) -> Throttling:
    """Return an outcome as the plan shows it, in whole numbers."""
    counts = {name: round(getattr(outcome, name)) for name in outcome.__struct_fields__}
    return Throttling(
        quota=quota.rate,
        burst=quota.depth,
        throttled_share=outcome.throttled_share,
        lost_share=outcome.lost_share,
        recovery_seconds=recovery,
        exact=exact,
        rough=rough,
        **counts,
    )


def _describe_monitors(
    monitors: Sequence[RehearsedMonitor], trajectory: Trajectory, quota: AccountQuota
) -> Iterator[MonitorPlan]:
    for monitor, outcome in zip(monitors, trajectory.outcomes, strict=True):
        requests, events, wire_bytes = monitor.sample.intervals
        yield MonitorPlan(
            monitor=monitor.scenario.monitor.name,
            scenario=monitor.scenario.name,
            sample_rate=monitor.scenario.monitor.sample_rate,
            load=monitor.demand.totals,
            throttling=round_outcome(outcome, quota, None, monitor.sample.exact),
            rehearsed=monitor.sample.sessions,
            walked=monitor.sample.walked,
            requests_interval=requests,
            events_interval=events,
            bytes_interval=wire_bytes,
        )


def _find_need(demands: Sequence[Demand], options: PlanOptions) -> NeededQuota:
    """Find the quota that these demands need."""
    rate = find_needed_quota(demands, options.max_loss, options.burst_seconds, options.answer_seconds)
    return NeededQuota(options.max_loss, rate, options.burst_seconds)


def _trace_loss(demands: Sequence[Demand], need: int, options: PlanOptions) -> Iterator[LossPoint]:
    """Yield throttling and loss at quotas around the needed one, and at the asked one."""
    around = {round(need * part, 1) for part in QUOTA_SHARES}
    rates = {rate for rate in around if abs(rate / options.quota - 1) > CLOSE} | {options.quota}
    coarse = coarsen(demands)
    for rate in sorted(rate for rate in rates if rate > 0):
        burst = max(rate * options.burst_seconds, 1.0)
        outcome = simulate_quota(coarse, AccountQuota(rate, burst, options.answer_seconds)).outcome
        yield LossPoint(rate, outcome.throttled_share, outcome.lost_share)


def make_rate_measure(
    monitors: Sequence[RehearsedMonitor], seed: int, options: PlanOptions
) -> Callable[[float], RatePoint]:
    """Return a function from a sample rate to all monitors' load, cost and quota, and the first one's precision."""
    estimator = PrecisionEstimator([session for session, _ in monitors[0].sessions])
    first = monitors[0].unsampled
    daily = first.totals.sessions / first.duration * DAY_SECONDS

    @cache
    def measure_rate(rate: float) -> RatePoint:
        demands = [thin_demand(each.unsampled, rate, seed) for each in monitors]
        events = sum((each.totals.events + each.totals.unsent) / each.duration * DAY_SECONDS for each in demands)
        cost, recorded = price_events(events, options), daily * rate / options.weekday_peak
        return RatePoint(
            sample_rate=rate,
            events_per_day=cost.events_per_day,
            dollars_per_month=cost.dollars_per_month,
            peak_requests=float(sum_by_second(demands).requests.max()),
            quota_needed=_find_need(demands, options).quota,
            p75_lcp_interval=estimator.estimate_p75_lcp(recorded),
            js_error_interval=estimator.estimate_error_share(recorded),
        )

    return measure_rate


def price_events(events_per_day: float, options: PlanOptions) -> Cost:
    """Return the cost of events, given per planned day, over a month of 30 mean days, less the free events."""
    events_per_day /= options.weekday_peak
    month = events_per_day * Cost.MONTH_DAYS
    return Cost(
        price_per_event=options.price,
        free_events=options.free_events,
        events_per_day=events_per_day,
        events_per_month=month,
        dollars_per_day=events_per_day * options.price,
        dollars_per_month=max(month - options.free_events, 0.0) * options.price,
        source=PRICE_SOURCE,
    )


def size_generator(monitors: Sequence[RehearsedMonitor], whole: PlanWindow) -> GeneratorNeed:
    """Estimate the processes and senders for the busiest second on this machine; signing is timed on real requests."""
    planned = sum(int(each.profile.attempts.events.sum()) for each in monitors)
    per_event = sum(each.sample.cpu_seconds for each in monitors) / max(planned, 1)
    first, requests = monitors[0], whole.requests.peak
    signature = measure_signing(first.sessions, first.scenario) if first.scenario.client.signing else 0.0
    cpu = whole.events.peak * per_event + requests * (signature + SEND_SECONDS)
    processes, cores = max(math.ceil(cpu / BUSY_SHARE), 1), os.cpu_count() or 1
    senders = math.ceil(requests * ANSWER_SECONDS / processes)
    if senders > MOST_SENDERS:
        processes = math.ceil(requests * ANSWER_SECONDS / MOST_SENDERS)
        senders = MOST_SENDERS
    return GeneratorNeed(
        processes=processes,
        senders=max(senders, 1),
        cores=cores,
        cpu_us_per_event=round(per_event * 1e6, 2),
        cpu_us_per_signature=round(signature * 1e6, 2),
        cpu_us_per_send=SEND_SECONDS * 1e6,
        busiest_cpu=round(cpu, 3),
        enough=processes <= max(cores - 1, 1),
    )


def measure_signing(sessions: Sequence[PlannedSession], scenario: Scenario) -> float:
    """Measure the CPU seconds of one signature on this machine; 0 if the sessions send no request."""
    signer = Signer(Credentials("AKIDEXAMPLE", "made-up"), "us-east-1")
    destination = wire.Destination("localhost", UNSENT_MONITOR_ID, scenario.monitor.domain)
    batches = [batch for _, plan in sessions[:SIGNED_REQUESTS] for batch in plan.batches][:SIGNED_REQUESTS]
    requests = [wire.encode(batch, destination, wire.Clock(0.0)).request for batch in batches]
    if not requests:
        return 0.0
    begun = time.thread_time()
    for place in range(SIGNED_REQUESTS):
        signer.sign(requests[place % len(requests)], 0.0)
    return (time.thread_time() - begun) / SIGNED_REQUESTS


def trace_load(offered: Floats, trajectory: Trajectory) -> LoadCurves:
    """Summarize the run in at most CURVE_STEPS steps: mean requests a second, and the highest second of each step."""
    step = max(-(-len(offered) // CURVE_STEPS), 1)

    def group(column: Floats) -> Floats:
        fitted = np.zeros(-(-len(offered) // step) * step)
        fitted[: min(len(column), len(fitted))] = column[: len(fitted)]
        return fitted.reshape(-1, step)

    return LoadCurves(
        step=float(step),
        offered=tuple(group(offered).mean(axis=1).round(2).tolist()),
        peak=tuple(group(offered).max(axis=1).tolist()),
        attempts=tuple(group(trajectory.attempts).mean(axis=1).round(2).tolist()),
        accepted=tuple(group(trajectory.accepted).mean(axis=1).round(2).tolist()),
    )
