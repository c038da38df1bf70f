"""The conductor, in the master or the only process: deals shares, merges reports, writes the folder, ends the run.

Rule: a worker's sessions depend only on its share (i of n). Shares are dealt when all workers are connected. A worker
that connects later gets no share. The summary names each lost worker and what it left undone.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from math import inf

import gevent
import gevent.event
import msgspec
from locust.env import Environment
from locust.runners import MasterRunner

from loadgen.errors import LoadgenError, describe_error
from loadgen.results import (
    EXIT_CODES,
    Aggregate,
    IntervalReport,
    Recording,
    RunEnd,
    RunFolder,
    RunSpec,
    Summary,
    drop_spools,
    find_breaches_so_far,
    hand_over,
    summarize_run,
    write_table,
)
from loadgen.swarm import clocks
from loadgen.swarm.clocks import Clocks, Offset
from loadgen.swarm.locust_private.frames import DroppedFrames
from loadgen.swarm.messages import LEFT, SHARE, Done, WorkerShare, identify_machine, pack

LEAD_SECONDS = 1.0  # from the dealing of shares to the run's zero, so that all workers have their first sessions ready
LEAD_EACH = 0.25  # further lead seconds for each app monitor after the first: each has its own visitors to draw
SETTLE_SECONDS = 2  # a second is written to the timeline this long after its end, so that all workers have reported it

LOCAL = "local"
"""The name of the only worker if the conductor's own process sends."""

log = logging.getLogger("loadgen")


class Conductor:
    """Conducts one run. `stop` is called with a reason to make all workers stop sending."""

    def __init__(
        self,
        environment: Environment,
        spec: RunSpec,
        folder: RunFolder,
        stop: Callable[[str], None],
        dropped: DroppedFrames,
    ) -> None:
        self.interrupted = False
        self.over = gevent.event.Event()  # set when the run is summed up
        self._dropped = dropped
        self.broken: str | None = None  # why the run is not complete: a dead greenlet, a full disk; None: it is
        self._environment = environment
        self.spec = spec
        self._scenario = spec.scenario
        self.folder = folder
        self._stop = stop
        self._stopping = False
        self._zero = time.time() + LEAD_SECONDS + LEAD_EACH * (len(spec.monitors) - 1)
        ends = self._scenario.find_stage_ends(spec.factor)
        self.measured = Aggregate(ends, tuple(each.name for each in spec.monitors))
        self._recording = Recording(folder, self.measured, self._zero)
        self._shares: dict[str, WorkerShare] = {}  # by Locust's client id, or LOCAL
        self._done: dict[int, Done] = {}
        self._late: set[str] = set()
        self._clocks: dict[int, Offset | None] = {}  # by worker

    def deal_shares(self, runner: MasterRunner, known: Clocks) -> gevent.Greenlet:
        """Send each connected worker its share, with its clock's offset; return the greenlet that conducts the run."""
        workers = [worker.id for worker in runner.clients.all]
        for index, worker in enumerate(workers):
            offset = known.find_offset(worker)
            self._clocks[index] = offset
            self._shares[worker] = self._make_share(index, len(workers), offset.known if offset else 0.0)
            runner.send_message(SHARE, pack(self._shares[worker]), worker)
        return gevent.spawn(self._conduct, runner)

    def take_everything(self) -> tuple[WorkerShare, gevent.Greenlet]:
        """Return the share of the only process, which is everything, and the greenlet that conducts the run."""
        self._shares[LOCAL] = self._make_share(0, 1)
        return self._shares[LOCAL], gevent.spawn(self._conduct, None)

    def wait_for_workers(self, seconds: float) -> None:
        """Wait at most `seconds` for the last messages of all workers."""
        with gevent.Timeout(seconds, False):
            while self._find_missing():
                gevent.sleep(0.1)

    def receive_report(self, worker: str, second: IntervalReport) -> None:
        """Add a worker's report of a second; ignore a report of a share that the worker does not have."""
        if self._owns(worker, second.worker):
            with self._guard_writing():
                self._recording.keep(second)
            self.measured.add(second)

    def receive_done(self, worker: str, done: Done) -> None:
        """Keep a worker's last message; ignore a message on a share that the worker does not have."""
        if self._owns(worker, done.index):
            self._done[done.index] = done
            self.measured.account(done.index, *done.tallies)

    def interrupt(self) -> None:
        """Stop the run before its end, as interrupted."""
        self.interrupted = True
        self._stop("interrupted")

    def give_up(self) -> None:
        """Sum up the run when this process cannot go on; if the summary cannot be written, log the counts."""
        if self.over.is_set():
            return
        try:
            self._finish(self._find_missing())
        except Exception as error:
            log.error("no summary.json: %s; measured so far: %s", describe_error(error), self._describe_requests())
            self._end_run(EXIT_CODES["invalid"])

    def _describe_requests(self) -> str:
        """Return the counts of requests by outcome, as one line."""
        requests = self.measured.metrics.outcomes.requests
        return ", ".join(f"{name} {count:,}" for name, count in msgspec.structs.asdict(requests).items())

    def _owns(self, worker: str, index: int) -> bool:
        share = self._shares.get(worker)
        if share is not None and share.index == index:
            return True
        self._dropped.add(ValueError("a worker reported a share that is not its own"))
        return False

    @contextmanager
    def _guard_writing(self) -> Iterator[None]:
        """Stop the run with a message if the folder cannot be written inside the `with` block."""
        try:
            yield
        except (OSError, LoadgenError, MemoryError) as error:
            if self.broken is None:
                self.broken = f"the run's folder could not be written: {describe_error(error)}"
                log.error("%s", self.broken)
                self._stop(self.broken)

    def _make_share(self, index: int, of: int, ahead: float = 0.0) -> WorkerShare:
        path = self.folder.locate_spool(index)
        path.touch()  # the recovery of a run that was cut off counts the workers by these files
        spool = str(path.resolve())
        return WorkerShare(index, of, self._zero, self.spec, spool, identify_machine(), ahead)

    def _conduct(self, runner: MasterRunner | None) -> None:
        while missing := self._find_missing():
            gevent.sleep(0.2)
            elapsed = time.time() - self._zero
            with self._guard_writing():
                self._recording.settle(int(elapsed) - SETTLE_SECONDS)
            self._abort_on_breach(elapsed)
            if runner is not None:
                self._late |= {worker.id for worker in runner.clients.all} - self._shares.keys()
                if not self._is_any_alive(runner, missing):
                    break
        self._finish(missing)

    def _find_missing(self) -> set[int]:
        return {share.index for share in self._shares.values()} - self._done.keys()

    def _is_any_alive(self, runner: MasterRunner, missing: set[int]) -> bool:
        """Return whether any worker that has not finished is still connected."""
        alive = {worker.id for worker in runner.clients.all if worker.state != "missing"}
        return any(share.index in missing for worker, share in self._shares.items() if worker in alive)

    def _abort_on_breach(self, elapsed: float) -> None:
        """Stop the run if a threshold is certainly missed and `abort_after` seconds are over."""
        grace, measured = self._scenario.thresholds.abort_after, self.measured
        if grace is None or elapsed < grace or self._stopping:
            return
        if missed := find_breaches_so_far(measured, self._scenario):
            self._stopping = True
            self._stop(f"aborted after {elapsed:.0f} s: {missed[0]}")

    def _finish(self, missing: set[int]) -> None:
        undone = missing | {done.index for done in self._done.values() if done.is_cut}
        for index in missing:
            self.measured.add_records(self._recording.salvage(index))
        with self._guard_writing():
            self._recording.settle(int(time.time() - self._zero) + 1 + SETTLE_SECONDS)
            self._recording.close()
            write_table(self.folder, self.measured.names)
        summary = summarize_run(self.measured, self._scenario, self._describe_end(missing, undone))
        hand_over(summary)
        self._end_run(self._write_summary(summary, undone))

    def _write_summary(self, summary: Summary, undone: set[int]) -> int:
        """Write the summary and return the exit code. If that fails, log the counts and keep the records."""
        try:
            self.folder.write_summary(summary)
            if self.folder.records.is_file():
                drop_spools(self.folder, undone)
        except (OSError, LoadgenError, MemoryError) as error:
            log.error("no summary.json: %s; measured: %s", describe_error(error), self._describe_requests())
            return EXIT_CODES["invalid"]
        return EXIT_CODES[summary.verdict]

    def _end_run(self, exit_code: int) -> None:
        self._environment.process_exit_code = exit_code
        self.over.set()
        self._leave()

    def _leave(self) -> None:
        """End Locust too, unless the run was started by hand in its web UI: the UI stays open with its figures."""
        runner, web_ui = self._environment.runner, self._environment.web_ui
        if runner is None:
            return
        if web_ui is not None and not getattr(self._environment.parsed_options, "autostart", False):
            runner.stop()
            return
        runner.quit()
        if web_ui is not None:
            web_ui.stop()

    def _describe_end(self, missing: set[int], undone: set[int]) -> RunEnd:
        notes = {done.stop_reason: None for done in self._done.values() if done.stop_reason}
        for stated in ("interrupted", LEFT, self.broken):  # the verdict or its reasons state these already
            notes.pop(stated or "", None)
        late = [f"{len(self._late)} worker(s) connected after the start and sent nothing"] if self._late else []
        offsets = [line for each in self._clocks.items() if (line := clocks.describe_offset(*each))]
        return RunEnd(
            seed=self.spec.seed,
            pace=self.spec.pace,
            started_at=datetime.fromtimestamp(self._zero, UTC).isoformat(timespec="milliseconds"),
            workers=len(self._shares),
            length=self._find_length(bool(notes)),
            interrupted=self.interrupted,
            notes=(*notes, *late, *offsets, *self._dropped.describe()),
            cut_short=bool(notes) or self.interrupted or self.broken is not None,
            losses=tuple(self._describe_losses(missing)),
            lost_workers=tuple(sorted(undone)),
            stopped_at=self._find_stop(),
            clock_offsets_ms=tuple(None if offset is None else offset.ahead_ms for offset in self._clocks.values()),
            in_doubt=self._recording.count_in_doubt(missing),
            monitors=self.spec.monitors,
        )

    def _find_length(self, noted: bool) -> float:
        """Return the planned seconds of the run on the wall, or those until its stop; 0 at an infinite pace."""
        if self.spec.factor == inf:
            return 0.0
        if self.interrupted or noted:
            return self._find_stop() or 0.0
        return self._scenario.duration / self.spec.factor

    def _find_stop(self) -> float | None:
        """Return the run second when the last worker stopped early; None if a worker went on to the run's end."""
        stops = [done.stopped_at for done in self._done.values()]
        if not stops and (self.interrupted or self._stopping):
            return time.time() - self._zero
        return None if None in stops else max((stop for stop in stops if stop is not None), default=None)

    def _describe_losses(self, missing: set[int]) -> list[str]:
        """Return one line for each reason why the run is not complete."""
        lost = [self._describe_loss(index) for index in sorted(missing)]
        cut = [line for done in self._done.values() for line in done.describe_cut(len(self._shares))]
        return [*lost, *cut, *([self.broken] if self.broken else [])]

    def _describe_loss(self, index: int) -> str:
        """Return a line on a worker that has not sent its last message."""
        drawn, last = self.measured.find_progress(index)
        heard = "before it reported anything" if last is None else f"after second {last}, {drawn:,} sessions drawn"
        return f"worker {index} of {len(self._shares)} was lost {heard}"
