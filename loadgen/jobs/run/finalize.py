"""What follows a run whose summary is safe on disk: the sessions that were not run, notes, the page.

Rule: nothing here can lose the summary; Ctrl-C skips a step.
"""

from __future__ import annotations

import click
import msgspec

from loadgen.errors import LoadgenError
from loadgen.jobs.run.incomplete_sessions import noted
from loadgen.report.html import write_report
from loadgen.results import RunFolder, Summary
from loadgen.results.run_data import RunData
from loadgen.results.store import UNRUN
from loadgen.scenario import Scenario


def with_note(folder: RunFolder, summary: Summary, line: str | None) -> Summary:
    """The summary with one more line, if there is one."""
    if line is None:
        return summary
    summary = msgspec.structs.replace(summary, reasons=(*summary.reasons, line))
    folder.write_summary(summary)
    return summary


def name_what_was_not_run(folder: RunFolder, scenario: Scenario, summary: Summary) -> Summary:
    """Of a run that lost workers; drawing their sessions again takes a while, and Ctrl-C skips it."""
    if not summary.lost_workers:
        return summary
    click.echo("naming the sessions that were not run (Ctrl-C leaves it to `loadgen report`)", err=True)
    try:
        summary = noted(folder, scenario, summary)
    except (LoadgenError, KeyboardInterrupt) as error:
        click.echo(f"loadgen: no {UNRUN}: {error or 'interrupted'}", err=True)
    else:
        folder.write_summary(summary)
        if folder.records.is_file():
            for worker in summary.lost_workers:
                folder.spool(worker).unlink(missing_ok=True)
    return summary


def draw(folder: RunFolder) -> None:
    """Write the run's page; a run without one is still a run."""
    try:
        write_report(RunData(folder))
    except LoadgenError as error:
        click.echo(f"loadgen: no report.html: {error}", err=True)
