"""Where a request's time goes: each part of loadgen's way to a request, alone, on one core."""

from __future__ import annotations

import time
from itertools import islice

import msgspec

from loadgen import client, traffic, wire
from loadgen.model import Batch, Result, Session
from loadgen.results import Meter
from loadgen.scenario import Scenario, load
from loadgen.swarm.sender import serialize
from loadgen.wire.compression import compressed
from loadgen.wire.sigv4 import Credentials, Signer
from tests.benchmarks.ready import MONITOR_ID, STOREFRONT

SESSIONS = 1500
TURNS = 3


class Parts(msgspec.Struct):
    """Microseconds an event or a request; the least of several turns."""

    events_a_batch: float
    build_us_an_event: float  # draw and build sessions
    plan_us_an_event: float  # the client model
    encode_us_an_event: float  # without gzip
    compress_us_a_request: float
    sign_us_a_request: float
    serialize_us_a_request: float
    record_us_a_request: float

    @property
    def generated_events_a_second(self) -> float:
        """Drawing, client model and encoding together, without gzip."""
        return 1e6 / (self.build_us_an_event + self.plan_us_an_event + self.encode_us_an_event)

    def table(self) -> list[str]:
        """Rows for people, at this number of events a batch."""
        each = self.events_a_batch
        per_request = {
            "draw and build": self.build_us_an_event * each,
            "client model": self.plan_us_an_event * each,
            "encode": self.encode_us_an_event * each,
            "compress": self.compress_us_a_request,
            "sign": self.sign_us_a_request,
            "serialize": self.serialize_us_a_request,
            "record": self.record_us_a_request,
        }
        rows = [f"| {name} | {microseconds:.1f} |" for name, microseconds in per_request.items()]
        return [
            f"Storefront, {each:.1f} events a request; generation with encoding alone makes "
            f"{self.generated_events_a_second:,.0f} events a second.",
            "",
            "| part | µs a request |",
            "|---|---|",
            *rows,
        ]


def parts() -> Parts:
    """Measure every part on the storefront, whose batches have about 9 events."""
    scenario = load(STOREFRONT)
    settings = scenario.client
    sessions = drawn(scenario)
    noticed = sum(len(each.events) for session in sessions for each in session.loads)
    batches = [batch for session in sessions for batch in client.plan(session, settings, 1.0).batches]
    sent = sum(len(batch.events) for batch in batches)
    return Parts(
        events_a_batch=sent / len(batches),
        build_us_an_event=least(lambda: drawn(scenario)) / noticed,
        plan_us_an_event=least(lambda: [client.plan(session, settings, 1.0) for session in sessions]) / noticed,
        encode_us_an_event=least(lambda: encoded(batches, False)) / sent,
        **per_request(batches),
    )


def per_request(batches: list[Batch]) -> dict[str, float]:
    """The parts that cost by the request."""
    plain, number = encoded(batches, False), len(batches)
    packed = encoded(batches, True)
    signer = Signer(Credentials("AKIDEXAMPLE", "secret"), "us-east-1")
    requests = [each.request for each in packed]
    signed = [signer.sign(request, 1767225600.0) for request in requests]
    result = Result(1.0, 1.0, 1.1, 200, 10, 900, 4000)
    meter = Meter(0)
    bodies = [each.request.body for each in plain if not each.beacon]
    return {
        "compress_us_a_request": least(lambda: [compressed(body, len(body)) for body in bodies]) / number,
        "sign_us_a_request": least(lambda: [signer.sign(request, 1767225600.0) for request in requests]) / number,
        "serialize_us_a_request": least(lambda: [serialize(request) for request in signed]) / number,
        "record_us_a_request": least(lambda: [meter.record(result) for _ in range(number)]) / number,
    }


def drawn(scenario: Scenario) -> list[Session]:
    """The first sessions."""
    return list(islice(traffic.sessions(scenario, 1), SESSIONS))


def encoded(batches: list[Batch], compression: bool) -> list[wire.Encoded]:
    """All batches as requests."""
    destination = wire.Destination("localhost", MONITOR_ID, "shop.example.com", compression=compression)
    clock = wire.Clock(1767225600.0)
    return [wire.encode(batch, destination, clock) for batch in batches]


def least(work: object) -> float:
    """Microseconds of the quickest turn."""
    assert callable(work)
    best = float("inf")
    for _ in range(TURNS):
        began = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - began)
    return best * 1e6
