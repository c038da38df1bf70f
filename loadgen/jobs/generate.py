"""`loadgen generate`: a scenario's first sessions as PutRumEvents bodies, from an iterator or as lines of a file.

Rules: the bytes depend only on scenario, seed, number of sessions, dialect and start, not on the number of processes.
A rhythm of days and weeks follows the calendar: without a start, the dates follow the scenario's
`arrivals.day.starts`; with a start, the rhythm is moved to it, as the period of `seed` does.
"""

from __future__ import annotations

import gzip as gzip_format
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, wait
from datetime import UTC, datetime
from heapq import merge
from itertools import takewhile
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from loadgen import traffic, wire
from loadgen.errors import LoadgenError
from loadgen.jobs import ground_truth
from loadgen.jobs.inputs import parse_moment, read_scenario, take_first_monitor
from loadgen.jobs.progress import OnProgress, Ticker, ignore_progress
from loadgen.model import Noun
from loadgen.options import DialectName, require_callback, require_path, resolve_options, show_options
from loadgen.output import is_stream, open_output, refuse_overwriting
from loadgen.planned import UNSENT_MONITOR_ID, planned
from loadgen.rum.quotas import RETENTION_SECONDS
from loadgen.scenario import Scenario, resolve_seed
from loadgen.verb_options import GenerateOptions

EARLIEST_START = "2026-01-01"
"""A fixed date, so that the same seed gives the same bytes on any day; a Thursday."""

LOOK_SECONDS = 0.2
TAIL_BYTES = 256 * 1024  # read from the end of a growing share: enough for some complete bodies

NumberedBody = tuple[int, int, bytes]
"""Index of the session, index of the body in the session, and the body."""


class GeneratedFile(Noun):
    """The counts of a written file, and the path of its ground truth."""

    batches: int
    sessions: int
    seed: int
    ground_truth: Path | None  # the file that names the sessions that incidents hit; None: no session was hit


class BodyRequest(Noun):
    """The resolved inputs of a generation."""

    scenario: Scenario
    seed: int
    sessions: int
    epoch: float  # Unix time of the run's zero
    dialect: DialectName
    workers: int


@show_options(GenerateOptions)
def generate(
    scenario: Scenario | Path | str, *, on_progress: OnProgress = ignore_progress, **options: Any
) -> Iterator[bytes]:
    """Return an iterator over the bodies of a scenario's first sessions, plain JSON, in the order of sessions.

    Args:
        scenario: The scenario or its file; only its first app monitor is used.
        on_progress: Called with a line of text, such as which neighbours are left out, or that RUM drops old events.
        **options: Fields of `GenerateOptions`. The default seed is the scenario's, else 0. The default start is
            2026-01-01, or the first time after it on the weekday and hour of the scenario's `arrivals.day.starts`.

    Raises:
        LoadgenError: An option is unknown or out of bounds, or too few sessions ever start.
    """
    require_callback(on_progress, "on_progress")
    request = prepare_bodies(scenario, on_progress, options)
    return (body for _, _, body in make_bodies(request))


@show_options(GenerateOptions)
def write_bodies(
    scenario: Scenario | Path | str,
    out: Path | str,
    *,
    gzip: bool = False,
    on_progress: OnProgress = ignore_progress,
    **options: Any,
) -> GeneratedFile:
    """Write the bodies to a file, one a line, whole or not at all; a pipe or device gets each body at once.

    If incidents hit a session, `<name>.ground-truth.ndjson` is written beside the file. `gzip` compresses the file.
    """
    require_callback(on_progress, "on_progress")
    file = require_path(out, "out")
    if not isinstance(gzip, bool):
        raise LoadgenError(f"gzip: {gzip!r} is no valid value; write True or False")
    refuse_overwriting([file], [] if isinstance(scenario, Scenario) else [require_path(scenario, "scenario")])
    request = prepare_bodies(scenario, on_progress, options)
    batches = 0
    tick = Ticker(on_progress, f"writing {file.name}", request.sessions, "sessions")
    with open_output(file) as raw:
        written: Any = gzip_format.GzipFile("", "wb", fileobj=raw, mtime=0) if gzip else raw
        for session, _, body in make_bodies(request, on_progress):
            written.write(body + b"\n")
            batches += 1
            tick(session)
        if gzip:
            written.close()
    truth = write_ground_truth(request, file, on_progress)
    return GeneratedFile(batches, request.sessions, request.seed, truth)


def prepare_bodies(scenario: Scenario | Path | str, on_progress: OnProgress, options: dict[str, Any]) -> BodyRequest:
    """Check and resolve the scenario and the options."""
    asked = resolve_options(GenerateOptions, options)
    first = take_first_monitor(read_scenario(scenario), "generate", on_progress)
    seed, now = resolve_seed(first, asked.seed, 0), time.time()
    first, epoch = place_start(first, asked.start, now)
    if epoch < now - RETENTION_SECONDS:
        on_progress(
            f"note: these events are dated {datetime.fromtimestamp(epoch, UTC):%Y-%m-%d} and later; RUM keeps events "
            f"for {RETENTION_SECONDS / 86400:.0f} days and drops older ones: to send them, give --start now"
        )
    first = extend_scenario(first, seed, asked.sessions)
    return BodyRequest(first, seed, asked.sessions, epoch, asked.dialect, asked.workers)


def place_start(scenario: Scenario, start: str | None, now: float) -> tuple[Scenario, float]:
    """Return the scenario with its daily rhythm moved to the calendar, and the Unix time of the run's zero."""
    if start is not None:
        epoch = parse_moment(start, now)
        return scenario.model_copy(update={"arrivals": scenario.arrivals.place_day(epoch)}), epoch
    earliest, day = parse_moment(EARLIEST_START, now), scenario.arrivals.day
    return scenario, earliest if day is None else day.find_start(earliest)


def extend_scenario(scenario: Scenario, seed: int, sessions: int) -> Scenario:
    """Double the scenario's duration until at least `sessions` sessions start in it."""
    while (started := len(traffic.draw_starts(scenario, seed))) < sessions:
        longer = scenario.adjust(duration=scenario.duration * 2)
        if traffic.compute_mean_rate(longer).expected == traffic.compute_mean_rate(scenario).expected:
            raise LoadgenError(
                f"{scenario.name}: only {started} sessions start, because its arrivals end at rate 0; ask for no more "
                "--sessions, or let the last of arrivals.stages have a target above 0"
            )
        scenario = longer
    return scenario


def make_bodies(request: BodyRequest, on_progress: OnProgress = ignore_progress) -> Iterator[NumberedBody]:
    """Make the bodies in the order of sessions, in this process or in several."""
    if request.workers == 1:
        yield from make_share(request, 0)
        return
    with (
        TemporaryDirectory(prefix="loadgen-") as folder,
        ProcessPoolExecutor(request.workers, get_context("spawn")) as pool,
    ):
        shares = [pool.submit(spool_share, request, Path(folder), worker) for worker in range(request.workers)]
        tick = Ticker(on_progress, f"drawing with {request.workers} processes", request.sessions, "sessions")
        while wait(shares, timeout=LOOK_SECONDS).not_done:
            tick(sum(map(read_last_session, Path(folder).glob("*.ndjson"))) / request.workers)
        yield from merge(*(read_share(share.result()) for share in shares))


def make_share(request: BodyRequest, worker: int) -> Iterator[NumberedBody]:
    """Make the bodies of one worker's share."""
    dialect = wire.DIALECTS[request.dialect]
    destination = wire.Destination.for_scenario(request.scenario, UNSENT_MONITOR_ID, compression=False, dialect=dialect)
    clock = wire.Clock(request.epoch)
    drawn = planned(request.scenario, request.seed, (worker, request.workers))
    for session, plan in takewhile(lambda each: each[0].index < request.sessions, drawn):
        for place, batch in enumerate(plan.batches):
            yield session.index, place, wire.encode(batch, destination, clock).request.body


def spool_share(request: BodyRequest, folder: Path, worker: int) -> Path:
    """Write one worker's share to a file of its own."""
    path = folder / f"{worker}.ndjson"
    with path.open("wb") as file:
        for session, place, body in make_share(request, worker):
            file.write(b"%d %d %s\n" % (session, place, body))
    return path


def read_last_session(path: Path) -> int:
    """Return the last session that the file of a share completely holds so far; 0 if it holds none."""
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - TAIL_BYTES, 0))
        lines = file.read(TAIL_BYTES).split(b"\n")[1:-1]
    starts = [line.split(b" ", 1)[0] for line in lines]
    return max((int(start) for start in starts if start.isdigit()), default=0)


def read_share(path: Path) -> Iterator[NumberedBody]:
    """Read the file of a worker's share."""
    with path.open("rb") as file:
        for line in file:
            session, place, body = line.rstrip(b"\n").split(b" ", 2)
            yield int(session), int(place), body


def write_ground_truth(request: BodyRequest, out: Path, on_progress: OnProgress) -> Path | None:
    """Write which sessions incidents hit, beside the bodies; None if none was hit, or the bodies went to a pipe."""
    if not request.scenario.incidents:
        return None
    if is_stream(out):
        on_progress(
            "note: the sessions that incidents hit are only written beside a file; give --out a file to get them"
        )
        return None
    path = out.with_name(f"{out.stem}.{ground_truth.FILE}")
    truths = ground_truth.find_truths(request.scenario, request.seed, wire.Clock(request.epoch))
    first = takewhile(lambda each: each.session < request.sessions, truths)
    return path if ground_truth.write_truths(first, path) else None
