"""On the master, or alone: deals the shares, merges what comes back, writes the run's folder, ends the run.

Rule: a worker's sessions depend on its share (i of n) alone. Shares are dealt when all workers are there; a worker that
comes later gets none, and one that is lost is named with what it left undone.
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
from loadgen.swarm.workers import (
    LEFT,
    SHARE,
    Done,
    WorkerShare,
    describe_cut,
    describe_loss,
    describe_strangers,
    identify_machine,
    pack,
)

LEAD_SECONDS = 1.0  # from the deal to the run's zero, so that every worker has its first sessions ready
LEAD_EACH = 0.25  # for each further app monitor, whose visitors are others
SETTLE_SECONDS = 2  # a second is written to the timeline when every worker has had time to report it

LOCAL = "local"
"""The only worker, where the conductor's own process sends."""

log = logging.getLogger("loadgen")


class Conductor:
    """One run; `stop` tells all workers to send nothing more, and why."""

    def __init__(
        self,
        environment: Environment,
        spec: RunSpec,
        folder: RunFolder,
        stop: Callable[[str], None],
        dropped: DroppedFrames,
    ) -> None:
        self.interrupted = False
        self.over = gevent.event.Event()  # the run is summed up
        self._dropped = dropped
        self.broken: str | None = None  # why the run cannot be whole: a part that died, a folder that is full
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

    def deal(self, runner: MasterRunner, known: Clocks) -> gevent.Greenlet:
        """Give every connected worker its share, with the run's zero by its own clock; the greenlet that conducts."""
        workers = [worker.id for worker in runner.clients.all]
        for index, worker in enumerate(workers):
            offset = known.of(worker)
            self._clocks[index] = offset
            self._shares[worker] = self._share(index, len(workers), offset.known if offset else 0.0)
            runner.send_message(SHARE, pack(self._shares[worker]), worker)
        return gevent.spawn(self._conduct, runner)

    def take_all(self) -> tuple[WorkerShare, gevent.Greenlet]:
        """The share of the only process, and the greenlet that conducts."""
        self._shares[LOCAL] = self._share(0, 1)
        return self._shares[LOCAL], gevent.spawn(self._conduct, None)

    def wait_for_workers(self, seconds: float) -> None:
        """Wait for the workers' last words, at most so long."""
        with gevent.Timeout(seconds, False):
            while self._missing():
                gevent.sleep(0.1)

    def hear_second(self, worker: str, second: IntervalReport) -> None:
        """Count a second of a worker; of one that has no such share nothing is believed."""
        if self._owns(worker, second.worker):
            with self._writing():
                self._recording.keep(second)
            self.measured.add(second)

    def hear_done(self, worker: str, done: Done) -> None:
        """Take a worker's last word."""
        if self._owns(worker, done.index):
            self._done[done.index] = done
            self.measured.account(done.index, *done.tallies)

    def interrupt(self) -> None:
        """The run was asked to stop before its end."""
        self.interrupted = True
        self._stop("interrupted")

    def give_up(self) -> None:
        """Sum up what was measured when the process cannot go on; what cannot be written goes to the log."""
        if self.over.is_set():
            return
        try:
            self._finish(self._missing())
        except Exception as error:
            log.error("no summary.json: %s; measured so far: %s", describe_error(error), self._accounts())
            self._end(EXIT_CODES["invalid"])

    def _accounts(self) -> str:
        """What is known of the requests, on one line."""
        requests = self.measured.metrics.outcomes.requests
        return ", ".join(f"{name} {count:,}" for name, count in msgspec.structs.asdict(requests).items())

    def _owns(self, worker: str, index: int) -> bool:
        share = self._shares.get(worker)
        if share is not None and share.index == index:
            return True
        self._dropped.add(ValueError("a worker told of a share that is not its own"))
        return False

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """What is written while the run goes: when it cannot be, the run ends, and says so."""
        try:
            yield
        except (OSError, LoadgenError, MemoryError) as error:
            if self.broken is None:
                self.broken = f"the run's folder could not be written: {describe_error(error)}"
                log.error("%s", self.broken)
                self._stop(self.broken)

    def _share(self, index: int, of: int, ahead: float = 0.0) -> WorkerShare:
        path = self.folder.locate_spool(index)
        path.touch()  # who sums up a run that was cut off counts the workers by it
        spool = str(path.resolve())
        return WorkerShare(index, of, self._zero, self.spec, spool, identify_machine(), ahead)

    def _conduct(self, runner: MasterRunner | None) -> None:
        while missing := self._missing():
            gevent.sleep(0.2)
            elapsed = time.time() - self._zero
            with self._writing():
                self._recording.settle(int(elapsed) - SETTLE_SECONDS)
            self._abort_on_breach(elapsed)
            if runner is not None:
                self._late |= {worker.id for worker in runner.clients.all} - self._shares.keys()
                if not self._alive(runner, missing):
                    break
        self._finish(missing)

    def _missing(self) -> set[int]:
        return {share.index for share in self._shares.values()} - self._done.keys()

    def _alive(self, runner: MasterRunner, missing: set[int]) -> bool:
        """Whether a worker that has not finished may still do so."""
        alive = {worker.id for worker in runner.clients.all if worker.state != "missing"}
        return any(share.index in missing for worker, share in self._shares.items() if worker in alive)

    def _abort_on_breach(self, elapsed: float) -> None:
        """End the run when a threshold is missed by the figures so far, once its grace is over."""
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
        with self._writing():
            self._recording.settle(int(time.time() - self._zero) + 1 + SETTLE_SECONDS)
            self._recording.close()
            write_table(self.folder, self.measured.names)
        summary = summarize_run(self.measured, self._scenario, self._run(missing, undone))
        hand_over(summary)
        self._end(self._keep(summary, undone))

    def _keep(self, summary: Summary, undone: set[int]) -> int:
        """Write the summary; the exit code. Where that fails, the log has the accounts, and the records stay."""
        try:
            self.folder.write_summary(summary)
            if self.folder.records.is_file():
                drop_spools(self.folder, undone)
        except (OSError, LoadgenError, MemoryError) as error:
            log.error("no summary.json: %s; measured: %s", describe_error(error), self._accounts())
            return EXIT_CODES["invalid"]
        return EXIT_CODES[summary.verdict]

    def _end(self, exit_code: int) -> None:
        self._environment.process_exit_code = exit_code
        self.over.set()
        self._leave()

    def _leave(self) -> None:
        """End Locust too; but a web UI that somebody opened by hand stays, with its figures."""
        runner, web_ui = self._environment.runner, self._environment.web_ui
        if runner is None:
            return
        if web_ui is not None and not getattr(self._environment.parsed_options, "autostart", False):
            runner.stop()
            return
        runner.quit()
        if web_ui is not None:
            web_ui.stop()

    def _run(self, missing: set[int], undone: set[int]) -> RunEnd:
        notes = {done.stop_reason: None for done in self._done.values() if done.stop_reason}
        for elsewhere in ("interrupted", LEFT, self.broken):  # the verdict or its reasons say so
            notes.pop(elsewhere or "", None)
        late = [f"{len(self._late)} worker(s) came after the start and sent nothing"] if self._late else []
        wrong = [line for each in self._clocks.items() if (line := clocks.describe_offset(*each))]
        return RunEnd(
            seed=self.spec.seed,
            pace=self.spec.pace,
            started_at=datetime.fromtimestamp(self._zero, UTC).isoformat(timespec="milliseconds"),
            workers=len(self._shares),
            length=self._length(bool(notes)),
            interrupted=self.interrupted,
            notes=(*notes, *late, *wrong, *describe_strangers(self._dropped)),
            cut_short=bool(notes) or self.interrupted or self.broken is not None,
            losses=tuple(self._describe_losses(missing)),
            lost_workers=tuple(sorted(undone)),
            stopped_at=self._stopped_at(),
            clock_offsets_ms=tuple(None if offset is None else offset.ahead_ms for offset in self._clocks.values()),
            in_doubt=self._recording.count_in_doubt(missing),
            monitors=self.spec.monitors,
        )

    def _length(self, noted: bool) -> float:
        """How long it was meant to last and did, in seconds on the wall; of a run that was stopped, until then."""
        if self.spec.factor == inf:
            return 0.0
        if self.interrupted or noted:
            return self._stopped_at() or 0.0
        return self._scenario.duration / self.spec.factor

    def _stopped_at(self) -> float | None:
        """When the last worker stopped before the run's end; None if one went on to it."""
        stops = [done.stopped_at for done in self._done.values()]
        if not stops and (self.interrupted or self._stopping):
            return time.time() - self._zero
        return None if None in stops else max((stop for stop in stops if stop is not None), default=None)

    def _describe_losses(self, missing: set[int]) -> list[str]:
        """A line for each reason why the run is not whole."""
        lost = [describe_loss(self.measured, index, len(self._shares)) for index in sorted(missing)]
        cut = [line for done in self._done.values() for line in describe_cut(done, len(self._shares))]
        return [*lost, *cut, *([self.broken] if self.broken else [])]
