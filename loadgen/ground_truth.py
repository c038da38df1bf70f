"""What was wrong in a run, and for whom, beside its results: one line of JSON for each visit that an incident hit.

Rule: alarms are tested against it, so it names visits as RUM does, by session id, and tells if RUM saw them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec

from loadgen import client, traffic
from loadgen.model import Noun
from loadgen.scenario import Scenario
from loadgen.wire import Clock

FILE = "ground-truth.ndjson"


class Truth(Noun):
    """One line: an incident and a visit."""

    incident: str
    kind: str
    session_id: str  # of the visit's first client session; RUM's sessionId
    user_id: str
    sampled: bool  # False: RUM never heard of this visit
    first: str  # UTC, ISO 8601: begin of the first page view or load that was hit
    last: str
    views: int  # page views or loads that were hit
    session: int  # index in the run


def write(scenario: Scenario, seed: int, clock: Clock, out: Path, first: int | None = None) -> int:
    """Write the truth of a run, or of its first visits; how many lines. Without incidents there is no file."""
    lines = 0
    if not scenario.incidents:
        return lines
    encode = msgspec.json.Encoder().encode
    with out.open("wb") as file:
        for hit in traffic.hits(scenario, seed):
            if first is not None and hit.session >= first:
                break
            file.write(encode(truth(hit, scenario, clock)) + b"\n")
            lines += 1
    return lines


def truth(hit: traffic.Hit, scenario: Scenario, clock: Clock) -> Truth:
    """A hit in RUM's words."""
    return Truth(
        incident=hit.incident,
        kind=hit.kind,
        session_id=client.session_id(hit.key),
        user_id=hit.user_id,
        sampled=client.sampled(hit.key, scenario.monitor.sample_rate),
        first=iso(clock.unix(hit.first)),
        last=iso(clock.unix(hit.last)),
        views=hit.views,
        session=hit.session,
    )


def iso(unix: float) -> str:
    """A Unix time in UTC."""
    return datetime.fromtimestamp(unix, UTC).isoformat(timespec="milliseconds")
