"""What the benchmarks send: a ready-made batch of 10 events for contestants that make none, and sessions for ours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import Any

from loadgen import client, traffic, wire
from loadgen.model import Session
from loadgen.scenario import Scenario
from loadgen.traffic import BLOCK
from tests.paths import SCENARIOS

STOREFRONT = SCENARIOS / "storefront.toml"
MONITOR_ID = "3f1c2d4e-5a6b-4c7d-8e9f-0a1b2c3d4e5f"
EVENTS = 10


@cache
def ready_body() -> bytes:
    """The PutRumEvents body, plain JSON, of the first 10 events of a session that has as many in a batch."""
    scenario = Scenario.load(STOREFRONT)
    settings = scenario.client.model_copy(update={"batchLimit": EVENTS})
    destination = wire.Destination("localhost", MONITOR_ID, scenario.monitor.domain, compression=False)
    for session in traffic.draw_sessions(scenario, 1):
        for batch in client.plan(session, settings, 1.0).batches:
            if len(batch.events) == EVENTS:
                return wire.encode(batch, destination, wire.Clock(1767225600.0)).request.body
    raise AssertionError("no session of the storefront fills a batch of 10")


def ready_events() -> list[dict[str, Any]]:
    """The same events as boto3 takes them."""
    events: list[dict[str, Any]] = json.loads(ready_body())["RumEvents"]
    return events


def under_way(scenario: Scenario) -> Iterator[Session]:
    """The sessions that a run draws, from the second block on: what a start costs is not a session's."""
    sessions = traffic.draw_sessions(scenario, 1, only_recordable=True)
    for _ in islice(sessions, BLOCK):
        pass
    return sessions


def planned(sessions: list[Session], scenario: Scenario) -> list[client.Plan]:
    """What the client makes of them, a block at a time, as in a run."""
    blocks = (sessions[first : first + BLOCK] for first in range(0, len(sessions), BLOCK))
    planning = ((client.BlockPlan(block, scenario.client, 1.0, lambda: None), len(block)) for block in blocks)
    return [plans.make_plan(row) for plans, rows in planning for row in range(rows)]
