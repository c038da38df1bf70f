"""Follow a run's process from outside to its end, take the summary that it writes or hands over, and compare its counts
with the local endpoint's ledger, which is read before and after the run.

Rule: Locust runs in a process group of its own, so that Ctrl-C does not reach it directly: this process asks it to
stop, once. `run` and `find-limit` share this module; they read different files meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from errno import EDQUOT, EFBIG, ENOSPC
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from loadgen.aws import MonitorTarget
from loadgen.endpoint import EndpointLedger
from loadgen.jobs.progress import WorkProgress
from loadgen.jobs.run.finalize import find_summary, keep_summary
from loadgen.jobs.run.locust_process import LocustProcess, LogFollower
from loadgen.jobs.stop_signals import StopSignals
from loadgen.jobs.targets import OpenTargets
from loadgen.model import Request, Volume
from loadgen.results import LedgerComparison, MonitorSummary, RunFolder, RunSpec, Summary, TimelineRow, add_ledgers
from loadgen.transport import BlockingConnection, NoAnswer, OnWait, find_route, start_notice

ASK_SECONDS, LEDGER = 10.0, "/_loadgen/ledger"
LOOK_SECONDS = 0.25
NO_ROOM = (ENOSPC, EDQUOT, EFBIG)
LEAVE_SECONDS = 10.0  # for the workers of a run that is summed up to end by themselves


class FollowedRun:
    """A run's process, with the callback that gets its news.

    The first signal asks the run to end with a summary, a second one kills it. A callback that raises (a closed pipe, a
    terminal that is gone) ends the run with a summary too; `error` keeps the exception until then. A callback that
    fails only for want of disk space (a log on a full disk) is not called again, and the run goes on.
    """

    def __init__(
        self,
        spec: RunSpec,
        folder: RunFolder,
        targets: OpenTargets,
        read_news: Callable[[], Iterable[Any]],
        tell: Callable[[Any], None],
    ) -> None:
        """Read the target's ledgers. `read_news` returns the news since its last call; `tell` is called with each."""
        self.error: Exception | None = None
        self._is_deaf = False  # True: the callback has failed and is not called again
        self._spec, self._folder, self._targets = spec, folder, targets
        self._read_news, self._tell = read_news, tell
        self._died: str | None = None  # when the local endpoint died; None: it lives
        self._heeded = 0  # number of signals that were acted on
        self._last_second: int | None = None
        self._process: LocustProcess | None = None
        self._before = self._read_ledgers()

    def follow_to_end(self, signals: StopSignals) -> Summary:
        """Run the process to its end; return its summary with the ledgers compared, and write it into the folder."""
        if self.error is not None:  # the callback failed already
            raise self.error
        folder, endpoint, before = self._folder, self._targets.endpoint, self._before
        with signals.count_signals():
            process = self._process = LocustProcess(self._spec, folder, endpoint.credentials if endpoint else None)
            self._watch(process, signals)
            process.stop_orphans(LEAVE_SECONDS if folder.finished else 0.0)
            summary = find_summary(folder, process, interrupted=signals.count > 0)
            after = self._read_ledgers() if any(before) else before
            summary = add_ledgers(summary, tuple(map(compare_counts, before, after, summary.monitors)), self._died)
            return keep_summary(folder, summary, self.tell)

    def _read_ledgers(self) -> tuple[Volume | None, ...]:
        return read_ledgers(self._targets.monitors, lambda line: self.tell(WorkProgress(line)))

    def tell(self, news: Any) -> None:
        """Call the callback, unless it has failed before."""
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
        """Pass on the news until the process has ended."""
        log, running = LogFollower(self._folder.log), True
        while running:
            running = process.running(LOOK_SECONDS)
            for line in log.read_lines():
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


def read_ledgers(targets: Sequence[MonitorTarget], on_wait: OnWait) -> tuple[Volume | None, ...]:
    """Read what the endpoint accepted for each app monitor; None for all if one is missing: they are compared together.

    Events that the endpoint dropped from accepted requests count too. `on_wait` gets a line when an answer takes long.
    """
    ledgers: list[Volume | None] = []
    for target in targets:
        ledgers.append(_read_ledger(target.url, target.monitor_id, on_wait))
        if ledgers[-1] is None:
            return (None,) * len(targets)
    return tuple(ledgers)


def _read_ledger(url: str, monitor_id: str, on_wait: OnWait) -> Volume | None:
    """Read an endpoint's ledger of an app monitor; None if the target keeps none or does not answer."""
    if not url.startswith("http://"):
        return None
    parts = urlsplit(url)
    path = f"{parts.path.rstrip('/')}{LEDGER}?monitor={quote(monitor_id, safe='')}"
    connection = BlockingConnection(find_route(url), ASK_SECONDS)
    notice = start_notice(parts.netloc, LEDGER, ASK_SECONDS, on_wait)
    try:
        answer = connection(Request("GET", path, (("host", parts.netloc),)))
        ledger = msgspec.json.decode(answer.body, type=EndpointLedger)
    except (NoAnswer, msgspec.DecodeError):
        return None
    finally:
        notice.cancel()
        connection.close()
    return Volume(ledger.requests.accepted, ledger.events.accepted + ledger.events.dropped)


def compare_counts(before: Volume | None, after: Volume | None, ours: MonitorSummary) -> LedgerComparison:
    """Compare the endpoint's counts of a run for one app monitor with ours."""
    if before is None or after is None:
        return LedgerComparison()
    accepted = after - before
    more = accepted - Volume(ours.requests.accepted, ours.events.accepted)
    # A request without an answer, or in flight when its worker was killed, may have been accepted all the same.
    agrees = 0 <= more.requests <= ours.in_doubt.requests and 0 <= more.events <= ours.in_doubt.events
    return LedgerComparison(agrees, accepted.requests, accepted.events)
