"""Follow a run's process from outside to its end, and take over the summary that it leaves or hands over.

Rule: Locust runs in a process and a process group of its own, so that Ctrl-C reaches it as our wish to stop, once.
`run` and `find-limit` share this; they differ in what they read while it goes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from errno import EDQUOT, EFBIG, ENOSPC
from typing import Any

from loadgen.jobs.progress import WorkProgress
from loadgen.jobs.run.finalize import find_summary, keep_summary
from loadgen.jobs.run.ledgers import compare_counts, read_ledgers
from loadgen.jobs.run.locust_log import LogFollower
from loadgen.jobs.run.locust_process import LocustProcess
from loadgen.jobs.stop_signals import StopSignals
from loadgen.jobs.targets import OpenTargets
from loadgen.model import Volume
from loadgen.results import RunFolder, RunSpec, Summary, TimelineRow, add_ledgers

LOOK_SECONDS = 0.25
NO_ROOM = (ENOSPC, EDQUOT, EFBIG)
LEAVE_SECONDS = 10.0  # for workers of a run that is summed up: they say good-bye to their master


class FollowedRun:
    """A run's process and whoever wants to hear of it.

    The first signal asks the run to end well, a second one ends it at once. A progress callback that raises (a closed
    pipe, a terminal that is gone) ends the run well too; its `error` is kept for when the run is summed up. One that
    only finds no room for what it writes (a log on a full disk) is not called again, and the run goes on.
    """

    def __init__(
        self,
        spec: RunSpec,
        folder: RunFolder,
        targets: OpenTargets,
        read_news: Callable[[], Iterable[Any]],
        tell: Callable[[Any], None],
    ) -> None:
        """Read the target's ledgers. `read_news` gives what is new since its last call; `tell` hears each."""
        self.error: Exception | None = None
        self._is_deaf = False  # whoever wanted to hear
        self._spec, self._folder, self._targets = spec, folder, targets
        self._read_news, self._tell = read_news, tell
        self._died: str | None = None  # what went wrong with the local endpoint
        self._heeded = 0  # signals
        self._last_second: int | None = None
        self._process: LocustProcess | None = None
        self._before = self._read_ledgers()

    def follow_to_end(self, signals: StopSignals) -> Summary:
        """Run the process; its summary with both ledgers, as it stands in the folder if that can be written."""
        if self.error is not None:  # nobody is there any more
            raise self.error
        folder, endpoint, before = self._folder, self._targets.endpoint, self._before
        with signals.counted():
            process = self._process = LocustProcess(self._spec, folder, endpoint.credentials if endpoint else None)
            self._watch(process, signals)
            process.bury(LEAVE_SECONDS if folder.finished else 0.0)
            summary = find_summary(folder, process, interrupted=signals.count > 0)
            after = self._read_ledgers() if any(before) else before
            summary = add_ledgers(summary, tuple(map(compare_counts, before, after, summary.monitors)), self._died)
            return keep_summary(folder, summary, self.tell)

    def _read_ledgers(self) -> tuple[Volume | None, ...]:
        return read_ledgers(self._targets.monitors, lambda line: self.tell(WorkProgress(line)))

    def tell(self, news: Any) -> None:
        """Call back, until that fails."""
        if self._is_deaf:
            return
        try:
            self._tell(news)
        except Exception as error:
            self._is_deaf = True
            if isinstance(error, OSError) and error.errno in NO_ROOM:
                return
            self.error = error
            if self._process is not None:
                self._process.interrupt()

    def _watch(self, process: LocustProcess, signals: StopSignals) -> None:
        """Hand on what is new until the process has ended."""
        log, running = LogFollower(self._folder.log), True
        while running:
            running = process.running(LOOK_SECONDS)
            for line in log.lines():
                self.tell(line)
            for news in self._read_news():
                if isinstance(news, TimelineRow):
                    self._last_second = news.second
                self.tell(news)
            self._heed(signals.count, process)
            if running:
                self._look_at_endpoint(process)

    def _look_at_endpoint(self, process: LocustProcess) -> None:
        endpoint = self._targets.endpoint
        if endpoint is not None and self._died is None and not endpoint.is_alive():
            second = "" if self._last_second is None else f" after second {self._last_second}"
            self._died = f"the local endpoint died{second}"
            process.interrupt()

    def _heed(self, signals: int, process: LocustProcess) -> None:
        if signals == self._heeded:
            return
        first, self._heeded = not self._heeded, signals
        if first and signals == 1:
            self.tell("stopping: waiting for the requests in flight (Ctrl-C again ends at once)")
            process.interrupt()
        else:
            process.kill()
