"""What a run tells its caller while it goes: what is sent where, each second, and lines for people."""

from __future__ import annotations

from collections.abc import Callable

from loadgen.model import Noun
from loadgen.results import TimelineRow


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
