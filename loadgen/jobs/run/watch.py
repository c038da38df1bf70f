"""Follow a run from outside: what its process writes becomes progress for the caller, and Ctrl-C becomes a stop."""

from __future__ import annotations

from loadgen.endpoint import Endpoint
from loadgen.jobs.run.locust_process import LocustProcess
from loadgen.jobs.run.progress import OnProgress, Progress, RunNotice
from loadgen.jobs.stop_signals import StopSignals
from loadgen.results import Follower, RunFolder

LOOK_SECONDS = 0.25


class Watch:
    """Looks on while a process runs; `died` is what went wrong with the local endpoint, if anything did.

    The first signal asks the run to end well, a second one ends it at once. A progress callback that raises (a closed
    pipe, a terminal that is gone) ends the run well too; its error is kept for when the run is summed up.
    """

    def __init__(self, process: LocustProcess, folder: RunFolder, endpoint: Endpoint | None, tell: OnProgress) -> None:
        self.died: str | None = None
        self.error: Exception | None = None
        self._process, self._endpoint, self._tell = process, endpoint, tell
        self._follower = Follower(folder.path)
        self._heeded = 0  # signals
        self._last_second = 0

    def follow(self, signals: StopSignals) -> None:
        """Hand on each second until the process has ended."""
        running = True
        while running:
            running = self._process.running(LOOK_SECONDS)
            for row in self._follower.rows():
                self._last_second = row.second
                self.tell(row)
            self._heed(signals.count)
            if running and self._endpoint is not None and self.died is None and not self._endpoint.is_alive():
                self.died = f"the local endpoint died after second {self._last_second}"
                self._process.interrupt()

    def tell(self, progress: Progress) -> None:
        """Call back, until that fails."""
        if self.error is not None:
            return
        try:
            self._tell(progress)
        except Exception as error:
            self.error = error
            self._process.interrupt()

    def _heed(self, signals: int) -> None:
        if signals == self._heeded:
            return
        first, self._heeded = not self._heeded, signals
        if first and signals == 1:
            self.tell(RunNotice("stopping: waiting for what is in flight (Ctrl-C again ends at once)"))
            self._process.interrupt()
        else:
            self._process.kill()
