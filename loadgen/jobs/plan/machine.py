"""What this machine can do: the size of a plan that fits it, and the processes and senders that a run takes."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Sequence

from loadgen import client, wire
from loadgen.errors import LoadgenError
from loadgen.jobs.plan.batch_profile import MONITOR_ID
from loadgen.jobs.plan.demand import MOST_SLOTS, SLOTS, slot_length
from loadgen.model import Noun, Session
from loadgen.scenario import Scenario
from loadgen.wire.sigv4 import Credentials, Signer

START_BYTES = 32  # of memory an arrival takes: its start, drawn, sorted and rounded
SESSION_BYTES = 1_200  # of memory a session takes when all are kept, with about ten batches
LONGEST_EXACT = 5_000_000
"""Sessions that `exact` may ask for: three quarters of an hour at 0.5 ms a session."""

SEND_SECONDS = 150e-6
"""CPU time of sending one request by Locust and measuring its answer, beside drawing, encoding and signing: 120 µs in
a run with --pace max on a 2-core machine, and some room."""

BUSY = 0.6
"""Part of a core that one process may use in its busiest second and still be in time."""

ANSWER_SECONDS = 1.0
"""Answers may take so long, and still a sender is free for each request of the busiest second."""

MOST_SENDERS = 900  # the command line's own bound, per process
SIGNED = 200  # requests that are signed to see how long it takes


class Fleet(Noun):
    """What a run of a plan takes on this machine, and the measurements behind it."""

    processes: int
    senders: int  # per process
    cores: int
    cpu_us_per_event: float  # draw, plan and encode
    cpu_us_per_signature: float
    cpu_us_per_send: float  # assumed
    busiest_cpu: float  # seconds of CPU in the busiest second
    enough: bool  # whether the machine has the cores


def refuse_too_large(name: str, sessions: float, duration: float, exact: bool) -> None:
    """Say how large a plan is that this machine cannot hold."""
    if slot_length(duration) is None:
        longest = MOST_SLOTS * SLOTS[-1]
        raise LoadgenError(
            f"{name}: a plan of {duration / 86400:,.0f} days is too long, {longest / 86400:.0f} days fit; "
            "give a shorter --duration"
        )
    if exact and sessions > LONGEST_EXACT:
        raise LoadgenError(
            f"{name}: an exact rehearsal of {sessions:,.0f} sessions is too large, {LONGEST_EXACT:,} fit; "
            "leave --exact out and a sample will do"
        )
    wanted, there = sessions * (SESSION_BYTES if exact else START_BYTES), memory_bytes() / 2
    if wanted > there:
        raise LoadgenError(
            f"{name}: {sessions:,.0f} sessions are too many: they take {wanted / 1e9:,.1f} GB and "
            f"{there / 1e9:,.1f} GB may be used here, enough for {there / wanted * sessions:,.0f}; plan fewer"
        )


def memory_bytes() -> float:
    """The machine's memory."""
    return float(os.sysconf("SC_PAGE_SIZE")) * os.sysconf("SC_PHYS_PAGES")


def fleet(cpu_per_event: float, sessions: Sequence[Session], scenario: Scenario, busiest: tuple[float, float]) -> Fleet:
    """What it takes to send the busiest second's requests and events."""
    requests, events = busiest
    signature = signature_seconds(sessions[:SIGNED], scenario) if scenario.client.signing else 0.0
    cpu = events * cpu_per_event + requests * (signature + SEND_SECONDS)
    processes, cores = max(math.ceil(cpu / BUSY), 1), os.cpu_count() or 1
    senders = math.ceil(requests * ANSWER_SECONDS / processes)
    if senders > MOST_SENDERS:
        processes = math.ceil(requests * ANSWER_SECONDS / MOST_SENDERS)
        senders = MOST_SENDERS
    return Fleet(
        processes=processes,
        senders=max(senders, 1),
        cores=cores,
        cpu_us_per_event=round(cpu_per_event * 1e6, 2),
        cpu_us_per_signature=round(signature * 1e6, 2),
        cpu_us_per_send=SEND_SECONDS * 1e6,
        busiest_cpu=round(cpu, 3),
        enough=processes <= max(cores - 1, 1),
    )


def signature_seconds(sessions: Sequence[Session], scenario: Scenario) -> float:
    """CPU seconds that signing a request takes here."""
    signer = Signer(Credentials("AKIDEXAMPLE", "made-up"), "us-east-1")
    destination = wire.Destination("localhost", MONITOR_ID, scenario.monitor.domain)
    batches = [batch for session in sessions for batch in client.plan(session, scenario.client, 1.0).batches]
    requests = [wire.encode(batch, destination, wire.Clock(0.0)).request for batch in batches[:SIGNED]]
    if not requests:
        return 0.0
    begun = time.process_time()
    for place in range(SIGNED):
        signer.sign(requests[place % len(requests)], 0.0)
    return (time.process_time() - begun) / SIGNED
