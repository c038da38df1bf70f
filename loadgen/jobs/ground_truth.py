"""`ground-truth.ndjson`, beside a run's results: one line of JSON for each visit that an incident hit.

Rule: alarms are tested against it, so it names visits as RUM does, by session id, and says whether RUM could see them.
It holds nothing that would have come after a run was stopped.
"""

from __future__ import annotations

from datetime import UTC, datetime
from math import inf
from pathlib import Path

import msgspec

from loadgen import client, traffic, units
from loadgen.model import Noun
from loadgen.output import open_output
from loadgen.results import NEVER, LastSent, RunFolder, Summary
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
    sent: bool = True  # False: no request of this visit was due after it was hit and sent


def of_run(scenario: Scenario, folder: RunFolder, summary: Summary) -> int:
    """Write the truth of a run into its folder, as far as the run came."""
    factor = units.parse_pace(summary.pace)
    clock = Clock(datetime.fromisoformat(summary.started_at).timestamp(), factor)
    until = inf if summary.stopped_at is None or factor == inf else summary.stopped_at * factor
    monitors = [each.name for each in summary.monitors]
    last_sent = LastSent(folder, monitors) if scenario.incidents and folder.has_records else None
    return write(scenario, summary.seed, clock, folder.path / FILE, reached=Reached(until, last_sent))


class Reached(Noun):
    """How far a run came."""

    until: float = inf  # when it was stopped, in seconds of the scenario from its zero
    last_sent: LastSent | None = None  # what was sent of each visit; None: everything


WHOLE_RUN = Reached()


def write(
    scenario: Scenario,
    seed: int,
    clock: Clock,
    out: Path,
    first: int | None = None,
    reached: Reached = WHOLE_RUN,
) -> int:
    """Write the truth of a run, or of its first visits; how many lines. Without incidents there is no file."""
    lines = 0
    if not scenario.incidents:
        return lines
    encode = msgspec.json.Encoder().encode
    with open_output(out) as file:
        for hit in traffic.find_hits(scenario, seed, reached.until):
            if first is not None and hit.session >= first:
                break
            file.write(encode(describe_hit(hit, scenario, clock, reached.last_sent)) + b"\n")
            lines += 1
    return lines


def describe_hit(
    hit: traffic.IncidentHit, scenario: Scenario, clock: Clock, last_sent: LastSent | None = None
) -> Truth:
    """A hit in RUM's words."""
    due = NEVER if clock.pace == inf else hit.first / clock.pace
    return Truth(
        incident=hit.incident,
        kind=hit.kind,
        session_id=client.make_session_id(hit.key),
        user_id=hit.user_id,
        sampled=client.is_sampled(hit.key, scenario.monitor.sample_rate),
        first=format_time(clock.to_unix(hit.first)),
        last=format_time(clock.to_unix(hit.last)),
        views=hit.views,
        session=hit.session,
        sent=last_sent is None or ((last := last_sent.of(hit.session)) > NEVER and last >= due),
    )


def format_time(unix: float) -> str:
    """A Unix time in UTC."""
    return datetime.fromtimestamp(unix, UTC).isoformat(timespec="milliseconds")
