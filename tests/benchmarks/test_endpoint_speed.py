"""The endpoint keeps its speed: a PutRumEvents call, from the bytes that came to those that leave, beside a reference.

The reference reads the same bodies with the standard library: the JSON, and the JSON in it. The ratio may grow by 15 %
over what was measured when the endpoint was last made faster. Lower it here when you make the endpoint faster.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from loadgen.endpoint import EndpointSettings
from loadgen.endpoint.connection import HttpConnection
from loadgen.endpoint.console import Console
from loadgen.endpoint.server import CommittingHandler
from loadgen.endpoint.service import RumService
from loadgen.endpoint.store import Store
from loadgen.model import Request
from loadgen.wire.sigv4 import Signer
from tests.benchmarks.endpoint_speed import KEYS, put_rum_events

pytestmark = pytest.mark.bench

MEASURED = 0.90
LOSS = 1.15
TURNS = 24
CONNECTIONS = 16


class Wire(asyncio.Transport):
    """A transport that counts the answers; nothing is behind it."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1)})
        self.accepted = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.accepted += bytes(data).startswith(b"HTTP/1.1 200 ")

    def resume_reading(self) -> None:
        """It always reads."""


async def measure(store: Store) -> float:
    """The endpoint's processor time over the reference's: of each group of calls the least of the turns, summed up."""
    service, loop = RumService(EndpointSettings(credentials=(KEYS,), quota=None), store), asyncio.get_running_loop()
    made = b'{"Name":"shop","Domain":"localhost"}'
    headers = (("host", "localhost"), ("content-type", "application/json"))
    create = Signer(KEYS, "us-east-1").sign(Request("POST", "/appmonitor", headers, made), time.time())
    answer = service.reply(create).response
    calls = put_rum_events("http://localhost", json.loads(answer.body)["Id"])
    bodies = [call.partition(b"\r\n\r\n")[2] for call in calls]
    handler = CommittingHandler(service, Console(service), loop)
    wires = [(HttpConnection(handler, loop), Wire()) for _ in range(CONNECTIONS)]
    for connection, wire in wires:
        connection.connection_made(wire)

    def send(group: Sequence[bytes]) -> None:
        for call, (connection, _) in zip(group, wires, strict=True):
            connection.get_buffer(-1)[: len(call)] = call
            connection.buffer_updated(len(call))
        handler.flush()

    groups = range(0, len(calls), CONNECTIONS)
    ours, reference = dict.fromkeys(groups, math.inf), dict.fromkeys(groups, math.inf)
    for first in list(groups) * TURNS:
        began = time.process_time()
        send(calls[first : first + CONNECTIONS])
        sent = time.process_time()
        for body in bodies[first : first + CONNECTIONS]:
            for event in json.loads(body)["RumEvents"]:
                json.loads(event["details"]), json.loads(event["metadata"])
        ours[first] = min(ours[first], sent - began)
        reference[first] = min(reference[first], time.process_time() - sent)
    assert sum(wire.accepted for _, wire in wires) == TURNS * len(calls)
    return sum(ours.values()) / sum(reference.values())


def test_a_call_has_not_become_slower_beside_reading_its_body(tmp_path: Path) -> None:
    with closing(Store(tmp_path / "store")) as store:
        ratio = asyncio.run(measure(store))
    assert ratio < MEASURED * LOSS, f"{ratio:.3f}, was {MEASURED:.3f}"
