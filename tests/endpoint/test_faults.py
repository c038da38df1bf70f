"""Faults on demand: repeatable, and as often as asked for."""

from __future__ import annotations

from collections import Counter
from math import exp, expm1, sqrt
from statistics import fmean, pstdev

import pytest

from loadgen.endpoint.faults import NO_FAULT, FaultInjector, FaultPeriod, Faults, InjectedFault, Latency, parse_faults
from loadgen.errors import EndpointError
from tests.endpoint.conftest import Caller, batch


def draw_faults(faults: Faults, count: int = 4000) -> list[InjectedFault]:
    line = FaultInjector(faults, now=0.0)
    return [line.draw_fault("PutRumEvents", 1.0) for _ in range(count)]


def test_without_faults_nothing_happens() -> None:
    assert set(draw_faults(Faults(), 10)) == {NO_FAULT}


def test_the_same_seed_gives_the_same_outage() -> None:
    faults = Faults(errors=0.2, drops=0.1, latency=Latency("lognormal", 50, 0.5), seed=3)
    assert draw_faults(faults) == draw_faults(faults)
    other = Faults(errors=0.2, drops=0.1, latency=Latency("lognormal", 50, 0.5), seed=4)
    assert draw_faults(faults) != draw_faults(other)


def test_shares_come_out_as_asked() -> None:
    faults = Faults(errors=0.2, drops=0.1, lost_answers=0.05, stalls=0.15, stall_seconds=9.0)
    seen = Counter[tuple[int | None, str, float]](
        (fault.status, fault.drop, fault.delay) for fault in draw_faults(faults, 20_000)
    )
    expected = {(500, "", 0.0): 0.2, (None, "before", 0.0): 0.1, (None, "after", 0.0): 0.05, (None, "", 9.0): 0.15}
    for kind, share in expected.items():
        # 20,000 draws: the standard error of a share is at most 0.0036.
        assert seen[kind] / 20_000 == pytest.approx(share, abs=0.012)


@pytest.mark.parametrize(
    ("latency", "mean", "deviation"),
    [
        (Latency("constant", 80), 0.080, 0.0),
        (Latency("uniform", 20, 60), 0.040, 0.040 / sqrt(12)),
        (Latency("normal", 100, 10), 0.100, 0.010),
        (Latency("normal", 20, 40), 0.0279, 0.0294),  # what would be below 0 is 0
        (Latency("exponential", 50), 0.050, 0.050),
        (Latency("lognormal", 50, 0.5), 0.050 * exp(0.125), 0.050 * exp(0.125) * sqrt(expm1(0.25))),
    ],
)
def test_latencies_have_the_mean_and_the_spread_of_their_distribution(
    latency: Latency, mean: float, deviation: float
) -> None:
    drawn = [fault.delay for fault in draw_faults(Faults(latency=latency), 20_000)]
    assert fmean(drawn) == pytest.approx(mean, rel=0.03)
    assert pstdev(drawn) == pytest.approx(deviation, rel=0.05, abs=1e-12)
    assert min(drawn) >= 0


def test_a_period_holds_from_its_start_to_its_end() -> None:
    line = FaultInjector(Faults(periods=(FaultPeriod(403, 10, 20), FaultPeriod(404, 30, 40))), now=1000.0)
    statuses = [line.draw_fault("PutRumEvents", 1000.0 + at).status for at in (0, 9.9, 10, 19.9, 20, 30, 40)]
    assert statuses == [None, None, 403, 403, None, 404, None]


def test_faults_hit_only_the_operations_named() -> None:
    line = FaultInjector(Faults(errors=1.0, operations=("GetAppMonitor",)), now=0.0)
    assert line.draw_fault("PutRumEvents", 0.0) == NO_FAULT
    assert line.draw_fault("GetAppMonitor", 0.0).status == 500
    assert FaultInjector(Faults(errors=1.0, operations=()), 0.0).draw_fault("TagResource", 0.0).status == 500


def test_one_line_of_the_command_line_says_it_all() -> None:
    text = (
        "errors=0.01, drops=0.005,lost_answers=0.001,stalls=0.02@30,latency=lognormal:80:0.5,403=10-20,404=30-40,seed=7"
    )
    assert parse_faults(f"{text},seed=7") == Faults(
        latency=Latency("lognormal", 80, 0.5),
        errors=0.01,
        drops=0.005,
        lost_answers=0.001,
        stalls=0.02,
        stall_seconds=30,
        periods=(FaultPeriod(403, 10, 20), FaultPeriod(404, 30, 40)),
        seed=7,
    )
    assert parse_faults("errors=1,operations=all").operations == ()
    assert parse_faults("errors=1,operations=TagResource+GetAppMonitor").operations == ("TagResource", "GetAppMonitor")


WRONG = {
    "errors": "write a share from 0 to 1, such as errors=0.01",
    "errors=2": "write a share from 0 to 1, such as errors=0.01",
    "drops=nan": "write a share from 0 to 1, such as drops=0.01",
    "error=0.1": "write errors, drops, lost_answers, stalls, latency, operations, seed or a status",
    "stalls=x": "such as stalls=0.01@30",
    "stalls=0.1@soon": "such as stalls=0.01@30",
    "403=1": "write seconds from and to, such as 403=10-20",
    "403=20-10": "write seconds from and to, such as 403=10-20",
    "418=1-2": "write one of the statuses 403, 404, 429, 500, such as 403=10-20",
    "latency=gamma:1": "write latency=constant:MS or uniform:MIN:MAX",
    "latency=lognormal:80": "write latency=lognormal:MEDIAN:SIGMA, in milliseconds",
    "latency=constant:1:2": "write latency=constant:MS, in milliseconds",
    "latency=uniform:60:20": "write the lower end first, latency=uniform:20:60",
    "seed=1.5": "write a whole number, such as seed=7",
    "operations=PutEvents": "'PutEvents' is none",
}


@pytest.mark.parametrize(("text", "instead"), WRONG.items())
def test_a_wrong_fault_is_told_with_the_right_form(text: str, instead: str) -> None:
    with pytest.raises(EndpointError) as told:
        parse_faults(text)
    assert str(told.value).startswith(f"faults: '{text}' does not fit; ")
    assert instead in str(told.value)


def test_shares_that_exclude_one_another_cannot_be_more_than_all() -> None:
    assert parse_faults("errors=0.7,drops=0.2,stalls=0.1").errors == 0.7
    with pytest.raises(EndpointError, match=r"the shares add up to 1\.8"):
        parse_faults("errors=0.9,drops=0.9")


def test_an_injected_500_looks_like_the_services_own() -> None:
    caller = Caller(faults=Faults(errors=1.0))
    response = caller.put(caller.monitor(), batch())
    assert (response.status, response.get_header("x-amzn-errortype")) == (500, "InternalServerException")


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
        assert caller.store.count_accepted(None)[0] == kept


def test_a_change_of_the_quota_leaves_the_outage_as_it_is() -> None:
    caller = Caller(faults=Faults(periods=(FaultPeriod(404, 0, 5),)))
    monitor = caller.monitor()
    caller.clock.now += 3
    caller.send("PUT", "/_loadgen/settings", {"quota": 1}, sign=False)
    caller.clock.now += 3
    assert [caller.put(monitor, batch()).status for _ in range(2)] == [200, 429]
    caller.send("PUT", "/_loadgen/settings", {"faults": {"errors": 0}}, sign=False)
    assert caller.put(monitor, batch()).status == 429
