"""Follow a run from outside: what its process writes becomes progress for the caller, and Ctrl-C becomes a stop."""

from __future__ import annotations

from collections.abc import Callable

from loadgen.endpoint import Endpoint
from loadgen.jobs.run.locust_process import LocustProcess
from loadgen.model import Noun
from loadgen.results import Follower, RunFolder, TimelineRow

LOOK_SECONDS = 0.25


class RunStarted(Noun):
    """What is about to be sent, and where to."""

    scenario: str
    url: str
    monitors: tuple[str, ...]
    seed: int
    seconds: float  # how long the run will take; 0: as fast as possible
    web: int | None = None  # port of Locust's web UI, on loopback


class RunNotice(Noun):
    """A line for people, beside the figures."""

    text: str


Progress = RunStarted | TimelineRow | RunNotice
OnProgress = Callable[[Progress], None]


def ignore_progress(_: Progress) -> None:
    """The callback of a caller who wants none."""


def watch(process: LocustProcess, folder: RunFolder, endpoint: Endpoint | None, tell: OnProgress) -> str | None:
    """Hand on each second until the process ends; return what went wrong with the local endpoint, if anything did.

    The first Ctrl-C asks the run to end well, a second one ends it at once.
    """
    follower, died, interrupts, last = Follower(folder.path), None, 0, 0
    while True:
        try:
            running = process.running(LOOK_SECONDS)
            for row in follower.rows():
                last = row.second
                tell(row)
            if not running:
                return died
            if endpoint is not None and died is None and not endpoint.is_alive():
                died = f"the local endpoint died after second {last}"
                process.interrupt()
        except KeyboardInterrupt:
            interrupts += 1
            tell(RunNotice("stopping: waiting for what is in flight (Ctrl-C again ends at once)"))
            process.interrupt() if interrupts == 1 else process.kill()
