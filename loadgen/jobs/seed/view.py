"""What a seeding shows: a bar with date, rate and time left on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from loadgen.jobs.seed.identity import Identity
from loadgen.jobs.seed.period import Period, moment
from loadgen.jobs.seed.probe import Probe
from loadgen.jobs.seed.seeder import Progress as Sent
from loadgen.jobs.seed.verify import Verification

BAR_SECONDS = 0.2
LINE_SECONDS = 5.0
LIVE_SECONDS = 30.0
RATE_SECONDS = 10.0  # over which the rate is measured


class View:
    """The progress of one run."""

    def __init__(self, period: Period, expected: int) -> None:
        self._period, self._expected = period, max(expected, 1)
        self._console = Console(stderr=True, highlight=False)
        self._bar = (
            Progress(
                TextColumn("{task.fields[date]}"),
                BarColumn(),
                TaskProgressColumn(),
                TextColumn("{task.description}"),
                console=self._console,
                transient=True,
            )
            if self._console.is_terminal
            else None
        )
        self._task = self._bar.add_task("", total=self._expected, date=moment(period.start)) if self._bar else None
        self._shown = 0.0
        self._live = False
        self._marks: list[tuple[float, int]] = []

    def __enter__(self) -> View:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar:
            self._bar.stop()

    def show(self, sent: Sent) -> None:
        """Show how far it is, not too often."""
        now = time.monotonic()
        if now - self._shown < (BAR_SECONDS if self._bar else LIVE_SECONDS if self._live else LINE_SECONDS):
            return
        self._shown = now
        text = self._text(sent, self._rate(now, sent.accepted))
        date = moment(sent.date or self._period.start)
        if self._bar and self._task is not None:
            self._bar.update(self._task, completed=min(sent.accepted, self._expected), description=text, date=date)
        else:
            self._line(f"{date}  {self._share(sent)}{text}")

    def _share(self, sent: Sent) -> str:
        return "" if self._live else f"{min(sent.accepted / self._expected, 1):4.0%}  "

    def _rate(self, now: float, accepted: int) -> float:
        """Requests a second over the last while."""
        self._marks = [*(mark for mark in self._marks if now - mark[0] < RATE_SECONDS), (now, accepted)]
        (then, before), (_, after) = self._marks[0], self._marks[-1]
        return (after - before) / (now - then) if now > then else 0.0

    def _text(self, sent: Sent, rate: float) -> str:
        parts = [f"{sent.events:,} events"]
        if len(self._marks) > 1:
            parts.append(f"{rate:.1f} requests/s")
        if not self._live and rate:
            parts.append(f"{_span(max(0, self._expected - sent.accepted) / rate)} left")
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

    def close(self, sent: Sent, whole: bool, folder: Path) -> None:
        """The last word on the past."""
        if self._bar:
            self._bar.stop()
            self._bar = None
        if whole:
            self._line(
                f"the past is in: {self._period}, {sent.events:,} events in {sent.accepted:,} requests, "
                "each accepted once"
            )
        else:
            self._line(f"stopped at {moment(sent.date or self._period.start)} after {sent.events:,} events")
        self._line(_troubles(sent))
        self._line(f"to check: loadgen verify {folder}" if whole else "to go on: run the same command again")

    def goes_live(self) -> None:
        """From now on in real time."""
        self._live = True
        self._line("live: going on in real time; Ctrl-C stops")

    def ended(self, sent: Sent) -> None:
        """The last word on the present."""
        self._line(f"stopped at {moment(sent.date or time.time())}: {sent.events:,} events; the same command goes on")

    def _line(self, text: str) -> None:
        self._console.print(text, soft_wrap=True)
        sys.stderr.flush()


def _troubles(sent: Sent) -> str:
    return (
        f"429s {sent.throttled:,}, 5xx {sent.failed:,}, no answer {sent.unanswered:,}; "
        f"in doubt: {sent.found:,} found by reading back, {sent.again:,} sent again, {sent.in_doubt:,} open"
    )


def _span(seconds: float) -> str:
    hours, minutes = divmod(int(seconds) // 60, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {int(seconds) % 60:02d} s"


def probe_lines(found: list[Probe]) -> list[str]:
    """What the probe has shown, a line each."""
    return [
        f"probe: {probe.events} events of {moment(probe.date)} were "
        + (f"kept, and showed after {probe.seconds:.0f} s" if probe.kept else f"not shown after {probe.seconds:.0f} s")
        for probe in found
    ]


def verified_lines(found: Verification, identity: Identity, finished: bool) -> list[str]:
    """The result for people."""
    lines = [
        f"{identity.monitor}, {identity.period}" + ("" if finished else " (not finished yet)"),
        f"expected   {found.expected:>12,} events, accepted according to the ledger",
        f"present    {found.present:>12,}",
        f"missing    {found.missing:>12,}",
        f"duplicated {found.duplicated:>12,}" + (f" ({found.copies:,} surplus copies)" if found.copies else ""),
        f"in doubt   {found.in_doubt:>12,}" + (" (run loadgen seed again to settle them)" if found.in_doubt else ""),
        f"others     {found.others:>12,} events in the period that are not of this run",
    ]
    lines += [
        f"delay      {_span(each.seconds)} after the last was accepted {each.missing:,} did not show yet"
        for each in found.delays
    ]
    lines += [f"missing, such as {each.id} of batch {each.batch}, {each.first}" for each in found.examples]
    so_far = "" if found.whole else "so far "
    lines.append(f"{so_far}whole: nothing lost, nothing twice" if found.sound else "NOT whole")
    return lines
