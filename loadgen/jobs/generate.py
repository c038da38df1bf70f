"""A scenario's first sessions as PutRumEvents bodies in a file, a body a line.

Rule: the bytes depend on scenario, seed, number of sessions and start alone, not on how many processes made them.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from heapq import merge
from itertools import takewhile
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

from loadgen import client, traffic, wire
from loadgen.errors import LoadgenError
from loadgen.scenario import Scenario

MONITOR_ID = "00000000-0000-4000-8000-000000000000"
Line = tuple[int, int, bytes]  # session index, place in the session, body


def write(scenario: Scenario, seed: int, sessions: int, epoch: float, out: Path, workers: int = 1) -> int:
    """Write the bodies of the first sessions, plain JSON, to `out`, whole or not at all; how many there are.

    `epoch` is the Unix time of the run's zero.
    """
    scenario = long_enough(scenario, seed, sessions)
    unfinished = out.with_name(f"{out.name}.part")
    try:
        with unfinished.open("wb") as file:
            written = 0
            for _, _, body in in_order(scenario, seed, sessions, epoch, workers):
                file.write(body + b"\n")
                written += 1
        unfinished.replace(out)
    except OSError as error:
        raise LoadgenError(f"{out}: cannot be written ({error.strerror}); give --out a file that can") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return written


def long_enough(scenario: Scenario, seed: int, sessions: int) -> Scenario:
    """The scenario, doubled in duration until so many sessions start in it."""
    while (started := len(traffic.starts(scenario, seed))) < sessions:
        longer = scenario.adjusted(duration=scenario.duration * 2)
        if traffic.rate(longer).expected == traffic.rate(scenario).expected:
            raise LoadgenError(f"{scenario.name}: only {started} sessions start, and its arrivals end at rate 0")
        scenario = longer
    return scenario


def in_order(scenario: Scenario, seed: int, sessions: int, epoch: float, workers: int) -> Iterator[Line]:
    """The bodies in the order of sessions, made by one process or several."""
    if workers == 1:
        yield from bodies(scenario, seed, sessions, epoch, (0, 1))
        return
    with TemporaryDirectory(prefix="loadgen-") as folder, ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        job = partial(spool, scenario, seed, sessions, epoch, Path(folder), workers)
        yield from merge(*map(unspool, pool.map(job, range(workers))))


def bodies(scenario: Scenario, seed: int, sessions: int, epoch: float, share: tuple[int, int]) -> Iterator[Line]:
    """One share of the bodies."""
    destination = wire.Destination.of(scenario, MONITOR_ID, compression=False)
    clock = wire.Clock(epoch)
    drawn = traffic.sessions(scenario, seed, share, only_recordable=True)
    for session in takewhile(lambda each: each.index < sessions, drawn):
        plan = client.plan(session, scenario.client, scenario.monitor.sample_rate)
        for place, batch in enumerate(plan.batches):
            yield session.index, place, wire.encode(batch, destination, clock).request.body


def spool(scenario: Scenario, seed: int, sessions: int, epoch: float, folder: Path, workers: int, index: int) -> Path:
    """Write one worker's share to a file of its own."""
    path = folder / f"{index}.ndjson"
    with path.open("wb") as file:
        for session, place, body in bodies(scenario, seed, sessions, epoch, (index, workers)):
            file.write(b"%d %d %s\n" % (session, place, body))
    return path


def unspool(path: Path) -> Iterator[Line]:
    """Read a worker's share back."""
    with path.open("rb") as file:
        for line in file:
            session, place, body = line.rstrip(b"\n").split(b" ", 2)
            yield int(session), int(place), body
