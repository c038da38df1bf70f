"""Faults on demand: repeatable, and as often as asked for."""

from __future__ import annotations

from collections import Counter

import pytest

from loadgen.endpoint.faults import NO_BLOW, Blow, FaultLine, Faults, Latency, Period, parse
from loadgen.errors import EndpointError
from tests.endpoint.conftest import Caller, batch


def blows(faults: Faults, count: int = 4000) -> list[Blow]:
    line = FaultLine(faults, now=0.0)
    return [line.next("PutRumEvents", 1.0) for _ in range(count)]


def test_without_faults_nothing_happens() -> None:
    assert set(blows(Faults(), 10)) == {NO_BLOW}


def test_the_same_seed_gives_the_same_outage() -> None:
    faults = Faults(errors=0.2, drops=0.1, latency=Latency("lognormal", 50, 0.5), seed=3)
    assert blows(faults) == blows(faults)
    other = Faults(errors=0.2, drops=0.1, latency=Latency("lognormal", 50, 0.5), seed=4)
    assert blows(faults) != blows(other)


def test_shares_come_out_as_asked() -> None:
    faults = Faults(errors=0.2, drops=0.1, lost_answers=0.05, stalls=0.15, stall_seconds=9.0)
    seen = Counter((blow.status, blow.drop, blow.delay) for blow in blows(faults, 20_000))
    expected = {(500, "", 0.0): 0.2, (None, "before", 0.0): 0.1, (None, "after", 0.0): 0.05, (None, "", 9.0): 0.15}
    for kind, share in expected.items():
        # 20,000 draws: the standard error of a share is at most 0.0036.
        assert seen[kind] / 20_000 == pytest.approx(share, abs=0.012)


@pytest.mark.parametrize(
    ("latency", "mean"),
    [
        (Latency("constant", 80), 0.080),
        (Latency("uniform", 20, 60), 0.040),
        (Latency("normal", 100, 10), 0.100),
        (Latency("exponential", 50), 0.050),
        (Latency("lognormal", 50, 0.5), 0.050 * 2.718281828**0.125),
    ],
)
def test_latencies_have_the_mean_of_their_distribution(latency: Latency, mean: float) -> None:
    drawn = [blow.delay for blow in blows(Faults(latency=latency), 20_000)]
    assert sum(drawn) / len(drawn) == pytest.approx(mean, rel=0.03)
    assert min(drawn) >= 0


def test_a_period_holds_from_its_start_to_its_end() -> None:
    line = FaultLine(Faults(periods=(Period(403, 10, 20), Period(404, 30, 40))), now=1000.0)
    statuses = [line.next("PutRumEvents", 1000.0 + at).status for at in (0, 9.9, 10, 19.9, 20, 30, 40)]
    assert statuses == [None, None, 403, 403, None, 404, None]


def test_faults_hit_only_the_operations_named() -> None:
    line = FaultLine(Faults(errors=1.0, operations=("GetAppMonitor",)), now=0.0)
    assert line.next("PutRumEvents", 0.0) == NO_BLOW
    assert line.next("GetAppMonitor", 0.0).status == 500
    assert FaultLine(Faults(errors=1.0, operations=()), 0.0).next("TagResource", 0.0).status == 500


def test_one_line_of_the_command_line_says_it_all() -> None:
    text = (
        "errors=0.01, drops=0.005,lost_answers=0.001,stalls=0.02@30,latency=lognormal:80:0.5,403=10-20,404=30-40,seed=7"
    )
    assert parse(f"{text},seed=7") == Faults(
        latency=Latency("lognormal", 80, 0.5),
        errors=0.01,
        drops=0.005,
        lost_answers=0.001,
        stalls=0.02,
        stall_seconds=30,
        periods=(Period(403, 10, 20), Period(404, 30, 40)),
        seed=7,
    )
    assert parse("errors=1,operations=all").operations == ()
    assert parse("errors=1,operations=TagResource+GetAppMonitor").operations == ("TagResource", "GetAppMonitor")


@pytest.mark.parametrize(
    "text", ["errors", "errors=2", "error=0.1", "403=1", "418=1-2", "latency=gamma:1", "stalls=x", "seed=1.5"]
)
def test_a_wrong_fault_is_told_with_the_right_form(text: str) -> None:
    with pytest.raises(EndpointError, match=r"write e\.g\. errors="):
        parse(text)


def test_an_injected_500_looks_like_the_services_own() -> None:
    caller = Caller(faults=Faults(errors=1.0))
    response = caller.put(caller.monitor(), batch())
    assert (response.status, response.header("x-amzn-errortype")) == (500, "InternalServerException")


def test_faults_can_be_changed_while_it_runs() -> None:
    caller = Caller()
    monitor = caller.monitor()
    change = {"faults": {"periods": [{"status": 404, "start": 0, "end": 5}]}}
    assert caller.send("PUT", "/_loadgen/settings", change, sign=False).status == 200
    assert caller.put(monitor, batch()).status == 404
    caller.clock.now += 5
    assert caller.put(monitor, batch()).status == 200


def test_a_lost_answer_is_kept_and_a_dropped_request_is_not() -> None:
    for faults, kept in ((Faults(lost_answers=1.0), 1), (Faults(drops=1.0), 0)):
        caller = Caller(faults=faults)
        caller.put(caller.monitor(), batch())
        assert caller.store.accepted(None)[0] == kept


def test_a_change_of_the_quota_leaves_the_outage_as_it_is() -> None:
    caller = Caller(faults=Faults(periods=(Period(404, 0, 5),)))
    monitor = caller.monitor()
    caller.clock.now += 3
    caller.send("PUT", "/_loadgen/settings", {"quota": 1}, sign=False)
    caller.clock.now += 3
    assert [caller.put(monitor, batch()).status for _ in range(2)] == [200, 429]
    caller.send("PUT", "/_loadgen/settings", {"faults": {"errors": 0}}, sign=False)
    assert caller.put(monitor, batch()).status == 429
