"""Where the seconds of all workers come together, in any order and in bounded memory."""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import reduce

import msgspec
import numpy as np

from loadgen.results import records as record
from loadgen.results.meter import EventCounts, IntervalReport, Volume
from loadgen.results.metrics import Metrics, counts_of
from loadgen.results.quota import MOST_MOMENTS, QuotaEstimate, estimate
from loadgen.results.records import Records
from loadgen.results.timeline import MonitorRow, TimelineRow

OFFERED = ("offered", "offered_events", "offered_wire_bytes", "offered_raw_bytes")
ADDED = ("sessions_started", *OFFERED)
LEVELS = ("sessions_active", "in_flight", "cpu_percent", "rss_bytes")

KEPT_MOMENTS = 2 * MOST_MOMENTS  # acceptances and refusals kept for the estimate of the quota, 8 bytes each


class OpenRow:
    """A second that is not yet written: counts add up, and of each worker's levels the latest holds."""

    def __init__(self) -> None:
        self.figures = Metrics()
        self.counts: Counter[str] = Counter()
        self.monitors: defaultdict[int, Counter[str]] = defaultdict(Counter)  # counts by app monitor, of several
        self.levels: dict[int, dict[str, float]] = {}

    @property
    def gauges(self) -> dict[str, float]:
        """All that stands beside the figures, summed over workers."""
        levels = {name: sum(each[name] for each in self.levels.values()) for name in LEVELS}
        return {name: self.counts[name] for name in ADDED} | levels


class Aggregate:
    """The run so far: figures of the whole, of each stage and app monitor, and the seconds that are not yet rows.

    `stage_ends` are the ends of the arrivals' stages in seconds from the run's zero, ascending; `names` are the app
    monitors'.
    """

    def __init__(self, stage_ends: tuple[float, ...] = (), names: tuple[str, ...] = ("",)) -> None:
        self.figures = Metrics()
        self.names = names
        self.monitors = [self.figures] if len(names) == 1 else [Metrics() for _ in names]
        self.monitor_offered = [Volume()] * len(names)
        self.stages = [Metrics() for _ in stage_ends]
        self.stage_offered = [Volume()] * len(stage_ends)
        self.event_mix: Counter[str] = Counter()
        self.offered = Volume()  # batches that were due so far
        self.cpu_percent: list[float] = []
        self.rss_bytes_max = 0
        self.last_answer = 0.0
        self.stage_ends = stage_ends
        self._tallies: dict[int, tuple[EventCounts, ...]] = {}  # by worker, one for each app monitor
        self._last_seconds: dict[int, int] = {}
        self._rows: defaultdict[int, OpenRow] = defaultdict(OpenRow)
        self._settled = -1
        self._accepted: list[np.ndarray[tuple[int], np.dtype[np.float64]]] = []
        self._refused: list[np.ndarray[tuple[int], np.dtype[np.float64]]] = []
        self._moments = 0

    def add(self, second: IntervalReport) -> None:
        """A worker's second; what comes after its row was written is counted in the next row."""
        self.add_gauges(second)
        self.event_mix.update(second.event_mix)
        if second.tallies:
            self.account(second.worker, *second.tallies)
        self._last_seconds[second.worker] = max(second.second, self._last_seconds.get(second.worker, 0))
        self.add_records(record.unpack(second.records))

    def add_gauges(self, second: IntervalReport | TimelineRow) -> None:
        """What is counted beside the records: of a worker's second, or of a row that was written."""
        row = self._rows[self._open(second.second)]
        self.offered = self.offered.plus(offered_in(second))
        for name in ADDED:
            row.counts[name] += getattr(second, name) or 0
        row.levels[getattr(second, "worker", 0)] = {name: getattr(second, name) for name in LEVELS}
        for stage, offered in enumerate(getattr(second, "offered_by_stage", ())):
            self.stage_offered[stage] = self.stage_offered[stage].plus(offered)
        for monitor, offered in enumerate(getattr(second, "offered_by_monitor", ())):
            self.monitor_offered[monitor] = self.monitor_offered[monitor].plus(offered)
            if len(self.monitors) > 1:
                row.monitors[monitor].update(dict(zip(OFFERED, msgspec.structs.astuple(offered), strict=True)))

    def add_records(self, batch: Records) -> None:
        """Records of any worker and any seconds, shape (n,)."""
        if not len(batch):
            return
        self.figures.add(batch)
        self.last_answer = max(self.last_answer, float(batch["finished"].max()))
        self._keep_moments(batch)
        seconds = batch["finished"].astype(np.int64)
        for second in np.unique(seconds).tolist():
            self._add_to_row(self._rows[self._open(second)], batch[seconds == second])
        if len(self.monitors) > 1:
            for monitor in np.unique(batch["monitor"]).tolist():
                self.monitors[monitor].add(batch[batch["monitor"] == monitor])
        if self.stage_ends:
            self._add_to_stages(batch)

    def account(self, worker: int, *tallies: EventCounts) -> None:
        """A worker's tallies since the run's zero, one for each app monitor; the latest count."""
        self._tallies[worker] = tallies

    def begun(self, worker: int) -> tuple[int, int | None]:
        """How many sessions a worker had drawn when it was last heard of, and in which second that was, if ever."""
        drawn = sum(tally.sessions for tally in self._tallies.get(worker, ()))
        return drawn, self._last_seconds.get(worker)

    @property
    def tally(self) -> EventCounts:
        """All workers' tallies of all app monitors."""
        return reduce(EventCounts.plus, self.tallies)

    @property
    def tallies(self) -> tuple[EventCounts, ...]:
        """All workers' tallies, one for each app monitor."""
        nothing = [EventCounts()] * len(self.monitors)
        return tuple(reduce(EventCounts.plus, each) for each in zip(nothing, *self._tallies.values(), strict=True))

    def settle(self, before: int) -> list[tuple[int, OpenRow]]:
        """The seconds up to one of the run (exclusive), each once, in order."""
        ready = sorted(second for second in self._rows if second < before)
        self._settled = max(self._settled, before - 1)
        settled = []
        for second in ready:
            row = self._rows.pop(second)
            gauges = row.gauges
            self.cpu_percent.append(gauges["cpu_percent"])
            self.rss_bytes_max = max(self.rss_bytes_max, int(gauges["rss_bytes"]))
            settled.append((second, row))
        return settled

    def quota(self) -> QuotaEstimate | None:
        """The token bucket behind the throttling, if there was enough of it."""
        if not self._accepted or not self._refused:
            return None
        slow, quick = (self.figures.service_time.quantile_ms(share) or 0.0 for share in (0.9, 0.1))
        scatter = (slow - quick) / 2 / 1000
        return estimate(np.concatenate(self._accepted), np.concatenate(self._refused), scatter)

    def _open(self, second: int) -> int:
        return max(second, self._settled + 1)

    def _keep_moments(self, batch: Records) -> None:
        if self._moments > KEPT_MOMENTS:
            return
        self._moments += len(batch)
        middle = (batch["started"] + batch["finished"]) / 2  # about when the target decided
        self._accepted.append(middle[record.accepted(batch)])
        self._refused.append(middle[record.throttled(batch)])

    def _add_to_row(self, row: OpenRow, batch: Records) -> None:
        row.figures.add(batch)
        if len(self.monitors) > 1:
            for monitor in np.unique(batch["monitor"]).tolist():
                row.monitors[monitor].update(counts_of(batch[batch["monitor"] == monitor]))

    def _add_to_stages(self, batch: Records) -> None:
        places = np.searchsorted(self.stage_ends, batch["intended"], side="right")
        places = np.minimum(places, len(self.stages) - 1)  # what comes after the last stage belongs to it
        for place in np.unique(places).tolist():
            self.stages[place].add(batch[places == place])


def offered_in(second: IntervalReport | TimelineRow | MonitorRow) -> Volume:
    """What was due in a second; a row of before it was counted knows the batches only."""
    return Volume(*(getattr(second, name) or 0 for name in OFFERED))
