"""What follows a run whose process has ended: the endpoint's ledger, notes, sessions that were not run, the page.

Rule: once a summary is on disk nothing here can lose it, and Ctrl-C skips a step.

What an endpoint of ours says it accepted, asked before and after a run.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote, urlsplit

import msgspec

from loadgen.aws import MonitorTarget
from loadgen.errors import LoadgenError, interrupt
from loadgen.jobs import ground_truth
from loadgen.jobs.run import otel
from loadgen.jobs.run.incomplete_sessions import note_incomplete_sessions
from loadgen.jobs.run.locust_process import LocustProcess
from loadgen.jobs.run.view import OnProgress, RunNotice
from loadgen.model import Noun, Request
from loadgen.report import write_report
from loadgen.results import (
    EXIT_CODES,
    INCOMPLETE_SESSIONS,
    LedgerComparison,
    MonitorSummary,
    RunData,
    RunFolder,
    RunSpec,
    Summary,
    has_sent_anything,
    recover_summary,
)
from loadgen.scenario import Scenario
from loadgen.transport import BlockingConnection, NoAnswer, OnWait, find_route, start_notice


def find_summary(folder: RunFolder, process: LocustProcess, interrupted: bool) -> Summary:
    """The summary that the process wrote, or what its records say when it ended without one.

    One that ended before it had sent anything leaves no folder if it was interrupted (raises Interrupted), or if it has
    said why it did not start (LoadgenError).
    """
    handed_over = process.handover.receive()
    if folder.finished:
        return folder.summary()
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


def keep_summary(folder: RunFolder, summary: Summary, tell: OnProgress) -> Summary:
    """Write the summary; where that fails the run is invalid, and what was measured is still returned."""
    try:
        folder.write_summary(summary)
    except (OSError, LoadgenError) as error:
        reason = f"summary.json could not be written: {error}"
        tell(RunNotice(reason))
        return msgspec.structs.replace(summary, verdict="invalid", reasons=(reason, *summary.reasons))
    return summary


def write_ground_truth(spec: RunSpec, folder: RunFolder, summary: Summary, tell: OnProgress) -> None:
    """Write which visits an incident hit; a run without the file is still a run."""
    try:
        ground_truth.of_run(spec.scenario, folder, summary)
    except (OSError, LoadgenError) as error:
        tell(RunNotice(f"no {ground_truth.FILE}: {error}"))


def add_notes(folder: RunFolder, spec: RunSpec, summary: Summary, tell: OnProgress) -> Summary:
    """The summary with what else is known, written again if it has changed."""
    summary = name_incomplete_sessions(folder, spec.scenario, summary, tell)
    if spec.otel and (line := otel.find_complaint(folder.log)):
        summary = msgspec.structs.replace(summary, reasons=(*summary.reasons, line))
        summary = keep_summary(folder, summary, tell)
    return summary


def name_incomplete_sessions(folder: RunFolder, scenario: Scenario, summary: Summary, tell: OnProgress) -> Summary:
    """Of a run that lost workers; drawing their sessions again takes a while, and Ctrl-C skips it."""
    if not summary.lost_workers:
        return summary
    tell(RunNotice("naming the sessions that were not run (Ctrl-C leaves it to `loadgen report`)"))
    try:
        summary = note_incomplete_sessions(folder, scenario, summary)
    except (LoadgenError, OSError, KeyboardInterrupt) as error:
        tell(RunNotice(f"no {INCOMPLETE_SESSIONS}: {error or 'interrupted'}"))
        return summary
    summary = keep_summary(folder, summary, tell)
    if folder.records.is_file():
        for worker in summary.lost_workers:
            folder.spool(worker).unlink(missing_ok=True)
    return summary


def write_page(folder: RunFolder, tell: OnProgress) -> None:
    """Write the run's page; a run without one is still a run."""
    try:
        write_report(RunData(folder))
    except (LoadgenError, OSError) as error:
        tell(RunNotice(f"no report.html: {error}"))


ASK_SECONDS, LEDGER = 10.0, "/_loadgen/ledger"


class LedgerCounts(Noun):
    """What is read of the endpoint's answer to `/_loadgen/ledger`."""

    requests: dict[str, int]
    events: dict[str, int]


class Kept(Noun):
    """Accepted PutRumEvents calls of one monitor and their events, those included that the endpoint dropped."""

    requests: int
    events: int


def read_ledger(url: str, monitor_id: str, on_wait: OnWait) -> Kept | None:
    """Ask an endpoint; None when it is none of ours, or not there. `on_wait` gets a line when it takes long."""
    if not url.startswith("http://"):
        return None
    parts = urlsplit(url)
    path = f"{parts.path.rstrip('/')}{LEDGER}?monitor={quote(monitor_id, safe='')}"
    connection = BlockingConnection(find_route(url), ASK_SECONDS)
    notice = start_notice(parts.netloc, LEDGER, ASK_SECONDS, on_wait)
    try:
        answer = connection(Request("GET", path, (("host", parts.netloc),)))
        counted = msgspec.json.decode(answer.body, type=LedgerCounts)
        return Kept(counted.requests["accepted"], counted.events["accepted"] + counted.events["dropped"])
    except (NoAnswer, msgspec.DecodeError, KeyError):
        return None
    finally:
        notice.cancel()
        connection.close()


def read_ledgers(targets: Sequence[MonitorTarget], on_wait: OnWait) -> tuple[Kept | None, ...]:
    """The same for each app monitor of a run; for none, where one is not told: they are compared together."""
    found: list[Kept | None] = []
    for target in targets:
        found.append(read_ledger(target.url, target.monitor_id, on_wait))
        if found[-1] is None:
            return (None,) * len(targets)
    return tuple(found)


def compare_ledgers(
    before: tuple[Kept | None, ...], after: tuple[Kept | None, ...], summary: Summary
) -> tuple[LedgerComparison, ...]:
    """Both sides' counts of one run, for each of its app monitors."""
    return tuple(map(compare_ledger, before, after, summary.monitors))


def compare_ledger(before: Kept | None, after: Kept | None, ours: MonitorSummary) -> LedgerComparison:
    """Both sides' counts of one app monitor."""
    if before is None or after is None:
        return LedgerComparison()
    requests, events = after.requests - before.requests, after.events - before.events
    more_requests, more_events = requests - ours.requests.accepted, events - ours.events.accepted
    # What got no answer, or was in flight when a worker was killed, may have been accepted all the same.
    agrees = 0 <= more_requests <= ours.in_doubt.requests and 0 <= more_events <= ours.in_doubt.events
    return LedgerComparison(agrees, requests, events)
