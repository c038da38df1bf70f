"""What a fit reads: the sources that its options name, and by the same code the traffic that a scenario generates."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec

from loadgen.errors import LoadgenError
from loadgen.jobs.fit.formats import Feed
from loadgen.jobs.fit.recorded import Recorded, Recorder
from loadgen.jobs.fit.sources import read_file
from loadgen.jobs.generate import generate
from loadgen.jobs.inputs import SampleRate, Seed, parse_moment
from loadgen.jobs.progress import OnProgress, Ticker
from loadgen.jobs.targets import open_account, reach_target
from loadgen.model import Noun
from loadgen.rum.quotas import RETENTION_SECONDS
from loadgen.scenario import Arrivals, Scenario


class FitOptions(Noun, kw_only=True):
    """What is known of the data beside itself, and how the fit is judged."""

    name: Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=64)] = "fitted"
    sample_rate: SampleRate | None = None  # at which the client recorded; None: taken to be 1, and told
    at_least: Annotated[int, msgspec.Meta(ge=1)] = 5  # sessions that must have a text before it is written
    page: tuple[str, ...] = ()  # patterns of pages, such as /help/{topic}
    holdout: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.0  # share of the sessions that are judged and not fitted
    seed: Seed = 0  # of the generated sessions
    monitor: str | None = None  # an app monitor to read live, beside the files
    target: str | None = None  # which RUM has it: a URL, or aws
    region: str | None = None
    proxy: str | None = None  # in place of HTTPS_PROXY
    ca_bundle: str | None = None  # PEM file of trusted certificates, in place of the environment's
    after: str | None = None  # read from this moment on; 30 days ago unless given
    before: str = "now"


def read_sources(paths: Sequence[Path], asked: FitOptions, on_progress: OnProgress) -> Recorded:
    """Read all files, and the live monitor if one is named."""
    if not paths and asked.monitor is None:
        raise LoadgenError("nothing to fit: name a file with RUM events, or an app monitor with --monitor NAME")
    recorder = Recorder()
    for path in paths:
        read_file(path, recorder, tell_slowly(path, on_progress))
    if asked.monitor is not None:
        with reach_target(asked.target, asked.proxy, asked.ca_bundle):
            read_monitor(asked, recorder, on_progress)
    return recorder.finish()


def tell_slowly(path: Path, on_progress: OnProgress) -> Callable[[int, int], None]:
    """A callback of a file's reader that tells how far it is."""
    size = path.stat().st_size if path.is_file() else 0
    bytes_read = Ticker(on_progress, f"reading {path.name}", size, "bytes")
    events_read = Ticker(on_progress, f"reading {path.name}", None, "events")
    return lambda read, events: bytes_read(read) if size and read else events_read(events)


def read_monitor(asked: FitOptions, recorder: Recorder, on_progress: OnProgress) -> None:
    """Add the events that an app monitor shows."""
    from loadgen.aws import read_event_texts

    now = time.time()
    before = parse_moment(asked.before, now)
    after = parse_moment(asked.after, now) if asked.after else now - RETENTION_SECONDS
    account = open_account(asked.target, asked.region, on_progress)
    feed, events = Feed(recorder), recorder.counts.events
    tick = Ticker(on_progress, f"reading {asked.monitor}", None, "events")
    assert asked.monitor is not None
    for number, text in enumerate(read_event_texts(account, asked.monitor, int(after * 1000), int(before * 1000)), 1):
        recorder.counts.lines += 1
        recorder.counts.broken_lines += not feed.add_line(text.encode())
        tick(number)
    if recorder.counts.events == events:
        raise LoadgenError(f"app monitor {asked.monitor}: no events between {format_moment(after)} and "
                           f"{format_moment(before)}; give --after and --before of a time with traffic")  # fmt: skip


def format_moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="minutes")


def record_generated(
    scenario: Scenario,
    sessions: int,
    seed: int,
    start: str = "2026-01-01",
    on_read: Callable[[int], None] | None = None,
) -> Recorded:
    """The first sessions of a scenario, every one of them sampled, as they would be recorded."""
    recorder = Recorder()
    feed = Feed(recorder)
    for number, body in enumerate(
        generate(scenario.adjust(sample_rate=1.0), sessions=sessions, seed=seed, start=start)
    ):
        feed.add_line(body)
        if on_read is not None and not number & 0x3FF:
            on_read(recorder.counts.events)
    return recorder.finish()


def make_steady(scenario: Scenario, sessions: int) -> Scenario:
    """The scenario with even arrivals, for what does not depend on when visits begin."""
    return scenario.model_copy(update={"arrivals": Arrivals(rate=max(sessions / 600, 0.1)), "duration": 600.0})
