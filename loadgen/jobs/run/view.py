"""A running run on the terminal: a block that is redrawn in place; without a terminal, one line a second.

Also here: the type of a run's progress: its spec, each second, and lines for people.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import msgspec
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.status import Status
from rich.table import Table

from loadgen.errors import escape_line
from loadgen.jobs.progress import WorkProgress, print_line
from loadgen.results import RunSpec, TimelineRow
from loadgen.units import format_duration, format_milliseconds

COUNTS = ("accepted", "throttled", "failed", "given_up")
BAR_COLUMNS = 40


class ViewConsole(Console):
    """A console that raises when its reader is gone; rich's own would end the process in the middle of a run."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


class LiveView:
    """An `on_progress` that shows a run on the terminal; as a context manager it ends the display."""

    def __init__(self, *, on_stderr: bool) -> None:
        self._console = ViewConsole(stderr=on_stderr, highlight=False)
        self._live: Live | None = None
        self._wait: Status | None = None
        self._seconds = 0.0
        self._total: TimelineRow | None = None

    def __enter__(self) -> LiveView:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # the terminal is gone
            self._end_wait()
            if self._live:
                self._live.stop()

    def __call__(self, progress: RunProgress) -> None:
        """Show one piece of progress."""
        self._end_wait()
        match progress:
            case RunSpec():
                self._begin(progress)
            case WorkProgress(what) if self._console.is_terminal and self._live is None:
                self._wait = self._console.status(escape_line(what))
                self._wait.start()
            case str(line) | WorkProgress(line):
                print_line(self._console, line)
            case TimelineRow():
                self._show(progress)

    def _begin(self, spec: RunSpec) -> None:
        monitors = "monitor" if len(spec.monitors) == 1 else "monitors"
        names = ", ".join(each.name for each in spec.monitors)
        print_line(self._console, f"{spec.scenario.name} → {spec.url}, {monitors} {names}, seed {spec.seed}")
        if spec.web is not None:
            print_line(self._console, f"Locust's web UI: http://127.0.0.1:{spec.web}")
        self._seconds = spec.duration / spec.factor  # 0: as fast as possible
        if self._console.is_terminal:
            self._live = Live(console=self._console, transient=True, auto_refresh=False)
            self._live.start()

    def _show(self, row: TimelineRow) -> None:
        self._total = total = row if self._total is None else add_counts(self._total, row)
        if row.second >= self._seconds and not row.sent:
            return  # the run's end is over, and it waits for retries
        if self._live:
            self._live.update(render_second(row, total, self._seconds), refresh=True)
        else:
            print_line(self._console, format_log_line(row, self._seconds))

    def _end_wait(self) -> None:
        if self._wait is not None:
            self._wait.stop()
            self._wait = None


def add_counts(total: TimelineRow, row: TimelineRow) -> TimelineRow:
    """Return the latest second with its counts replaced by the sums of the run so far."""
    return msgspec.structs.replace(row, **{name: getattr(total, name) + getattr(row, name) for name in COUNTS})


def render_second(row: TimelineRow, total: TimelineRow, duration: float) -> RenderableType:
    """Render the latest second and the run so far; a duration of 0 means that the end is not known."""
    table, write = Table.grid(padding=(0, 2)), format_milliseconds
    for _ in range(4):
        table.add_column()
    table.add_row("requests/s", f"{row.sent:,}", "events/s", f"{row.events_sent:,}")
    table.add_row("latency p50", write(row.latency_p50_ms), "p95", write(row.latency_p95_ms))
    table.add_row("latency p99", write(row.latency_p99_ms), "schedule lag p99", write(row.lag_p99_ms))
    table.add_row("accepted", f"{total.accepted:,}", "throttled", f"{total.throttled:,}")
    table.add_row("failed", f"{total.failed:,}", "given up", f"{total.given_up:,}")
    table.add_row("sessions active", f"{row.sessions_active:,}")
    return Group(draw_bar(row.second + 1, duration), table)


def draw_bar(elapsed: float, duration: float) -> RenderableType:
    """Draw how far the run is, and how long it will still take."""
    line = Table.grid(padding=(0, 2))
    if duration:
        bar = ProgressBar(total=duration, completed=min(elapsed, duration), width=BAR_COLUMNS)
        left = format_duration(max(duration - elapsed, 0.0))
        line.add_row(bar, f"{min(elapsed / duration, 1):4.0%}", f"{left} left")
    else:
        line.add_row(f"{format_duration(elapsed)} so far")
    return line


def format_log_line(row: TimelineRow, duration: float) -> str:
    """Format a second as one plain line of 80 columns, for logs and pipes."""
    return (
        f"{row.second + 1:4.0f}/{duration:.0f} s  accepted {row.accepted}  throttled {row.throttled}  "
        f"failed {row.failed}  p99 {format_milliseconds(row.latency_p99_ms)}  lag {format_milliseconds(row.lag_p99_ms)}"
    )


RunProgress = RunSpec | TimelineRow | str | WorkProgress
"""A run's spec, a measured second, a line for people, or what the run waits for until the next of these."""

OnRunProgress = Callable[[RunProgress], None]
