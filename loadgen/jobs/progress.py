"""The progress of a long job: what it reports to `on_progress`, and how the command line shows that.

Rule: a job reports lines of text at once, and the progress of its work at most ten times a second, however fast its
steps are. On a terminal, work is shown as a bar with rate and time left, which disappears at its end; elsewhere it is a
plain line every few seconds. Neither is wider than 80 columns.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from loadgen.errors import escape_line
from loadgen.model import Noun
from loadgen.output import is_standard_output
from loadgen.units import format_bytes, format_count, format_digits, format_duration

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

TELL_SECONDS = 0.1
LINE_SECONDS = 5.0
WIDTH = 79
WHAT_COLUMNS, BAR_COLUMNS = 30, 18

Item = TypeVar("Item")


class WorkProgress(Noun):
    """How much of a piece of work is done; a job has one piece after the other."""

    what: str  # such as "rehearsing storefront"
    done: float = 0.0
    total: float | None = None  # None: not known, for example for a wait
    unit: str = ""  # of done and total, such as "visits"; "bytes" are shown as kB, MB and so on


Told = str | WorkProgress
OnWork = Callable[[WorkProgress], None]
OnLine = Callable[[str], None]
"""Called with a line of text."""

OnProgress = Callable[[Told], None]
"""Called with a line of text, or with how far the present work of a job is."""


def ignore_progress(_: object) -> None:
    """Ignore progress: the default of `on_progress`."""


def describe_output(path: Path) -> str:
    """Describe the file that was written: - is standard output."""
    return "standard output" if is_standard_output(path) else str(path)


class Ticker:
    """Reports the progress of a piece of work, at most every TELL_SECONDS."""

    def __init__(self, on_progress: OnWork, what: str, total: float | None, unit: str) -> None:
        self._tell, self._what, self._total, self._unit = on_progress, what, total, unit
        self._next = time.monotonic() + TELL_SECONDS

    def __call__(self, done: float) -> None:
        """Report that `done` units of the work are done, unless the last report is too recent."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + TELL_SECONDS
            self._tell(WorkProgress(self._what, done, self._total, self._unit))


def track(items: Iterable[Item], tick: Ticker, measure: Callable[[Item], float] = lambda _: 1.0) -> Iterator[Item]:
    """Yield the items and report progress after each: their number so far, or the sum of `measure` over them."""
    done = 0.0
    for item in items:
        yield item
        done += measure(item)
        tick(done)


class ProgressView:
    """An `on_progress` that shows progress on a console, by default standard error; use it as a context manager."""

    def __init__(self, console: Console | None = None) -> None:
        from rich.console import Console

        self._console = console or Console(stderr=True, highlight=False)
        self._bars: Bars | None = None
        self._task: TaskID | None = None
        self._work = WorkProgress("")
        self._began, self._first, self._line_at = 0.0, 0.0, 0.0

    def __enter__(self) -> ProgressView:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bars is not None:
            with suppress(OSError):  # the terminal is gone
                self._bars.stop()

    def __call__(self, told: Told) -> None:
        """Show a line, or how far the work is. A line removes the bar; the next progress of the work draws it again."""
        if isinstance(told, str):
            print_line(self._console, told)
            if self._bars is not None and self._task is not None:
                self._bars.remove_task(self._task)
                self._bars.refresh()
                self._task, self._work = None, WorkProgress("")
            return
        now = time.monotonic()
        if told.what != self._work.what:
            self._begin(told, now)
        self._work = told
        if self._bars is not None and self._task is not None:
            self._bars.update(self._task, completed=told.done, total=told.total, said=self._describe(now))
        elif now - self._line_at >= LINE_SECONDS:
            self._line_at = now
            share = f"{told.done / told.total:.0%}" if told.total else ""
            line = ", ".join(filter(None, [f"{told.what}: {share}".strip(": "), self._describe(now)]))
            print_line(self._console, line[:WIDTH])

    def _begin(self, told: WorkProgress, now: float) -> None:
        self._began, self._first, self._line_at = now, told.done, now
        if not self._console.is_terminal:
            return
        if self._bars is None:
            self._bars = make_bars(self._console)
            self._bars.start()
        if self._task is not None:
            self._bars.remove_task(self._task)
        what = escape_line(told.what)
        shown = what if len(what) <= WHAT_COLUMNS else what[: WHAT_COLUMNS - 1] + "…"
        self._task = self._bars.add_task(shown, total=told.total, said="")

    def _describe(self, now: float) -> str:
        """Return the rate since the first report of the work, and the time left at this rate, as text."""
        work, elapsed = self._work, now - self._began
        rate = (work.done - self._first) / elapsed if elapsed > 0 else 0.0
        if not rate:
            return format_duration(elapsed) if work.total is None else ""
        left = (work.total - work.done) / rate if work.total is not None else None
        amount = format_bytes(rate) if work.unit == "bytes" else f"{format_rough(rate)} {work.unit}".rstrip()
        return f"{amount}/s" + (f", {format_duration(max(left, 0.0))} left" if left is not None else "")


def print_line(console: Console, line: str) -> None:
    """Print a line above the bars, and flush it; a terminal breaks the line between words."""
    console.print(escape_line(line), soft_wrap=not console.is_terminal, markup=False, highlight=False)
    console.file.flush()


def format_rough(rate: float) -> str:
    """Format a rate without the last digits, which would only flicker."""
    return format_count(rate) if rate >= 100 else format_digits(rate, 2)


def make_bars(console: Console) -> Bars:
    """Make the display of work: name, bar, share, rate and time left, in at most 79 columns."""
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=BAR_COLUMNS),
        TaskProgressColumn(),
        TextColumn("{task.fields[said]}", markup=False),
        console=console,
        transient=True,
    )
