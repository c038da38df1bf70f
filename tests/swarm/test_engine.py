"""One worker's accounting, with a test double in place of the network."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from math import inf
from pathlib import Path
from typing import Any

import gevent
import msgspec
import pytest
from gevent.event import AsyncResult

from loadgen import wire
from loadgen.errors import ControlError
from loadgen.model import Request, Response, Result
from loadgen.planned import PlannedSession, planned
from loadgen.results import Aggregate, MonitorSummary, RunEnd, RunMonitor, Summary, summarize_run
from loadgen.results.records import InDoubt, Spool, count_in_doubt
from loadgen.scenario import Scenario
from loadgen.swarm.engine import Engine
from loadgen.swarm.feeder import Feeder, Job, Monitored, PlannedVisit, merge_in_order
from loadgen.transport import NoAnswer
from loadgen.wire.sigv4 import Credentials, Signer
from tests.swarm.waiting import begin_with

SHOP = """
name = "shop"
duration = "60s"
arrivals.rate = 2
[pages.home]
path = "/"
to = { home = 0.5 }
exit = 0.5
"""

ELSEWHERE = "11111111-0000-4000-8000-000000000000"
DESTINATION = wire.Destination("localhost", "00000000-0000-4000-8000-000000000000", "shop.example.com")


def signer() -> Signer:
    return Signer(Credentials("AKIDEXAMPLE", "secret"), "us-east-1")


def scenario(more: str = "") -> Scenario:
    return Scenario.parse(SHOP + more, "shop.toml")


def run(
    send: Callable[[Request], Response],
    shop: Scenario,
    pace: float = inf,
    sessions: Iterator[PlannedSession] | None = None,
    **job: Any,
) -> tuple[Summary, list[Result], Engine]:
    """Run a whole job with four senders; what was measured, every result, and the engine."""
    engine = Engine(
        Job((Monitored(shop, DESTINATION),), time.time(), pace, **job),
        merge_in_order([sessions or planned(shop, 1)]),
        begin_with(send),
        signer,
    )
    results: list[Result] = []
    engine.on_results = results.extend
    senders = [gevent.spawn(engine.serve) for _ in range(4)]
    gevent.spawn(engine.wait_until_over).get(timeout=60)
    gevent.joinall(senders, timeout=10, raise_error=True)
    return figures(engine), results, engine


def job(shop: Scenario, zero: float | None = None) -> Job:
    """As fast as possible, to one app monitor."""
    return Job((Monitored(shop, DESTINATION),), time.time() if zero is None else zero, inf)


def visits(shop: Scenario) -> Iterator[PlannedVisit]:
    return merge_in_order([planned(shop, 1)])


def figures(engine: Engine) -> Summary:
    """What the engine measured, summed up."""
    measured = Aggregate()
    measured.add(engine.measure(10**6))
    return summarize_run(measured, scenario(), RunEnd(1, "max", "2026-11-21T12:00:00Z", 1))


class Receiver:
    """Answers in turn, and remembers what it was asked."""

    def __init__(self, *statuses: int | None) -> None:
        self.statuses = statuses
        self.seen: list[Request] = []
        self.preflights: list[Request] = []

    def __call__(self, request: Request) -> Response:
        if request.method == "OPTIONS":
            self.preflights.append(request)
            return Response(204, (("access-control-allow-origin", "*"),))
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


def test_a_feeder_hears_of_every_batch_and_may_send_on_when_a_page_is_switched_off() -> None:
    heard: list[Result] = []

    class Hearing(Feeder):
        heeds_switch_off = False

        def receive_results(self, results: Sequence[Result]) -> None:
            heard.extend(results)

    def send(request: Request) -> Response:
        if len(heard) % 3 == 0:
            raise NoAnswer("generator: file descriptors", sent=False)
        return Response(404)

    shop = scenario()
    engine = Engine(job(shop), visits(shop), begin_with(send), None, feeder=Hearing)
    gevent.spawn(engine.serve)
    (tally,) = gevent.spawn(engine.wait_until_over).get(timeout=30)
    events = figures(engine).events
    assert sum(result.events for result in heard if result.status == 404) == events.sent > 0
    assert sum(result.events for result in heard if result.status is None) <= events.unsent
    assert {result.status for result in heard} == {404, None}
    assert tally.switched_off == 0 and events.balanced


def two_monitors(send: Callable[[Request], Response], **of_the_second: object) -> tuple[Summary, Engine]:
    """A run for two app monitors whose sessions are the same, index for index; their pages send more than one batch."""
    shop = scenario("[telemetry]\ninteractions_per_minute = 3\n")
    other = shop.model_copy(update={"client": shop.client.model_copy(update=of_the_second)})
    elsewhere = msgspec.structs.replace(DESTINATION, monitor_id=ELSEWHERE)
    both = Job((Monitored(shop, DESTINATION), Monitored(other, elsewhere, other.client.signing)), time.time(), inf)
    engine = Engine(both, merge_in_order([planned(shop, 1), planned(other, 1)]), begin_with(send), signer)
    for _ in range(4):
        gevent.spawn(engine.serve)
    gevent.spawn(engine.wait_until_over).get(timeout=60)
    measured = Aggregate(names=("shop", "other"))
    measured.add(engine.measure(10**6))
    monitors = (RunMonitor("shop", DESTINATION.monitor_id), RunMonitor("other", ELSEWHERE))
    return summarize_run(measured, shop, RunEnd(1, "max", "2026-11-21T12:00:00Z", 1, monitors=monitors)), engine


def test_a_page_is_switched_off_for_its_own_app_monitor_alone() -> None:
    summary, _ = two_monitors(lambda request: Response(404 if ELSEWHERE in request.target else 200))
    shop, other = summary.monitors
    assert shop.events.switched_off == 0 < other.events.switched_off
    assert shop.requests.accepted == shop.requests.offered == shop.requests.sent
    assert (other.requests.accepted, other.errors) == (0, {"404": other.requests.sent})


def list_counts(part: Summary | MonitorSummary) -> list[msgspec.Struct]:
    return [part.events, part.requests, *msgspec.structs.astuple(part.outcomes)]


def test_app_monitors_are_accounted_for_one_by_one_and_add_up_to_the_whole() -> None:
    answers = itertools.cycle([200, 429, 403, 200, 500])
    summary, _ = two_monitors(lambda request: Response(next(answers)), batchLimit=5)
    assert all(each.events.balanced for each in summary.monitors)
    counted = [list_counts(summary), *map(list_counts, summary.monitors)]
    for whole, *parts in zip(*counted, strict=True):
        assert msgspec.structs.astuple(whole) == tuple(map(sum, zip(*map(msgspec.structs.astuple, parts), strict=True)))
    assert summary.sessions == sum(each.sessions for each in summary.monitors)
    assert summary.monitors[0].requests.offered < summary.monitors[1].requests.offered


def test_an_app_monitor_whose_client_does_not_sign_gets_unsigned_requests() -> None:
    signed: dict[str, set[bool]] = {DESTINATION.monitor_id: set(), ELSEWHERE: set()}

    def look(request: Request) -> Response:
        has = request.get_header("authorization") is not None or "X-Amz-Signature" in request.target
        if request.method == "OPTIONS":
            return Response(204)
        signed[ELSEWHERE if ELSEWHERE in request.target else DESTINATION.monitor_id].add(has)
        return Response(200)

    two_monitors(look, signing=False)
    assert signed == {DESTINATION.monitor_id: {True}, ELSEWHERE: {False}}


def test_the_budget_of_events_is_never_passed() -> None:
    measured, _, engine = run(Receiver(200), scenario(), max_events=100)
    assert 0 < measured.events.sent <= 100
    assert measured.events.balanced
    assert engine.stop_reason == "--max-events 100 reached"


def test_a_full_disk_ends_the_run_before_a_request_whose_record_it_could_not_keep(tmp_path: Path) -> None:
    shop, spool, receiver = scenario(), Spool(tmp_path / "spool"), Receiver(200)

    def answer_and_fill_the_disk(request: Request) -> Response:
        response = receiver(request)
        spool.full = "No space left on device" if receiver.seen else None
        return response

    engine = Engine(job(shop), visits(shop), begin_with(answer_and_fill_the_disk), None, spool)
    gevent.spawn(engine.serve)
    gevent.spawn(engine.wait_until_over).get(timeout=30)
    measured = figures(engine)
    assert engine.stop_reason == "no room for more records: No space left on device"
    assert measured.verdict == "invalid"  # not passed with the part that was sent
    assert "ran out of disk space: make room, or give --out another disk (1 batch was not sent)" in measured.reasons[0]
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
    engine = Engine(job(shop), visits(shop), begin_with(slow), None)
    gevent.spawn(stop, engine)
    gevent.spawn(engine.serve)
    gevent.spawn(engine.wait_until_over).get(timeout=30)
    measured = figures(engine)
    assert measured.requests.accepted == 1
    assert measured.events.unsent > 0
    assert measured.events.balanced


def test_latency_counts_from_the_intended_moment_when_the_target_freezes() -> None:
    """One freeze of a third of the run: who was due in it waited, and the figures say so."""
    shop, until = scenario("[client]\npreflights = false\n").adjust(duration=30, rate=10), 0.0
    began = time.perf_counter()

    def freezing(request: Request) -> Response:
        nonlocal until
        now = time.perf_counter()
        if not until and now - began > 1.0:
            until = now + 1.0  # from this request on, however late a busy machine let it come
        if now < until:
            gevent.sleep(until - now)
        return Response(200)

    _, results, engine = run(freezing, shop, pace=10.0)
    over = until - time.perf_counter() + engine.now()  # by the run's clock
    caught = [result for result in results if result.started < over - 0.1 < result.finished]
    due = [result for result in results if over - 0.9 < result.intended < over - 0.31]
    assert len(due) > len(caught) > 0
    assert all(result.latency > 0.3 for result in due)
    assert all(result.lag + result.service_time == pytest.approx(result.latency) for result in results)
    assert len(caught) <= 4  # only the senders


def test_nothing_is_sent_before_its_intended_moment() -> None:
    _, results, _ = run(Receiver(200), scenario().adjust(duration=20), pace=20.0)
    assert results
    assert all(result.started >= result.intended for result in results)


def test_an_error_of_ours_while_sending_is_accounted_for_and_does_not_hang() -> None:
    def broken(request: Request) -> Response:
        raise ZeroDivisionError

    measured, results, _ = run(broken, scenario())
    assert measured.events.balanced
    assert {result.error for result in results} == {"generator: ZeroDivisionError"}


def test_credentials_that_cannot_be_renewed_lose_no_batch() -> None:
    shop, receiver = scenario(), Receiver(200)

    def expired() -> Signer:
        gevent.sleep(0.001)  # it asks over the network
        raise ControlError("expired")

    engine = Engine(job(shop), visits(shop), begin_with(receiver), expired)
    gevent.spawn(engine.serve)
    gevent.spawn(engine.wait_until_over).get(timeout=60)
    summary = figures(engine)
    assert summary.events.balanced
    assert summary.errors["not signed"] == summary.requests.sent > 0
    assert receiver.seen == []


def test_nothing_is_sent_before_the_runs_zero_at_full_speed_either() -> None:
    shop = scenario()
    engine = Engine(job(shop, time.time() + 0.3), visits(shop), begin_with(Receiver(200)), None)
    results: AsyncResult[Sequence[Result]] = AsyncResult()
    engine.on_results = results.set
    gevent.spawn(engine.serve)
    first = results.get(timeout=10)[0]
    engine.stop("seen enough")
    gevent.spawn(engine.wait_until_over).get(timeout=10)
    assert first.started >= 0


def test_what_this_machine_cannot_send_is_unsent_and_makes_the_run_invalid(tmp_path: Path) -> None:
    """Every third request finds no descriptor: none of them is sent, failed, or in doubt."""
    asked = itertools.count()

    def send(request: Request) -> Response:
        if next(asked) % 3 == 0:
            raise NoAnswer("generator: file descriptors", sent=False)
        return Response(200)

    shop, spool = scenario(), Spool(tmp_path / "spool")
    engine = Engine(job(shop), visits(shop), begin_with(send), None, spool)
    senders = [gevent.spawn(engine.serve) for _ in range(4)]
    gevent.spawn(engine.wait_until_over).get(timeout=60)
    gevent.joinall(senders, timeout=10, raise_error=True)
    summary = figures(engine)
    assert summary.events.balanced and summary.events.unsent > 0
    assert (summary.requests.failed, summary.errors) == (0, {})
    assert summary.requests.sent == summary.requests.accepted > 0
    assert summary.verdict == "invalid"
    assert "ran out of file descriptors" in summary.reasons[0] and "ulimit -n" in summary.reasons[0]
    assert count_in_doubt([tmp_path / "spool"]) == (InDoubt(),)


def test_a_page_of_html_with_status_200_is_no_acceptance() -> None:
    page = Response(200, (("content-type", "text/html"),), b"<html>Please log in</html>")
    measured, results, _ = run(lambda request: page, scenario())
    assert measured.events.balanced and measured.events.accepted == 0 < measured.events.lost
    assert set(measured.errors) == {"not RUM's answer: 200 text/html"}
    assert measured.verdict == "failed"
    assert "answers were not RUM's; the first: 200 text/html, '<html>Please log in</html>'" in measured.reasons[0]
    assert measured.in_doubt.requests == measured.requests.sent == len(results)


@pytest.mark.parametrize("other", [Response(302, (("location", "/login"),)), Response(201, (), b"{}")])
def test_one_answer_among_many_that_is_not_rums_fails_the_run(other: Response) -> None:
    answers = itertools.chain([Response(200)] * 5, [other], itertools.repeat(Response(200)))
    measured, _, _ = run(lambda request: next(answers), scenario("[client]\npreflights = false\n"))
    assert (measured.requests.failed, measured.verdict) == (1, "failed")


def test_a_backend_with_answers_of_its_own_is_accepted_where_that_is_said() -> None:
    measured, _, _ = run(lambda request: Response(201, (), b"stored"), scenario(), accept="2xx")
    assert measured.requests.accepted == measured.requests.sent > 0
    assert measured.verdict == "passed"
