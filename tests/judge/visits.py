"""Visits as a backend sees them: recorded ones from the fixture, ours from a scenario or from a file of bodies.

A batch is one PutRumEvents body. A batch belongs to one document, since each document has a cache of its own.
"""

from __future__ import annotations

import gzip
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from msgspec.json import decode

from loadgen import client, traffic, wire
from loadgen.scenario import Scenario
from tests.paths import FIXTURES

RECORDED = FIXTURES / "real-visits.ndjson.gz"
"""Bodies of aws-rum-web 3.2.1 in Chromium on a small shop: rows of sample ("scripted" or "unscripted"), at (Unix
milliseconds) and body. "scripted": ten visits that a script walked. "unscripted": 67 visits that walked at random."""

SHOP = Path(__file__).parent / "shop.toml"
"""A scenario of the same shop, in Chromium browsers only."""

RUM = "com.amazon.rum."
ONCE = frozenset({"performance_navigation_event", "time_to_first_byte_event"})
"""What a document records once: a second one belongs to the next document."""


class Seen(NamedTuple):
    """One event with its JSON texts read."""

    kind: str  # without "com.amazon.rum."
    time: int  # Unix seconds
    details: dict[str, Any]
    metadata: dict[str, Any]


class SeenVisit(NamedTuple):
    """One session: its batches in the order of their dispatch, and the client's session metadata."""

    session: str
    batches: tuple[tuple[Seen, ...], ...]
    metadata: dict[str, Any]

    @property
    def events(self) -> Iterator[Seen]:
        return (event for batch in self.batches for event in batch)

    def documents(self) -> list[list[tuple[Seen, ...]]]:
        """The batches of each document that was loaded. Routes of a single-page site stay in one document."""
        found: list[list[tuple[Seen, ...]]] = []
        known: set[str] = set()
        for batch in self.batches:
            here = ONCE & {event.kind for event in batch}
            if not found or here & known:
                found.append([])
                known = set()
            found[-1].append(batch)
            known |= here
        return found


def group_visits(bodies: Iterable[dict[str, Any]]) -> list[SeenVisit]:
    """The visits of PutRumEvents bodies that are given in the order of their dispatch."""
    sessions: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for body in bodies:
        sessions[body["UserDetails"]["sessionId"]].append(body)
    return [
        SeenVisit(
            session,
            tuple(tuple(map(_read_event, body["RumEvents"])) for body in found),
            decode(found[0].get("SessionMetadata", "{}")),
        )
        for session, found in sessions.items()
    ]


def _read_event(event: dict[str, Any]) -> Seen:
    metadata = decode(event.get("metadata") or "{}")
    return Seen(event["type"].removeprefix(RUM), int(event["timestamp"]), decode(event["details"] or "{}"), metadata)


def read_recorded(sample: str) -> list[SeenVisit]:
    """The real visits of a sample, "scripted" or "unscripted"."""
    with gzip.open(RECORDED, "rt") as lines:
        rows = [decode(line) for line in lines]
    return group_visits(row["body"] for row in rows if row["sample"] == sample)


def read_bodies(path: Path) -> list[SeenVisit]:
    """The visits of a file as `loadgen generate` writes it."""
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
        return group_visits(map(decode, lines))


def draw_visits(scenario: Scenario, seed: int) -> list[SeenVisit]:
    """The visits of a scenario, as `loadgen generate` writes them."""
    target = wire.Destination.for_scenario(scenario, "m", compression=False)
    clock = wire.Clock(1_767_225_600.0)
    batches = (
        batch
        for session in traffic.draw_sessions(scenario, seed)
        for batch in client.plan(session, scenario.client, 1.0).batches
    )
    return group_visits(decode(wire.encode(batch, target, clock).request.body) for batch in batches)


def draw_shop(seed: int) -> list[SeenVisit]:
    """Visits to the shop, half of them with X-Ray as the recorded ones."""
    shop = Scenario.load(SHOP)
    halves = [
        shop.model_copy(update={"client": shop.client.model_copy(update={"enableXRay": traced})})
        for traced in (False, True)
    ]
    return [visit for number, half in enumerate(halves) for visit in draw_visits(half, 2 * seed + number)]
