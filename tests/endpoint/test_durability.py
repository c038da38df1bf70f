"""A 200 means kept: accepted events survive kill -9 under load."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

from loadgen.endpoint import Endpoint, EndpointSettings
from tests.endpoint.conftest import KEYS, batch, client_of
from tests.endpoint.sockets import ask, dial, read_answer, signed

SETTINGS = EndpointSettings(credentials=(KEYS,), quota=None)
SENDERS = 4
ENOUGH = 400


class Sender(threading.Thread):
    """Sends batches of three events on one connection until it is cut; knows which were answered with 200."""

    def __init__(self, endpoint: Endpoint, monitor_id: str, enough: threading.Semaphore) -> None:
        super().__init__()
        self.endpoint, self.path, self.enough = endpoint, f"/appmonitors/{monitor_id}", enough
        self.accepted: set[str] = set()
        self.sent: set[str] = set()

    def run(self) -> None:
        with dial(self.endpoint) as connection:
            while True:
                body = batch(3, at=time.time())
                ids = {event["id"] for event in body["RumEvents"]}
                self.sent |= ids
                try:
                    connection.sendall(signed(self.endpoint, "POST", self.path, body))
                    status, _ = read_answer(connection)
                except OSError:
                    return
                assert status == 200
                self.accepted |= ids
                self.enough.release()


def stored(endpoint: Endpoint) -> list[str]:
    """Ids of all events that the endpoint gives back."""
    window = {"After": 0, "Before": 2**53}
    pages = client_of(endpoint).get_paginator("get_app_monitor_data").paginate(Name="shop", TimeRange=window)
    return [json.loads(event)["event_id"] for page in pages for event in page["Events"]]


def test_accepted_events_survive_kill_9_under_load(tmp_path: Path) -> None:
    path = tmp_path / "rum.sqlite"
    endpoint = Endpoint(SETTINGS, path).start()
    _, body = ask(endpoint, "POST", "/appmonitor", {"Name": "shop", "Domain": "localhost"})
    enough = threading.Semaphore(0)
    senders = [Sender(endpoint, json.loads(body)["Id"], enough) for _ in range(SENDERS)]
    for sender in senders:
        sender.start()
    for _ in range(ENOUGH):
        enough.acquire()
    endpoint.process.kill()
    for sender in senders:
        sender.join()
    endpoint.stop()
    accepted = set[str]().union(*(sender.accepted for sender in senders))
    sent = set[str]().union(*(sender.sent for sender in senders))
    assert len(accepted) >= ENOUGH * 3
    with Endpoint(SETTINGS, path) as again:
        kept = stored(again)
        ledger = json.loads(ask(again, "GET", "/_loadgen/ledger")[1])
    assert len(kept) == len(set(kept)) == ledger["events"]["accepted"]
    assert accepted <= set(kept) <= sent
    # What was kept and not answered was in flight: one batch of each sender at most.
    assert len(kept) - len(accepted) <= SENDERS * 3


def test_a_graceful_stop_keeps_the_same(tmp_path: Path) -> None:
    path = tmp_path / "rum.sqlite"
    with Endpoint(SETTINGS, path) as endpoint:
        _, body = ask(endpoint, "POST", "/appmonitor", {"Name": "shop", "Domain": "localhost"})
        ask(endpoint, "POST", f"/appmonitors/{json.loads(body)['Id']}", batch(3, at=time.time()))
        before = stored(endpoint)
    with Endpoint(SETTINGS, path) as endpoint:
        assert stored(endpoint) == before
    assert len(before) == 3
