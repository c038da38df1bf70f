"""Ledger against read-back: what is lost, what is twice, what is not ours, in bounded windows."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.jobs import progress
from loadgen.jobs.progress import WorkProgress
from loadgen.jobs.seed import verification as module
from loadgen.jobs.seed.in_doubt import Visibility, group_by_time, look_up
from loadgen.jobs.seed.ledger import BatchEntry, BatchLedger
from loadgen.jobs.seed.verification import Verification, compare_ledger, split_into_spans

NOW_OR_NEVER = Visibility(0.0, 0.0)


def event(number: int, place: int) -> bytes:
    return number.to_bytes(8, "big") + place.to_bytes(8, "big")


def entry(number: int, first: int, last: int, events: int = 3, accepted: float | None = 1.0) -> BatchEntry:
    ids = b"".join(event(number, place) for place in range(events))
    return BatchEntry(number, f"00000000-0000-4000-8000-{number:012d}", first, last, ids, 1.0, accepted)


class Shown:
    """Events at their times; those of a batch from its first to its last second."""

    def __init__(self, entries: Iterable[BatchEntry]) -> None:
        self.events = [
            (one, (each.first + (each.last - each.first) * place // max(1, len(each.ids) - 1)) * 1000)
            for each in entries
            for place, one in enumerate(each.ids)
        ]

    def read(self, after: int, before: int) -> Iterator[tuple[bytes, int]]:
        return ((one, at) for one, at in self.events if after <= at <= before)


ENTRIES = [entry(number, number * 7, number * 7 + 40) for number in range(50)]


def verified(folder: Path, shown: Shown, entries: list[BatchEntry] = ENTRIES) -> Verification:
    with BatchLedger(folder, write=True) as ledger:
        ledger.mark_in_doubt(entries)
        ledger.mark_accepted([each.number for each in entries if each.accepted is not None], 1.0)
        return compare_ledger(ledger, shown.read, NOW_OR_NEVER, 0.0, lambda _: None)


@pytest.fixture(params=[4, 1000])
def span(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SPAN_EVENTS", request.param)


@pytest.mark.usefixtures("span")
def test_all_there_once_is_whole(tmp_path: Path) -> None:
    found = verified(tmp_path, Shown(ENTRIES))
    assert found.is_whole
    assert (found.expected, found.present, found.others) == (150, 150, 0)


@pytest.mark.usefixtures("span")
def test_what_is_lost_twice_or_foreign_is_counted_and_shown(tmp_path: Path) -> None:
    shown = Shown(ENTRIES)
    lost = shown.events.pop(10)
    shown.events += [shown.events[30]] * 2 + [(b"\xff" * 16, 100_000)]
    found = verified(tmp_path, shown)
    assert not found.is_whole
    assert (found.present, found.missing, found.duplicated, found.copies, found.others) == (149, 1, 1, 2, 1)
    assert found.examples[0].id.replace("-", "") == lost[0].hex()


def test_what_is_in_doubt_is_neither_expected_nor_missed(tmp_path: Path) -> None:
    open_one, arrived = entry(100, 900, 910, accepted=None), entry(101, 900, 910, accepted=None)
    found = verified(tmp_path, Shown([*ENTRIES, arrived]), [*ENTRIES, open_one, arrived])
    assert (found.present, found.missing, found.in_doubt) == (153, 0, 3)
    assert not found.is_whole


def test_events_that_show_late_are_waited_for_and_the_delay_is_told(tmp_path: Path) -> None:
    looks = iter([Shown(ENTRIES[:30]), Shown(ENTRIES[:45]), Shown(ENTRIES)])
    told: list[str | WorkProgress] = []
    with BatchLedger(tmp_path, write=True) as ledger:
        ledger.mark_in_doubt(ENTRIES)
        ledger.mark_accepted([each.number for each in ENTRIES], time.time())
        found = compare_ledger(ledger, lambda a, b: next(looks).read(a, b), Visibility(60.0, 0.01), None, told.append)
    assert found.is_whole
    assert [each.missing for each in found.delays] == [60, 15, 0]
    assert [each.seconds for each in found.delays] == sorted(each.seconds for each in found.delays)
    (first, *_) = [each for each in told if isinstance(each, str)]
    assert first.startswith("60 of 150 events do not show yet; waiting ")


def test_reading_back_shows_itself_event_by_event(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within a span too: one has tens of thousands of events, and RUM gives a hundred a page."""
    monkeypatch.setattr(progress, "TELL_SECONDS", 0.0)
    told: list[str | WorkProgress] = []
    with BatchLedger(tmp_path, write=True) as ledger:
        ledger.mark_in_doubt(ENTRIES)
        ledger.mark_accepted([each.number for each in ENTRIES], time.time())
        compare_ledger(ledger, Shown(ENTRIES).read, NOW_OR_NEVER, None, told.append)
    assert [(each.done, each.total) for each in told if isinstance(each, WorkProgress)] == [
        (number, 150) for number in range(1, 151)
    ]


def test_a_nothing_is_whole(tmp_path: Path) -> None:
    assert verified(tmp_path, Shown([]), []).is_whole


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 200), st.integers(1, 9)), max_size=40))
def test_windows_cover_every_second_once_and_bring_each_batch_before_its_events(
    raw: list[tuple[int, int, int]],
) -> None:
    entries = sorted((entry(n, a, a + b, c) for n, (a, b, c) in enumerate(raw)), key=lambda each: each.first)
    before = module.SPAN_EVENTS
    module.SPAN_EVENTS = 5
    try:
        found = list(split_into_spans(entries))
    finally:
        module.SPAN_EVENTS = before
    assert [each for group, _, _ in found for each in group] == entries
    for (_, _, end), (_, start, _) in pairwise(found):
        assert end < start
    assert all(start <= each.first <= end for group, start, end in found for each in group)
    assert not entries or found[-1][2] == max(each.last for each in entries)


def test_a_look_up_needs_one_event_of_a_batch_and_asks_for_neighbours_together() -> None:
    asked: list[tuple[int, int]] = []
    shown = Shown(ENTRIES[:25])

    def read(after: int, before: int) -> Iterator[tuple[bytes, int]]:
        asked.append((after, before))
        return shown.read(after, before)

    far = entry(500, 90_000, 90_010)
    assert look_up([*ENTRIES, far], read) == set(range(25))
    assert asked == [(0, 383_000), (90_000_000, 90_010_000)]


def test_batches_far_apart_are_asked_for_apart() -> None:
    groups = list(group_by_time([entry(1, 0, 5), entry(2, 10_000, 10_001), entry(3, 4, 300)]))
    assert [[each.number for each in group] for group in groups] == [[1, 3], [2]]
