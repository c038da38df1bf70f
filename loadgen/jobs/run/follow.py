"""Follow a run's process from outside to its end, and take over the summary that it leaves or hands over.

What an endpoint of ours says it accepted is asked before and after the run.

Rule: Locust runs in a process and a process group of its own, so that Ctrl-C reaches it as our wish to stop, once.
`run` and `find-limit` share this; they differ in what they read while it goes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from errno import EDQUOT, EFBIG, ENOSPC
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from loadgen.aws import MonitorTarget
from loadgen.jobs.progress import WorkProgress
from loadgen.jobs.run.finalize import find_summary, keep_summary
from loadgen.jobs.run.locust_process import LocustProcess, LogFollower
from loadgen.jobs.stop_signals import StopSignals
from loadgen.jobs.targets import OpenTargets
from loadgen.model import Noun, Request
from loadgen.results import LedgerComparison, MonitorSummary, RunFolder, RunSpec, Summary, TimelineRow, add_ledgers
from loadgen.transport import BlockingConnection, NoAnswer, OnWait, find_route, start_notice

LOOK_SECONDS = 0.25
ASK_SECONDS, LEDGER = 10.0, "/_loadgen/ledger"
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
            summary = add_ledgers(summary, tuple(map(compare_ledger, before, after, summary.monitors)), self._died)
            return keep_summary(folder, summary, self.tell)

    def _read_ledgers(self) -> tuple[Kept | None, ...]:
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
            self.tell("stopping: waiting for what is in flight (Ctrl-C again ends at once)")
            process.interrupt()
        else:
            process.kill()


class LedgerCounts(Noun):
    """What is read of the endpoint's answer to `/_loadgen/ledger`."""

    requests: dict[str, int]
    events: dict[str, int]


class Kept(Noun):
    """Accepted PutRumEvents calls of one monitor and their events, those included that the endpoint dropped."""

    requests: int
    events: int


def read_ledger(url: str, monitor_id: str, on_wait: OnWait) -> Kept | None:
    """Ask an endpoint; None when it is none of ours, or not there. `on_wait` gets a line when it takes long."""
    if not url.startswith("http://"):
        return None
    parts = urlsplit(url)
    path = f"{parts.path.rstrip('/')}{LEDGER}?monitor={quote(monitor_id, safe='')}"
    connection = BlockingConnection(find_route(url), ASK_SECONDS)
    notice = start_notice(parts.netloc, LEDGER, ASK_SECONDS, on_wait)
    try:
        answer = connection(Request("GET", path, (("host", parts.netloc),)))
        counted = msgspec.json.decode(answer.body, type=LedgerCounts)
        return Kept(counted.requests["accepted"], counted.events["accepted"] + counted.events["dropped"])
    except (NoAnswer, msgspec.DecodeError, KeyError):
        return None
    finally:
        notice.cancel()
        connection.close()


def read_ledgers(targets: Sequence[MonitorTarget], on_wait: OnWait) -> tuple[Kept | None, ...]:
    """The same for each app monitor of a run; for none, where one is not told: they are compared together."""
    found: list[Kept | None] = []
    for target in targets:
        found.append(read_ledger(target.url, target.monitor_id, on_wait))
        if found[-1] is None:
            return (None,) * len(targets)
    return tuple(found)


def compare_ledger(before: Kept | None, after: Kept | None, ours: MonitorSummary) -> LedgerComparison:
    """Both sides' counts of one run for one of its app monitors."""
    if before is None or after is None:
        return LedgerComparison()
    requests, events = after.requests - before.requests, after.events - before.events
    more_requests, more_events = requests - ours.requests.accepted, events - ours.events.accepted
    # What got no answer, or was in flight when a worker was killed, may have been accepted all the same.
    agrees = 0 <= more_requests <= ours.in_doubt.requests and 0 <= more_events <= ours.in_doubt.events
    return LedgerComparison(agrees, requests, events)
