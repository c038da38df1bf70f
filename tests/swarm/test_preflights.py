"""Browsers ask before they send: preflights are sent in time, counted apart, and hold nothing back."""

from __future__ import annotations

import time
from math import inf

import gevent
import msgspec
import pytest

from loadgen import wire
from loadgen.causes import DESCRIPTORS, name_shortage
from loadgen.model import Request, Response, Result
from loadgen.options import DialectName
from loadgen.planned import planned
from loadgen.results import Summary
from loadgen.scenario import Scenario
from loadgen.swarm.engine import Engine
from loadgen.swarm.feeder import Job, Monitored, merge_in_order
from loadgen.transport import NoAnswer
from tests.swarm.test_engine import DESTINATION, Receiver, figures, run, scenario, signer
from tests.swarm.waiting import begin_with

HALF = scenario().adjust(duration=30)


def count_visitors_who_fetch(shop: Scenario) -> int:
    """Sessions with a batch that goes by fetch, before the end of the run."""
    visits = ([batch for batch in plan.batches if batch.due < shop.duration] for _, plan in planned(shop, 1))
    return sum(any(not batch.beacon for batch in batches) for batches in visits)


def test_each_visitor_who_fetches_asks_once_and_before() -> None:
    receiver = Receiver(200)
    order: list[Request] = []

    def send(request: Request) -> Response:
        order.append(request)
        return receiver(request)

    measured, _, _ = run(send, HALF)
    assert measured.preflights.sent == len(receiver.preflights) == count_visitors_who_fetch(HALF) > 20
    assert measured.preflights.allowed == measured.preflights.sent
    assert measured.preflights.latency_ms.p50 is not None
    assert measured.requests.sent == len(receiver.seen) == measured.requests.offered
    before = {order[place - 1].method for place, each in enumerate(order) if each.method == "POST" and place}
    assert "OPTIONS" in before


def test_it_asks_for_the_headers_that_the_client_sets() -> None:
    receiver = Receiver(200)
    run(receiver, HALF)
    gzipped = "authorization,content-encoding,content-type,x-amz-content-sha256,x-amz-date"
    asked = {each.get_header("access-control-request-headers") for each in receiver.preflights}
    assert gzipped in asked <= {gzipped, gzipped.replace("content-encoding,", "")}
    assert {each.get_header("access-control-request-method") for each in receiver.preflights} == {"POST"}
    assert {each.target for each in receiver.preflights} == {f"/appmonitors/{DESTINATION.monitor_id}"}
    assert all(each.get_header("authorization") is None for each in receiver.preflights)


@pytest.mark.parametrize("answer", [Response(403), Response(200), None])
def test_a_refusal_is_counted_and_holds_nothing_back(answer: Response | None) -> None:
    receiver = Receiver(200)

    def send(request: Request) -> Response:
        if request.method == "POST":
            return receiver(request)
        if answer is None:
            raise NoAnswer("reset")
        return answer

    measured, _, _ = run(send, HALF)
    counts = measured.preflights
    assert (counts.refused, counts.unanswered) == ((0, counts.sent) if answer is None else (counts.sent, 0))
    assert counts.sent > 0 == counts.allowed
    assert measured.requests.accepted == measured.requests.offered


def test_what_this_machine_could_not_send_is_no_preflight() -> None:
    receiver = Receiver(200)

    def send(request: Request) -> Response:
        if request.method == "OPTIONS":
            raise NoAnswer(name_shortage(DESCRIPTORS), sent=False)
        return receiver(request)

    measured, _, _ = run(send, HALF)
    assert measured.preflights.sent == 0 < measured.requests.accepted


def test_the_request_s_clock_begins_when_the_browser_has_its_answer() -> None:
    """Preflights take 50 ms, requests nothing: that is a preflight's latency, and neither lag nor a request's."""

    def send(request: Request) -> Response:
        if request.method == "OPTIONS":
            gevent.sleep(0.05)
        return Response(200, (("access-control-allow-origin", "*"),))

    shop = scenario().adjust(duration=10)
    measured, results, _ = run(send, shop, pace=10.0)
    assert measured.preflights.latency_ms.p50 is not None and measured.preflights.latency_ms.p50 >= 50
    preflighted = [each for each in results if each.waited > 0 and not each.beacon]
    assert preflighted
    assert min(each.latency for each in preflighted) < 0.05


@pytest.mark.parametrize(("dialect", "asks"), [("web", True), ("sdk", False)])
def test_only_a_browser_asks(dialect: DialectName, asks: bool) -> None:
    receiver, there = Receiver(200), msgspec.structs.replace(DESTINATION, dialect=wire.DIALECTS[dialect])
    measured = run_to(there, receiver)
    assert (measured.preflights.sent > 0) == asks == bool(receiver.preflights)


def test_a_scenario_can_do_without_preflights() -> None:
    receiver = Receiver(200)
    measured, _, _ = run(receiver, scenario("[client]\npreflights = false\n").adjust(duration=30))
    assert measured.preflights.sent == len(receiver.preflights) == 0


def run_to(there: wire.Destination, receiver: Receiver) -> Summary:
    engine = Engine(
        Job((Monitored(HALF, there),), time.time(), inf),
        merge_in_order([planned(HALF, 1)]),
        begin_with(receiver),
        signer,
    )
    results: list[Result] = []
    engine.on_results = results.extend
    for _ in range(4):
        gevent.spawn(engine.serve)
    gevent.spawn(engine.wait_until_over).get(timeout=60)
    return figures(engine)
