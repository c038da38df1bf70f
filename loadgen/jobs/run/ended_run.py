"""A run that has ended: its summary, records and page, from its folder; `loadgen report` shows it again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from loadgen.errors import LoadgenError
from loadgen.jobs.progress import OnLine, ignore_progress
from loadgen.jobs.run.finalize import note_incomplete_sessions
from loadgen.options import require_callback, require_path
from loadgen.output import check_output, refuse_overwriting
from loadgen.report import REPORT, write_ci_files, write_report
from loadgen.results import (
    EXIT_CODES,
    RunData,
    RunFolder,
    RunSpec,
    Summary,
    list_data_files,
    open_table,
    read_or_recover_summary,
)

if TYPE_CHECKING:
    import pyarrow


class Run:
    """A run that has ended: its summary, and its folder, which holds everything else."""

    def __init__(self, folder: RunFolder, summary: Summary) -> None:
        self.folder: Path = folder.path
        self.summary = summary
        self._files = folder

    @classmethod
    def load(cls, folder: Path | str) -> Run:
        """Read an earlier run. If it was cut off, sum up its records and name its incomplete sessions.

        LoadgenError: the folder is no folder of a run, or is damaged.
        """
        files = RunFolder.open(require_path(folder, "folder"))
        return cls(files, add_incomplete_sessions(files, read_or_recover_summary(files)))

    @property
    def exit_code(self) -> int:
        """0 passed, 1 failed, 3 invalid, 130 interrupted."""
        return EXIT_CODES[self.summary.verdict]

    @property
    def spec(self) -> RunSpec:
        """The options of the run, read from its folder."""
        return self._files.read_spec()

    def records(self) -> pyarrow.Table:
        """Read the records, one row a request; results/README.md explains the columns. LoadgenError: there are none."""
        if not self._files.records.is_file():
            raise LoadgenError(f"{self._files.records}: is missing; the run was cut off, or the file was deleted")
        table: pyarrow.Table = open_table(self._files).read(use_threads=False)  # as `results.table` says
        return table

    def write_page(self, html: Path | str | None = None, *, on_progress: OnLine = ignore_progress) -> Path:
        """Write the run's page, by default as report.html into its folder; return the page's path.

        `on_progress` gets a line for each damaged file that makes the page incomplete.
        """
        require_callback(on_progress, "on_progress")
        page = self.folder / REPORT if html is None else require_path(html, "html")
        refuse_overwriting([page], list_data_files(self.folder))
        check_output(page)
        data = RunData(self._files, summary=self.summary)
        write_report(data, page)
        for gap in data.gaps:
            on_progress(f"{self.folder}: {gap}")
        return page

    def write_ci_files(self, junit: Path | str | None = None, summary_md: Path | str | None = None) -> None:
        """Write thresholds and verdict as JUnit XML, and a summary in Markdown; None: do not write the file."""
        wanted = [
            None if file is None else require_path(file, name)
            for file, name in ((junit, "junit"), (summary_md, "summary_md"))
        ]
        refuse_overwriting(wanted, list_data_files(self.folder))
        write_ci_files(self.summary, *wanted)


def add_incomplete_sessions(folder: RunFolder, summary: Summary) -> Summary:
    """Add a line on the sessions that lost workers did not finish, or on why these are not known."""
    if not summary.lost_workers:
        return summary
    try:
        return note_incomplete_sessions(folder, folder.read_scenario(), summary)
    except LoadgenError as error:
        line = f"it is not known which sessions were not run: {error}"
        return msgspec.structs.replace(summary, reasons=(*summary.reasons, line))
