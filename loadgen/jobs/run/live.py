"""The live view of a run: a calm block on a terminal, a line a second elsewhere."""

from __future__ import annotations

import sys

import msgspec
from rich.console import Console
from rich.live import Live

from loadgen.endpoint import Endpoint
from loadgen.jobs.run.locust_process import LocustProcess
from loadgen.report.terminal import live_view, log_line
from loadgen.results import Follower, RunFolder, TimelineRow

LOOK_SECONDS = 0.25


def watch(
    process: LocustProcess, folder: RunFolder, duration: float, endpoint: Endpoint | None, quiet: bool
) -> str | None:
    """Show the run until its process ends; what went wrong with the endpoint, if anything did.

    The first Ctrl-C asks the run to end well, a second one ends it at once.
    """
    view = View(duration, Console(stderr=quiet, highlight=False))
    follower, died, interrupts = Follower(folder.path), None, 0
    with view:
        while True:
            try:
                running = process.running(LOOK_SECONDS)
                for row in follower.rows():
                    view.show(row)
                if not running:
                    return died
                if endpoint is not None and died is None and not endpoint.is_alive():
                    died = f"the local endpoint died after second {view.last_second}"
                    process.interrupt()
            except KeyboardInterrupt:
                interrupts += 1
                view.note("stopping: waiting for what is in flight (Ctrl-C again ends at once)")
                process.interrupt() if interrupts == 1 else process.kill()


class View:
    """What is known so far, on whatever the output is."""

    def __init__(self, duration: float, console: Console) -> None:
        self._duration = duration
        self._console = console
        self._live = Live(console=console, transient=True, auto_refresh=False) if console.is_terminal else None
        self._total: TimelineRow | None = None

    def __enter__(self) -> View:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    @property
    def last_second(self) -> int:
        """The last second that was seen."""
        return self._total.second if self._total else 0

    def show(self, row: TimelineRow) -> None:
        """A second that has been measured."""
        self._total = row if self._total is None else summed(self._total, row)
        if row.second >= self._duration and not row.sent:
            return  # after the end, waiting for retries
        if self._live:
            self._live.update(live_view(row, row.second + 1, self._duration, self._total), refresh=True)
        else:
            self._console.print(log_line(row, row.second + 1, self._duration), soft_wrap=True)

    def note(self, line: str) -> None:
        """A line beside the figures."""
        self._console.print(line)
        sys.stdout.flush()


def summed(total: TimelineRow, row: TimelineRow) -> TimelineRow:
    """The run so far, with the counts of one more second."""
    names = ("accepted", "throttled", "failed", "given_up")
    return msgspec.structs.replace(row, **{name: getattr(total, name) + getattr(row, name) for name in names})
