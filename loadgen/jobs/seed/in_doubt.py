"""Batches in doubt: they may have arrived, so they are looked up in the service before they are sent again.

Rule: RUM documents no deduplication, so a batch in doubt is never sent again without a look-up. If one of its events
shows, the batch was accepted, because the service takes a batch whole. If none shows, the batch was not accepted only
after the time that the service may take to show an event.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from loadgen.aws import Account
from loadgen.jobs.seed.ledger import BatchEntry
from loadgen.jobs.seed.stream import EncodedBatch
from loadgen.model import Noun

ShownEvent = tuple[bytes, int]
"""An event as read back: its id (16 bytes) and its time in Unix milliseconds."""

ReadEvents = Callable[[int, int], Iterator[ShownEvent]]
"""read(first, last) → the events between two Unix times in milliseconds, both included."""

GROUP_SECONDS = 300
"""Batches whose gap in time is at most this long are looked up in one query."""

LOOKED_UP_AT_ONCE = 500


class Visibility(Noun):
    """How long a service may take to show accepted events, and how often to look."""

    settle: float  # seconds from the end of an attempt until absence is certain
    poll: float  # seconds between look-ups


LOCAL = Visibility(1.0, 0.25)
"""Our endpoint shows events at once. The second allows for a request still in its socket when the client dies."""

AWS = Visibility(15 * 60.0, 30.0)
"""RUM's user guide: events can take up to 15 minutes to show."""


def choose_visibility(account: Account) -> Visibility:
    """Return the visibility of the service that the account belongs to."""
    return LOCAL if account.is_local else AWS


class BatchesInDoubt:
    """The batches in doubt of one run; `now` is a Unix time."""

    def __init__(self, visibility: Visibility) -> None:
        self._visibility = visibility
        self._batches: dict[int, EncodedBatch] = {}
        self._certain_at: dict[int, float] = {}
        self._look_up_at: dict[int, float] = {}

    def __len__(self) -> int:
        return len(self._batches)

    def add(self, batch: EncodedBatch, attempt_ended: float) -> None:
        """Add a batch whose attempt ended at Unix time `attempt_ended` without a valid answer."""
        number = batch.entry.number
        self._batches[number] = batch
        self._certain_at[number] = attempt_ended + self._visibility.settle
        self._look_up_at[number] = attempt_ended + min(self._visibility.poll, self._visibility.settle)

    @property
    def next_look_up(self) -> float | None:
        """The Unix time at which the next look-up is due; None if no batch is in doubt."""
        return min(self._look_up_at.values(), default=None)

    def list_due(self, now: float) -> list[EncodedBatch]:
        """Return the batches to look up together; an empty list until one of them is due."""
        due = self.next_look_up
        if due is None or due > now:
            return []
        soon = now + self._visibility.poll
        return [self._batches[number] for number, at in self._look_up_at.items() if at <= soon][:LOOKED_UP_AT_ONCE]

    def settle(self, asked: list[EncodedBatch], found: set[int], asked_at: float) -> list[EncodedBatch]:
        """Remove the batches that a look-up begun at `asked_at` has settled; return those that are certainly absent."""
        absent = []
        for batch in asked:
            number = batch.entry.number
            if number in found:
                self._forget(number)
            elif asked_at >= self._certain_at[number]:
                absent.append(batch)
                self._forget(number)
            else:
                self._look_up_at[number] = min(asked_at + self._visibility.poll, self._certain_at[number])
        return absent

    def postpone(self, asked: list[EncodedBatch], now: float) -> None:
        """Look the batches up again later, because the look-up failed."""
        for batch in asked:
            self._look_up_at[batch.entry.number] = now + self._visibility.poll * 2

    def _forget(self, number: int) -> None:
        del self._batches[number], self._certain_at[number], self._look_up_at[number]


def look_up(entries: Iterable[BatchEntry], read: ReadEvents) -> set[int]:
    """Return the numbers of the batches that the service shows; one query serves many batches."""
    found: set[int] = set()
    for group in group_by_time(entries):
        owner = {event: entry.number for entry in group for event in entry.ids}
        wanted = {entry.number for entry in group}
        for event, _ in read(group[0].first * 1000, max(entry.last for entry in group) * 1000):
            number = owner.get(event)
            if number is not None:
                found.add(number)
                wanted.discard(number)
                if not wanted:
                    break
    return found


def group_by_time(entries: Iterable[BatchEntry]) -> Iterator[list[BatchEntry]]:
    """Yield groups of batches close in time, so that one query covers a group without reading much else."""
    group: list[BatchEntry] = []
    last = 0
    for entry in sorted(entries, key=lambda each: each.first):
        if group and entry.first > last + GROUP_SECONDS:
            yield group
            group = []
        group.append(entry)
        last = max(last, entry.last)
    if group:
        yield group
