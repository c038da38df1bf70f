"""Whether a run's figures are believed, and whether they keep its thresholds."""

from __future__ import annotations

import msgspec
import pytest

from loadgen.results import Milliseconds, Requests
from loadgen.results.summary import Events
from loadgen.results.verdict import (
    ABORT_REQUESTS,
    find_breaches,
    find_sure_breaches,
    find_validity_issues,
    find_wilson_low,
    judge,
    measure_thresholds,
)
from loadgen.scenario import Thresholds


def clock(p99: float) -> Milliseconds:
    return Milliseconds(1.0, 2.0, 3.0, p99, p99, 1.5)


EVENTS = Events(100, 0, 0, 0, 0, 0, 100, 90, 10)


REQUESTS = Requests(100, 110, 90, 20, 0, 10, 0, 10)


def breaches(thresholds: Thresholds, latency: Milliseconds, requests: Requests, events: Events) -> list[str]:
    return find_breaches(measure_thresholds(thresholds, latency, requests, events), requests)


def sure_breaches(thresholds: Thresholds, requests: Requests) -> list[str]:
    return find_sure_breaches(measure_thresholds(thresholds, clock(80.0), requests, EVENTS), requests)


def test_a_missed_threshold_is_named_with_its_figure() -> None:
    missed = breaches(Thresholds(latency_p99_ms=50.0, lost_share=0.2), clock(80.0), REQUESTS, EVENTS)
    assert missed == ["latency_p99_ms is 80, above its threshold 50"]


def test_the_achieved_rate_is_a_lowest_bound() -> None:
    half = msgspec.structs.replace(REQUESTS, offered=200)
    missed = breaches(Thresholds(achieved_rate=0.99), clock(80.0), half, EVENTS)
    assert missed == ["achieved_rate is 0.5, below its threshold 0.99"]


def test_a_figure_at_its_threshold_keeps_it() -> None:
    assert breaches(Thresholds(latency_p99_ms=80.0, lost_share=0.1), clock(80.0), REQUESTS, EVENTS) == []
    assert breaches(Thresholds(achieved_rate=1.0), clock(80.0), REQUESTS, EVENTS) == []


def test_retries_do_not_count_as_what_was_achieved() -> None:
    more = msgspec.structs.replace(REQUESTS, offered=110)  # 110 were sent, 10 of them retries
    assert breaches(Thresholds(achieved_rate=0.95), clock(1.0), more, EVENTS) == [
        f"achieved_rate is {100 / 110:g}, below its threshold 0.95"
    ]


def test_every_threshold_is_measured_kept_or_missed() -> None:
    thresholds = Thresholds(latency_p99_ms=50.0, lost_share=0.2, achieved_rate=0.5)
    found = measure_thresholds(thresholds, clock(80.0), REQUESTS, EVENTS, stage=2)
    assert [(each.name, each.value, each.limit, each.kept, each.stage) for each in found] == [
        ("latency_p99_ms", 80.0, 50.0, False, 2),
        ("failed_share", 0.0, 0.05, True, 2),
        ("lost_share", 0.1, 0.2, True, 2),
        ("achieved_rate", 1.0, 0.5, True, 2),
    ]
    assert found[0].describe_breach() == "stage 2: latency_p99_ms is 80, above its threshold 50"


def test_nothing_measured_misses_nothing() -> None:
    (p99,) = measure_thresholds(
        Thresholds(latency_p99_ms=1.0, failed_share=None), Milliseconds(*[None] * 6), REQUESTS, EVENTS
    )
    assert (p99.value, p99.kept) == (None, True)


def test_a_run_that_goes_on_is_not_stopped_by_few_requests() -> None:
    strict = Thresholds(latency_p99_ms=50.0, throttled_share=0.01)
    few = msgspec.structs.replace(REQUESTS, sent=ABORT_REQUESTS - 1, throttled=90)
    assert sure_breaches(strict, few) == []
    enough = msgspec.structs.replace(few, sent=ABORT_REQUESTS)
    assert [line.split()[0] for line in sure_breaches(strict, enough)] == ["latency_p99_ms", "throttled_share"]
    assert sure_breaches(Thresholds(), msgspec.structs.replace(few, accepted=0)) == []
    assert sure_breaches(Thresholds(), msgspec.structs.replace(enough, accepted=0)) == ["no request was accepted"]


@pytest.mark.parametrize(("throttled", "sent", "stops"), [(2, 100, False), (6, 100, True), (20, 1000, True)])
def test_a_share_stops_a_run_only_beyond_chance(throttled: int, sent: int, stops: bool) -> None:
    """At a threshold of 1 %: 2 of 100 may be chance (Wilson from 0.55 %), 6 of 100 and 20 of 1,000 are not."""
    requests = msgspec.structs.replace(REQUESTS, sent=sent, throttled=throttled)
    assert bool(sure_breaches(Thresholds(throttled_share=0.01), requests)) is stops


def test_the_wilson_interval_is_the_one_of_the_books() -> None:
    assert find_wilson_low(0.1, 100) == pytest.approx(0.0552, abs=1e-4)  # 10 of 100: 5.5 % to 17.4 %
    assert find_wilson_low(0.0, 100) == pytest.approx(0.0, abs=1e-12)
    assert find_wilson_low(1.0, 10) == pytest.approx(0.7225, abs=1e-4)


def test_nothing_sent_is_not_nothing_accepted() -> None:
    nothing = msgspec.structs.replace(REQUESTS, sent=0, accepted=0)
    assert breaches(Thresholds(), clock(1.0), nothing, EVENTS) == []
    refused = msgspec.structs.replace(REQUESTS, accepted=0)
    assert breaches(Thresholds(), clock(1.0), refused, EVENTS)[0] == "no request was accepted"


def test_a_generator_at_its_bounds_is_believed() -> None:
    assert find_validity_issues(clock(200.0), REQUESTS, EVENTS, paced=True, went_to_end=True) == []
    assert find_validity_issues(clock(200.1), REQUESTS, EVENTS, paced=True, went_to_end=True) != []
    nearly = msgspec.structs.replace(REQUESTS, offered=2000, sent=1910)  # 95 % without the 10 retries
    assert find_validity_issues(clock(1.0), nearly, EVENTS, paced=True, went_to_end=True) == []
    assert (
        find_validity_issues(
            clock(1.0), msgspec.structs.replace(nearly, sent=1909), EVENTS, paced=True, went_to_end=True
        )
        != []
    )


def test_a_late_generator_makes_the_run_invalid_not_failed() -> None:
    doubted = find_validity_issues(clock(5000.0), REQUESTS, EVENTS, paced=True, went_to_end=True)
    assert judge(["a threshold"], doubted, False)[0] == "invalid"


def test_a_run_that_is_stopped_is_interrupted_however_late_it_was_unless_a_worker_was_lost() -> None:
    assert judge([], ["late"], True) == ("interrupted", ("stopped before its end", "late"))
    assert judge(["a threshold"], ["late"], True, ["worker 1"]) == ("invalid", ("worker 1", "late", "a threshold"))


def test_a_generator_that_sent_less_than_was_due_makes_the_run_invalid() -> None:
    half = msgspec.structs.replace(REQUESTS, offered=200)
    assert "100 of 200" in find_validity_issues(clock(1.0), half, EVENTS, paced=True, went_to_end=True)[0]
    assert find_validity_issues(clock(1.0), half, EVENTS, paced=True, went_to_end=False) == []


def test_a_run_at_full_speed_has_no_schedule_to_be_late_for() -> None:
    assert find_validity_issues(clock(5000.0), REQUESTS, EVENTS, paced=False, went_to_end=True) == []
