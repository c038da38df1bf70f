"""A window is measured from the results of its requests, and says when the generator itself was late."""

from __future__ import annotations

import pytest

from loadgen.limit import Conditions, GeneratorLoad, RateHold, count_most_in_flight, extend_for_search, measure_window
from loadgen.model import Result
from tests.jobs.plan.shop import SHOP


def result(intended: float, lag: float = 0.0, takes: float = 0.01, status: int | None = 200) -> Result:
    started = intended + lag
    return Result(intended, started, started + takes, status, 5, 100, 100)


EVEN = [result(at / 10) for at in range(100)]


def test_what_is_sent_while_settling_does_not_count() -> None:
    window = measure_window([result(0.5, status=429), *EVEN[10:]], RateHold(10.0, 1.0, 10.0, 50, False))
    assert (window.offered, window.accepted, window.throttled_share) == (10.0, 10.0, 0.0)


def test_shares_are_of_what_was_meant_to_be_sent() -> None:
    mixed = [result(at / 10, status=(200, 200, 429, None, 500)[at % 5]) for at in range(100)]
    window = measure_window(mixed, RateHold(10.0, 0.0, 10.0, 50, False))
    assert (window.accepted, window.throttled_share, window.failed_share) == (4.0, 0.2, 0.4)


def test_a_few_requests_are_enough() -> None:
    """At 0.9 a second a window of two seconds holds one or two."""
    few = [result(0.0), result(1.1)]
    assert Conditions().find_broken(measure_window(few, RateHold(0.9, 1.0, 3.0, 50, False))) is None


def test_a_late_generator_is_its_own_limit() -> None:
    late = [result(at / 10, lag=at / 20) for at in range(100)]
    assert Conditions().find_broken(measure_window(late, RateHold(10.0, 0.0, 10.0, 500, False))) == "generator"


def test_when_every_sender_waits_for_an_answer_the_target_is_behind() -> None:
    slow = [result(at / 10, lag=at / 20, takes=3.0) for at in range(100)]
    window = measure_window(slow, RateHold(10.0, 0.0, 10.0, count_most_in_flight(slow), False))
    assert window.saturated
    assert Conditions().find_broken(window) == "behind"


@pytest.mark.parametrize("own", [GeneratorLoad((0.0,) * 90 + (0.4,) * 10, 0.5), GeneratorLoad((0.001,), 0.97)])
def test_a_generator_without_time_to_spare_does_not_blame_the_target(own: GeneratorLoad) -> None:
    slow = [result(at / 10, lag=at / 20, takes=3.0) for at in range(100)]
    window = measure_window(slow, RateHold(10.0, 0.0, 10.0, count_most_in_flight(slow), False), own)
    assert window.saturated
    assert Conditions().find_broken(window) == "generator"


def test_nothing_sent_is_the_generators_fault() -> None:
    assert Conditions().find_broken(measure_window([], RateHold(10.0, 0.0, 10.0, 50, False))) == "generator"


@pytest.mark.parametrize(("gap", "takes", "most"), [(0.1, 0.05, 1), (0.1, 0.45, 5)])
def test_requests_in_flight_are_counted(gap: float, takes: float, most: int) -> None:
    assert count_most_in_flight([result(at * gap, takes=takes) for at in range(50)]) == most


def test_a_search_tries_every_batch_once() -> None:
    scenario = extend_for_search(SHOP)
    assert scenario.client.retries == 0
    assert scenario.pages == SHOP.pages
    assert scenario.duration > 3600
