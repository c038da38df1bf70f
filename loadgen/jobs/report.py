"""`loadgen report`: the summary of a run from its folder, finished or cut off, and its page."""

from __future__ import annotations

from pathlib import Path

import msgspec

from loadgen.errors import LoadgenError
from loadgen.jobs.progress import OnLine, ignore_progress
from loadgen.jobs.run.finalize import note_incomplete_sessions
from loadgen.output import check_output
from loadgen.report import write_report
from loadgen.results import RunData, RunFolder, Summary, read_or_recover_summary


def report(run_dir: Path | str, *, html: Path | str | None = None, on_progress: OnLine = ignore_progress) -> Summary:
    """Read a run's summary; of a run that was cut off, sum up what it had written, and name its incomplete sessions.

    `html` is where the run's page is written, if anywhere; `on_progress` gets a line on each file of the folder for
    whose damage the page lacks something. LoadgenError: the folder is none of a run, or is damaged.
    """
    if html is not None:
        check_output(Path(html))
    folder = RunFolder.open(Path(run_dir))
    summary = add_incomplete_sessions(folder, read_or_recover_summary(folder))
    if html is not None:
        data = RunData(folder, summary=summary)
        write_report(data, Path(html))
        for gap in data.gaps:
            on_progress(f"{folder.path}: {gap}")
    return summary


def add_incomplete_sessions(folder: RunFolder, summary: Summary) -> Summary:
    """The summary with a line on the sessions that lost workers left undone, or on why that is not known."""
    if not summary.lost_workers:
        return summary
    try:
        return note_incomplete_sessions(folder, folder.read_scenario(), summary)
    except LoadgenError as error:
        line = f"which sessions were not run is not known: {error}"
        return msgspec.structs.replace(summary, reasons=(*summary.reasons, line))
