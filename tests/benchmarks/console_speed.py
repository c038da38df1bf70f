"""How fast is the endpoint's console: `python -m tests.benchmarks.console_speed`.

Each view over a million events of a storefront, and what noting a call costs the endpoint while nobody looks, as a
share of handling the call. Writes results/benchmarks/console.md.
"""

from __future__ import annotations

import argparse
import gzip
import json
import time
import uuid
from array import array
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import loadgen
from loadgen.endpoint.call_log import CallLog, PutCall
from loadgen.endpoint.console import failures, measures, sessions
from loadgen.endpoint.console.columns import StoredRow
from loadgen.endpoint.console.console_table import ConsoleTable
from loadgen.endpoint.console.scope import Scope
from loadgen.model import Request
from loadgen.wire.sigv4 import Signer
from tests.benchmarks.machine import described
from tests.endpoint.conftest import KEYS, Caller, batch

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
        "overview": partial(measures.overview, table, scope),
        "pages": partial(measures.pages, table, scope),
        "vitals": partial(measures.vitals, table, scope),
        "clients": partial(measures.clients, table, scope),
        "errors": partial(failures.errors, table, scope),
        "http": partial(failures.http, table, scope),
        "journey": partial(sessions.journey, table, scope),
        "sessions": partial(sessions.sessions, table, scope, sessions.SessionQuery()),
        "events": partial(sessions.find_events, table, scope, sessions.EventQuery()),
    }


def least(work: Callable[[], object], turns: int = TURNS) -> float:
    """The least seconds of some turns."""
    taken = []
    for _ in range(turns):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return min(taken)


def noting_share(calls: int = 300) -> float:
    """What noting a call costs, as a share of handling it: signature, quota, checks, commit in memory."""
    caller = Caller()
    monitor = caller.monitor()
    body = json.dumps(batch(10)).encode()
    request = Request("POST", f"/appmonitors/{monitor}", (("host", "127.0.0.1:8080"),), body)
    signed = Signer(KEYS, caller.settings.region).sign(request, caller.clock())
    log = CallLog()

    def handle() -> None:
        for _ in range(calls):
            assert caller.endpoint.handle(signed).status == 200

    def note() -> None:
        for _ in range(calls):
            began = time.perf_counter()
            call = PutCall(caller.clock(), signed.target.partition("?")[0], len(signed.body), monitor=monitor)
            call.delay, call.dropped_connection, call.status = 0.0, False, 200
            call.events = 10
            call.milliseconds = (time.perf_counter() - began) * 1000
            log.add(call)
            log.mark_committed()

    return least(note) / least(handle)


def report(events: int, reading: float, seconds: dict[str, float], share: float) -> str:
    """A table."""
    rows = "\n".join(f"| {name} | {took * 1000:.0f} |" for name, took in seconds.items())
    return (
        "# Speed of the console\n\n"
        f"{events:,} events of a storefront; the least of {TURNS} turns; {described()}.\n\n"
        f"| view | ms |\n|---|---|\n{rows}\n\n"
        f"Reading them from the store the first time takes {reading:.0f} s, {reading / events * 1e6:.1f} µs an event, "
        f"while the views show what was read so far. While nobody looks, the console costs the endpoint what noting a "
        f"call costs: {share:.1%} of handling it.\n"
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
    text = report(table.events, reading, seconds, noting_share())
    (options.out / "console.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
