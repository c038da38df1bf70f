"""Which sessions a lost worker left undone: its share is drawn again and compared with what it tried.

Rule: senders take batches in the order of their intended moments, so what was due before a worker's last first attempt
and was not tried was held back by the client (a page that was switched off), and is not missing. Sessions are drawn in
the order of their starts: of those after the last that was tried, a late worker may have drawn nothing yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from math import inf

import msgspec

from loadgen import client, units
from loadgen.errors import LoadgenError
from loadgen.model import Noun
from loadgen.planned import planned
from loadgen.results import (
    INCOMPLETE_SESSIONS,
    IncompleteSession,
    RunFolder,
    Summary,
    TriedBatches,
    read_incomplete_sessions,
    write_incomplete_sessions,
)
from loadgen.scenario import Scenario


def note_incomplete_sessions(folder: RunFolder, scenario: Scenario, summary: Summary) -> Summary:
    """The summary with a line on the sessions that were not run; they are named in a file of their own, made once."""
    if not summary.lost_workers:
        return summary
    if (folder.path / INCOMPLETE_SESSIONS).is_file():
        count = len(read_incomplete_sessions(folder))
    elif not all(folder.spool(worker).is_file() for worker in summary.lost_workers):
        return summary  # somebody took the file out of the folder, and what the workers had tried is gone
    else:
        try:
            count = write_incomplete_sessions(folder, find_incomplete_sessions(folder, scenario, summary))
        except OSError as error:
            raise LoadgenError(f"{folder.path / INCOMPLETE_SESSIONS}: cannot be written ({error.strerror})") from error
    if not count:
        return summary
    line = describe_count(count)
    return summary if line in summary.reasons else msgspec.structs.replace(summary, reasons=(*summary.reasons, line))


def describe_count(count: int) -> str:
    """One line for people."""
    sessions = "1 session was" if count == 1 else f"{count:,} sessions were"
    return f"{sessions} not run, or only in part: {INCOMPLETE_SESSIONS} names them"


def find_incomplete_sessions(folder: RunFolder, scenario: Scenario, summary: Summary) -> Iterator[IncompleteSession]:
    """The sessions of all lost workers, a worker and an app monitor after the other."""
    workers, factor, stopped = summary.generator.workers, units.parse_pace(summary.pace), summary.stopped_at
    names = [each.name for each in summary.monitors] or [scenario.monitor.name]
    return chain.from_iterable(
        find_of_share(
            LostShare(its, summary.seed + place, worker, workers, name),
            TriedBatches(folder.spool(worker), place),
            factor,
            stopped,
        )
        for worker in summary.lost_workers
        for place, (its, name) in enumerate(zip(scenario.monitors, names, strict=False))
    )


class LostShare(Noun):
    """A lost worker's part of the sessions of one app monitor."""

    scenario: Scenario
    seed: int
    worker: int
    workers: int
    monitor: str = ""


def find_of_share(
    share: LostShare, tried: TriedBatches, factor: float, stopped: float | None
) -> Iterator[IncompleteSession]:
    """The sessions of one share that were not run whole, up to the run's end, or to its stop in seconds on the wall.

    As fast as possible nothing has a moment: of a run that was stopped, nobody knows which sessions would have come
    after those that were tried.
    """
    duration = share.scenario.duration
    end = duration if stopped is None or factor == inf else min(duration, stopped * factor)
    for session, plan in planned(share.scenario, share.seed, (share.worker, share.workers)):
        if session.start >= end or (factor == inf and stopped is not None and session.index >= tried.sessions):
            return
        due = [batch.due for batch in plan.batches if batch.due < end]
        done = tried.of(session.index)
        drawn = session.index < tried.sessions
        if done < len(due) and not (factor != inf and drawn and due[-1] / factor <= tried.until):
            start, name = (
                session.start if factor == inf else session.start / factor,
                client.make_session_id(session.key),
            )
            yield IncompleteSession(session.index, name, start, share.worker, len(due), done, share.monitor)
