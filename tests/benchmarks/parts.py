"""Where a request's time goes: each part of loadgen's way to a request, alone, on one core."""

from __future__ import annotations

import gc
import hashlib
import hmac
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec
import numpy as np
from locust.env import Environment

from loadgen import wire
from loadgen.model import Batch, Result, Session
from loadgen.results import Meter
from loadgen.results.records import Spool
from loadgen.scenario import Scenario
from loadgen.swarm.node_role import GC_THRESHOLDS
from loadgen.swarm.schedule import Schedule, ScheduledRequest
from loadgen.traffic import BLOCK, block
from loadgen.traffic.block import Blocks
from loadgen.traffic.block_draws import BlockDraws, Column
from loadgen.traffic.draws import Seeds
from loadgen.traffic.telemetry import record_events
from loadgen.transport import serialize
from loadgen.wire.put_rum_events import compress
from loadgen.wire.sigv4 import Credentials, Signer
from tests.benchmarks.ready import MONITOR_ID, STOREFRONT, planned, under_way

GENERATION = ("draw", "build: ids", "build: details", "build: events", "client model", "encode")
"""The parts of generation with encoding, without gzip."""

SESSIONS = 1024
TURNS = 5
NOW = 1767225600.0


class Parts(msgspec.Struct):
    """Microseconds a request; the least of several turns."""

    events_a_request: float
    noticed_an_event: float  # events that visitors cause, for each that is sent; the rest is only counted
    us: dict[str, float]  # each part of loadgen's way
    floor_us: dict[str, float]  # what of it is inside C libraries

    @property
    def generation_us(self) -> float:
        """Drawing, client model and encoding together, without gzip."""
        return sum(self.us[part] for part in GENERATION)

    @property
    def events_a_second(self) -> float:
        """Events drawn, planned and encoded, those that are only counted not included."""
        return 1e6 * self.events_a_request / self.generation_us

    def table(self, bare: float, whole: float) -> list[str]:
        """For people; `bare` and `whole` are the requests a second of bare sockets and of loadgen in the same run."""
        exchange, all_of_it = 1e6 / bare, 1e6 / whole
        floor = exchange + sum(self.floor_us.values())
        return [
            f"Storefront, {self.events_a_request:.1f} events a request. Generation with encoding alone makes "
            f"{self.events_a_second:,.0f} events a second that are sent, "
            f"{self.events_a_second * self.noticed_an_event:,.0f} with those beyond the session's limit, which are "
            "counted and mostly not made.",
            "",
            "| part, alone | µs a request |",
            "|---|---|",
            *(f"| {name} | {microseconds:.1f} |" for name, microseconds in self.us.items()),
            f"| bare socket exchange (e) | {exchange:.1f} |",
            f"| sum | {sum(self.us.values()) + exchange:.1f} |",
            f"| a request in (c), all together | {all_of_it:.1f} |",
            "",
            f"The floor: C libraries and the kernel take {floor:.1f} µs a request ("
            + ", ".join(f"{name} {microseconds:.1f}" for name, microseconds in self.floor_us.items())
            + f", bare exchange {exchange:.1f}). (c) takes {all_of_it / floor:.1f} times that. The rest is Python: "
            "objects for events, batches and results, greenlets, Locust's statistics, and what the parts cost each "
            "other in the processor's caches.",
        ]


def parts() -> Parts:
    """Measure every part on the storefront, with the garbage collector as a run has it."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    scenario = Scenario.load(STOREFRONT)
    sessions = drawn(under_way(scenario))
    plans = planned(sessions, scenario)
    batches = [batch for plan in plans for batch in plan.batches]
    number, sent = len(batches), sum(len(batch.events) for batch in batches)
    generation = building(scenario) | {
        "client model": least(lambda: planned(sessions, scenario)),
        "encode": least(lambda: encoded(batches, False)),
    }
    us = generation | sending(batches)
    return Parts(
        events_a_request=sent / number,
        noticed_an_event=sum(plan.counts.generated for plan in plans) / sent,
        us={name: each / number for name, each in us.items()},
        floor_us={name: each / number for name, each in libraries(batches).items()},
    )


def building(scenario: Scenario) -> dict[str, float]:
    """The parts of drawing sessions: numbers, ids and details as text, and the rest of making events of them."""
    whole = least(drawn, lambda: under_way(scenario))
    numbers = least(drawn_numbers, lambda: Blocks(scenario, Seeds(1), only_recordable=True))
    ids, details = Stopwatch(), Stopwatch()

    def watched(draws: BlockDraws) -> list[Column]:
        return [family._replace(write_details=details.over(family.write_details)) for family in record_events(draws)]

    with patch.object(BlockDraws, "draw_ids", ids.over(BlockDraws.draw_ids)):
        named = least(drawn, lambda: under_way(scenario), ids.read)
    with patch.object(block, "record_events", watched):
        told = least(drawn, lambda: under_way(scenario), details.read)
    return {
        "draw": numbers,
        "build: ids": named,
        "build: details": told,
        "build: events": whole - numbers - named - told,
    }


class Stopwatch:
    """Adds up the processor time of some function's calls."""

    def __init__(self) -> None:
        self._spent = 0.0

    def over(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, watched."""

        def watched(*arguments: Any) -> Any:
            began = time.thread_time()
            result = function(*arguments)
            self._spent += time.thread_time() - began
            return result

        return watched

    def read(self) -> float:
        """What was spent since the last reading."""
        spent, self._spent = self._spent, 0.0
        return spent


def sending(batches: list[Batch]) -> dict[str, float]:
    """The parts after encoding, for all batches."""
    bodies = [each.request.body for each in encoded(batches, False) if not each.beacon]
    requests = [each.request for each in encoded(batches, True)]
    signer = Signer(Credentials("AKIDEXAMPLE", "secret"), "us-east-1")
    signed = [signer.sign(request, NOW) for request in requests]
    result, meter, locust = Result(1.0, 1.0, 1.1, 200, 10, 900, 4000), Meter(0), fired()
    dues = [
        ScheduledRequest(each.due, each, 10, request, 4000, False)
        for each, request in zip(batches, requests, strict=True)
    ]
    return {
        "compress": least(lambda: [compress(body, len(body)) for body in bodies]),
        "sign": least(lambda: [signer.sign(request, NOW) for request in requests]),
        "serialize": least(lambda: [serialize(request) for request in signed]),
        "schedule": least(lambda: scheduled(dues)),
        "record": least(lambda: recorded(meter, result, len(requests))),
        "Locust's event": least(lambda: [locust() for _ in requests]),
    }


def scheduled(dues: list[ScheduledRequest]) -> None:
    """Put all on a schedule and take them again."""
    schedule = Schedule(lambda: 0.0, False)
    for due in dues:
        schedule.put(due)
    while len(schedule):
        schedule.take()


def recorded(meter: Meter, result: Result, number: int) -> None:
    """Mark and record so many requests, in sums and on disk."""
    with tempfile.TemporaryDirectory() as folder:
        spool = Spool(Path(folder) / "spool")
        for _ in range(number):
            spool.start(1, 10, 1)
            spool.finish(meter.record(result))
        spool.close()


def fired() -> Callable[[], None]:
    """Tells Locust of one request, as our user does."""
    environment = Environment()
    environment.create_local_runner()
    told: dict[str, Any] = {
        "request_type": "PutRumEvents",
        "name": "accepted",
        "response_time": 3.2,
        "response_length": 0,
        "exception": None,
        "context": {},
    }
    return lambda: environment.events.request.fire(**told)  # type: ignore[no-untyped-call]  # Locust's


def libraries(batches: list[Batch]) -> dict[str, float]:
    """What of encoding, compressing and signing is inside C libraries, for all batches."""
    plain = [each.request.body for each in encoded(batches, False)]
    packed = [each.request.body for each in encoded(batches, True)]
    decoded = [msgspec.json.decode(body) for body in plain]
    json = msgspec.json.Encoder()

    def digest() -> None:
        for body in packed:
            hashlib.sha256(body).hexdigest()
            hashlib.sha256(b"canonical request of about three hundred bytes").hexdigest()
            hmac.digest(b"key of thirty-two bytes, as derived", b"string to sign", "sha256")

    bodies = [body for body, sent in zip(plain, packed, strict=True) if body is not sent]
    return {
        "JSON": least(lambda: [json.encode(body) for body in decoded]),
        "gzip": least(lambda: [compress(body, len(body)) for body in bodies]),
        "SHA-256": least(digest),
    }


def drawn_numbers(blocks: Blocks) -> None:
    """As many blocks as columns of numbers, before any event is an object."""
    starts, everyone = np.arange(BLOCK) / 10, np.ones(BLOCK, dtype=bool)
    for number in range(SESSIONS // BLOCK):
        record_events(blocks.draw(number, starts, everyone))


def drawn(sessions: Iterator[Session]) -> list[Session]:
    """The next sessions, whole blocks of them."""
    return list(islice(sessions, SESSIONS))


def encoded(batches: list[Batch], compression: bool) -> list[wire.Encoded]:
    """All batches as requests."""
    destination = wire.Destination("localhost", MONITOR_ID, "shop.example.com", compression=compression)
    clock = wire.Clock(NOW)
    return [wire.encode(batch, destination, clock) for batch in batches]


def least(
    work: Callable[..., object],
    prepared: Callable[[], object] | None = None,
    spent: Callable[[], float] | None = None,
) -> float:
    """Microseconds of processor time of the quickest turn, given what is prepared for it, if anything.

    `spent` says how much of a turn counts, if not all of it.
    """
    best = float("inf")
    for _ in range(TURNS):
        given = [] if prepared is None else [prepared()]
        if spent is not None:
            spent()  # what preparing took
        began = time.thread_time()
        work(*given)
        took = time.thread_time() - began
        best = min(best, took if spent is None else spent())
    return best * 1e6
