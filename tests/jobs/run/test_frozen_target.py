"""A target with known service times: what we say of it is true, and what Locust alone says of it is shown beside."""

from __future__ import annotations

import csv
import itertools
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest
from gevent.pywsgi import WSGIServer

from loadgen import client, wire
from loadgen.model import Event, Load, Page, Result, Session, Visitor
from loadgen.results import Aggregate, RunEnd, Summary, summarize_run
from loadgen.rum.events import PAGE_VIEW, PageView
from loadgen.scenario import Scenario
from loadgen.swarm.connection import ConnectionPool
from loadgen.swarm.engine import Engine
from loadgen.swarm.feeder import Job, Monitored, merge_in_order
from loadgen.transport import find_route
from loadgen.wire.json_templates import write_details

pytestmark = pytest.mark.locust

RATE, SECONDS = 100, 20
FREEZE_FROM, FREEZE_FOR = 5.0, 3.0
SERVICE = 0.01
VISITOR = Visitor("u", False, "DE", "de-DE", "desktop", "Windows", "Google Chrome", "155", "UA", True)
SCENARIO = Scenario.parse('name = "steady"\nduration = 20\n[pages.home]\npath = "/"\nexit = 1\n', "steady.toml")

LOCUSTFILE = """
from locust import FastHttpUser, constant_throughput, task

class Steady(FastHttpUser):
    wait_time = constant_throughput(10)

    @task
    def post(self):
        self.client.post("/appmonitors/x", data=b"{}")
"""


class Target:
    """Answers after 10 ms, but for one freeze that begins so many seconds after the first request."""

    def __init__(self) -> None:
        self.began: float | None = None
        self.server = WSGIServer(("127.0.0.1", 0), self.answer, log=None, spawn=1000)
        self.server.start()

    def answer(self, environ: dict[str, object], start_response: object) -> list[bytes]:
        now = time.perf_counter()
        self.began = self.began or now
        frozen_until = self.began + FREEZE_FROM + FREEZE_FOR
        if self.began + FREEZE_FROM < now < frozen_until:
            gevent.sleep(frozen_until - now)
        gevent.sleep(SERVICE)
        start_response("200 OK", [("Content-Length", "2")])  # type: ignore[operator]  # WSGI
        return [b"{}"]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"


def visits() -> Iterator[Session]:
    """One visit of one page view and one beacon every hundredth of a second."""
    page = Page("/", "Home")
    for index in itertools.count():
        if index >= RATE * SECONDS:
            return
        view = Event(f"{index:08d}-0000-4000-8000-000000000000", 0.0, PAGE_VIEW, write_details(PageView("/")), page)
        yield Session(index, index, index / RATE, VISITOR, (Load(0.0, 0.0, (0.001,), (view,)),))


def measured_by_us(url: str) -> Summary:
    to = wire.Destination("localhost", "0" * 36, "example.com")
    job = Job((Monitored(SCENARIO, to),), time.time() + 1, 1.0)
    engine = Engine(
        job,
        merge_in_order([((visit, client.plan(visit, SCENARIO.client, 1.0)) for visit in visits())]),
        ConnectionPool(find_route(url), 30).begin,
        None,
    )
    results: list[Result] = []
    engine.on_results = results.extend

    senders = [gevent.spawn(engine.serve) for _ in range(500)]
    gevent.spawn(engine.wait_until_over).get(timeout=60)
    gevent.joinall(senders)
    measured = Aggregate()
    measured.add(engine.measure(10**6))
    assert len(results) == RATE * SECONDS
    return summarize_run(measured, SCENARIO, RunEnd(1, "realtime", "2026-11-21T12:00:00Z", 1))


def p99_by_locust(url: str, folder: Path) -> float:
    """Locust's own 99th percentile in ms at the same rate from 10 users."""
    (folder / "locustfile.py").write_text(LOCUSTFILE)
    command = [sys.executable, "-m", "locust", "--headless", "-f", "locustfile.py", "--host", url, "--only-summary"]
    command += ["-u", str(RATE // 10), "-r", str(RATE // 10), "-t", f"{SECONDS}s", "--csv", "theirs"]
    running = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while running.poll() is None:
        gevent.sleep(0.1)
    rows = {row["Name"]: row for row in csv.DictReader((folder / "theirs_stats.csv").open())}
    return float(rows["Aggregated"]["99%"])


@pytest.mark.bench
def test_a_freeze_shows_in_latency_and_not_in_lag_while_locust_alone_does_not_see_it(tmp_path: Path) -> None:
    ours, theirs = Target(), Target()
    watching = gevent.spawn(p99_by_locust, theirs.url, tmp_path)
    summary = measured_by_us(ours.url)
    p99_of_locust = watching.get(timeout=60)
    ours.server.stop(timeout=0)
    theirs.server.stop(timeout=0)
    latency, lag = summary.latency_ms, summary.lag_ms
    assert latency.p50 is not None and latency.p99 is not None and lag.p99 is not None
    assert latency.p50 >= SERVICE * 1000
    # Those due in the freeze wait for its end: 3 of 20 s of requests, so the 99th percentile is 2.8 s into it.
    assert latency.p99 == pytest.approx((FREEZE_FOR - 0.01 * SECONDS) * 1000 + 10, rel=0.05)
    assert lag.p99 < latency.p99 / 10
    assert p99_of_locust < latency.p99 / 10
    print(f"p99 of a target that freezes for 3 s of 20: loadgen {latency.p99:.0f} ms, Locust {p99_of_locust:.0f} ms")
