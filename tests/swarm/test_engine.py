"""One worker's accounting, with a test double in place of the network."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from math import inf
from pathlib import Path

import gevent
import pytest

from loadgen import traffic, wire
from loadgen.errors import ControlError
from loadgen.model import Request, Response, Result, Session
from loadgen.results import Measured, Run, Summary, summarize
from loadgen.results.records import Spool
from loadgen.scenario import Scenario, parse
from loadgen.swarm.engine import Engine
from loadgen.swarm.feeder import Job
from loadgen.swarm.sender import NoAnswer
from loadgen.wire.sigv4 import Credentials, Signer

SHOP = """
name = "shop"
duration = "60s"
arrivals.rate = 2
[pages.home]
path = "/"
to = { home = 0.5 }
exit = 0.5
"""

DESTINATION = wire.Destination("localhost", "00000000-0000-4000-8000-000000000000", "shop.example.com")


def scenario(more: str = "") -> Scenario:
    return parse(SHOP + more, "shop.toml")


def run(
    send: Callable[[Request], Response],
    shop: Scenario,
    pace: float = inf,
    sessions: Iterator[Session] | None = None,
    **job: int,
) -> tuple[Summary, list[Result], Engine]:
    """Run a whole job with four senders; what was measured, every result, and the engine."""
    engine = Engine(
        Job(shop, DESTINATION, time.time(), pace, **job),
        sessions or traffic.sessions(shop, 1),
        send,
        lambda: Signer(Credentials("AKIDEXAMPLE", "secret"), "us-east-1"),
    )
    results: list[Result] = []

    def sender() -> None:
        while (result := engine.send_next()) is not None:
            results.append(result)

    senders = [gevent.spawn(sender) for _ in range(4)]
    gevent.spawn(engine.wait_until_over).get(timeout=60)
    gevent.joinall(senders, timeout=10, raise_error=True)
    return figures(engine), results, engine


def figures(engine: Engine) -> Summary:
    """What the engine measured, summed up."""
    measured = Measured()
    measured.add(engine.measure(10**6))
    return summarize(measured, scenario(), Run(1, "max", "2026-11-21T12:00:00Z", 1))


class Receiver:
    """Answers in turn, and remembers what it was asked."""

    def __init__(self, *statuses: int | None) -> None:
        self.statuses = statuses
        self.seen: list[Request] = []

    def __call__(self, request: Request) -> Response:
        status = self.statuses[len(self.seen) % len(self.statuses)]
        self.seen.append(request)
        gevent.sleep(0)
        if status is None:
            raise NoAnswer("reset")
        return Response(status, (("x-amzn-errortype", "SomeException"),))


def test_everything_is_accepted_by_a_willing_receiver() -> None:
    receiver = Receiver(200)
    measured, results, _ = run(receiver, scenario())
    assert measured.events.balanced
    assert measured.events.lost == 0 < measured.events.accepted
    assert len(receiver.seen) == len(results) == measured.requests.accepted == measured.requests.offered


@pytest.mark.parametrize("statuses", [(429,), (200, 429, 500), (200, 403), (404,), (None, 200), (400,)])
def test_accounting_holds_whatever_the_receiver_answers(statuses: tuple[int | None, ...]) -> None:
    measured, _, _ = run(Receiver(*statuses), scenario("[client]\nsessionEventLimit = 30\n"))
    assert measured.events.balanced
    assert measured.events.sent > 0
    requests = measured.requests
    assert requests.sent == requests.accepted + requests.throttled + requests.failed


def test_a_retry_repeats_the_very_same_request() -> None:
    receiver = Receiver(429)
    measured, _, _ = run(receiver, scenario())
    assert measured.requests.retried > 0
    first_attempts = measured.requests.sent - measured.requests.retried
    assert len({(request.headers, request.target, request.body) for request in receiver.seen}) == first_attempts


def test_a_page_that_is_switched_off_sends_nothing_more() -> None:
    measured, _, _ = run(Receiver(404), scenario())
    assert measured.events.dropped_by_client > 0
    assert measured.requests.retried == 0


def test_the_budget_of_events_is_never_passed() -> None:
    measured, _, engine = run(Receiver(200), scenario(), max_events=100)
    assert 0 < measured.events.sent <= 100
    assert measured.events.balanced
    assert engine.stop_reason == "--max-events 100 reached"


def test_a_full_disk_ends_the_run_before_a_request_whose_record_it_could_not_keep(tmp_path: Path) -> None:
    shop, spool, receiver = scenario(), Spool(tmp_path / "spool"), Receiver(200)
    job = Job(shop, DESTINATION, time.time(), inf)
    engine = Engine(job, traffic.sessions(shop, 1), receiver, None, spool)
    assert engine.send_next() is not None
    spool.full = "No space left on device"
    assert engine.send_next() is None
    gevent.spawn(engine.wait_until_over).get(timeout=30)
    measured = figures(engine)
    assert engine.stop_reason == "no room for more records: No space left on device"
    assert (measured.requests.sent, len(receiver.seen)) == (1, 1)
    assert measured.events.balanced


def test_a_stopped_run_waits_for_what_is_in_flight_and_counts_the_rest_as_unsent() -> None:
    asked, answer = gevent.event.Event(), gevent.event.Event()

    def slow(request: Request) -> Response:
        asked.set()
        answer.wait(10)
        return Response(200)

    def stop(engine: Engine) -> None:
        asked.wait(10)
        engine.stop("interrupted")
        answer.set()

    shop = scenario()
    engine = Engine(Job(shop, DESTINATION, time.time(), inf), traffic.sessions(shop, 1), slow, None)
    gevent.spawn(stop, engine)
    gevent.spawn(engine.send_next)
    gevent.spawn(engine.wait_until_over).get(timeout=30)
    measured = figures(engine)
    assert measured.requests.accepted == 1
    assert measured.events.unsent > 0
    assert measured.events.balanced


def test_latency_counts_from_the_intended_moment_when_the_target_freezes() -> None:
    """One freeze of a third of the run: who was due in it waited, and the figures say so."""
    shop, frozen = scenario().adjusted(duration=30, rate=10), gevent.event.Event()
    began = time.perf_counter()

    def freezing(request: Request) -> Response:
        if 1.0 < time.perf_counter() - began < 2.0:
            frozen.set()
            gevent.sleep(2.0 - (time.perf_counter() - began))
        return Response(200)

    _, results, _ = run(freezing, shop, pace=10.0)
    assert frozen.is_set()
    waited = [result for result in results if result.latency > 0.3]
    assert len(waited) > len(results) / 10
    assert all(result.lag + result.service_time == pytest.approx(result.latency) for result in results)
    assert sum(result.service_time > 0.3 for result in results) <= 4  # only the senders that were caught in it


def test_nothing_is_sent_before_its_intended_moment() -> None:
    _, results, _ = run(Receiver(200), scenario().adjusted(duration=20), pace=20.0)
    assert results
    assert all(result.started >= result.intended for result in results)


def test_an_error_of_ours_while_sending_is_accounted_for_and_does_not_hang() -> None:
    def broken(request: Request) -> Response:
        raise ZeroDivisionError

    measured, results, _ = run(broken, scenario())
    assert measured.events.balanced
    assert {result.error for result in results} == {"ZeroDivisionError"}


def test_credentials_that_cannot_be_renewed_lose_no_batch() -> None:
    shop, receiver = scenario(), Receiver(200)

    def expired() -> Signer:
        gevent.sleep(0.001)  # it asks over the network
        raise ControlError("expired")

    engine = Engine(Job(shop, DESTINATION, time.time(), inf), traffic.sessions(shop, 1), receiver, expired)
    gevent.spawn(lambda: [None for _ in iter(engine.send_next, None)])
    gevent.spawn(engine.wait_until_over).get(timeout=60)
    summary = figures(engine)
    assert summary.events.balanced
    assert summary.errors["not signed"] == summary.requests.sent > 0
    assert receiver.seen == []


def test_nothing_is_sent_before_the_runs_zero_at_full_speed_either() -> None:
    shop = scenario()
    engine = Engine(Job(shop, DESTINATION, time.time() + 0.3, inf), traffic.sessions(shop, 1), Receiver(200), None)
    first = gevent.spawn(engine.send_next).get(timeout=10)
    engine.stop("seen enough")
    gevent.spawn(engine.wait_until_over).get(timeout=10)
    assert first is not None
    assert first.started >= 0
