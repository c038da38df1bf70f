"""What one worker measures, handed on a second at a time."""

from __future__ import annotations

from collections import Counter

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
    sessions_started: int = 0
    sessions_active: int = 0
    in_flight: int = 0
    cpu_percent: float = 0.0  # of one core
    rss_bytes: int = 0
    tally: Tally = Tally()  # since the run's zero
    event_mix: dict[str, int] = msgspec.field(default_factory=dict)  # events in offered batches, by type


class Meter:
    """Collects records between two seconds."""

    def __init__(self, worker: int) -> None:
        self._worker = worker
        self._records: list[bytes] = []
        self._offered: Counter[int] = Counter()
        self._mix: Counter[str] = Counter()

    def record(self, result: Result) -> bytes:
        """A request that is over; its record."""
        packed = pack(result, self._worker)
        self._records.append(packed)
        return packed

    def offer(self, second: int, types: list[str]) -> None:
        """A batch of events of these types is due in this second of the run."""
        self._offered[second] += 1
        self._mix.update(types)

    def take(self, second: int) -> Second:
        """Everything since the last call, as the given second of the run; gauges are the caller's."""
        due = [past for past in self._offered if past <= second]
        taken = Second(
            worker=self._worker,
            second=second,
            records=b"".join(self._records),
            offered=sum(self._offered.pop(past) for past in due),
            event_mix=dict(self._mix),
        )
        self._records.clear()
        self._mix.clear()
        return taken
