"""The loop against a service in this process: exactly once in all kinds of weather."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from threading import Event

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loadgen import wire
from loadgen.errors import ControlError, LoadgenError, Unreachable
from loadgen.jobs.seed import rate_limiter
from loadgen.jobs.seed.in_doubt import ReadEvents, Visibility
from loadgen.jobs.seed.ledger import BatchLedger, LedgerTotals
from loadgen.jobs.seed.period import PastPeriod
from loadgen.jobs.seed.rate_limiter import RateLimiter
from loadgen.jobs.seed.seeder import Dependencies, Seeder, SeedProgress
from loadgen.jobs.seed.senders import SenderThreads
from loadgen.jobs.seed.stream import EncodedBatch, encode_batch, plan_batches
from loadgen.model import Request, Response, Send
from loadgen.scenario import Scenario
from loadgen.transport import FirstAnswer, NoAnswer, first_answer
from tests.jobs.seed.service import Luck, Service

START = float(int(time.time()) - 100_000)
QUICK = Visibility(0.03, 0.01)
SCENARIO = Scenario.parse(
    'name = "x"\n[arrivals]\nrate = 0.02\n[pages.home]\npath = "/"\nto = { home = 0.6 }\nexit = 0.4\n', "x"
)
DESTINATION = wire.Destination(host="h", monitor_id="m", domain="shop.example.com")
STORM = Luck(throttled=0.01, refused=0.05, lost=0.08, lost_answers=0.08, broken=0.08, lying=0.08)


@pytest.fixture(autouse=True, scope="module")
def impatient() -> Iterator[None]:
    """Rows of failures must not make the tests wait."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rate_limiter, "FIRST_BACKOFF", 0.001)
        patch.setattr(rate_limiter, "LONGEST_BACKOFF", 0.005)
        yield


def batches(seed: int = 1, start: float = START) -> Iterator[EncodedBatch]:
    stream = plan_batches(SCENARIO, seed, PastPeriod(start, start + 2000.0))
    return (encode_batch(number, each, DESTINATION, wire.Clock(start)) for number, each in enumerate(stream))


def sent(
    ledger: BatchLedger,
    stream: Iterator[EncodedBatch],
    send: Send,
    read: ReadEvents,
    patience: float = 30.0,
    heard: list[str] | None = None,
) -> tuple[bool, SeedProgress]:
    senders = SenderThreads(lambda: send, 4)
    needs = Dependencies(
        ledger=ledger,
        senders=senders,
        limiter=RateLimiter(5000.0, time.monotonic()),
        signer=None,
        read=read,
        visibility=QUICK,
        on_progress=lambda _: None,
        first_answer=FirstAnswer("http://h", "PutRumEvents", heard.append if heard is not None else lambda _: None),
        patience=patience,
    )
    try:
        seeder = Seeder(stream, needs)
        return seeder.run(), seeder.progress
    finally:
        senders.close()


def events(stream: Iterator[EncodedBatch]) -> set[bytes]:
    return {event for batch in stream for event in batch.entry.ids}


def assert_once(service: Service, expected: set[bytes]) -> None:
    taken = service.times_taken()
    assert set(taken) == expected
    assert set(taken.values()) == {1}


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_every_event_is_taken_exactly_once_in_a_storm(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    service = Service(STORM, seed)
    with BatchLedger(tmp_path_factory.mktemp("run"), write=True) as ledger:
        whole, progress = sent(ledger, batches(), service, service.read)
        totals = ledger.count_totals()
    assert whole
    assert_once(service, events(batches()))
    assert (totals.accepted_events, totals.in_doubt) == (progress.events, 0)


def test_events_that_show_late_are_not_sent_twice(tmp_path: Path) -> None:
    service = Service(Luck(lost_answers=0.3, lying=0.3), delay=QUICK.settle * 0.6)
    with BatchLedger(tmp_path, write=True) as ledger:
        whole, progress = sent(ledger, batches(), service, service.read)
    assert whole
    assert progress.found > 0 == progress.again
    assert_once(service, events(batches()))


def test_a_run_that_was_cut_off_anywhere_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """A kill between write-ahead and answer: the ledger knows a batch in doubt, the service may have it or not."""
    service = Service(Luck())
    with BatchLedger(tmp_path, write=True) as ledger:
        sent(ledger, islice(batches(), 20), service, service.read)
        doubtful = list(islice(batches(), 20, 26))
        ledger.mark_in_doubt(batch.entry for batch in doubtful)
    for batch in doubtful[::2]:
        service(batch.request)
    before = service.requests
    with BatchLedger(tmp_path, write=True) as ledger:
        whole, progress = sent(ledger, batches(), service, service.read)
    assert whole
    assert (progress.found, progress.again) == (3, 3)
    assert service.requests - before == len(list(batches())) - 23
    assert_once(service, events(batches()))


def test_what_is_in_doubt_is_looked_up_together(tmp_path: Path) -> None:
    service = Service(Luck())
    with BatchLedger(tmp_path, write=True) as ledger:
        ledger.mark_in_doubt(batch.entry for batch in batches())
    with BatchLedger(tmp_path, write=True) as ledger:
        assert sent(ledger, batches(), service, service.read)[0]
    assert service.reads < len(list(batches())) / 5


def test_a_read_back_that_fails_is_tried_again(tmp_path: Path) -> None:
    service = Service(Luck(lost_answers=0.5))
    failures = iter([Unreachable("down")] * 3)

    def read(after: int, before: int) -> Iterator[tuple[bytes, int]]:
        for failure in failures:
            raise failure
        return service.read(after, before)

    with BatchLedger(tmp_path, write=True) as ledger:
        assert sent(ledger, batches(), service, read)[0]
    assert_once(service, events(batches()))


@pytest.mark.parametrize(
    ("status", "said"),
    [(404, "the app monitor is gone"), (403, "the credentials lack rum:PutRumEvents"), (400, "refused")],
)
def test_an_answer_that_no_retry_mends_stops_the_run_and_keeps_the_ledger(
    tmp_path: Path, status: int, said: str
) -> None:
    def refuse(request: Request) -> Response:
        return Response(status, (("x-amzn-errortype", "SomeException"),), b"{}")

    service = Service(Luck())
    with BatchLedger(tmp_path, write=True) as ledger:
        with pytest.raises(ControlError, match=said) as caught:
            sent(ledger, batches(), refuse, service.read)
        assert "run the same command again to go on" in str(caught.value)
        assert ledger.count_totals().accepted == 0
    with BatchLedger(tmp_path, write=True) as ledger:
        assert sent(ledger, batches(), service, service.read)[0]
    assert_once(service, events(batches()))


@pytest.mark.parametrize(
    "foreign",
    [
        Response(200, (("content-type", "text/html"),), b"<html>Log in</html>"),
        Response(200, (("content-type", "text/plain"),), b"ok"),
        Response(206, (), b"{}"),
        Response(302, (("location", "https://sso.example.com/"),)),
    ],
)
def test_an_answer_that_rum_cannot_have_given_is_in_doubt_and_a_few_stop_the_run(
    tmp_path: Path, foreign: Response
) -> None:
    service = Service(Luck())
    with BatchLedger(tmp_path, write=True) as ledger:
        with pytest.raises(ControlError, match=f"not RUM's answer: {foreign.status} "):
            sent(ledger, batches(), lambda _: foreign, service.read)
        totals = ledger.count_totals()
        assert (totals.accepted, totals.in_doubt >= 3) == (0, True)
        assert totals.in_doubt <= 12  # a few, and what was in flight
    with BatchLedger(tmp_path, write=True) as ledger:
        assert sent(ledger, batches(), service, service.read)[0]
    assert_once(service, events(batches()))


def test_a_page_now_and_then_is_looked_up_and_sent_again(tmp_path: Path) -> None:
    service, turns = Service(Luck()), count()

    def send(request: Request) -> Response:
        return Response(200, (), b"<html>") if next(turns) % 7 == 3 else service(request)

    with BatchLedger(tmp_path, write=True) as ledger:
        whole, progress = sent(ledger, batches(), send, service.read)
    assert whole
    assert progress.again > 3
    assert_once(service, events(batches()))


def test_a_service_that_never_helps_ends_the_run_in_the_end(tmp_path: Path) -> None:
    service = Service(Luck(refused=1.0))
    with (
        BatchLedger(tmp_path, write=True) as ledger,
        pytest.raises(LoadgenError, match=r"nothing was accepted for 0\.3 s"),
    ):
        sent(ledger, batches(), service, service.read, patience=0.3)


def test_a_service_that_takes_requests_and_never_answers_is_told_soon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_answer, "ANSWER_SECONDS", 1.0)
    monkeypatch.setattr(first_answer, "NOTICE_SECONDS", 0.2)
    told, over = list[str](), Event()

    def send(request: Request) -> Response:
        over.wait(30.0)
        raise NoAnswer("timeout")

    service = Service(Luck())
    with (
        BatchLedger(tmp_path, write=True) as ledger,
        pytest.raises(
            Unreachable, match=r"PutRumEvents: no answer from http://h in 1 s \(timeout\); what was sent is in"
        ),
    ):
        sent(ledger, batches(), send, service.read, heard=told)
    over.set()
    assert told == ["waiting for h to answer PutRumEvents, at most 1 s"]
    with BatchLedger(tmp_path, write=True) as ledger:
        whole, progress = sent(ledger, batches(), service, service.read)
    assert whole
    assert progress.again > 0
    assert_once(service, events(batches()))


def test_a_service_that_falls_silent_after_an_answer_is_an_outage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_answer, "ANSWER_SECONDS", 0.1)
    service, asked = Service(Luck()), count()

    def send(request: Request) -> Response:
        if 3 <= next(asked) < 9:
            time.sleep(0.15)
            raise NoAnswer("timeout")
        return service(request)

    with BatchLedger(tmp_path, write=True) as ledger:
        assert sent(ledger, batches(), send, service.read)[0]
    assert_once(service, events(batches()))


def test_a_shortage_of_this_machine_stops_the_run_and_is_named(tmp_path: Path) -> None:
    def send(request: Request) -> Response:
        raise NoAnswer("generator: file descriptors", sent=False)

    service = Service(Luck())
    with BatchLedger(tmp_path, write=True) as ledger, pytest.raises(LoadgenError, match="ran out of file descriptors"):
        sent(ledger, batches(), send, service.read)


def test_other_traffic_under_the_same_numbers_is_refused(tmp_path: Path) -> None:
    service = Service(Luck())
    with BatchLedger(tmp_path, write=True) as ledger:
        assert sent(ledger, batches(seed=1), service, service.read)[0]
        with pytest.raises(LoadgenError, match="another version of loadgen began it"):
            sent(ledger, batches(seed=2), service, service.read)


def test_what_has_grown_too_old_meanwhile_is_told_and_not_sent(tmp_path: Path) -> None:
    service = Service(Luck())
    with BatchLedger(tmp_path, write=True) as ledger, pytest.raises(LoadgenError, match="RUM keeps 30 days"):
        sent(ledger, batches(start=START - 30 * 86_400), service, service.read)
    assert service.requests == 0


def test_a_finished_stream_sends_nothing_again(tmp_path: Path) -> None:
    service = Service(Luck())
    with BatchLedger(tmp_path, write=True) as ledger:
        sent(ledger, batches(), service, service.read)
        before, totals = service.requests, ledger.count_totals()
        assert sent(ledger, batches(), service, service.read)[0]
        assert (service.requests, ledger.count_totals()) == (before, totals)
    assert totals == LedgerTotals(before, len(events(batches())))


def test_a_stop_waits_for_what_is_in_flight_and_tells_that_it_is_not_whole(tmp_path: Path) -> None:
    service = Service(Luck())
    senders = SenderThreads(lambda: service, 4)
    with BatchLedger(tmp_path, write=True) as ledger:

        def stop_after_ten(progress: SeedProgress) -> None:
            if progress.accepted >= 10:
                seeder.stopping = True

        needs = Dependencies(
            ledger,
            senders,
            RateLimiter(500.0, time.monotonic()),
            None,
            service.read,
            QUICK,
            stop_after_ten,
            FirstAnswer("http://h", "PutRumEvents", lambda _: None),
        )
        seeder = Seeder(batches(), needs)
        assert seeder.run() is False
        assert 10 <= ledger.count_totals().accepted == service.requests < len(list(batches()))
        assert ledger.count_totals().in_doubt == 0
    senders.close()


def test_a_batch_is_in_the_ledger_before_its_request_leaves(tmp_path: Path) -> None:
    service = Service(Luck())
    with BatchLedger(tmp_path, write=True) as ledger:
        reader = BatchLedger(tmp_path)

        def send(request: Request) -> Response:
            with BatchLedger(tmp_path) as seen:
                assert seen.count_totals().in_doubt >= 1
            return service(request)

        assert sent(ledger, islice(batches(), 30), send, service.read)[0]
        assert reader.count_totals().accepted == 30
