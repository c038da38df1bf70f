"""`ground-truth.ndjson`, beside a run's results: one line of JSON for each visit that an incident hit.

Rule: the file is for tests of alarms, so it names visits as RUM does, by session id, and says whether RUM could see
them. It holds no visit that would have come after the run was stopped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from math import inf
from pathlib import Path

import msgspec
import numpy as np

from loadgen import client, traffic, units
from loadgen.ids import is_sampled
from loadgen.model import Noun
from loadgen.output import open_output
from loadgen.results import Floats, RunFolder, Summary, read_records
from loadgen.scenario import Scenario
from loadgen.wire import Clock

FILE = "ground-truth.ndjson"
NEVER = -inf


class Truth(Noun):
    """One line of the file: an incident and a visit that it hit."""

    incident: str
    kind: str
    session_id: str  # RUM's sessionId of the visit's first client session
    user_id: str
    sampled: bool  # False: RUM never heard of this visit
    first: str  # UTC, ISO 8601: start of the first page view or load that was hit
    last: str  # the same of the last one
    views: int  # page views or loads that were hit
    session: int  # index in the run
    sent: bool = True  # False: no request of this visit that was due after the hit was sent


def write_truth_of_run(scenario: Scenario, folder: RunFolder, summary: Summary) -> None:
    """Write the file of a run into its folder, up to the run's end or stop; no file without incidents."""
    if not scenario.incidents:
        return
    factor = units.parse_pace(summary.pace)
    clock = Clock(datetime.fromisoformat(summary.started_at).timestamp(), factor)
    until = inf if summary.stopped_at is None or factor == inf else summary.stopped_at * factor
    last_sent = LastSent(folder, [each.name for each in summary.monitors]) if folder.has_records else None
    write_truths(find_truths(scenario, summary.seed, clock, until, last_sent), folder.path / FILE)


class LastSent:
    """The intended moment of each session's last sent batch, in seconds from the run's zero; 8 bytes a session."""

    def __init__(self, folder: RunFolder, monitors: Sequence[str] = ()) -> None:
        """Read the records of the first app monitor; `monitors` are the names of all."""
        self._last: Floats = np.zeros(0, np.float64)
        for batch in read_records(folder, monitors if len(monitors) > 1 else ()):
            first = batch[batch["monitor"] == 0]
            if len(first):
                self._grow(int(first["session"].max()) + 1)
                np.maximum.at(self._last, first["session"], first["intended"])

    def find(self, session: int) -> float:
        """Return when the last sent batch of a session was due; minus infinity if none was sent."""
        return float(self._last[session]) if session < len(self._last) else NEVER

    def _grow(self, sessions: int) -> None:
        if sessions > len(self._last):
            more = np.full(max(sessions, 2 * len(self._last)) - len(self._last), NEVER, np.float64)
            self._last = np.concatenate([self._last, more])


def write_truths(truths: Iterable[Truth], out: Path) -> int:
    """Write one line for each truth; return the number of lines."""
    lines, encode = 0, msgspec.json.Encoder().encode
    with open_output(out) as file:
        for each in truths:
            file.write(encode(each) + b"\n")
            lines += 1
    return lines


def find_truths(
    scenario: Scenario, seed: int, clock: Clock, until: float = inf, last_sent: LastSent | None = None
) -> Iterator[Truth]:
    """Find the visits that incidents hit in a run, in the order of its visits.

    `until` is when the run was stopped, in scenario seconds from its zero. `last_sent` says when the last sent batch of
    each visit was due; None: everything was sent.
    """
    return (describe_hit(hit, scenario, clock, last_sent) for hit in traffic.find_hits(scenario, seed, until))


def describe_hit(hit: traffic.IncidentHit, scenario: Scenario, clock: Clock, last_sent: LastSent | None) -> Truth:
    """Describe a hit as a line of the file."""
    due = NEVER if clock.pace == inf else hit.first / clock.pace
    return Truth(
        incident=hit.incident,
        kind=hit.kind,
        session_id=client.make_session_id(hit.key),
        user_id=hit.user_id,
        sampled=is_sampled(hit.key, scenario.monitor.sample_rate),
        first=format_time(clock.to_unix(hit.first)),
        last=format_time(clock.to_unix(hit.last)),
        views=hit.views,
        session=hit.session,
        sent=last_sent is None or ((last := last_sent.find(hit.session)) > NEVER and last >= due),
    )


def format_time(unix: float) -> str:
    """Format a Unix time as ISO 8601 in UTC, with milliseconds."""
    return datetime.fromtimestamp(unix, UTC).isoformat(timespec="milliseconds")
