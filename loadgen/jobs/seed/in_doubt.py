"""Batches that may have arrived: looked up by reading back, and sent again only once they are surely not there.

Rule: RUM documents no deduplication, so a batch in doubt is never sent blindly. Found once means accepted: a batch is
taken whole. Not found means not accepted only after the time that the service may take to show it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from loadgen.jobs.seed.encoded_batch import Parcel
from loadgen.jobs.seed.ledger import Entry
from loadgen.model import Noun

Seen = tuple[bytes, int]
"""An event as read back: its id (16 bytes) and its time in Unix milliseconds."""

Read = Callable[[int, int], Iterator[Seen]]
"""The events between two Unix times in milliseconds, both included."""

TOGETHER_SECONDS = 300
"""Batches so close in time are looked up in one query."""

ASKED_AT_ONCE = 500


class Visibility(Noun):
    """How long the service may take to show what it has accepted, and how often to look."""

    settle: float  # seconds from the end of an attempt until absence is certain
    poll: float


LOCAL = Visibility(1.0, 0.25)
"""Our endpoint shows at once; the second is for a request that is still in its socket when the client dies."""

AWS = Visibility(15 * 60.0, 30.0)
"""RUM's user guide: it can take up to 15 minutes."""


class Doubts:
    """The parcels in doubt of one run; `now` is Unix time."""

    def __init__(self, visibility: Visibility) -> None:
        self._visibility = visibility
        self._parcels: dict[int, Parcel] = {}
        self._sure: dict[int, float] = {}
        self._ask: dict[int, float] = {}

    def __len__(self) -> int:
        return len(self._parcels)

    def add(self, parcel: Parcel, attempt_ended: float) -> None:
        """The attempt at a parcel ended without a word."""
        number = parcel.entry.number
        self._parcels[number] = parcel
        self._sure[number] = attempt_ended + self._visibility.settle
        self._ask[number] = attempt_ended + min(self._visibility.poll, self._visibility.settle)

    def next_ask(self) -> float | None:
        """When the next look-up is due."""
        return min(self._ask.values(), default=None)

    def asking(self, now: float) -> list[Parcel]:
        """The parcels to look up together, once one of them is due."""
        due = self.next_ask()
        if due is None or due > now:
            return []
        soon = now + self._visibility.poll
        return [self._parcels[number] for number, at in self._ask.items() if at <= soon][:ASKED_AT_ONCE]

    def answered(self, asked: list[Parcel], found: set[int], asked_at: float) -> list[Parcel]:
        """Those that a look-up begun at `asked_at` proves absent, no longer in doubt; the found ones leave too."""
        absent = []
        for parcel in asked:
            number = parcel.entry.number
            if number in found:
                self._forget(number)
            elif asked_at >= self._sure[number]:
                absent.append(parcel)
                self._forget(number)
            else:
                self._ask[number] = min(asked_at + self._visibility.poll, self._sure[number])
        return absent

    def later(self, asked: list[Parcel], now: float) -> None:
        """The look-up failed: ask again in a while."""
        for parcel in asked:
            self._ask[parcel.entry.number] = now + self._visibility.poll * 2

    def _forget(self, number: int) -> None:
        del self._parcels[number], self._sure[number], self._ask[number]


def look_up(entries: Iterable[Entry], read: Read) -> set[int]:
    """The numbers of the batches that the service shows, few queries for many batches."""
    found: set[int] = set()
    for group in together(entries):
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


def together(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Batches in groups that one query covers without reading much else."""
    group: list[Entry] = []
    last = 0
    for entry in sorted(entries, key=lambda each: each.first):
        if group and entry.first > last + TOGETHER_SECONDS:
            yield group
            group = []
        group.append(entry)
        last = max(last, entry.last)
    if group:
        yield group
