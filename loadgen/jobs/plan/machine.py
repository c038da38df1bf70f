"""What this machine can do: the largest plan that it can hold, and the processes and senders that a run takes."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Sequence

from loadgen import wire
from loadgen.errors import LoadgenError
from loadgen.jobs.plan.demand import MOST_SLOTS, SLOTS, choose_slot_length
from loadgen.jobs.plan.figures import GeneratorNeed
from loadgen.planned import UNSENT_MONITOR_ID, PlannedSession
from loadgen.scenario import Scenario
from loadgen.wire.sigv4 import Credentials, Signer

START_BYTES = 32  # of memory for an arrival: its start, drawn, sorted and rounded
SESSION_BYTES = 1_200  # of memory for a session of about ten batches when every session is kept
LONGEST_EXACT = 5_000_000
"""Sessions that `exact` allows: three quarters of an hour at 0.5 ms a session."""

SEND_SECONDS = 150e-6
"""CPU time to send one request through Locust and measure its answer, without drawing, encoding and signing: 120 µs in
a run with --pace max on a machine of 2 cores, and some room."""

BUSY_SHARE = 0.6
"""Part of a core that one process may use in its busiest second and still send in time."""

ANSWER_SECONDS = 1.0
"""With answers that take so long, a sender is still free for each request of the busiest second."""

MOST_SENDERS = 900  # in one process: the bound that `loadgen run` has too
SIGNED_REQUESTS = 200  # that are signed to measure how long signing takes


def refuse_too_large(name: str, sessions: float, duration: float, exact: bool) -> None:
    """Raise a LoadgenError that names the size if this machine cannot hold the plan."""
    if choose_slot_length(duration) is None:
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
    wanted, there = sessions * (SESSION_BYTES if exact else START_BYTES), read_memory_bytes() / 2
    if wanted > there:
        raise LoadgenError(
            f"{name}: {sessions:,.0f} sessions are too many: they take {wanted / 1e9:,.1f} GB and "
            f"{there / 1e9:,.1f} GB may be used here, enough for {there / wanted * sessions:,.0f}; plan fewer"
        )


def read_memory_bytes() -> float:
    """The machine's memory."""
    return float(os.sysconf("SC_PAGE_SIZE")) * os.sysconf("SC_PHYS_PAGES")


def size_generator(
    cpu_per_event: float, sessions: Sequence[PlannedSession], scenario: Scenario, busiest: tuple[float, float]
) -> GeneratorNeed:
    """What it takes to send the busiest second's (requests, events); `sessions` are signed to measure signing."""
    requests, events = busiest
    signature = measure_signing(sessions, scenario) if scenario.client.signing else 0.0
    cpu = events * cpu_per_event + requests * (signature + SEND_SECONDS)
    processes, cores = max(math.ceil(cpu / BUSY_SHARE), 1), os.cpu_count() or 1
    senders = math.ceil(requests * ANSWER_SECONDS / processes)
    if senders > MOST_SENDERS:
        processes = math.ceil(requests * ANSWER_SECONDS / MOST_SENDERS)
        senders = MOST_SENDERS
    return GeneratorNeed(
        processes=processes,
        senders=max(senders, 1),
        cores=cores,
        cpu_us_per_event=round(cpu_per_event * 1e6, 2),
        cpu_us_per_signature=round(signature * 1e6, 2),
        cpu_us_per_send=SEND_SECONDS * 1e6,
        busiest_cpu=round(cpu, 3),
        enough=processes <= max(cores - 1, 1),
    )


def measure_signing(sessions: Sequence[PlannedSession], scenario: Scenario) -> float:
    """CPU seconds that signing a request takes here; 0 without requests."""
    signer = Signer(Credentials("AKIDEXAMPLE", "made-up"), "us-east-1")
    destination = wire.Destination("localhost", UNSENT_MONITOR_ID, scenario.monitor.domain)
    batches = [batch for _, plan in sessions[:SIGNED_REQUESTS] for batch in plan.batches][:SIGNED_REQUESTS]
    requests = [wire.encode(batch, destination, wire.Clock(0.0)).request for batch in batches]
    if not requests:
        return 0.0
    begun = time.process_time()
    for place in range(SIGNED_REQUESTS):
        signer.sign(requests[place % len(requests)], 0.0)
    return (time.process_time() - begun) / SIGNED_REQUESTS
