"""What follows a run whose process has ended: its summary, notes, sessions that were not run, the page.

Rule: once a summary is on disk nothing here can lose it, and Ctrl-C skips a step.

Which sessions a lost worker left undone: its share is drawn again and compared with what it tried. Senders take batches
in the order of their intended moments, so what was due before a worker's last first attempt and was not tried was held
back by the client (a page that was switched off), and is not missing. Sessions are drawn in the order of their starts:
of those after the last that was tried, a late worker may have drawn nothing yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from math import inf

import msgspec

from loadgen import client, units
from loadgen.errors import LoadgenError, describe_error, interrupt
from loadgen.jobs import ground_truth
from loadgen.jobs.progress import OnLine
from loadgen.jobs.run import otel
from loadgen.jobs.run.locust_process import LocustProcess
from loadgen.model import Noun
from loadgen.planned import planned
from loadgen.report import write_report
from loadgen.results import (
    EXIT_CODES,
    INCOMPLETE_SESSIONS,
    IncompleteSession,
    RunData,
    RunFolder,
    RunSpec,
    Summary,
    TriedBatches,
    has_sent_anything,
    read_incomplete_sessions,
    recover_summary,
    write_incomplete_sessions,
)
from loadgen.scenario import Scenario

FAILURES = (LoadgenError, OSError, MemoryError, ImportError)
"""Of a step that the run's accounts do not depend on; an ImportError comes of a library that finds no memory."""


def find_summary(folder: RunFolder, process: LocustProcess, interrupted: bool) -> Summary:
    """The summary that the process wrote, or what its records say when it ended without one.

    One that ended before it had sent anything leaves no folder if it was interrupted (raises Interrupted), or if it has
    said why it did not start (LoadgenError). One that was killed by then raises GeneratorKilled.
    """
    handed_over = process.handover.receive()
    if folder.finished:
        return folder.read_summary()
    if handed_over is not None:
        return handed_over
    if not has_sent_anything(folder):
        refusal = process.refusal
        if not interrupted and refusal is None:
            process.fail()
        folder.discard()
        if interrupted:
            interrupt()
        raise LoadgenError(str(refusal))
    said = f"Locust ended with code {process.code} before its summary: {process.first_error} (see {folder.log})"
    summary = recover_summary(folder)
    verdict = "invalid" if process.code == EXIT_CODES["invalid"] else summary.verdict
    return msgspec.structs.replace(summary, verdict=verdict, reasons=(said, *summary.reasons))


def keep_summary(folder: RunFolder, summary: Summary, tell: OnLine) -> Summary:
    """Write the summary; where that fails the run is invalid, and what was measured is still returned."""
    try:
        folder.write_summary(summary)
    except FAILURES as error:
        reason = f"summary.json could not be written: {describe_error(error)}"
        tell(reason)
        return msgspec.structs.replace(summary, verdict="invalid", reasons=(reason, *summary.reasons))
    return summary


def write_ground_truth(spec: RunSpec, folder: RunFolder, summary: Summary, tell: OnLine) -> None:
    """Write which visits an incident hit; a run without the file is still a run."""
    try:
        ground_truth.write_truth_of_run(spec.scenario, folder, summary)
    except FAILURES as error:
        tell(f"no {ground_truth.FILE}: {describe_error(error)}")


def add_notes(folder: RunFolder, spec: RunSpec, summary: Summary, tell: OnLine) -> Summary:
    """The summary with what else is known, written again if it has changed."""
    summary = name_incomplete_sessions(folder, spec.scenario, summary, tell)
    if spec.otel and (line := otel.find_complaint(folder.log)):
        summary = msgspec.structs.replace(summary, reasons=(*summary.reasons, line))
        summary = keep_summary(folder, summary, tell)
    return summary


def name_incomplete_sessions(folder: RunFolder, scenario: Scenario, summary: Summary, tell: OnLine) -> Summary:
    """Of a run that lost workers; drawing their sessions again takes a while, and Ctrl-C skips it."""
    if not summary.lost_workers:
        return summary
    tell("naming the sessions that were not run (Ctrl-C leaves it to `loadgen report`)")
    try:
        summary = note_incomplete_sessions(folder, scenario, summary)
    except KeyboardInterrupt:
        tell(f"no {INCOMPLETE_SESSIONS}: interrupted")
        return summary
    except FAILURES as error:
        tell(f"no {INCOMPLETE_SESSIONS}: {describe_error(error)}")
        return summary
    summary = keep_summary(folder, summary, tell)
    if folder.records.is_file():
        for worker in summary.lost_workers:
            folder.locate_spool(worker).unlink(missing_ok=True)
    return summary


def note_incomplete_sessions(folder: RunFolder, scenario: Scenario, summary: Summary) -> Summary:
    """The summary of a run that lost workers, with a line on the sessions that were not run.

    They are named in a file of their own, made once.
    """
    if (folder.path / INCOMPLETE_SESSIONS).is_file():
        count = len(read_incomplete_sessions(folder))
    elif not all(folder.locate_spool(worker).is_file() for worker in summary.lost_workers):
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
        find_incomplete_in_share(
            LostShare(its, summary.seed + place, worker, workers, name),
            TriedBatches(folder.locate_spool(worker), place),
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


def find_incomplete_in_share(
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
        done = tried.count(session.index)
        drawn = session.index < tried.sessions
        if done < len(due) and not (factor != inf and drawn and due[-1] / factor <= tried.until):
            start, name = session.start / (1.0 if factor == inf else factor), client.make_session_id(session.key)
            yield IncompleteSession(session.index, name, start, share.worker, len(due), done, share.monitor)


def write_page(folder: RunFolder, tell: OnLine) -> None:
    """Write the run's page; a run without one is still a run."""
    try:
        write_report(RunData(folder))
    except FAILURES as error:
        tell(f"no report.html: {describe_error(error)}")
