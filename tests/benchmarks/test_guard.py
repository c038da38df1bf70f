"""Keeps the generator's speed: each part beside a reference in the same run, never an absolute time.

The reference is the standard library's json.dumps of the same events, botocore's signer for signing, and gevent's own
sockets for sending. A ratio may
grow by half over what was measured when the part was last made faster; whoever makes one faster lowers it here.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from itertools import islice
from typing import Any

import msgspec
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials
from gevent import socket
from gevent.server import StreamServer

from loadgen import client, traffic, wire
from loadgen.model import Request, Session
from loadgen.scenario import Scenario, load
from loadgen.swarm.sender import Network, serialize
from loadgen.wire.sigv4 import Credentials, Signer
from tests.benchmarks.ready import MONITOR_ID, STOREFRONT, ready_body

MEASURED = {"build": 0.56, "client model": 0.14, "encode": 0.256, "sign": 0.082, "send": 1.23}
LOSS = 1.5
TURNS = 7


def ratio(work: Callable[[], object], reference: Callable[[], object]) -> float:
    """The least time of one over the least time of the other, taken in turns so that the machine's moods even out."""
    best = [float("inf"), float("inf")]
    for _ in range(TURNS):
        for place, each in enumerate((work, reference)):
            began = time.process_time()
            each()
            best[place] = min(best[place], time.process_time() - began)
    return best[0] / best[1]


@pytest.fixture(scope="module")
def ratios() -> dict[str, float]:
    scenario = load(STOREFRONT)
    sessions = drawn(scenario)
    events = [event for session in sessions for load_ in session.loads for event in load_.events]
    batches = [batch for session in sessions for batch in client.plan(session, scenario.client, 1.0).batches]
    plain = msgspec.to_builtins(events)
    destination = wire.Destination("localhost", MONITOR_ID, "shop.example.com", compression=False)
    sent = sum(len(batch.events) for batch in batches) / len(events)

    def reference() -> None:
        for event in plain:
            json.dumps(event)

    def encode() -> None:
        for batch in batches:
            wire.encode(batch, destination, wire.Clock(1767225600.0))

    return {
        "build": ratio(lambda: drawn(scenario), reference),
        "client model": ratio(lambda: [client.plan(each, scenario.client, 1.0) for each in sessions], reference),
        "encode": ratio(encode, reference) / sent,
        "sign": ratio(*signers()),
        "send": exchanged(),
    }


def drawn(scenario: Scenario) -> list[Session]:
    """The first sessions, as a run draws them."""
    return list(islice(traffic.sessions(scenario, 1, only_recordable=True), 256))


def exchanged() -> float:
    """Ours beside a loop on gevent's socket, with a server of this process, whose part is in both."""
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-amzn-requestid: r\r\n\r\n{}"
    request = Request("POST", "/appmonitors/x", (("host", "h"), ("content-type", "application/json")), b"x" * 1500)

    def serve(connection: Any, _: Any) -> None:
        while connection.recv(65536):
            connection.sendall(answer)

    server = StreamServer(("127.0.0.1", 0), serve)
    server.start()
    address = ("127.0.0.1", server.server_port)
    network, data = Network(f"http://127.0.0.1:{server.server_port}", 10), serialize(request)
    with socket.create_connection(address) as plain:

        def reference() -> None:
            for _ in range(200):
                plain.sendall(data)
                plain.recv(65536)

        found = ratio(lambda: [network(request) for _ in range(200)], reference)
    network.close()
    server.stop(timeout=0)
    return found


def signers() -> tuple[Callable[[], object], Callable[[], object]]:
    """Ours and botocore's, a hundred requests each."""
    body = ready_body()
    ours = Signer(Credentials("AKIDEXAMPLE", "secret"), "us-east-1")
    request = Request("POST", f"/appmonitors/{MONITOR_ID}", (("host", "h"), ("content-type", "application/json")), body)
    theirs = SigV4Auth(BotoCredentials("AKIDEXAMPLE", "secret"), "rum", "us-east-1")

    def sign_theirs() -> None:
        for _ in range(100):
            theirs.add_auth(AWSRequest("POST", f"http://h/appmonitors/{MONITOR_ID}", {"content-type": "a/b"}, body))

    return lambda: [ours.sign(request, 1767225600.0) for _ in range(100)], sign_theirs


@pytest.mark.parametrize("part", MEASURED)
def test_a_part_has_not_become_slower_beside_its_reference(ratios: dict[str, float], part: str) -> None:
    assert ratios[part] < MEASURED[part] * LOSS, f"{part}: {ratios[part]:.3f}, was {MEASURED[part]:.3f}"
