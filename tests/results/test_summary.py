"""What workers measured becomes one run, whoever measured it and in whichever order it comes."""

from __future__ import annotations

import random

import pytest

from loadgen.model import Result
from loadgen.results import Events, Ledger, Measured, Meter, Milliseconds, Requests, Tally
from loadgen.results.verdict import breaches, doubts, judge
from loadgen.scenario.thresholds import Thresholds

STATUSES = [200] * 6 + [429] * 2 + [500, 403, None]


def results(number: int) -> list[Result]:
    draw = random.Random(3)
    made = []
    for place in range(number):
        intended = place / 100
        started = intended + draw.expovariate(1000)
        status = draw.choice(STATUSES)
        attempt = draw.choice([1, 1, 1, 2, 3])
        final = status != 429 or attempt == 3
        error = None if status in (200, 429) else str(status)
        finished = started + draw.expovariate(100)
        made.append(Result(intended, started, finished, status, 10, 900, 4000, attempt, final, error))
    return made


def measured_by(workers: int, number: int) -> Measured:
    """The same results, dealt to so many workers, in seconds that arrive out of order."""
    meters = [Meter() for _ in range(workers)]
    by_second: dict[tuple[int, int], list[Result]] = {}
    for place, result in enumerate(results(number)):
        by_second.setdefault((int(result.finished), place % workers), []).append(result)
    seconds = []
    for (second, worker), some in by_second.items():
        for result in some:
            meters[worker].record(result)
        seconds.append(meters[worker].take(second))
    random.Random(workers).shuffle(seconds)
    whole = Measured()
    for second in seconds:
        whole.add(second)
    return whole


@pytest.mark.parametrize("workers", [2, 7])
def test_the_figures_do_not_depend_on_the_number_of_workers(workers: int) -> None:
    one, many = measured_by(1, 20_000), measured_by(workers, 20_000)
    assert one.requests == many.requests
    assert one.events == many.events
    assert one.errors == many.errors
    assert one.settle(10**6) == many.settle(10**6)
    for clock in ("latency", "service_time", "lag"):
        assert getattr(one, clock).pack() == getattr(many, clock).pack()


def test_every_request_is_accepted_throttled_or_failed() -> None:
    whole = measured_by(3, 5_000)
    requests = whole.requests
    assert requests.sent == 5_000 == requests.accepted + requests.throttled + requests.failed
    assert min(requests.accepted, requests.throttled, requests.failed, requests.retried, requests.given_up) > 0


def test_throttling_is_no_error() -> None:
    meter = Meter()
    meter.record(Result(0.0, 0.0, 0.1, 429, 10, 1, 1))
    second = meter.take(0)
    assert (second.throttled, second.failed, second.errors) == (1, 0, {})


def test_a_second_that_comes_late_is_counted_in_a_later_row() -> None:
    whole, meter = Measured(), Meter()
    meter.record(Result(0.0, 0.0, 0.1, 200, 10, 1, 1))
    late = meter.take(0)
    assert whole.settle(3) == []
    whole.add(late)
    assert [(row.second, row.accepted) for row in whole.settle(10)] == [(3, 1)]


def test_a_batch_that_waits_for_its_retry_at_the_end_is_lost() -> None:
    meter = Meter()
    meter.record(Result(0.0, 0.0, 0.1, 429, 10, 1, 1, final=False))
    meter.lose(10)
    second = meter.take(0)
    assert (second.given_up, second.events_sent, second.events_accepted, second.events_lost) == (1, 10, 0, 10)


@pytest.mark.parametrize(
    ("events", "balanced"),
    [
        (Events(100, 10, 20, 5, 15, 50, 45, 5), True),
        (Events(101, 10, 20, 5, 15, 50, 45, 5), False),
        (Events(100, 10, 20, 5, 15, 50, 45, 4), False),
    ],
)
def test_accounting_holds_to_the_unit(events: Events, balanced: bool) -> None:
    assert events.balanced is balanced


def clock(p99: float) -> Milliseconds:
    return Milliseconds(1.0, 2.0, 3.0, p99, p99, 1.5)


EVENTS = Events(100, 0, 0, 0, 0, 100, 90, 10)
REQUESTS = Requests(110, 90, 20, 10, 10, 0)


def test_a_missed_threshold_is_named_with_its_figure() -> None:
    missed = breaches(Thresholds(latency_p99_ms=50.0, lost_share=0.2), clock(80.0), REQUESTS, EVENTS, 100)
    assert missed == ["latency_p99_ms is 80, above its threshold 50"]


def test_the_achieved_rate_is_a_lowest_bound() -> None:
    missed = breaches(Thresholds(achieved_rate=0.99), clock(80.0), REQUESTS, EVENTS, 200)
    assert missed == ["achieved_rate is 0.5, below its threshold 0.99"]


def test_a_late_generator_makes_the_run_invalid_not_failed() -> None:
    doubted = doubts(clock(5000.0), 100, 100, EVENTS, paced=True)
    assert judge(["a threshold"], doubted, False, Ledger())[0] == "invalid"


def test_a_run_at_full_speed_has_no_schedule_to_be_late_for() -> None:
    assert doubts(clock(5000.0), 100, 100, EVENTS, paced=False) == []


def test_ledgers_that_do_not_agree_fail_the_run() -> None:
    assert judge([], [], False, Ledger(False, 1, 2))[0] == "failed"
    assert judge([], [], False, Ledger(True, 1, 2))[0] == "passed"


def test_tallies_add_up() -> None:
    assert Tally(1, 2, 3, 4, 5, 6).plus(Tally(1, 1, 1, 1, 1, 1)) == Tally(2, 3, 4, 5, 6, 7)
