"""What one worker measures; it reports its measurements once a second."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable
from operator import add

import msgspec

from loadgen.model import Noun, Result, Volume
from loadgen.results.records import pack_result
from loadgen.rum.events import EVENT_PREFIX


class EventCounts(Noun):
    """A worker's counts beside its records: events that became no request, by reason, and batches without a record."""

    sessions: int = 0
    generated: int = 0
    not_sampled: int = 0
    over_session_limit: int = 0
    dropped_by_client: int = 0
    switched_off: int = 0  # part of dropped_by_client
    unsent: int = 0
    cancelled: Volume = Volume()  # batches of pages that were switched off before they were due
    pending_at_end: Volume = Volume()  # batches that were tried and still waited for a retry at the run's end

    def __add__(self, other: EventCounts) -> EventCounts:
        return EventCounts(*map(add, msgspec.structs.astuple(self), msgspec.structs.astuple(other)))

    @property
    def kept_back(self) -> int:
        """Events that the client never meant to send."""
        return self.not_sampled + self.over_session_limit + self.dropped_by_client


class PreflightResult(Noun):
    """One measured CORS preflight. It carries no events and takes no quota; `Requests` does not count it.

    The batch is sent whatever the target answers. A browser would not send it without permission, so refusals are
    counted.
    """

    latency: float  # seconds from the intended moment to the answer
    answered: bool
    allowed: bool  # a 2xx whose Access-Control-Allow-Origin names the page's origin, or is *


class IntervalReport(Noun):
    """One worker's report of a second of the run: what was due, what was answered, and the load of the worker."""

    worker: int
    second: int
    records: bytes = b""
    spooled: bool = False  # True: the worker writes its records to a file of its own on the conductor's machine
    offered_by_stage: tuple[Volume, ...] = ()  # batches due, without batches of pages that were switched off
    offered_by_monitor: tuple[Volume, ...] = ()  # batches due, one volume for each app monitor
    sessions_started: int = 0
    sessions_active: int = 0
    in_flight: int = 0
    cpu_percent: float = 0.0  # of one core
    rss_bytes: int = 0
    tallies: tuple[EventCounts, ...] = ()  # since the run's zero, one for each app monitor
    event_mix: dict[str, int] = msgspec.field(default_factory=dict)  # events in offered batches, by type
    shortages: dict[str, int] = msgspec.field(default_factory=dict)  # batches that this machine could not send
    preflights: tuple[PreflightResult, ...] = ()
    foreign_answer: str = ""  # the worker's first answer that was not RUM's, described for people; "": none

    @property
    def offered(self) -> Volume:
        """The batches due for all app monitors."""
        return sum(self.offered_by_monitor, Volume())


class Offered:
    """What is due in one second: volumes of batches by (stage, app monitor), numbers of events by type."""

    def __init__(self) -> None:
        self.batches: defaultdict[tuple[int, int], VolumeSum] = defaultdict(VolumeSum)
        self.mix: Counter[str] = Counter()


class VolumeSum(msgspec.Struct, gc=False):
    """A volume that grows in place; a sum of frozen volumes would make a new object for each batch."""

    requests: int = 0
    events: int = 0
    wire_bytes: int = 0
    raw_bytes: int = 0

    def add(self, volume: Volume) -> None:
        """Add a volume."""
        self.requests += volume.requests
        self.events += volume.events
        self.wire_bytes += volume.wire_bytes
        self.raw_bytes += volume.raw_bytes

    def total(self) -> Volume:
        """Return the sum so far."""
        return Volume(self.requests, self.events, self.wire_bytes, self.raw_bytes)


class Meter:
    """Collects a worker's measurements between two reports."""

    def __init__(self, worker: int, stage_ends: tuple[float, ...] = (), monitors: int = 1) -> None:
        self._worker = worker
        self._monitors = monitors
        self._stage_ends = stage_ends
        self._last_stage = max(len(stage_ends) - 1, 0)
        self._records: list[bytes] = []
        self._due: defaultdict[int, Offered] = defaultdict(Offered)  # by second
        self._cancelled: defaultdict[int, Volume] = defaultdict(Volume)  # by stage
        self.shortages: Counter[str] = Counter()  # batches that this machine could not send, by cause
        self.preflights: list[PreflightResult] = []
        self.foreign_answer = ""  # the first answer that was not RUM's, described for people; "": none

    def record(self, result: Result) -> bytes:
        """Keep the record of a finished request, and return it."""
        packed = pack_result(result, self._worker)
        self._records.append(packed)
        return packed

    def offer(self, at: float, batch: Volume, types: Iterable[str] = (), monitor: int = 0) -> None:
        """Count a batch that is due `at` seconds from the run's zero; `types` are its events' full type names."""
        due, place = self._due[int(at)], (self._find_stage(at), monitor)
        due.mix.update(types)
        due.batches[place].add(batch)

    def cancel(self, at: float, batch: Volume) -> None:
        """Count a due batch as one that will not be sent, because its page has been switched off."""
        stage = self._find_stage(at)
        self._cancelled[stage] += batch

    def take(self, second: int) -> IntervalReport:
        """Return everything since the last call as the report of `second`; the caller adds the gauges."""
        mix: Counter[str] = Counter()
        stages, monitors = [Volume()] * max(len(self._stage_ends), 1), [Volume()] * self._monitors
        for past in [past for past in self._due if past <= second]:
            due = self._due.pop(past)
            mix.update(due.mix)
            for (stage, monitor), batches in due.batches.items():
                stages[stage] += batches.total()
                monitors[monitor] += batches.total()
        net = tuple(batches - self._cancelled[stage] for stage, batches in enumerate(stages))
        taken = IntervalReport(
            worker=self._worker,
            second=second,
            records=b"".join(self._records),
            offered_by_stage=net if self._stage_ends else (),
            offered_by_monitor=tuple(monitors),
            event_mix={kind.removeprefix(EVENT_PREFIX): number for kind, number in mix.items()},
            shortages=dict(self.shortages),
            preflights=tuple(self.preflights),
            foreign_answer=self.foreign_answer,
        )
        self.shortages.clear()
        self.preflights.clear()
        self._records.clear()
        self._cancelled.clear()
        return taken

    def _find_stage(self, at: float) -> int:
        return bisect_right(self._stage_ends, at, 0, self._last_stage)
