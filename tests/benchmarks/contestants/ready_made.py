"""(d) loadgen's signing and sending with a ready-made body; (e) with --bare, a socket loop that does nothing else.

Usage: python -m tests.benchmarks.contestants.ready_made URL SECONDS [--bare]; prints the number of requests.
"""

from __future__ import annotations

import sys
import time
from itertools import count
from urllib.parse import urlsplit

import gevent
from gevent import socket
from gevent.event import Event

from loadgen.model import Request, Response
from loadgen.swarm.connection import ConnectionPool, Outcome
from loadgen.transport import find_route, serialize
from loadgen.wire.sigv4 import Credentials, Signer
from tests.benchmarks.ready import MONITOR_ID, ready_body

CONNECTIONS = 50


def signed(url: str, end: float) -> int:
    """Sign and send until the end; how many."""
    network, signer = ConnectionPool(find_route(url), 10), Signer(Credentials("AKIDEXAMPLE", "secret"), "us-east-1")
    headers = (("host", urlsplit(url).netloc), ("content-type", "application/json"))
    request = Request("POST", f"/appmonitors/{MONITOR_ID}", headers, ready_body())
    numbers, over = count(), Event()

    def send_next(outcome: Outcome | None = None) -> None:
        assert outcome is None or (isinstance(outcome, Response) and outcome.status == 200)
        if time.perf_counter() < end:
            network.begin(signer.sign(request, time.time()), send_next)
            next(numbers)
        else:
            over.set()

    send_next()
    over.wait()
    return next(numbers)


def bare(url: str, end: float) -> int:
    """Write the same bytes and read until the end; how many."""
    parts = urlsplit(url)
    connection = socket.create_connection((parts.hostname, parts.port))
    headers = (("host", parts.netloc), ("content-type", "application/json"))
    data = serialize(Request("POST", f"/appmonitors/{MONITOR_ID}", headers, ready_body()))
    sent = 0
    while time.perf_counter() < end:
        connection.sendall(data)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        sent += 1
    return sent


if __name__ == "__main__":
    target, seconds = sys.argv[1], float(sys.argv[2])
    work = bare if "--bare" in sys.argv else signed
    finish = time.perf_counter() + seconds
    print(sum(each.get() for each in [gevent.spawn(work, target, finish) for _ in range(CONNECTIONS)]))
