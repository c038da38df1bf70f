"""A run on the terminal while it goes: a block that is redrawn in place; a line a second where it is no terminal.

What a run tells its caller while it goes: what is sent where, each second, and lines for people.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import msgspec
from rich.console import Console
from rich.live import Live
from rich.status import Status

from loadgen.errors import escape_line
from loadgen.jobs.progress import WorkProgress, print_line
from loadgen.model import Noun
from loadgen.report import format_log_line, render_second
from loadgen.results import TimelineRow

COUNTS = ("accepted", "throttled", "failed", "given_up")


class ViewConsole(Console):
    """A console whose reader may go: rich would end the process, in the middle of a run."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


class LiveView:
    """An `on_progress` that draws; use it as a context, which ends the drawing."""

    def __init__(self, *, on_stderr: bool) -> None:
        self._console = ViewConsole(stderr=on_stderr, highlight=False)
        self._live: Live | None = None
        self._wait: Status | None = None
        self._seconds = 0.0
        self._total: TimelineRow | None = None

    def __enter__(self) -> LiveView:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # a terminal that is gone
            self._end_wait()
            if self._live:
                self._live.stop()

    def __call__(self, progress: Progress) -> None:
        """Show what has happened."""
        self._end_wait()
        match progress:
            case RunStarted():
                self._begin(progress)
            case WorkProgress(what) if self._console.is_terminal and self._live is None:
                self._wait = self._console.status(escape_line(what))
                self._wait.start()
            case str(line) | WorkProgress(line):
                print_line(self._console, line)
            case TimelineRow():
                self._show(progress)

    def _begin(self, started: RunStarted) -> None:
        monitors = "monitor" if len(started.monitors) == 1 else "monitors"
        names = ", ".join(started.monitors)
        print_line(self._console, f"{started.scenario} → {started.url}, {monitors} {names}, seed {started.seed}")
        if started.web is not None:
            print_line(self._console, f"Locust's web UI: http://127.0.0.1:{started.web}")
        self._seconds = started.seconds
        if self._console.is_terminal:
            self._live = Live(console=self._console, transient=True, auto_refresh=False)
            self._live.start()

    def _show(self, row: TimelineRow) -> None:
        self._total = row if self._total is None else add_counts(self._total, row)
        if row.second >= self._seconds and not row.sent:
            return  # after the end, waiting for retries
        if self._live:
            self._live.update(render_second(row, row.second + 1, self._seconds, self._total), refresh=True)
        else:
            print_line(self._console, format_log_line(row, row.second + 1, self._seconds))

    def _end_wait(self) -> None:
        if self._wait is not None:
            self._wait.stop()
            self._wait = None


def add_counts(total: TimelineRow, row: TimelineRow) -> TimelineRow:
    """The latest second with the counts of the run so far."""
    return msgspec.structs.replace(row, **{name: getattr(total, name) + getattr(row, name) for name in COUNTS})


class RunStarted(Noun):
    """What is about to be sent, and where to."""

    scenario: str
    url: str
    monitors: tuple[str, ...]
    seed: int
    seconds: float  # how long the run will take; 0: as fast as possible
    web: int | None = None  # port of Locust's web UI, on loopback


Progress = RunStarted | TimelineRow | str | WorkProgress
"""What is sent where, each second, lines for people, and what is waited for until the next of these."""

OnProgress = Callable[[Progress], None]
