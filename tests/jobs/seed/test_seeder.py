"""The loop against a service in this process: exactly once in all kinds of weather."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loadgen import wire
from loadgen.errors import ControlError, LoadgenError, Unreachable
from loadgen.jobs.seed import rate_limiter as pace_module
from loadgen.jobs.seed.encoded_batch import Parcel, packed
from loadgen.jobs.seed.in_doubt import Read, Visibility
from loadgen.jobs.seed.ledger import Ledger, Totals
from loadgen.jobs.seed.period import Period
from loadgen.jobs.seed.rate_limiter import Pace
from loadgen.jobs.seed.seeder import Progress, Seeder, Tools
from loadgen.jobs.seed.senders import Senders
from loadgen.jobs.seed.stream import batches_due
from loadgen.model import Request, Response, Send
from loadgen.scenario import parse
from tests.jobs.seed.service import Luck, Service

START = float(int(time.time()) - 100_000)
QUICK = Visibility(0.03, 0.01)
SCENARIO = parse(
    'name = "x"\n[arrivals]\nrate = 0.02\n[pages.home]\npath = "/"\nto = { home = 0.6 }\nexit = 0.4\n', "x"
)
DESTINATION = wire.Destination(host="h", monitor_id="m", domain="shop.example.com")
STORM = Luck(throttled=0.01, refused=0.05, lost=0.08, lost_answers=0.08, broken=0.08, lying=0.08)


@pytest.fixture(autouse=True, scope="module")
def impatient() -> Iterator[None]:
    """Rows of failures must not make the tests wait."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pace_module, "FIRST_BACKOFF", 0.001)
        patch.setattr(pace_module, "LONGEST_BACKOFF", 0.005)
        yield


def parcels(seed: int = 1, start: float = START) -> Iterator[Parcel]:
    stream = batches_due(SCENARIO, seed, Period(start, start + 2000.0))
    return (packed(each, DESTINATION, wire.Clock(start)) for each in stream)


def sent(
    ledger: Ledger, stream: Iterator[Parcel], send: Send, read: Read, patience: float = 30.0
) -> tuple[bool, Progress]:
    senders = Senders(lambda: send, 4)
    tools = Tools(
        ledger=ledger,
        senders=senders,
        pace=Pace(5000.0, time.monotonic()),
        signer=None,
        read=read,
        visibility=QUICK,
        watch=lambda _: None,
        patience=patience,
    )
    try:
        seeder = Seeder(stream, tools)
        return seeder.run(), seeder.progress
    finally:
        senders.close()


def events(stream: Iterator[Parcel]) -> set[bytes]:
    return {event for parcel in stream for event in parcel.entry.ids}


def assert_once(service: Service, expected: set[bytes]) -> None:
    taken = service.times_taken()
    assert set(taken) == expected
    assert set(taken.values()) == {1}


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_every_event_is_taken_exactly_once_in_a_storm(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    service = Service(STORM, seed)
    with Ledger(tmp_path_factory.mktemp("run"), write=True) as ledger:
        whole, progress = sent(ledger, parcels(), service, service.read)
        totals = ledger.totals()
    assert whole
    assert_once(service, events(parcels()))
    assert (totals.accepted_events, totals.in_doubt) == (progress.events, 0)


def test_events_that_show_late_are_not_sent_twice(tmp_path: Path) -> None:
    service = Service(Luck(lost_answers=0.3, lying=0.3), delay=QUICK.settle * 0.6)
    with Ledger(tmp_path, write=True) as ledger:
        whole, progress = sent(ledger, parcels(), service, service.read)
    assert whole
    assert progress.found > 0 == progress.again
    assert_once(service, events(parcels()))


def test_a_run_that_was_cut_off_anywhere_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """A kill between write-ahead and answer: the ledger knows a batch in doubt, the service may have it or not."""
    service = Service(Luck())
    with Ledger(tmp_path, write=True) as ledger:
        sent(ledger, islice(parcels(), 20), service, service.read)
        doubtful = list(islice(parcels(), 20, 26))
        ledger.doubt(parcel.entry for parcel in doubtful)
    for parcel in doubtful[::2]:
        service(parcel.request)
    before = service.requests
    with Ledger(tmp_path, write=True) as ledger:
        whole, progress = sent(ledger, parcels(), service, service.read)
    assert whole
    assert (progress.found, progress.again) == (3, 3)
    assert service.requests - before == len(list(parcels())) - 23
    assert_once(service, events(parcels()))


def test_what_is_in_doubt_is_looked_up_together(tmp_path: Path) -> None:
    service = Service(Luck())
    with Ledger(tmp_path, write=True) as ledger:
        ledger.doubt(parcel.entry for parcel in parcels())
    with Ledger(tmp_path, write=True) as ledger:
        assert sent(ledger, parcels(), service, service.read)[0]
    assert service.reads < len(list(parcels())) / 5


def test_a_read_back_that_fails_is_tried_again(tmp_path: Path) -> None:
    service = Service(Luck(lost_answers=0.5))
    failures = iter([Unreachable("down")] * 3)

    def read(after: int, before: int) -> Iterator[tuple[bytes, int]]:
        for failure in failures:
            raise failure
        return service.read(after, before)

    with Ledger(tmp_path, write=True) as ledger:
        assert sent(ledger, parcels(), service, read)[0]
    assert_once(service, events(parcels()))


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
    with Ledger(tmp_path, write=True) as ledger:
        with pytest.raises(ControlError, match=said) as caught:
            sent(ledger, parcels(), refuse, service.read)
        assert "run the same command again to go on" in str(caught.value)
        assert ledger.totals().accepted == 0
    with Ledger(tmp_path, write=True) as ledger:
        assert sent(ledger, parcels(), service, service.read)[0]
    assert_once(service, events(parcels()))


def test_a_service_that_never_helps_ends_the_run_in_the_end(tmp_path: Path) -> None:
    service = Service(Luck(refused=1.0))
    with Ledger(tmp_path, write=True) as ledger, pytest.raises(LoadgenError, match=r"nothing was accepted for 0\.3 s"):
        sent(ledger, parcels(), service, service.read, patience=0.3)


def test_other_traffic_under_the_same_numbers_is_refused(tmp_path: Path) -> None:
    service = Service(Luck())
    with Ledger(tmp_path, write=True) as ledger:
        assert sent(ledger, parcels(seed=1), service, service.read)[0]
        with pytest.raises(LoadgenError, match="another version of loadgen began it"):
            sent(ledger, parcels(seed=2), service, service.read)


def test_what_has_grown_too_old_meanwhile_is_told_and_not_sent(tmp_path: Path) -> None:
    service = Service(Luck())
    with Ledger(tmp_path, write=True) as ledger, pytest.raises(LoadgenError, match="RUM keeps 30 days"):
        sent(ledger, parcels(start=START - 30 * 86_400), service, service.read)
    assert service.requests == 0


def test_a_finished_stream_sends_nothing_again(tmp_path: Path) -> None:
    service = Service(Luck())
    with Ledger(tmp_path, write=True) as ledger:
        sent(ledger, parcels(), service, service.read)
        before, totals = service.requests, ledger.totals()
        assert sent(ledger, parcels(), service, service.read)[0]
        assert (service.requests, ledger.totals()) == (before, totals)
    assert totals == Totals(before, len(events(parcels())))


def test_a_stop_waits_for_what_is_in_flight_and_tells_that_it_is_not_whole(tmp_path: Path) -> None:
    service = Service(Luck())
    senders = Senders(lambda: service, 4)
    with Ledger(tmp_path, write=True) as ledger:

        def stop_after_ten(progress: Progress) -> None:
            if progress.accepted >= 10:
                seeder.stop()

        tools = Tools(ledger, senders, Pace(500.0, time.monotonic()), None, service.read, QUICK, stop_after_ten)
        seeder = Seeder(parcels(), tools)
        assert seeder.run() is False
        assert 10 <= ledger.totals().accepted == service.requests < len(list(parcels()))
        assert ledger.totals().in_doubt == 0
    senders.close()


def test_a_batch_is_in_the_ledger_before_its_request_leaves(tmp_path: Path) -> None:
    service = Service(Luck())
    with Ledger(tmp_path, write=True) as ledger:
        reader = Ledger(tmp_path)

        def send(request: Request) -> Response:
            with Ledger(tmp_path) as seen:
                assert seen.totals().in_doubt >= 1
            return service(request)

        assert sent(ledger, islice(parcels(), 30), send, service.read)[0]
        assert reader.totals().accepted == 30
