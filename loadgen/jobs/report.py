"""`loadgen report`: the summary and the page of a run, finished or cut off, from its folder."""

from __future__ import annotations

from pathlib import Path

import msgspec

from loadgen.errors import LoadgenError
from loadgen.jobs.progress import OnLine, ignore_progress
from loadgen.jobs.run.finalize import note_incomplete_sessions
from loadgen.options import require_callback, require_path
from loadgen.output import check_output
from loadgen.report import write_report
from loadgen.results import RunData, RunFolder, Summary, read_or_recover_summary


def report(run_dir: Path | str, *, html: Path | str | None = None, on_progress: OnLine = ignore_progress) -> Summary:
    """Read a run's summary. If the run was cut off, sum up its records and name its incomplete sessions.

    `html` is the file for the run's page; None: no page. `on_progress` gets a line for each damaged file that makes the
    page incomplete. LoadgenError: the folder is no folder of a run, or is damaged.
    """
    require_callback(on_progress, "on_progress")
    page = None if html is None else require_path(html, "html")
    if page is not None:
        check_output(page)
    folder = RunFolder.open(require_path(run_dir, "run_dir"))
    summary = add_incomplete_sessions(folder, read_or_recover_summary(folder))
    if page is not None:
        data = RunData(folder, summary=summary)
        write_report(data, page)
        for gap in data.gaps:
            on_progress(f"{folder.path}: {gap}")
    return summary


def add_incomplete_sessions(folder: RunFolder, summary: Summary) -> Summary:
    """Add a line on the sessions that lost workers did not finish, or on why these are not known."""
    if not summary.lost_workers:
        return summary
    try:
        return note_incomplete_sessions(folder, folder.read_scenario(), summary)
    except LoadgenError as error:
        line = f"it is not known which sessions were not run: {error}"
        return msgspec.structs.replace(summary, reasons=(*summary.reasons, line))
