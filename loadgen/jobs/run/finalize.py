"""The steps after a run's process has ended: summary, notes, sessions that were not run, page.

Rule: no step can lose a summary that is on disk, and Ctrl-C skips a step.

The sessions that a lost worker did not finish are found by drawing its share again and comparing it with the batches it
tried. Senders take batches in the order of their intended moments. So a batch that was due before the worker's last
first attempt and was not tried was held back by the client (its page was switched off), and is not missing. Sessions
are drawn in the order of their starts, so a late worker may not have drawn those after the last one that it tried.
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
"""Errors that a step may have without harm to the run's counts; ImportError: a library finds no memory."""


def find_summary(folder: RunFolder, process: LocustProcess, interrupted: bool) -> Summary:
    """Return the summary that the process wrote or handed over, or one recovered from its records.

    If the process ended before it sent anything, this raises: Interrupted if the run was interrupted, LoadgenError if
    the log says why it did not start (both delete the folder), GeneratorKilled if it was killed.
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
    reason = f"Locust ended with code {process.code} before its summary: {process.first_error} (see {folder.log})"
    summary = recover_summary(folder)
    verdict = "invalid" if process.code == EXIT_CODES["invalid"] else summary.verdict
    return msgspec.structs.replace(summary, verdict=verdict, reasons=(reason, *summary.reasons))


def keep_summary(folder: RunFolder, summary: Summary, tell: OnLine) -> Summary:
    """Write the summary and return it; if that fails, return it as invalid, with the reason."""
    try:
        folder.write_summary(summary)
    except FAILURES as error:
        reason = f"summary.json could not be written: {describe_error(error)}"
        tell(reason)
        return msgspec.structs.replace(summary, verdict="invalid", reasons=(reason, *summary.reasons))
    return summary


def write_ground_truth(spec: RunSpec, folder: RunFolder, summary: Summary, tell: OnLine) -> None:
    """Write which visits an incident hit; if that fails, only tell why."""
    try:
        ground_truth.write_truth_of_run(spec.scenario, folder, summary)
    except FAILURES as error:
        tell(f"no {ground_truth.FILE}: {describe_error(error)}")


def add_notes(folder: RunFolder, spec: RunSpec, summary: Summary, tell: OnLine) -> Summary:
    """Add notes on incomplete sessions and on OpenTelemetry to the summary; write it again if it has changed."""
    summary = name_incomplete_sessions(folder, spec.scenario, summary, tell)
    if spec.otel and (line := otel.find_complaint(folder.log)):
        summary = msgspec.structs.replace(summary, reasons=(*summary.reasons, line))
        summary = keep_summary(folder, summary, tell)
    return summary


def name_incomplete_sessions(folder: RunFolder, scenario: Scenario, summary: Summary, tell: OnLine) -> Summary:
    """Note the sessions that lost workers did not finish. Drawing them again takes a while; Ctrl-C skips it."""
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
    """Add a line on the sessions that were not run to the summary of a run that lost workers.

    A file of their own names these sessions; it is written only once.
    """
    if (folder.path / INCOMPLETE_SESSIONS).is_file():
        count = len(read_incomplete_sessions(folder))
    elif not all(folder.locate_spool(worker).is_file() for worker in summary.lost_workers):
        return summary  # the file was deleted, and the workers' records that it was made from are gone
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
    """Say how many sessions were not run."""
    sessions = "1 session was" if count == 1 else f"{count:,} sessions were"
    return f"{sessions} not run, or only in part: {INCOMPLETE_SESSIONS} names them"


def find_incomplete_sessions(folder: RunFolder, scenario: Scenario, summary: Summary) -> Iterator[IncompleteSession]:
    """Yield the incomplete sessions of all lost workers, by worker and app monitor."""
    workers, factor, stopped = summary.generator.workers, units.parse_pace(summary.pace), summary.stopped_at
    names = [each.name for each in summary.monitors] or [scenario.monitor.name]
    return chain.from_iterable(
        find_incomplete_in_share(
            LostShare(own_scenario, summary.seed + place, worker, workers, name),
            TriedBatches(folder.locate_spool(worker), place),
            factor,
            stopped,
        )
        for worker in summary.lost_workers
        for place, (own_scenario, name) in enumerate(zip(scenario.monitors, names, strict=False))
    )


class LostShare(Noun):
    """The part of one app monitor's sessions that a lost worker had to run."""

    scenario: Scenario
    seed: int
    worker: int
    workers: int
    monitor: str = ""


def find_incomplete_in_share(
    share: LostShare, tried: TriedBatches, factor: float, stopped: float | None
) -> Iterator[IncompleteSession]:
    """Yield the sessions of a share of which due batches were not tried, up to the run's end or its stop.

    `stopped` is the stop in seconds on the wall; None: the run was not stopped. A run as fast as possible (infinite
    `factor`) has no moments: if it was stopped, the sessions after the last one tried are not known.
    """
    duration = share.scenario.duration
    end = duration if stopped is None or factor == inf else min(duration, stopped * factor)
    for session, plan in planned(share.scenario, share.seed, (share.worker, share.workers)):
        if session.start >= end or (factor == inf and stopped is not None and session.index >= tried.sessions):
            return
        due = [batch.due for batch in plan.batches if batch.due < end]
        attempts = tried.count(session.index)
        was_drawn = session.index < tried.sessions
        if attempts < len(due) and not (factor != inf and was_drawn and due[-1] / factor <= tried.until):
            start, name = session.start / (1.0 if factor == inf else factor), client.make_session_id(session.key)
            yield IncompleteSession(session.index, name, start, share.worker, len(due), attempts, share.monitor)


def write_page(folder: RunFolder, tell: OnLine) -> None:
    """Write the run's page; if that fails, only tell why."""
    try:
        write_report(RunData(folder))
    except FAILURES as error:
        tell(f"no report.html: {describe_error(error)}")
