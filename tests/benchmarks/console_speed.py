"""How fast is the endpoint's console: `python -m tests.benchmarks.console_speed`.

Each view over a million events of a storefront; and what the console costs the endpoint while nobody looks: calls with
and without their log, side by side. Writes results/benchmarks/console.md.
"""

from __future__ import annotations

import argparse
import gzip
import json
import time
import uuid
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.client import HTTPConnection
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import loadgen
from loadgen.endpoint import server
from loadgen.endpoint.console import measures, sessions
from loadgen.endpoint.console.columns import StoredRow
from loadgen.endpoint.console.console_table import ConsoleTable, Scope
from loadgen.endpoint.faults import InjectedFault
from loadgen.endpoint.service import Arrival, RumService
from loadgen.endpoint.settings import EndpointSettings
from loadgen.model import Request, Response
from loadgen.rum.service_model import Operation
from loadgen.wire.sigv4 import Signer
from tests.benchmarks.machine import described
from tests.endpoint.conftest import KEYS, batch

EVENTS = 1_000_000
SESSIONS = 1500  # are made, and then repeated with other ids
SLICE = 100
TURNS = 5


def stored_rows(events: int) -> Iterator[StoredRow]:
    """Batches of a storefront with so many events, as the store keeps them: gzipped, a session's own ids in each."""
    made = []
    for body in loadgen.generate("storefront", sessions=SESSIONS, seed=7):
        whole = json.loads(body)
        times = [round(event["timestamp"] * 1000) for event in whole["RumEvents"]]
        made.append((body, whole["UserDetails"]["sessionId"].encode(), times))
    number, left, shift = 0, events, 0
    while left > 0:
        ids: dict[bytes, bytes] = {}
        for body, session, times in made[: max(left, 0)]:
            number += 1
            left -= len(times)
            own = ids.setdefault(session, str(uuid.uuid4()).encode())
            moved = array("q", [moment + shift for moment in times]).tobytes()
            yield number, 1, moved, None, gzip.compress(body.replace(session, own), 1)
            if left <= 0:
                return
        shift += 3_600_000


def fill(table: ConsoleTable, rows: list[StoredRow]) -> float:
    """Let a table read batches as the console does; the seconds that it took."""
    began = time.perf_counter()
    for first in range(0, len(rows), SLICE):
        table.append(rows[first : first + SLICE])
    return time.perf_counter() - began


def views(table: ConsoleTable) -> dict[str, Callable[[], object]]:
    """Each view over everything in a table."""
    first, last = table.ask("SELECT min(ms), max(ms) FROM events", [])[0]
    scope = Scope(1, first, last + 1)
    return {
        "overview": partial(measures.measure_overview, table, scope),
        "pages": partial(measures.measure_pages, table, scope),
        "vitals": partial(measures.measure_vitals, table, scope),
        "clients": partial(measures.measure_clients, table, scope),
        "errors": partial(measures.group_errors, table, scope),
        "http": partial(measures.group_requests, table, scope),
        "journey": partial(sessions.trace_journeys, table, scope),
        "sessions": partial(sessions.list_sessions, table, scope, sessions.SessionQuery()),
        "events": partial(sessions.find_events, table, scope, sessions.EventQuery()),
        "monitors": partial(sessions.find_spans, table),
    }


def least(work: Callable[[], object], turns: int = TURNS) -> float:
    """The least seconds of some turns."""
    taken = []
    for _ in range(turns):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return min(taken)


class UnloggedService(RumService):
    """An endpoint without a log of calls, so without what the console needs while nobody looks."""

    def _put_events(
        self, operation: Operation, labels: dict[str, str], arrival: Arrival, fault: InjectedFault
    ) -> Response:
        return self._perform(operation, labels, arrival, fault)


def logging_share(pairs: int = 40, calls: int = 150) -> float:
    """By which share the log slows calls: the median over pairs of turns with and without it, in changing order.

    A turn sends signed calls with ten events to an endpoint in a process of its own, one after the other, and counts
    the processor time of that process: so whatever else the machine does changes neither.
    """
    with running(RumService) as logged, running(UnloggedService) as unlogged:
        ratios = []
        for pair in range(pairs):
            order = (logged, unlogged) if pair % 2 else (unlogged, logged)
            taken = {turn: turn(calls) for turn in order}
            ratios.append(taken[logged] / taken[unlogged])
    return median(ratios) - 1


def run_server(make: type[RumService], tell: Connection) -> None:
    """Serve until the parent ends the process; tells it the URL."""
    with patch.object(server, "RumService", make):
        server.serve(EndpointSettings(credentials=(KEYS,), quota=None), None, "127.0.0.1", 0, tell.send)


@contextmanager
def running(make: type[RumService]) -> Iterator[Callable[[int], float]]:
    """A turn of so many calls to an endpoint of its own; gives nanoseconds of the endpoint's processor time."""
    spawn = get_context("spawn")
    hear, tell = spawn.Pipe(duplex=False)
    process = spawn.Process(target=run_server, args=(make, tell), daemon=True)
    process.start()
    url = urlsplit(hear.recv())
    connection = HTTPConnection(url.hostname or "", url.port)
    signer = Signer(KEYS, "us-east-1")

    def ask(target: str, body: dict[str, Any]) -> Any:
        request = Request("POST", target, (("host", url.netloc),), json.dumps(body).encode())
        signed = signer.sign(request, time.time())
        return send(signed)

    def send(signed: Request) -> Any:
        connection.request(signed.method, signed.target, signed.body, dict(signed.headers))
        answer = connection.getresponse()
        text = answer.read()
        assert answer.status == 200, text
        return json.loads(text)

    monitor = ask("/appmonitor", {"Name": "shop", "Domain": "localhost"})["Id"]
    put = Request(
        "POST",
        f"/appmonitors/{monitor}",
        (("host", url.netloc),),
        json.dumps(batch(10, at=time.time())).encode(),
    )

    def turn(calls: int) -> float:
        signed = signer.sign(put, time.time())
        began = read_nanoseconds(process.pid)
        for _ in range(calls):
            send(signed)
        return read_nanoseconds(process.pid) - began

    yield turn
    process.terminate()
    process.join()


def read_nanoseconds(pid: int | None) -> int:
    """Time that a process has spent on a processor (proc(5), /proc/PID/schedstat)."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])


def report(events: int, reading: float, seconds: dict[str, float], share: float) -> str:
    """A table."""
    rows = "\n".join(f"| {name} | {took * 1000:.0f} |" for name, took in seconds.items())
    return (
        "# Speed of the console\n\n"
        f"{events:,} events of a storefront; the least of {TURNS} turns; {described()}.\n\n"
        f"| view | ms |\n|---|---|\n{rows}\n\n"
        f"Reading them from the store the first time takes {reading:.0f} s, {reading / events * 1e6:.1f} µs an event, "
        f"while the views show what was read so far. While nobody looks, the console costs the endpoint {share:.1%} of "
        f"its processor time: signed calls with ten events, with and without their log side by side, the median of 40 "
        f"pairs of 150 calls in changing order.\n"
    )


def main() -> None:
    """Measure, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks"), help="folder for the figures")
    options: Any = parser.parse_args()
    table = ConsoleTable()
    reading = fill(table, list(stored_rows(options.events)))
    seconds = {name: least(view) for name, view in views(table).items()}
    text = report(table.events, reading, seconds, logging_share())
    (options.out / "console.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
