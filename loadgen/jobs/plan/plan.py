"""Scenarios of one account → Plan: load, quota, loss, money, and what would move them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from loadgen.jobs.find_limit.windows import bounds, window
from loadgen.jobs.plan.demand import Demand, thinned, together
from loadgen.jobs.plan.figures import (
    Lines,
    Load,
    LossPoint,
    Money,
    MonitorPlan,
    Need,
    Plan,
    RatePoint,
    Throttling,
    Window,
)
from loadgen.jobs.plan.machine import Fleet, fleet
from loadgen.jobs.plan.outcome import Course, Fate, Quota
from loadgen.jobs.plan.rehearse import Rehearsed, Say, rehearse
from loadgen.jobs.plan.throttle import course, needed, recovery_seconds, rough
from loadgen.jobs.plan.what_if import Sight, levers
from loadgen.model import Noun
from loadgen.rum.quotas import DOLLARS_PER_EVENT
from loadgen.scenario import Scenario
from loadgen.traffic import Floats

DAY, MONTH_DAYS = 86_400.0, 30
EACH_UP_TO = 30_000  # requests that are looked at one by one for every quota that is tried
QUOTAS = (0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 1.0, 1.1)  # of the quota needed: the curve of loss
ALIKE = 0.05  # tried quotas so near to the one asked about are left out
STEPS = 360  # of the page's lines over time

PRICE_SOURCE = (
    "$1 per 100,000 events, each collected item an event (public texts of 2023 to 2026; the user guide); "
    "the first 1,000,000 events of an account are free once (aws.amazon.com/cloudwatch/pricing)"
)


class Question(Noun, kw_only=True):
    """What is asked about the scenarios."""

    quota: float = 50.0  # requests a second of the account and Region (Service Quotas L-35851224)
    burst: float | None = None
    most_lost: float = 0.001  # share of the events
    rates: tuple[float, ...] = (0.01, 0.1, 0.25, 0.5, 1.0)
    price: float = DOLLARS_PER_EVENT
    free_events: int = 0
    precision: float = 0.02
    exact: bool = False
    answer_seconds: float = 0.05

    @property
    def burst_seconds(self) -> float:
        """The bucket's depth in seconds of quota: a quota that is tried gets one as deep."""
        return 1.0 if self.burst is None else self.burst / self.quota


class Answer(NamedTuple):
    """A plan, and what its page draws over time."""

    plan: Plan
    lines: Lines


def plan(scenarios: Sequence[Scenario], seed: int, question: Question, say: Say) -> Answer:
    """Plan the monitors of one account together; the first one's scenario names the plan and its windows.

    The first monitor has the seed, the others the numbers after it.
    """
    begun = time.perf_counter()
    rehearsed = [
        rehearse(each, seed + number, question.precision, question.exact, say) for number, each in enumerate(scenarios)
    ]
    demands = [each.demand for each in rehearsed]
    quota = Quota(question.quota, question.burst, question.answer_seconds)
    went = course(demands, quota)
    say("trying other quotas, sample rates and client settings")
    need = needed(quick(demands), question.most_lost, question.burst_seconds, question.answer_seconds)
    seconds = together(demands)
    whole = window(seconds, ("whole run", 0.0, max(each.duration for each in scenarios)))
    load = Load(*(sum(column) for column in zip(*(demand.totals for demand in demands), strict=True)))
    found = Plan(
        scenario=scenarios[0].name,
        seed=seed,
        duration=scenarios[0].duration,
        monitors=tuple(_monitor(each, fate, quota) for each, fate in zip(rehearsed, went.fates, strict=True)),
        load=load,
        windows=tuple(window(seconds, each) for each in bounds(scenarios[0])),
        whole=whole,
        throttling=msgspec.structs.replace(
            throttling(went.fate, quota, recovery_seconds(demands, went, quota), known(demands)),
            rough=rough(demands, quota),
        ),
        need=Need(question.most_lost, need, question.burst_seconds),
        loss=tuple(_loss(demands, need, question)),
        rates=tuple(_rates(rehearsed, seed, question)),
        money=money((load.events + load.unsent) / whole.end * DAY, question),
        levers=levers(rehearsed[0], seed),
        fleet=_fleet(rehearsed, whole),
        exact=all(each.draw.exact for each in rehearsed),
        seconds=round(time.perf_counter() - begun, 1),
    )
    return Answer(found, lines(seconds.requests.astype(np.float64), went))


def quick(demands: Sequence[Demand]) -> list[Demand]:
    """The same load, by slot alone when it is too much to be looked at request by request many times."""
    if sum(demand.totals.requests for demand in demands) <= EACH_UP_TO:
        return list(demands)
    return [demand._replace(attempts=None) for demand in demands]


def known(demands: Sequence[Demand]) -> bool:
    """Whether every request is known."""
    return all(demand.attempts is not None for demand in demands)


def throttling(fate: Fate, quota: Quota, recovery: float | None, exact: bool) -> Throttling:
    """A fate in whole numbers."""
    counts = {name: round(getattr(fate, name)) for name in fate.__struct_fields__}
    return Throttling(
        quota=quota.rate,
        burst=quota.depth,
        throttled_share=fate.throttled_share,
        lost_share=fate.lost_share,
        recovery_seconds=recovery,
        exact=exact,
        **counts,
    )


def _monitor(rehearsed: Rehearsed, fate: Fate, quota: Quota) -> MonitorPlan:
    requests, events = rehearsed.interval
    return MonitorPlan(
        monitor=rehearsed.scenario.monitor.name,
        scenario=rehearsed.scenario.name,
        sample_rate=rehearsed.scenario.monitor.sample_rate,
        load=Load(*rehearsed.demand.totals),
        throttling=throttling(fate, quota, None, rehearsed.draw.exact),
        rehearsed=rehearsed.draw.sessions,
        requests_interval=requests,
        events_interval=events,
    )


def _loss(demands: Sequence[Demand], need: int, question: Question) -> Iterator[LossPoint]:
    """Throttling and loss at quotas around the one that is needed, and at the one that is asked about."""
    around = {round(need * part, 1) for part in QUOTAS}
    rates = {rate for rate in around if abs(rate / question.quota - 1) > ALIKE} | {question.quota}
    light = quick(demands)
    for rate in sorted(rate for rate in rates if rate > 0):
        burst = max(rate * question.burst_seconds, 1.0)
        fate = course(light, Quota(rate, burst, question.answer_seconds)).fate
        yield LossPoint(rate, fate.throttled_share, fate.lost_share)


def _rates(rehearsed: Sequence[Rehearsed], seed: int, question: Question) -> Iterator[RatePoint]:
    """Every monitor at each sample rate; what is seen is the first one's."""
    sight = Sight(rehearsed[0].sessions)
    first = rehearsed[0].unsampled
    daily = first.totals.sessions / first.duration * DAY
    for rate in sorted(question.rates):
        demands = [thinned(each.unsampled, rate, seed) for each in rehearsed]
        events = sum(_all_events(demand) / demand.duration * DAY for demand in demands)
        cost, seen = money(events, question), sight.of(daily * rate)
        yield RatePoint(
            sample_rate=rate,
            events_per_day=cost.events_per_day,
            dollars_per_month=cost.dollars_per_month,
            peak_requests=float(together(demands).requests.max()),
            quota_needed=needed(demands, question.most_lost, question.burst_seconds, question.answer_seconds),
            p75_lcp_interval=seen.p75_lcp,
            js_error_interval=seen.js_error_share,
        )


def _all_events(demand: Demand) -> int:
    """Events that the run's visits send, also those that leave after its end."""
    return demand.totals.events + demand.totals.unsent


def money(events_per_day: float, question: Question) -> Money:
    """What so many events a day cost, in a month of 30 days less what is free."""
    month = events_per_day * MONTH_DAYS
    return Money(
        price_per_event=question.price,
        free_events=question.free_events,
        events_per_day=events_per_day,
        events_per_month=month,
        dollars_per_day=events_per_day * question.price,
        dollars_per_month=max(month - question.free_events, 0.0) * question.price,
        source=PRICE_SOURCE,
    )


def _fleet(rehearsed: Sequence[Rehearsed], whole: Window) -> Fleet:
    events = sum(int(each.shapes.events.sum()) for each in rehearsed)
    per_event = sum(each.draw.cpu_seconds for each in rehearsed) / max(events, 1)
    first = rehearsed[0]
    return fleet(per_event, first.sessions, first.scenario, (whole.requests.peak, whole.events.peak))


def lines(offered: Floats, went: Course) -> Lines:
    """The run in a few hundred steps: mean requests a second, and the highest second of each step."""
    step = max(-(-len(offered) // STEPS), 1)

    def steps(column: Floats) -> Floats:
        fitted = np.zeros(-(-len(offered) // step) * step)
        fitted[: min(len(column), len(fitted))] = column[: len(fitted)]
        return fitted.reshape(-1, step)

    return Lines(
        step=float(step),
        offered=tuple(steps(offered).mean(axis=1).round(2).tolist()),
        peak=tuple(steps(offered).max(axis=1).tolist()),
        attempts=tuple(steps(went.attempts).mean(axis=1).round(2).tolist()),
        accepted=tuple(steps(went.accepted).mean(axis=1).round(2).tolist()),
    )
