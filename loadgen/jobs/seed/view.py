"""The view of a seeding (a bar on a terminal, else a line now and then), and that of its verification."""

from __future__ import annotations

import time

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from loadgen.jobs.progress import print_line
from loadgen.jobs.seed.period import format_moment
from loadgen.jobs.seed.seeder import SeedProgress
from loadgen.jobs.seed.sending import SeedResult, SeedStart
from loadgen.jobs.seed.verification import Verification
from loadgen.units import format_duration, format_items

BAR_SECONDS = 0.2
LINE_SECONDS = 5.0
LIVE_SECONDS = 30.0
RATE_SECONDS = 10.0  # time over which the rate is measured


class SeedView:
    """The view of a running seeding; `show` is its `on_progress`. Start and lines of text go to standard output."""

    def __init__(self) -> None:
        self._out, self._err = Console(), Console(stderr=True)
        self._expected, self._begin_date = 1, 0.0
        self._bar: Progress | None = None
        self._shown = 0.0
        self._live = False
        self._marks: list[tuple[float, int]] = []

    def __enter__(self) -> SeedView:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop_bar()

    def show(self, event: str | SeedStart | SeedProgress | SeedResult) -> None:
        """Show one report of the seeding."""
        match event:
            case str():
                print_line(self._out, event)
            case SeedStart():
                self._begin(event)
            case SeedProgress():
                self._show_progress(event)
            case SeedResult():
                self._show_result(event)

    def _begin(self, start: SeedStart) -> None:
        self._expected, self._begin_date = max(start.expected.requests, 1), start.identity.period.start
        for line in describe_start(start):
            print_line(self._out, line)
        if self._err.is_terminal:
            columns = (
                TextColumn("{task.fields[date]}"),
                BarColumn(),
                TaskProgressColumn(),
                TextColumn("{task.description}", markup=False),
            )
            self._bar = Progress(*columns, console=self._err, transient=True)
            self._bar.add_task("", total=self._expected, date=format_moment(self._begin_date))
            self._bar.start()

    def _show_progress(self, sent: SeedProgress) -> None:
        """Show the progress, but not too often."""
        now = time.monotonic()
        if now - self._shown < (BAR_SECONDS if self._bar else LIVE_SECONDS if self._live else LINE_SECONDS):
            return
        self._shown = now
        rate = self._measure_rate(now, sent.accepted)
        text = self._describe_progress(sent, rate)
        date = format_moment(sent.date or (time.time() if self._live else self._begin_date))
        if self._bar:
            (task,) = self._bar.task_ids
            self._bar.update(task, completed=min(sent.accepted, self._expected), description=text, date=date)
        else:
            share = "" if self._live else f"{min(sent.accepted / self._expected, 1):4.0%}  "
            print_line(self._err, f"{date}  {share}{text}")

    def _measure_rate(self, now: float, accepted: int) -> float:
        """Return the requests a second over the last RATE_SECONDS."""
        self._marks = [*(mark for mark in self._marks if now - mark[0] < RATE_SECONDS), (now, accepted)]
        (then, before), (_, after) = self._marks[0], self._marks[-1]
        return (after - before) / (now - then) if now > then else 0.0

    def _describe_progress(self, sent: SeedProgress, rate: float) -> str:
        parts = [format_items(sent.events, "event")]
        if len(self._marks) > 1:
            parts.append(f"{rate:.1f} requests/s")
        if not self._live and rate:
            parts.append(f"{format_duration(max(0, self._expected - sent.accepted) / rate)} left")
        counts = (
            ("429s", sent.throttled),
            ("5xx", sent.failed),
            ("no answer", sent.unanswered),
            ("in doubt", sent.in_doubt),
        )
        parts += [f"{count:,} {name}" for name, count in counts if count]
        if sent.trouble and rate == 0:
            parts.append(sent.trouble[:80])
        return ", ".join(parts)

    def _show_result(self, result: SeedResult) -> None:
        """Show the result of the past, or of the present after it."""
        self._stop_bar()
        for line in describe_result(result):
            print_line(self._err, line)
        self._live = True

    def _stop_bar(self) -> None:
        if self._bar:
            self._bar.stop()
            self._bar = None


def describe_start(start: SeedStart) -> list[str]:
    """Describe where a seeding sends, how much, and under which quota."""
    identity, expected = start.identity, start.expected
    learned = "learned from 429s" + (" before" if start.learned else "")
    quota = f"{start.quota:g} requests a second" if start.quota else learned
    return [
        f"{identity.scenario} → {identity.target}, monitor {identity.monitor}, seed {identity.seed}",
        f"{identity.period}, quota {quota}",
        f"about {format_items(expected.requests, 'request')}, {format_items(expected.events, 'event')}",
    ]


def describe_result(result: SeedResult) -> list[str]:
    """Describe the result of a seeding."""
    sent, period, folder = result.progress, result.identity.period, result.folder
    if sent is None:
        return [f"{folder}: {period} is in already; to check, run: loadgen verify {folder}"]
    if result.live:
        date = format_moment(sent.date or time.time())
        return [f"stopped at {date}: {format_items(sent.events, 'event')}; the same command goes on"]
    troubles = ("this run: " if result.earlier else "") + (
        f"429s {sent.throttled:,}, 5xx {sent.failed:,}, no answer {sent.unanswered:,}; "
        f"in doubt: {sent.found:,} found by reading back, {sent.again:,} sent again, {sent.in_doubt:,} open"
    )
    if result.whole:
        counts = f"{format_items(sent.events, 'event')} in {format_items(sent.accepted, 'request')}"
        counts += f" ({result.earlier:,} of them in earlier runs)" if result.earlier else ""
        return [
            f"the past is in: {period}, {counts}, each accepted once",
            troubles,
            f"to check: loadgen verify {folder}",
        ]
    date = format_moment(sent.date or period.start)
    return [
        f"stopped at {date} after {format_items(sent.events, 'event')}",
        troubles,
        "to go on: run the same command again",
    ]


def describe_verification(found: Verification) -> list[str]:
    """Describe the result of reading back, one line for each count."""
    lines = [
        f"{found.monitor}, {found.period}" + ("" if found.finished else " (not finished yet)"),
        f"expected   {found.expected:>12,} events, accepted according to the ledger",
        f"present    {found.present:>12,}",
        f"missing    {found.missing:>12,}",
        f"duplicated {found.duplicated:>12,}" + (f" ({found.copies:,} surplus copies)" if found.copies else ""),
        f"in doubt   {found.in_doubt:>12,}" + (" (run loadgen seed again to settle them)" if found.in_doubt else ""),
        f"others     {found.others:>12,} events in the period that are not of this run",
    ]
    lines += [
        f"delay      {format_duration(each.seconds)} after the last was accepted, {each.missing:,} did not show yet"
        for each in found.delays
    ]
    lines += [f"missing, such as {each.id} of batch {each.batch}, {each.first}" for each in found.examples]
    so_far = "" if found.is_whole else "so far "
    lines.append(f"{so_far}whole: nothing lost, nothing twice" if found.is_sound else "NOT whole")
    return lines
