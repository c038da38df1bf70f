"""What one worker measures, handed on a second at a time."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict

import msgspec

from loadgen.model import Noun, Result
from loadgen.results.records import pack


class Tally(Noun):
    """Events that never became a request, by reason; all counts in events but for sessions and stranded_batches."""

    sessions: int = 0
    generated: int = 0
    not_sampled: int = 0
    over_session_limit: int = 0
    dropped_by_client: int = 0
    switched_off: int = 0  # of those dropped
    switched_off_batches: int = 0
    unsent: int = 0
    stranded: int = 0  # tried, and waiting for a retry when the run was over
    stranded_batches: int = 0

    def plus(self, other: Tally) -> Tally:
        """Both together."""
        return Tally(*(getattr(self, name) + getattr(other, name) for name in self.__struct_fields__))


class Second(Noun):
    """One worker's second of the run: what was due in it, what was answered in it, and how the worker did."""

    worker: int
    second: int
    records: bytes = b""
    spooled: bool = False  # the worker keeps its records in a file of its own on the conductor's machine
    offered: int = 0  # batches due
    offered_by_stage: tuple[int, ...] = ()
    sessions_started: int = 0
    sessions_active: int = 0
    in_flight: int = 0
    cpu_percent: float = 0.0  # of one core
    rss_bytes: int = 0
    tally: Tally = Tally()  # since the run's zero
    event_mix: dict[str, int] = msgspec.field(default_factory=dict)  # events in offered batches, by type


class Due:
    """What is due in a second: batches by stage, events by type."""

    def __init__(self) -> None:
        self.stages: Counter[int] = Counter()
        self.mix: Counter[str] = Counter()


class Meter:
    """Collects records between two seconds."""

    def __init__(self, worker: int, stage_ends: tuple[float, ...] = ()) -> None:
        self._worker = worker
        self._stage_ends = stage_ends
        self._records: list[bytes] = []
        self._due: defaultdict[int, Due] = defaultdict(Due)  # by second

    def record(self, result: Result) -> bytes:
        """A request that is over; its record."""
        packed = pack(result, self._worker)
        self._records.append(packed)
        return packed

    def offer(self, at: float, types: list[str]) -> None:
        """A batch of events of these types is due at this moment of the run."""
        due = self._due[int(at)]
        due.mix.update(types)
        due.stages[min(bisect_right(self._stage_ends, at), max(len(self._stage_ends) - 1, 0))] += 1

    def take(self, second: int) -> Second:
        """Everything since the last call, as the given second of the run; gauges are the caller's."""
        whole = Due()
        for past in [past for past in self._due if past <= second]:
            due = self._due.pop(past)
            whole.mix.update(due.mix)
            whole.stages.update(due.stages)
        taken = Second(
            worker=self._worker,
            second=second,
            records=b"".join(self._records),
            offered=whole.stages.total(),
            offered_by_stage=tuple(whole.stages[stage] for stage in range(len(self._stage_ends))),
            event_mix=dict(whole.mix),
        )
        self._records.clear()
        return taken
